"""The face of a countdown, which the page moves by itself: no thread, no timer and no callback.

A screen reader finds the time when it looks for it, and hears when it is up, not every second.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_ESM = Path(__file__).with_name("clock_face.js").read_text(encoding="utf-8")


class ClockFace(anywidget.AnyWidget):
    """Minutes and seconds: those that are left in a pause, or that run down from there.

    `until` is when they will be over, in milliseconds of the page's own clock. The page sets it;
    0 says that it is yet to.
    """

    _esm = _ESM
    _css = """
        .lab-clock, .lab-clock + div { color: var(--jp-content-font-color1, inherit); }
        .lab-clock { font: 2em/1.4 monospace; }
        .lab-clock + div { font-weight: bold; }"""
    label = traitlets.Unicode("time left").tag(sync=True)
    left = traitlets.Float(0.0).tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    until = traitlets.Float(0.0).tag(sync=True)

    def __init__(self, label: str = "time left") -> None:
        super().__init__(label=label)

    def show(self, left: float, running: bool) -> None:
        """Stand at `left` seconds, or run from there."""
        with self.hold_sync():
            self.left, self.running, self.until = left, running, 0.0
