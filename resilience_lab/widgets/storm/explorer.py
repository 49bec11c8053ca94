"""`StormExplorer`: one outage, and what each policy makes of the storm that follows it."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

import ipywidgets

from resilience_lab.plots.load import load_over_time
from resilience_lab.retry.backoff import JITTERS
from resilience_lab.widgets.base import Explorer, dropdown, note, table
from resilience_lab.widgets.controls import Status, slider
from resilience_lab.widgets.storm.scenario import (
    BUDGET,
    DURATION,
    OUTAGE_AT,
    PERIOD,
    REFUSAL,
    Outage,
    StormStory,
    Tactics,
    tell_storm,
)
from resilience_lab.widgets.svg import FULL_WIDTH, axis, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OUTAGE, _TACTICS = Outage(), Tactics(jitter="full")
_FIXED = (
    f"Each client calls every {PERIOD:g} s, and all call at once when the outage begins. "
    f"To turn a call away costs the service {REFUSAL:.0%} of an answer."
)
_COLUMNS = ("policy", "calls", "later peak", "answered", "calm after")
_LEFT, _WIDTH, _HEIGHT, _GAP = 46, 346, 120, 34  # of each panel, in pixels
_LINES = {
    "plain": 'stroke="currentColor" stroke-opacity="0.6" stroke-width="1.5" stroke-dasharray="4 3"',
    "yours": 'stroke="#0072B2" stroke-width="2"',
}


class StormExplorer(Explorer):
    """Controls for an outage and for the policies of all clients; the load, second by second.

    What is chosen is shown beside the same retries without jitter, budget or breaker, under the
    same outage and with the same calls of the clients. `summary()` says in words what is shown, and
    `picture()` draws it.

    Parameters
    ----------
    outage, tactics
        What to begin with.
    """

    def __init__(self, outage: Outage = _OUTAGE, tactics: Tactics = _TACTICS) -> None:
        self.outage = {
            "clients": slider("clients", outage.clients, 1, max(120, outage.clients)),
            "capacity": slider(
                "capacity (calls/s)", outage.capacity, 5.0, max(80.0, outage.capacity), 1.0
            ),
            "seconds": slider("outage (s)", outage.seconds, 0.0, max(20.0, outage.seconds), 1.0),
        }
        self.tactics = {
            "retries": slider("retries", tactics.retries, 0, max(5, tactics.retries)),
            "jitter": dropdown("jitter", JITTERS, tactics.jitter),
            "budget": ipywidgets.Checkbox(
                value=tactics.budget,
                description=f"one budget of {BUDGET:.0%} for all",
                indent=False,
            ),
            "breaker": ipywidgets.Checkbox(
                value=tactics.breaker, description="one breaker for all", indent=False
            ),
        }
        self.load = ipywidgets.HTML()
        self.verdict = Status()
        self.numbers = ipywidgets.HTML()
        controls = [*self.outage.values(), *self.tactics.values()]
        self.follow(*controls)
        super().__init__(
            controls=controls,
            shown=[self.load, self.verdict, self.numbers],
            details=[note(_FIXED)],
        )

    def refresh(self) -> None:
        """Play the outage anew and show what comes of it."""
        outage = Outage(**{name: control.value for name, control in self.outage.items()})
        tactics = Tactics(**{name: control.value for name, control in self.tactics.items()})
        for name in ("jitter", "budget"):
            self.tactics[name].disabled = not tactics.retries
        self.yours = _story(outage, tactics)
        self.plain = _story(outage, Tactics(tactics.retries))
        self.load.value = _load(self.plain, self.yours, self._words())
        self.verdict.text = _verdict(self.yours)
        self.numbers.value = _table(self.plain, self.yours)

    def summary(self) -> str:
        """What the service was offered and what it answered, plainly and under these policies."""
        return f"StormExplorer: {self._words()}"

    def picture(self) -> Figure:
        """The load over time, plainly and under these policies."""
        outage = self.yours.outage
        return load_over_time(
            [story.to_frame() for story in (self.plain, self.yours)],
            outage.capacity,
            (OUTAGE_AT, OUTAGE_AT + outage.seconds),
            _verdict(self.yours),
        )

    def _words(self) -> str:
        outage = self.yours.outage
        about = (
            f"{outage.clients} clients, a service for {outage.capacity:g} calls a second, "
            f"down for {outage.seconds:g} s."
        )
        stories = " ".join(
            f"{story.tactics}: {', '.join(_figures(story))}." for story in (self.plain, self.yours)
        )
        return f"{about} {stories}"


_story = lru_cache(maxsize=256)(tell_storm)


def _verdict(story: StormStory) -> str:
    if story.calm_after is None:
        return (
            f"With {story.tactics} the storm goes on: after {DURATION} s the service still turns "
            f"calls away. {story.success:.0%} of the clients' calls are answered."
        )
    return f"With {story.tactics}, {story.success:.0%} of the clients' calls are answered."


def _figures(story: StormStory) -> list[str]:
    calm = "never" if story.calm_after is None else f"{story.calm_after} s"
    return [
        f"{story.calls} calls",
        f"{story.peak} a second at most afterwards",
        f"{story.success:.1%} answered",
        f"calm after {calm}",
    ]


def _table(plain: StormStory, yours: StormStory) -> str:
    rows = []
    for name, story in (("plain", plain), ("yours", yours)):
        calm = "never" if story.calm_after is None else f"{story.calm_after} s"
        told = f"{_key(name)} {escape(str(story.tactics))}"
        rows.append((told, story.calls, story.peak, f"{story.success:.1%}", calm))
    return table("Retries alone, and with what is chosen", _COLUMNS, rows)


def _key(name: str) -> str:
    return f'<svg width="26" height="8" aria-hidden="true"><path d="M0 4h26" {_LINES[name]}/></svg>'


def _load(plain: StormStory, yours: StormStory, words: str) -> str:
    """An SVG with two panels: what the service is offered, and what it answers."""
    panels = [
        ("offered per second", plain.offered, yours.offered),
        ("answered per second", plain.answered, yours.answered),
    ]
    parts = [
        _panel(number * (_HEIGHT + _GAP) + 22, title, plain.outage, *lines)
        for number, (title, *lines) in enumerate(panels)
    ]
    bottom = 2 * _HEIGHT + _GAP + 22
    parts.append(axis(_LEFT, _WIDTH, bottom, DURATION, "s"))
    return drawing(words, FULL_WIDTH, bottom + 28, "".join(parts))


def _panel(
    y: float, title: str, outage: Outage, plain: tuple[int, ...], yours: tuple[int, ...]
) -> str:
    most = max(*plain, *yours, outage.capacity)
    scale, second = _HEIGHT / most, _WIDTH / DURATION
    bottom = y + _HEIGHT
    line = bottom - outage.capacity * scale
    parts = [
        f'<text x="{_LEFT}" y="{y - 6}">{title}</text>',
        f'<rect x="{_LEFT + OUTAGE_AT * second:.1f}" y="{y}" '
        f'width="{outage.seconds * second:.1f}" height="{_HEIGHT}" fill-opacity="0.15"/>',
        f'<text x="{_LEFT + OUTAGE_AT * second + 3:.1f}" y="{y + 13}" font-size="11">down</text>'
        if outage.seconds
        else "",
        f'<path d="M{_LEFT} {line:.1f}h{_WIDTH}" stroke="currentColor" stroke-width="0.8"/>',
        f'<text x="{_LEFT - 6}" y="{line + 4:.1f}" text-anchor="end">{outage.capacity:g}</text>',
    ]
    if most > 1.3 * outage.capacity:  # or the two numbers would overlap
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 10}" text-anchor="end">{most:g}</text>')
    for name, counts in (("plain", plain), ("yours", yours)):
        steps = "".join(f"V{bottom - count * scale:.1f}h{second:.2f}" for count in counts)
        parts.append(f'<path d="M{_LEFT} {bottom}{steps}" fill="none" {_LINES[name]}/>')
    return "".join(parts)
