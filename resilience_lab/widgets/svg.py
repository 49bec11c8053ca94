"""What the explorers' SVG pictures share."""

from __future__ import annotations

from html import escape

from matplotlib.ticker import MaxNLocator


def axis(left: float, width: float, y: float, longest: float, unit: str) -> str:
    """A horizontal axis at height `y`, from 0 to `longest`, with its ticks and its unit below."""
    scale = width / (longest or 1.0)
    ticks = [tick for tick in MaxNLocator(5).tick_values(0, longest) if tick <= longest]
    marks = "".join(
        f'<path d="M{left + tick * scale:.1f} {y}v5" stroke="#555"/>'
        f'<text x="{left + tick * scale:.1f}" y="{y + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    )
    return (
        f'<path d="M{left} {y}h{width}" stroke="#555"/>{marks}'
        f'<text x="{left + width + 24}" y="{y + 18}">{escape(unit)}</text>'
    )
