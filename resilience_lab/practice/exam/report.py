"""What the examiner writes: a score, and what to mend first.

Three behaviours that are missing are told in full, the weightiest first: more are not mended at
once. In a notebook the others, and what was seen, are folded; as text they are a line each, and a
number. `full()` tells everything.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias

from resilience_lab.practice.exam.markup import bullets, fold, terms
from resilience_lab.practice.exam.wording import Text

Level: TypeAlias = Literal["must", "should", "excellent"]

LEVELS: dict[Level, str] = {
    "must": "the challenge as set",
    "should": "what production asks for",
    "excellent": "what few think of",
}
MARKS: dict[Level, int] = {"must": 3, "should": 2, "excellent": 1}
TOLD = 3
"""How many missing behaviours are told in full."""


@dataclass(frozen=True)
class Behaviour:
    """One thing that the learner's code does, or fails to do.

    `done` is what the examiner did, `expected` what should have come of it and `seen` what did.
    `why` says what it is good for in production, `hint` where to begin. `marks` is what it counts
    in the score; a behaviour without marks is a remark.
    """

    name: str
    level: Level
    done: str
    expected: str
    seen: str
    why: str
    hint: str
    marks: int


@dataclass(frozen=True)
class Report:
    """The examiner's report on one attempt at one `pattern`.

    `passed` and `failed` hold the behaviours, in the order in which they were tried, and `remarks`
    those that were not seen either, but cost no marks. `problem` says why nothing could be tried at
    all, if that is so; then all behaviours are missing. `untouched` says what is still empty in a
    skeleton to which nothing has been done.
    """

    pattern: str
    passed: tuple[Behaviour, ...]
    failed: tuple[Behaviour, ...]
    remarks: tuple[Behaviour, ...] = ()
    problem: str = ""
    untouched: str = ""

    @property
    def nothing_yet(self) -> str:
        """Why there is nothing to tell but this, if that is so."""
        return self.problem or self.untouched

    @property
    def missing(self) -> tuple[Behaviour, ...]:
        """All that was not seen, with marks or without."""
        return self.failed + self.remarks

    @property
    def score(self) -> int:
        """0 to 100, rounded down: 100 says that no behaviour which has marks is missing."""
        got = sum(behaviour.marks for behaviour in self.passed)
        lost = sum(behaviour.marks for behaviour in self.failed)
        return 100 * got // (got + lost)

    @property
    def summary(self) -> str:
        """What an interviewer would write under it, in a sentence."""
        if self.problem:
            return self._nothing
        missing = {behaviour.level for behaviour in self.failed}
        if "must" in missing:
            return "Not yet: the challenge as set is not met."
        if "should" in missing:
            return "It does what was asked. It is not ready for production yet."
        if "excellent" in missing:
            return "It does what was asked, and what production asks for. A good answer."
        return "It does all that was asked, and what few think of. An excellent answer."

    def full(self) -> Text:
        """Everything as text: what was seen, and for all that is missing what was done and why."""
        lines = [self._headline, self.summary]
        for level, passed, missing in () if self.problem else self._levels():
            lines += ["", f"{_tally(level, passed, missing)} ({LEVELS[level]})"]
            lines += [f"✅ {behaviour.name}" for behaviour in passed]
            lines += [line for behaviour in missing for line in _in_full(behaviour)]
        return Text("\n".join(lines))

    def __repr__(self) -> str:
        if self.problem:
            return f"{self._headline}\n{self._nothing}"
        if self.untouched:
            return f"{self._headline}. {self._nothing}"
        first, rest = self._to_mend[:TOLD], self._to_mend[TOLD:]
        lines = [self._headline, self.summary, self._seen]
        if first:
            lines += ["", "To mend first:", *(line for each in first for line in _in_full(each))]
        if rest:
            lines += ["", f"And {len(rest)} more:"]
            lines += [f"❌ {_rank(behaviour)}: {behaviour.name}" for behaviour in rest]
        return "\n".join(lines)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        if self.nothing_yet:
            between = "<br>" if self.problem else ". "
            return f"<p><b>{escape(self._headline)}</b>{between}{escape(self._nothing)}</p>"
        said = "<br>".join(map(escape, (self.summary, self._seen)))
        first, rest = self._to_mend[:TOLD], self._to_mend[TOLD:]
        parts = [f"<p><b>{escape(self._headline)}</b><br>{said}</p>"]
        if first:
            parts += ["<p>To mend first:</p>", bullets(map(_open, first), "ol")]
        if rest:
            parts.append(fold(f"{len(rest)} more missing", bullets(map(_folded, rest))))
        if self.passed:
            seen = [f"✅ {each.level}: {escape(each.name)}" for each in self.passed]
            parts.append(fold(f"{len(seen)} seen", bullets(seen)))
        return "".join(parts)

    @property
    def _headline(self) -> str:
        return f"{self.pattern.capitalize()}: {self.score} of 100"

    @property
    def _nothing(self) -> str:
        return f"Nothing to grade yet: {self.nothing_yet}."

    @property
    def _seen(self) -> str:
        return f"Seen: {', '.join(_tally(*row) for row in self._levels())}."

    @property
    def _to_mend(self) -> list[Behaviour]:
        """All that is missing: must, should, excellent, then remarks; within, as it was tried."""
        return sorted(self.missing, key=lambda each: _RANKS.index(_rank(each)))

    def _levels(self) -> Iterator[tuple[Level, list[Behaviour], list[Behaviour]]]:
        """Each level that was tried, with what was seen and what was not."""
        for level in LEVELS:
            passed = [behaviour for behaviour in self.passed if behaviour.level == level]
            missing = [behaviour for behaviour in self.missing if behaviour.level == level]
            if passed or missing:
                yield level, passed, missing


_RANKS = (*LEVELS, "remark")


def _rank(behaviour: Behaviour) -> str:
    return behaviour.level if behaviour.marks else "remark"


def _tally(level: Level, passed: list[Behaviour], missing: list[Behaviour]) -> str:
    return f"{len(passed)} of {len(passed) + len(missing)} {level}"


def _details(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    yield "done", behaviour.done
    yield "expected", behaviour.expected
    yield "seen", behaviour.seen
    yield "why", behaviour.why
    yield "hint", behaviour.hint
    if not behaviour.marks:
        yield "marks", "none lost: this is a remark."


def _in_full(behaviour: Behaviour) -> Iterator[str]:
    yield f"❌ {_rank(behaviour)}: {behaviour.name}"
    for label, said in _details(behaviour):
        lines = textwrap.wrap(said, 84, break_on_hyphens=False)
        yield f"   {label + ':':<10}" + f"\n{' ' * 13}".join(lines)


def _open(behaviour: Behaviour) -> str:
    """Everything but the hint, which takes another click."""
    rank = _rank(behaviour)
    return f"❌ <b>missing ({rank}):</b> {escape(behaviour.name)}{_told(behaviour)}"


def _folded(behaviour: Behaviour) -> str:
    return fold(f"❌ {_rank(behaviour)}: {escape(behaviour.name)}", _told(behaviour))


def _told(behaviour: Behaviour) -> str:
    rows = [(label, escape(said)) for label, said in _details(behaviour) if label != "hint"]
    return terms(rows) + fold("Hint", f"<p>{escape(behaviour.hint)}</p>")
