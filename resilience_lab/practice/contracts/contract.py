"""What a pattern has to do, clause by clause: a behaviour, and a trial that looks for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from resilience_lab.practice.exam.report import MARKS, Behaviour, Level

Trial: TypeAlias = Callable[[Any], Awaitable[str | None]]
"""Given the subject on its bench; returns what was wrong, or None."""


@dataclass(frozen=True)
class Clause:
    """A behaviour without what was seen, and the trial that sees it."""

    name: str
    level: Level
    done: str
    expected: str
    why: str
    hint: str
    marks: int
    trial: Trial

    def judged(self, seen: str | None) -> Behaviour:
        """The behaviour, `seen` to be missing, or seen (None)."""
        return Behaviour(
            self.name,
            self.level,
            self.done,
            self.expected,
            "as expected" if seen is None else seen,
            self.why,
            self.hint,
            self.marks,
        )


class Contract:
    """The clauses for one `pattern`, in the order in which they are tried.

    Those of `parts`, which are contracts themselves, come first.
    """

    def __init__(self, pattern: str, *parts: Iterable[Clause]) -> None:
        self.pattern = pattern
        self.clauses = [clause for part in parts for clause in part]

    def __iter__(self) -> Iterator[Clause]:
        return iter(self.clauses)

    def must(self, name: str, **texts: str) -> Callable[[Trial], Trial]:
        """The trial of something that the challenge asks for."""
        return self._clause(name, "must", MARKS["must"], **texts)

    def should(self, name: str, **texts: str) -> Callable[[Trial], Trial]:
        """The trial of something that matters once calls overlap or are cancelled."""
        return self._clause(name, "should", MARKS["should"], **texts)

    def excellent(self, name: str, **texts: str) -> Callable[[Trial], Trial]:
        """The trial of something that few think of."""
        return self._clause(name, "excellent", MARKS["excellent"], **texts)

    def remark(self, name: str, **texts: str) -> Callable[[Trial], Trial]:
        """The same, of something that costs no marks, since the challenge does not ask for it."""
        return self._clause(name, "excellent", 0, **texts)

    def _clause(
        self, name: str, level: Level, marks: int, *, done: str, expected: str, why: str, hint: str
    ) -> Callable[[Trial], Trial]:
        def register(trial: Trial) -> Trial:
            self.clauses.append(Clause(name, level, done, expected, why, hint, marks, trial))
            return trial

        return register
