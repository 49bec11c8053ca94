"""The interview's clock: a countdown that never keeps the kernel from running the learner's code.

The kernel works out the time that is left when a button is pressed, and at no other moment. In
between it is the page that counts down, by a CSS animation of one whole number: no thread, no
timer and no callback, and the clock ticks on while a cell runs. A screen reader hears of a press
and of the end, not of every second.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from resilience_lab.arguments import positive, text
from resilience_lab.widgets.base import SummarisedBox


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
        self._seconds = seconds
        self._before = 0.0  # spent before the last start
        self._started: float | None = None
        self.toggle = ipywidgets.Button()
        self.toggle.on_click(self._toggle)
        self.again = ipywidgets.Button(description="Reset", tooltip=f"Reset {part}")
        self.again.on_click(self._reset)
        self.face = ipywidgets.HTML()
        heading = ipywidgets.HTML(f"<style>{_STYLE}</style><b>{escape(part)}</b>")
        super().__init__([heading, self.face, ipywidgets.HBox([self.toggle, self.again])])
        self._show()

    @property
    def running(self) -> bool:
        """Whether time is being taken."""
        return self._started is not None

    @property
    def spent(self) -> float:
        """Seconds taken so far, without the pauses; an overrun is counted, too."""
        return self._before + (0.0 if self._started is None else self._seconds() - self._started)

    @property
    def remaining(self) -> float:
        """Seconds left, 0.0 when the time is up."""
        return max(0.0, 60 * self.minutes - self.spent)

    def summary(self) -> str:
        """The part and the time given, the same whatever has been pressed."""
        return f"{self.part}: {self.minutes:g} minutes on a clock with start, pause and reset."

    def _toggle(self, _: Any) -> None:
        self._before, self._started = self.spent, None if self.running else self._seconds()
        self._show()

    def _reset(self, _: Any) -> None:
        self._before, self._started = 0.0, None
        self._show()

    def _show(self) -> None:
        action = "Pause" if self.running else "Start"
        self.toggle.description, self.toggle.tooltip = action, f"{action} {self.part}"
        face = _ticking if self.running else _still
        self.face.value = face(self.remaining, 60 * self.minutes)


# The `from` of the animation is the element's own number, and the minutes are rounded down.
_STYLE = """
@property --countdown { syntax: "<integer>"; inherits: false; initial-value: 0; }
@property --countdown-minutes { syntax: "<integer>"; inherits: false; initial-value: 0; }
@keyframes countdown { to { --countdown: 0; } }
@keyframes countdown-up { to { visibility: visible; } }
.countdown { font: 2em/1.4 monospace; }
.countdown-ticking { animation: countdown forwards;
  --countdown-minutes: calc(var(--countdown) / 60 - 0.5);
  counter-reset: minutes var(--countdown-minutes)
    seconds calc(var(--countdown) - 60 * var(--countdown-minutes)); }
.countdown-ticking::after {
  content: counter(minutes) ":" counter(seconds, decimal-leading-zero); }
.countdown-up { visibility: hidden; animation: countdown-up 0s forwards; }
"""


def _still(left: float, given: float) -> str:
    told = "Time is up." if left == 0 else "Paused." if left < given else "Not started."
    return (
        f'<div role="timer" aria-label="time left" class="countdown">{_minutes(left)}</div>'
        f'<div role="status">{told}</div>'
    )


def _ticking(left: float, given: float) -> str:
    ticks = max(1, math.ceil(left))
    style = f"--countdown: {math.ceil(left)}; animation-duration: {left:.3f}s;"
    style += f" animation-timing-function: steps({ticks});"
    return (
        '<div role="timer" aria-label="time left" class="countdown countdown-ticking"'
        f' style="{style}"></div>'
        f'<div role="status">Running: started with {_minutes(left)} of {_minutes(given)} left.'
        f' <b class="countdown-up" style="animation-delay: {left:.3f}s">Time is up.</b></div>'
    )


def _minutes(seconds: float) -> str:
    """As on the face, begun seconds for whole ones."""
    return "{}:{:02}".format(*divmod(math.ceil(seconds), 60))
