"""The three states and four arrows of a circuit breaker, as a picture in a few lines of SVG.

The state that holds is told by word ("now"), by a double border and by colour; the last change by a
thick arrow and by the text that a screen reader speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from resilience_lab.ground.wording import count
from resilience_lab.widgets.svg import PAPER, drawing

WIDTH, HEIGHT = 440, 216

_BOXES = {"CLOSED": (10, 20), "OPEN": (310, 20), "HALF_OPEN": (160, 150)}
_BOX_WIDTH, _BOX_HEIGHT = 120, 56
_COLOURS = {"CLOSED": "#009E73", "OPEN": "#D55E00", "HALF_OPEN": "#E69F00"}
# Each arrow: its line, where its tip is and points to (in degrees), and where its label stands.
_ARROWS = {
    ("CLOSED", "OPEN"): ("M130 48H300", (310, 48, 0), (220, 38)),
    ("OPEN", "HALF_OPEN"): ("M370 76Q370 178 290 178", (280, 178, 180), (380, 140)),
    ("HALF_OPEN", "OPEN"): ("M235 150Q248 90 301 68", (310, 64, -23), (290, 112)),
    ("HALF_OPEN", "CLOSED"): ("M160 178Q70 178 70 86", (70, 76, -90), (74, 140)),
}


def state_diagram(
    state: str,
    last_change: tuple[str, str] | None,
    *,
    failure_threshold: int,
    recovery_timeout: float,
    success_threshold: int,
) -> str:
    """An SVG in which `state` is marked, and the arrow of `last_change` (before, after)."""
    labels = {
        ("CLOSED", "OPEN"): f"{count(failure_threshold, 'failure')} in a row",
        ("OPEN", "HALF_OPEN"): f"a call after {recovery_timeout:g} s",
        ("HALF_OPEN", "OPEN"): "1 failure",
        ("HALF_OPEN", "CLOSED"): count(success_threshold, "success", "es"),
    }
    words = f"Circuit breaker, now {state}"
    if last_change is not None:
        words += f"; last change: {last_change[0]} to {last_change[1]}"
    return drawing(words, WIDTH, HEIGHT, states(labels, state, last_change), size=14)


def states(
    labels: Mapping[tuple[str, str], str],
    now: str | None = None,
    last_change: tuple[str, str] | None = None,
) -> str:
    """The boxes and arrows alone, `WIDTH` by `HEIGHT`; `labels` are the arrows' conditions."""
    arrows = "".join(
        _arrow(ends, label, marked=ends == last_change) for ends, label in labels.items()
    )
    return arrows + "".join(_box(name, active=name == now) for name in _BOXES)


def _box(name: str, *, active: bool) -> str:
    x, y = _BOXES[name]
    middle = x + _BOX_WIDTH / 2
    frame = f'width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="10" stroke="{_COLOURS[name]}"'
    fill = f'fill="{_COLOURS[name]}" fill-opacity="0.25"' if active else 'fill="none"'
    parts = [f'<rect x="{x}" y="{y}" {frame} {fill} stroke-width="{5 if active else 1.5}"/>']
    baseline = y + (26 if active else 34)
    parts.append(
        f'<text x="{middle:g}" y="{baseline}" text-anchor="middle" '
        f'font-weight="{"bold" if active else "normal"}">{name}</text>'
    )
    if active:
        parts.append(f'<text x="{middle:g}" y="{y + 44}" text-anchor="middle">▲ now</text>')
    return "".join(parts)


def _arrow(ends: tuple[str, str], label: str, *, marked: bool) -> str:
    line, (tip_x, tip_y, angle), (x, y) = _ARROWS[ends]
    width, weight = (4, "bold") if marked else (1.5, "normal")
    return (
        f'<path d="{line}" fill="none" stroke="currentColor" stroke-width="{width}"/>'
        f'<path d="M0 0l-12 -6v12z" transform="translate({tip_x} {tip_y}) rotate({angle})"/>'
        f'<text x="{x}" y="{y}" text-anchor="middle" font-weight="{weight}" '
        f'style="stroke: {PAPER}" stroke-width="4" paint-order="stroke">{escape(label)}</text>'
    )
