"""What an examiner says: a line for each behaviour, and the first that are missing in full.

In a notebook what was seen is folded, and so is what is missing beyond the first three.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from resilience_lab.practice.exam.markup import bullets, fold
from resilience_lab.practice.exam.wording import Text

TOLD = 3
"""How many missing behaviours are told in full."""


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
    """The verdicts on one attempt at an exercise.

    `untouched` says what is still empty in a skeleton to which nothing has been done.
    """

    verdicts: tuple[Verdict, ...]
    untouched: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing is missing."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the behaviours that were not seen."""
        return tuple(verdict.behaviour for verdict in self._failed)

    @property
    def score(self) -> int:
        """How many behaviours were seen."""
        return len(self.verdicts) - len(self._failed)

    def full(self) -> Text:
        """Every verdict as text, in the order in which they were tried."""
        return Text("\n".join([*map(str, self.verdicts), self._last]))

    def __repr__(self) -> str:
        if self.untouched:
            return self._nothing
        later = self._failed[TOLD:]
        lines = [
            f"❌ {verdict.behaviour}" if verdict in later else str(verdict)
            for verdict in self.verdicts
        ]
        return "\n".join([*lines, self._last])

    def _repr_html_(self) -> str:
        if self.untouched:
            return f"<p>{escape(self._nothing)}</p>"
        first, rest = self._failed[:TOLD], self._failed[TOLD:]
        parts = [f"<p><b>{self._last}</b></p>"]
        if first:
            parts.append(bullets(map(_html, first)))
        if rest:
            parts.append(fold(f"{len(rest)} more missing", bullets(map(_html, rest))))
        if self.score:
            seen = [f"✅ {escape(each.behaviour)}" for each in self.verdicts if each.passed]
            parts.append(fold(f"{self.score} seen", bullets(seen)))
        return "".join(parts)

    @property
    def _failed(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.passed)

    @property
    def _last(self) -> str:
        last = "Well done." if self.passed else "Not yet."
        return f"{self.score} of {len(self.verdicts)} behaviours. {last}"

    @property
    def _nothing(self) -> str:
        return f"Nothing to check yet: {self.untouched} ({self.verdicts[0].seen})."


def _html(verdict: Verdict) -> str:
    return f"❌ <b>missing:</b> {escape(verdict.behaviour)}<br>{escape(verdict.seen)}"
