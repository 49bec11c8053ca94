"""The mock interviews so far: what was reached in each, and when.

An attempt is one entry in the section "interviews" of the learner's progress, by the moment at
which it began (ISO 8601, with the offset of the learner's own time):

    {"parts": {"circuit breaker": {"began": 0.0, "must": 512.4, "should": null}, ...},
     "ended": null, "decision": "Not yet"}

`began` is in seconds since the attempt began, `must` and `should` in seconds since the part did,
null if the level was not reached. A part that has not begun is not there. `ended` is null until the
learner ends it; an hour after its beginning it is over in any case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from resilience_lab.practice.exam.markup import table
from resilience_lab.practice.exam.report import Level
from resilience_lab.practice.exam.wording import on_a_clock
from resilience_lab.practice.interview.briefs import PARTS
from resilience_lab.practice.interview.report_card import decided

HOUR = 3600.0
"""Seconds for the four parts."""
LEVELS: tuple[Level, ...] = ("must", "should")
"""Those whose time is taken."""
COMPARED = 5
"""How many attempts are shown, the last one included."""


@dataclass(frozen=True)
class Attempt:
    """One attempt: its `key` in the progress and the `entry` there."""

    key: str
    entry: dict[str, Any]

    @property
    def began(self) -> datetime:
        """When the hour began."""
        return datetime.fromisoformat(self.key)

    def at(self, now: datetime) -> float:
        """Seconds since then. A clock that was set back does not go below 0."""
        return max(0.0, (now - self.began).total_seconds())

    def running(self, now: datetime) -> bool:
        """Whether the hour is not over, and the learner has not ended it."""
        return self.entry["ended"] is None and self.at(now) < HOUR

    @property
    def parts(self) -> dict[str, dict[str, Any]]:
        """The parts that have begun, in their order."""
        return dict(self.entry["parts"])


def fresh() -> dict[str, Any]:
    """The entry of an attempt that begins now, with its first part."""
    return with_next_part({"parts": {}, "ended": None, "decision": "Not yet"}, 0.0)


def with_next_part(entry: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The entry after the next part has begun; all parts have begun: as it is."""
    to_come = [part.pattern for part in PARTS if part.pattern not in entry["parts"]]
    times = {"began": seconds, "must": None, "should": None}
    begun = dict.fromkeys(to_come[:1], times)
    return {**entry, "parts": {**entry["parts"], **begun}}


def with_levels(
    entry: dict[str, Any], pattern: str, levels: Collection[Level], seconds: float
) -> dict[str, Any]:
    """The entry after a part that has begun was seen to reach `levels`. The first time counts."""
    times = dict(entry["parts"][pattern])
    for level in LEVELS:
        if level in levels and times[level] is None:
            times[level] = max(0.0, seconds - times["began"])
    parts = {**entry["parts"], pattern: times}
    decision = decided([reached_in(parts, part.pattern) for part in PARTS])
    return {**entry, "parts": parts, "decision": decision}


def reached_in(parts: Mapping[str, Mapping[str, Any]], pattern: str) -> list[Level]:
    """The levels that a part has reached, one that has not begun included."""
    return [level for level in LEVELS if parts.get(pattern, {}).get(level) is not None]


@dataclass(frozen=True)
class Attempts:
    """The last attempts, the latest at the end, as text and as a table."""

    attempts: Sequence[Attempt]
    now: datetime

    def __repr__(self) -> str:
        if not self.attempts:
            return _NONE
        rows = [_HEAD, *map(self._cells, self.attempts)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        padded = (zip(row, widths, strict=True) for row in rows)
        lines = ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in padded]
        return "\n".join([f"{_CAPTION}:", *lines])

    def _repr_html_(self) -> str:
        if not self.attempts:
            return f"<p>{_NONE}</p>"
        rows = ([escape(cell) for cell in self._cells(attempt)] for attempt in self.attempts)
        return table(_CAPTION, _HEAD, rows)

    def _cells(self, attempt: Attempt) -> list[str]:
        ended = attempt.entry["ended"]
        seconds = min(HOUR, attempt.at(self.now)) if ended is None else ended
        times = (attempt.parts.get(part.pattern, {}) for part in PARTS)
        return [
            attempt.began.strftime("%Y-%m-%d %H:%M"),
            str(round(seconds / 60)),
            *(" / ".join(_minutes(part.get(level)) for level in LEVELS) for part in times),
            "running" if attempt.running(self.now) else attempt.entry["decision"],
        ]


_NONE = "No mock interview yet."
_CAPTION = "Your last mock interviews, and the time from a part's brief to must / should"
_HEAD = ["begun", "minutes", *(part.pattern for part in PARTS), "decision"]


def _minutes(seconds: float | None) -> str:
    return "-" if seconds is None else on_a_clock(seconds)
