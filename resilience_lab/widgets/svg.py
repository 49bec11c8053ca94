"""What the SVG pictures share: a frame that speaks, the colours of the page, an axis.

Text and lines have the colour of the page's text and there is no background, so that a picture
suits a light theme, a dark one and a printed page.
"""

from __future__ import annotations

from html import escape

PAPER = "var(--jp-layout-color0, #fff)"
"""The page's background, for a `style`: what stands before something else needs it."""


FULL_WIDTH = 426
"""The width of an explorer's picture, in pixels."""


def drawing(words: str, width: int, height: float, body: str, *, size: int = 13) -> str:
    """An SVG of `body`, `width` pixels wide at most; `words` tell a screen reader what is seen.

    `size` is that of the letters, in pixels. The height follows the width.
    """
    return (
        f'<svg role="img" aria-label="{escape(words)}" viewBox="0 0 {width} {height:g}" '
        f'style="display: block; width: 100%; max-width: {width}px; height: auto; '
        f'color: var(--jp-content-font-color1, inherit); font: {size}px sans-serif" '
        f'fill="currentColor">{body}</svg>'
    )


def caption(x: float, y: float, words: str) -> str:
    """Text that begins at `x`, on the line `y`."""
    return f'<text x="{x:.1f}" y="{y}">{escape(words)}</text>'


def label(x: float, y: float, words: str) -> str:
    """Text that ends at `x`, on the line `y`: the name of what stands to the right of it."""
    return f'<text x="{x}" y="{y}" text-anchor="end">{escape(words)}</text>'


def axis(left: float, width: float, y: float, longest: float, unit: str) -> str:
    """A horizontal axis at height `y`, from 0 to `longest`, with its ticks and its unit below."""
    from matplotlib.ticker import MaxNLocator

    scale = width / (longest or 1.0)
    ticks = [tick for tick in MaxNLocator(5).tick_values(0, longest) if tick <= longest]
    marks = "".join(
        f'<path d="M{left + tick * scale:.1f} {y}v5" stroke="currentColor"/>'
        f'<text x="{left + tick * scale:.1f}" y="{y + 18}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    )
    return (
        f'<path d="M{left} {y}h{width}" stroke="currentColor"/>{marks}'
        f'<text x="{left + width + 24}" y="{y + 18}">{escape(unit)}</text>'
    )
