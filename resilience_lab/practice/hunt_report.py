"""What the learner's tests caught and what they let through, with the story of each survivor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from resilience_lab.practice.mutants import MUTANTS, SUBJECTS, Mutant
from resilience_lab.practice.own_tests import OwnTest


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

    def __repr__(self) -> str:
        lines = [self._headline]
        for pattern in SUBJECTS:
            lines += ["", self._tally(pattern)]
            lines += [f"✅ {name}: {by}" for name, by in self._caught_in(pattern)]
            for mutant in self._survivors_in(pattern):
                lines += [f"❌ {mutant.name}", *(f"   {line}" for line in _about(mutant))]
        if self.false_alarms:
            lines += ["", _FALSE_ALARMS]
            lines += [f"⚠️ {name}: {why}" for name, why in self.false_alarms.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self._headline)}</b></p>"]
        for pattern in SUBJECTS:
            caught = [f"✅ {escape(name)}: {_code(by)}" for name, by in self._caught_in(pattern)]
            survivors = [_survivor_html(mutant) for mutant in self._survivors_in(pattern)]
            parts.append(f"<p>{escape(self._tally(pattern))}</p>{_list([*caught, *survivors])}")
        if self.false_alarms:
            alarms = [f"⚠️ {_code(name)}: {escape(why)}" for name, why in self.false_alarms.items()]
            parts.append(f"<p>{escape(_FALSE_ALARMS)}</p>{_list(alarms)}")
        return "".join(parts)

    @property
    def _headline(self) -> str:
        tests = "1 test" if len(self.tests) == 1 else f"{len(self.tests)} tests"
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


_FALSE_ALARMS = "Tests that do not count:"


def _about(mutant: Mutant) -> list[str]:
    shipped = [f"Seen in: {mutant.shipped_by}."] if mutant.shipped_by else []
    return [mutant.story, f"To catch it: {mutant.hint}", *shipped]


def _survivor_html(mutant: Mutant) -> str:
    about = "<br>".join(escape(line) for line in _about(mutant))
    return f"<details><summary>❌ {escape(mutant.name)}</summary>{about}</details>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _list(items: list[str]) -> str:
    return f'<ul style="list-style: none">{"".join(f"<li>{item}</li>" for item in items)}</ul>'
