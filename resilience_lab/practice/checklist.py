"""What an examiner says: one line for each behaviour, and which ones are still missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether one named `behaviour` was seen; if not, `seen` says what was seen instead."""

    behaviour: str
    passed: bool
    seen: str = ""

    def __str__(self) -> str:
        if self.passed:
            return f"✅ {self.behaviour}"
        return f"❌ {self.behaviour}\n   {self.seen}"


@dataclass(frozen=True)
class Checklist:
    """The verdicts on one attempt at an exercise."""

    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is missing."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the behaviours that were not seen."""
        return tuple(verdict.behaviour for verdict in self.verdicts if not verdict.passed)

    def __repr__(self) -> str:
        lines = [str(verdict) for verdict in self.verdicts]
        seen = len(lines) - len(self.missing)
        last = "Well done." if self.passed else "Not yet."
        return "\n".join([*lines, f"{seen} of {len(lines)} behaviours. {last}"])
