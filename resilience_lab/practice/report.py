"""What the examiner writes: each behaviour with what was done, expected and seen, and a score."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["must", "should", "excellent"]

LEVELS: dict[Level, str] = {
    "must": "the challenge as set",
    "should": "what production asks for",
    "excellent": "what few think of",
}
MARKS: dict[Level, int] = {"must": 3, "should": 2, "excellent": 1}


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
    all, if that is so; then all behaviours are missing.
    """

    pattern: str
    passed: tuple[Behaviour, ...]
    failed: tuple[Behaviour, ...]
    remarks: tuple[Behaviour, ...] = ()
    problem: str = ""

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
            return f"Nothing to grade yet: {self.problem}."
        missing = {behaviour.level for behaviour in self.failed}
        if "must" in missing:
            return "Not yet: the challenge as set is not met."
        if "should" in missing:
            return "It does what was asked. It is not ready for production yet."
        if "excellent" in missing:
            return "It does what was asked, and what production asks for. A good answer."
        return "It does all that was asked, and what few think of. An excellent answer."

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    __str__ = __repr__

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self._headline)}</b><br>{escape(self.summary)}</p>"]
        if not self.problem:
            parts += [_html(*row) for row in self._rows()]
        return "".join(parts)

    @property
    def _headline(self) -> str:
        return f"{self.pattern.capitalize()}: {self.score} of 100"

    def _lines(self) -> Iterator[str]:
        yield self._headline
        yield self.summary
        if self.problem:
            return
        for level, passed, failed in self._rows():
            yield ""
            yield _heading(level, passed, failed)
            yield from (f"✅ {behaviour.name}" for behaviour in passed)
            for behaviour in failed:
                yield f"❌ {behaviour.name}"
                for label, said in _details(behaviour):
                    indent = " " * 13
                    lines = textwrap.wrap(said, 84, break_on_hyphens=False)
                    yield f"   {label + ':':<10}" + f"\n{indent}".join(lines)

    def _rows(self) -> Iterator[tuple[Level, list[Behaviour], list[Behaviour]]]:
        for level in LEVELS:
            passed = [behaviour for behaviour in self.passed if behaviour.level == level]
            missing = [behaviour for behaviour in self.missing if behaviour.level == level]
            if passed or missing:
                yield level, passed, missing


def _heading(level: Level, passed: list[Behaviour], failed: list[Behaviour]) -> str:
    return f"{level} ({LEVELS[level]}): {len(passed)} of {len(passed) + len(failed)}"


def _details(behaviour: Behaviour) -> Iterator[tuple[str, str]]:
    yield "done", behaviour.done
    yield "expected", behaviour.expected
    yield "seen", behaviour.seen
    yield "why", behaviour.why
    yield "hint", behaviour.hint
    if not behaviour.marks:
        yield "marks", "none lost: this is a remark."


def _html(level: Level, passed: list[Behaviour], failed: list[Behaviour]) -> str:
    items = [f"<li>❌ <b>missing:</b> {_open(behaviour)}</li>" for behaviour in failed]
    items += [f"<li>✅ seen: {escape(behaviour.name)}</li>" for behaviour in passed]
    return (
        f"<p>{escape(_heading(level, passed, failed))}</p>"
        f'<ul style="list-style: none">{"".join(items)}</ul>'
    )


def _open(behaviour: Behaviour) -> str:
    """Everything but the hint, which takes another click."""
    *told, (_, hint) = (row for row in _details(behaviour) if row[0] != "marks")
    rows = "".join(f"<dt>{label}</dt><dd>{escape(said)}</dd>" for label, said in told)
    marks = "" if behaviour.marks else " (a remark: no marks lost)"
    return (
        f"{escape(behaviour.name)}{marks}<dl>{rows}</dl>"
        f"<details><summary>Hint</summary>{escape(hint)}</details>"
    )
