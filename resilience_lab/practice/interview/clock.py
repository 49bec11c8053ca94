"""The interview's clock: a countdown that never keeps the kernel from running the learner's code.

The kernel works out the time that is left when a button is pressed, and at no other moment. In
between it is the page that counts down: no thread, no timer and no callback, and the clock ticks on
while a cell runs. A clock belongs to its part and not to its cell, so running the cell again shows
the same clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

import ipywidgets

from resilience_lab.ground.arguments import positive, text
from resilience_lab.practice.exam.wording import on_a_clock
from resilience_lab.widgets.base import SummarisedBox
from resilience_lab.widgets.clock_face import ClockFace
from resilience_lab.widgets.controls import Status


class Countdown(SummarisedBox):
    """`minutes` for one `part` of the interview, with buttons to start, pause and reset.

    `seconds` is the clock that is read on a press, in seconds. Raises `TypeError` or `ValueError`
    for a part without a name, or for minutes that are no finite number > 0.
    """

    def __init__(
        self, part: str, minutes: float, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.part = text("part", part)
        self.minutes = positive("minutes", minutes)
        self._stopwatch = _stopwatch(part, self.minutes, seconds)
        self.toggle = ipywidgets.Button()
        self.toggle.on_click(self._toggle)
        self.again = ipywidgets.Button(description="Reset", tooltip=f"Reset {part}")
        self.again.on_click(self._reset)
        self.face = ClockFace()
        self.status = Status()
        heading = ipywidgets.HTML(f"<b>{escape(part)}</b>")
        buttons = ipywidgets.HBox([self.toggle, self.again])
        super().__init__([heading, self.face, self.status, buttons])
        self._show()

    @property
    def running(self) -> bool:
        """Whether time is being taken."""
        return self._stopwatch.started is not None

    @property
    def spent(self) -> float:
        """Seconds taken so far, without the pauses; an overrun is counted, too."""
        return self._stopwatch.spent

    @property
    def remaining(self) -> float:
        """Seconds left, 0.0 when the time is up."""
        return max(0.0, 60 * self.minutes - self.spent)

    def summary(self) -> str:
        """The part and the time given, the same whatever has been pressed."""
        return f"{self.part}: {self.minutes:g} minutes on a clock with start, pause and reset."

    def _toggle(self, _: Any) -> None:
        self._stopwatch.toggle()
        self._show()

    def _reset(self, _: Any) -> None:
        self._stopwatch.reset()
        self._show()

    def _show(self) -> None:
        action = "Pause" if self.running else "Start"
        self.toggle.description, self.toggle.tooltip = action, f"{action} {self.part}"
        left, given = self.remaining, 60 * self.minutes
        self.face.show(left, self.running)
        if self.running:
            self.status.text = (
                f"Running: started with {on_a_clock(left)} of {on_a_clock(given)} left."
            )
        else:
            self.status.text = "Paused." if left < given else "Not started."


class _Stopwatch:
    """Takes the time between starts and pauses."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._before = 0.0  # spent before the last start
        self.started: float | None = None

    @property
    def spent(self) -> float:
        return self._before + (0.0 if self.started is None else self._seconds() - self.started)

    def toggle(self) -> None:
        now = None if self.started is not None else self._seconds()
        self._before, self.started = self.spent, now

    def reset(self) -> None:
        self._before, self.started = 0.0, None


@cache
def _stopwatch(_part: str, _minutes: float, seconds: Callable[[], float]) -> _Stopwatch:
    """The one of this part, for as long as the kernel runs."""
    return _Stopwatch(seconds)
