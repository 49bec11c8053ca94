"""What the learner's tests caught and what they let through, with the story of each survivor.

Told in full is what to mend first; the rest is a line each, and in a notebook folded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from resilience_lab.practice.bug_hunt.mutant import SUBJECTS, Mutant
from resilience_lab.practice.bug_hunt.mutants import MUTANTS
from resilience_lab.practice.bug_hunt.own_tests import OwnTest
from resilience_lab.practice.exam.markup import bullets, fold
from resilience_lab.practice.exam.wording import Text, count

EXAMPLE = "test_after_the_break_one_success_does_not_close_it_yet"
"""The test that the notebook begins with. What it lets through is not told: to find is the task."""
TOLD = 3
"""How many failures are told in full."""

_NOTHING_YET = "Write tests of your own: then it is told what gets past them."


@dataclass(frozen=True)
class HuntReport:
    """The outcome of a bug hunt.

    `tests` are those that count, `caught` maps the name of a mutant to that of the test which
    caught it, `false_alarms` maps the name of a test that does not count to the reason.
    """

    tests: tuple[OwnTest, ...]
    caught: Mapping[str, str]
    false_alarms: Mapping[str, str]

    @property
    def score(self) -> int:
        """How many mutants were caught, by tests that pass on the model solution."""
        return len(self.caught)

    @property
    def out_of(self) -> int:
        """How many mutants there are."""
        return len(MUTANTS)

    @property
    def survivors(self) -> tuple[Mutant, ...]:
        """The mutants that no test caught; each has a `story` and a `hint`."""
        return tuple(mutant for mutant in MUTANTS if mutant.name not in self.caught)

    @property
    def untouched(self) -> bool:
        """Whether there is no test yet but the one that the notebook gives."""
        own = {*(test.name for test in self.tests), *self.caught.values()} - {EXAMPLE}
        return not own and not self.false_alarms

    def full(self) -> Text:
        """Everything as text: what was caught and by which test, and what got past them."""
        lines = [self._headline]
        for pattern in SUBJECTS:
            lines += ["", self._tally(pattern)]
            lines += [f"✅ {name}: {by}" for name, by in self._caught_in(pattern)]
            survivors = self._survivors_in(pattern)
            lines += [line for mutant in survivors for line in _in_full(_of_mutant(mutant))]
        alarms = map(_of_alarm, self.false_alarms.items())
        lines += ["", *(line for alarm in alarms for line in _in_full(alarm))]
        return Text("\n".join(lines).rstrip())

    def __repr__(self) -> str:
        if self.untouched:
            return f"{self._headline} {_NOTHING_YET}"
        first, rest = self._to_mend[:TOLD], self._to_mend[TOLD:]
        lines = [self._headline, *map(self._tally, SUBJECTS)]
        if first:
            lines += ["", "To mend first:", *(line for each in first for line in _in_full(each))]
        if rest:
            lines += ["", f"And {len(rest)} more:", *(name for name, _ in rest)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if self.untouched:
            return f"<p><b>{escape(self._headline)}</b> {_NOTHING_YET}</p>"
        tallies = "<br>".join(escape(self._tally(pattern)) for pattern in SUBJECTS)
        first, rest = self._to_mend[:TOLD], self._to_mend[TOLD:]
        parts = [f"<p><b>{escape(self._headline)}</b><br>{tallies}</p>"]
        if first:
            parts += ["<p>To mend first:</p>", bullets(map(_open, first), "ol")]
        if rest:
            parts.append(fold(f"{len(rest)} more to mend", bullets(map(_folded, rest))))
        if self.caught:
            caught = [f"✅ {escape(name)}: {_code(by)}" for name, by in self.caught.items()]
            parts.append(fold(f"{len(caught)} caught", bullets(caught)))
        return "".join(parts)

    @property
    def _to_mend(self) -> list[_Failure]:
        """False alarms first: a test that cries wolf catches nothing."""
        alarms = map(_of_alarm, self.false_alarms.items())
        survivors = (mutant for pattern in SUBJECTS for mutant in self._survivors_in(pattern))
        return [*alarms, *map(_of_mutant, survivors)]

    @property
    def _headline(self) -> str:
        tests = count(len(self.tests), "test")
        return f"{self.score} of {self.out_of} bugs caught by {tests}."

    def _tally(self, pattern: str) -> str:
        bugs = sum(mutant.pattern == pattern for mutant in MUTANTS)
        if self._untested(pattern):
            return f"{SUBJECTS[pattern]}: no test that counts takes it, so {bugs} bugs pass unseen."
        return f"{SUBJECTS[pattern]}: {len(self._caught_in(pattern))} of {bugs}."

    def _untested(self, pattern: str) -> bool:
        return not any(test.concerns(pattern) for test in self.tests)

    def _caught_in(self, pattern: str) -> list[tuple[str, str]]:
        names = [mutant.name for mutant in MUTANTS if mutant.pattern == pattern]
        return [(name, self.caught[name]) for name in names if name in self.caught]

    def _survivors_in(self, pattern: str) -> list[Mutant]:
        """Those to tell of. Where nothing was tested, the list would say nothing new."""
        if self._untested(pattern):
            return []
        return [mutant for mutant in self.survivors if mutant.pattern == pattern]


_Failure: TypeAlias = tuple[str, list[str]]
"""What there is to mend, in a line, and what there is to know about it."""


def _of_mutant(mutant: Mutant) -> _Failure:
    shipped = [f"Seen in: {mutant.shipped_by}."] if mutant.shipped_by else []
    return f"❌ {mutant.name}", [mutant.story, f"To catch it: {mutant.hint}", *shipped]


def _of_alarm(alarm: tuple[str, str]) -> _Failure:
    name, why = alarm
    return f"⚠️ {name} does not count", [f"{why}."]


def _in_full(failure: _Failure) -> list[str]:
    name, about = failure
    return [name, *(f"   {line}" for line in about)]


def _open(failure: _Failure) -> str:
    return "<br>".join(escape(line) for line in (failure[0], *failure[1]))


def _folded(failure: _Failure) -> str:
    return fold(escape(failure[0]), "<br>".join(map(escape, failure[1])))


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
