"""A full mock interview: one clock of sixty minutes, and the briefs one after another.

What happens is kept in the learner's progress and nowhere else: the widget is a view of it. So
neither a cell that is run again nor a kernel that is started again loses a running clock. It is the
wall clock: an interview goes on while the kernel does not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any, TypeVar

import ipywidgets

from resilience_lab.desk.store import store
from resilience_lab.practice.bug_hunt.report import HuntReport
from resilience_lab.practice.exam.marks import undisturbed
from resilience_lab.practice.exam.report import Report
from resilience_lab.practice.exam.wording import on_a_clock
from resilience_lab.practice.interview.attempts import (
    COMPARED,
    HOUR,
    Attempt,
    Attempts,
    fresh,
    with_levels,
    with_next_part,
)
from resilience_lab.practice.interview.briefs import PARTS, TESTS, Part
from resilience_lab.practice.interview.report_card import reached
from resilience_lab.widgets.base import SummarisedBox
from resilience_lab.widgets.clock_face import ClockFace
from resilience_lab.widgets.controls import Status

R = TypeVar("R", Report, HuntReport)


_PAGE = '<div class="jp-RenderedHTMLCommon">{}</div>'
"""As outputs look that are not in a widget."""
_WIDE = (
    '<div class="jp-RenderedHTMLCommon" tabindex="0" role="region"'
    ' aria-label="Your last mock interviews">{}</div>'
)
"""Wider than a narrow page, so it can be moved sideways, by keyboard, too."""


def _local_time() -> datetime:
    return datetime.now().astimezone()


class MockInterview(SummarisedBox):
    """The hour that is running, if one is, with buttons to start it, to go on, and to end it.

    `now` tells the moment, with its time zone.
    """

    def __init__(self, *, now: Callable[[], datetime] = _local_time) -> None:
        self._now = now
        self.start, self.next, self.end = (
            ipywidgets.Button(layout={"width": "auto"}) for _ in range(3)
        )
        self.start.on_click(self._start)
        self.next.on_click(self._next)
        self.end.on_click(self._end)
        self.face = ClockFace("time left of the hour")
        self.status = Status()
        self.briefs = ipywidgets.HTML()
        self.table = ipywidgets.HTML(layout={"overflow": "auto"})
        buttons = ipywidgets.HBox(
            [self.start, self.next, self.end], layout={"flex_flow": "row wrap"}
        )
        super().__init__([self.face, self.status, buttons, self.briefs, self.table])
        self._show()

    @property
    def attempts(self) -> Attempts:
        """The last mock interviews, to be compared."""
        return Attempts(_attempts()[-COMPARED:], self._now())

    def record(self, report: R) -> R:
        """Take the time if `report` reaches a level in a running interview. Returns `report`.

        A grade counts from the moment its part begins. Raises `TypeError` for anything but what a
        grader has returned.
        """
        if not isinstance(report, Report | HuntReport):
            raise TypeError(f"report must be what a grader returned, got {report!r}")
        with undisturbed():
            self._take(report)
        return report

    def summary(self) -> str:
        """What it is, and the last attempts, if there are any."""
        parts = [f"   {_named(part)}" for part in PARTS]
        lines = ["A mock interview on one clock of 60 minutes, each brief in its time:", *parts]
        attempts = self.attempts
        return "\n".join([*lines, *([repr(attempts)] if attempts.attempts else [])])

    def _take(self, report: Report | HuntReport) -> None:
        attempt = self._running
        if attempt is None:
            return
        pattern = report.pattern if isinstance(report, Report) else TESTS.pattern
        title = next(part.title for part in PARTS if part.pattern == pattern)
        if pattern not in attempt.parts:
            self._show(f"{title} has not begun, so its grade does not count yet.")
            return
        levels, seconds = reached(report), attempt.at(self._now())
        entry = _change(attempt, lambda entry: with_levels(entry, pattern, levels, seconds))
        after = entry["parts"][pattern]
        news = [
            f"{level} after {on_a_clock(after[level])}"
            for level, before in attempt.parts[pattern].items()
            if before is None and after[level] is not None
        ]
        self._show(f"{title}: {', '.join(news)}." if news else "")

    def _start(self, _: Any) -> None:
        news = ""
        if not self._running:  # it may have been started in another tab
            store().put("interviews", self._now().isoformat(timespec="milliseconds"), fresh())
            news = _has_begun(PARTS[0])
        self._show(news)

    def _next(self, _: Any) -> None:
        news = ""
        if attempt := self._running:
            seconds = attempt.at(self._now())
            entry = _change(attempt, lambda entry: with_next_part(entry, seconds))
            news = _has_begun(PARTS[len(entry["parts"]) - 1])
        self._show(news)

    def _end(self, _: Any) -> None:
        """End the hour; pressed again, go on with it. After sixty minutes it stays as it is."""
        attempt = _attempts()[-1]
        elapsed = attempt.at(self._now())
        if elapsed < HOUR:
            ended = elapsed if attempt.running(self._now()) else None
            _change(attempt, lambda entry: {**entry, "ended": ended})
        self._show()

    @property
    def _running(self) -> Attempt | None:
        last = next(reversed(_attempts()), None)
        return last if last and last.running(self._now()) else None

    def _show(self, news: str = "") -> None:
        last = next(reversed(_attempts()), None)
        running = self._running
        elapsed = last.at(self._now()) if last else 0.0
        to_come = PARTS[len(running.parts) :] if running else ()
        self.start.description = "Start another hour" if last else "Start the hour"
        self.start.disabled = running is not None
        self.next.description = f"Next: {to_come[0].title}" if to_come else "Next part"
        self.next.disabled = not to_come
        may_go_on = last is not None and elapsed < HOUR
        self.end.description = "Go on" if may_go_on and not running else "End the interview"
        self.end.disabled = not may_go_on
        self.face.show(max(0.0, HOUR - elapsed) if running else HOUR, running is not None)
        self.status.text = news or _standing(last, running, elapsed)
        begun = PARTS[: len(running.parts)] if running else ()
        briefs = (_brief(part, is_open=part is begun[-1]) for part in begun)
        self.briefs.value = _PAGE.format("".join(briefs)) if begun else ""
        over = last is not None and not running
        self.table.value = _WIDE.format(self.attempts._repr_html_()) if over else ""


def _attempts() -> list[Attempt]:
    return [Attempt(key, entry) for key, entry in store().section("interviews").items()]


def _change(attempt: Attempt, new: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Change the entry as it is by now; if it is gone, as it was."""
    changed: dict[str, Any] = store().change(
        "interviews", attempt.key, lambda entry: new(entry or attempt.entry)
    )
    return changed


def _standing(last: Attempt | None, running: Attempt | None, elapsed: float) -> str:
    if running:
        part = PARTS[len(running.parts) - 1]
        return f"{part.title}. {on_a_clock(HOUR - elapsed)} of the hour left."
    if last:
        return f"The interview is over. Decision: {last.entry['decision']}."
    return "Not started."


def _has_begun(part: Part) -> str:
    return f"{part.title} has begun: {part.minutes} minutes. Its brief is below."


def _named(part: Part) -> str:
    return f"{part.title} ({part.minutes} minutes)"


def _brief(part: Part, *, is_open: bool) -> str:
    """The brief of the part that is on; those before it are folded."""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(_named(part))}</summary>{part.brief}</details>"
