"""The three states and four arrows of a circuit breaker, as a picture in a few lines of SVG.

The state that holds is told by word ("now"), by a double border and by colour; the last change by a
thick arrow and by the text that a screen reader speaks.
"""

from __future__ import annotations

from html import escape

_BOXES = {"CLOSED": (20, 20), "OPEN": (420, 20), "HALF_OPEN": (220, 150)}
_WIDTH, _HEIGHT = 140, 56
_COLOURS = {"CLOSED": "#009E73", "OPEN": "#D55E00", "HALF_OPEN": "#E69F00"}
# Each arrow: its path, and where its label stands.
_ARROWS = {
    ("CLOSED", "OPEN"): ("M160 48 H412", (286, 38)),
    ("OPEN", "HALF_OPEN"): ("M500 76 Q500 178 368 178", (486, 140)),
    ("HALF_OPEN", "OPEN"): ("M330 150 Q350 84 412 66", (402, 112)),
    ("HALF_OPEN", "CLOSED"): ("M220 178 Q90 178 90 84", (94, 140)),
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
        ("CLOSED", "OPEN"): f"{_count(failure_threshold, 'failure')} in a row",
        ("OPEN", "HALF_OPEN"): f"a call after {recovery_timeout:g} s",
        ("HALF_OPEN", "OPEN"): "1 failure",
        ("HALF_OPEN", "CLOSED"): _count(success_threshold, "success", "es"),
    }
    arrows = "".join(
        _arrow(ends, label, marked=ends == last_change) for ends, label in labels.items()
    )
    boxes = "".join(_box(name, active=name == state) for name in _BOXES)
    words = f"Circuit breaker, now {state}"
    if last_change is not None:
        words += f"; last change: {last_change[0]} to {last_change[1]}"
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 580 226" '
        'style="max-width: 580px; width: 100%; background: white; font: 14px sans-serif">'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="12" '
        'markerHeight="12" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0 L10 5 L0 10 z" fill="#555"/></marker></defs>'
        f"{arrows}{boxes}</svg>"
    )


def _box(name: str, *, active: bool) -> str:
    x, y = _BOXES[name]
    middle = x + _WIDTH / 2
    frame = f'width="{_WIDTH}" height="{_HEIGHT}" rx="10" stroke="{_COLOURS[name]}"'
    fill = f'fill="{_COLOURS[name]}" fill-opacity="0.25"' if active else 'fill="white"'
    parts = [f'<rect x="{x}" y="{y}" {frame} {fill} stroke-width="{5 if active else 1.5}"/>']
    baseline = y + (26 if active else 34)
    parts.append(
        f'<text x="{middle:g}" y="{baseline}" text-anchor="middle" fill="#111" '
        f'font-weight="{"bold" if active else "normal"}">{name}</text>'
    )
    if active:
        parts.append(
            f'<text x="{middle:g}" y="{y + 44}" text-anchor="middle" fill="#111">▲ now</text>'
        )
    return "".join(parts)


def _arrow(ends: tuple[str, str], label: str, *, marked: bool) -> str:
    path, (x, y) = _ARROWS[ends]
    width, weight = (4, "bold") if marked else (1.5, "normal")
    return (
        f'<path d="{path}" fill="none" stroke="#555" stroke-width="{width}" '
        'marker-end="url(#tip)"/>'
        f'<text x="{x}" y="{y}" text-anchor="middle" fill="#111" font-weight="{weight}" '
        f'stroke="white" stroke-width="4" paint-order="stroke">{escape(label)}</text>'
    )


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"
