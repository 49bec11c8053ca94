"""A drawing for a whiteboard: an SVG, and in the order of drawing what one says with each stroke.

Each step has a number in the picture and a sentence beside it, so that the picture can be drawn
again from memory. The sentences, which stand in `drawings.toml`, are the text equivalent, too.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from typing import Any, TypeAlias

from resilience_lab.widgets.svg import PAPER, drawing

GREEN, RED, ORANGE, BLUE = "#009E73", "#D55E00", "#E69F00", "#0072B2"
"""Of the palette by Okabe and Ito, which colour-blind people can tell apart."""

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """What one says, the strokes that are made meanwhile, and where their number stands."""

    says: str
    strokes: str
    at: Point


@dataclass(frozen=True)
class Drawing:
    """A picture, `width` by `height` pixels; `shows` says what is to be seen.

    `notebooks` are the numbers of those whose list "On the whiteboard" has it.
    """

    title: str
    notebooks: tuple[str, ...]
    shows: str
    width: int
    height: int
    steps: tuple[Step, ...]

    @property
    def svg(self) -> str:
        """The picture with the numbers of the steps."""
        numbers = (_number(number, *step.at) for number, step in enumerate(self.steps, start=1))
        return self._picture("".join(numbers))

    @property
    def plain(self) -> str:
        """The picture without them."""
        return self._picture("")

    def _picture(self, numbers: str) -> str:
        strokes = "".join(step.strokes for step in self.steps)
        return drawing(f"{self.title}. {self.shows}", self.width, self.height, strokes + numbers)

    def __repr__(self) -> str:
        says = [f"{number}. {step.says}" for number, step in enumerate(self.steps, start=1)]
        return "\n".join([f"{self.title}. {self.shows}", *says])

    def _repr_html_(self) -> str:
        says = "".join(f"<li>{escape(step.says)}</li>" for step in self.steps)
        return (
            '<div style="display: flex; flex-wrap: wrap; gap: 0.5em 2em; align-items: start; '
            'text-align: left">'
            f'<div style="flex: 3 1 {min(self.width, 400)}px; max-width: {self.width}px">'
            f"<p><b>{escape(self.title)}</b></p>{self.svg}</div>"
            f'<ol style="flex: 2 1 16em; max-width: 34em">{says}</ol></div>'
        )


def drawn(
    name: str, width: int, height: int, marks: Sequence[tuple[str, Point]], **numbers: Any
) -> Drawing:
    """The drawing `name`: its `marks` are the strokes of each step, and where its number stands.

    `numbers` go into its sentences.
    """
    text = texts()[name]
    steps = [
        Step(says.format(**numbers), strokes, at)
        for says, (strokes, at) in zip(text["says"], marks, strict=True)
    ]
    shows = text["shows"].format(**numbers)
    return Drawing(text["title"], tuple(text["notebooks"]), shows, width, height, tuple(steps))


@cache
def texts() -> dict[str, Any]:
    """What `drawings.toml` says, by the name of the drawing."""
    file = resources.files(__package__) / "drawings.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def words(x: float, y: float, text: str, *, anchor: str = "middle", bold: bool = False) -> str:
    """Text on the line `y`, on paper where it crosses a stroke."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{weight} '
        f'style="stroke: {PAPER}" stroke-width="4" paint-order="stroke">{escape(text)}</text>'
    )


def line(path: str, *, colour: str = "currentColor", width: float = 1.5, dashes: str = "") -> str:
    """A stroke along an SVG path."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed}/>'


def dot(x: float, y: float, radius: float, colour: str) -> str:
    """A point that is filled."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>'


def arrow(start: Point, end: Point, *, bend: float = 0.0, colour: str = "currentColor") -> str:
    """An arrow from `start` to `end`, bent to the left by `bend` pixels."""
    (x1, y1), (x2, y2) = start, end
    length = math.hypot(x2 - x1, y2 - y1)
    over_x = (x1 + x2) / 2 + 2 * bend * (y2 - y1) / length
    over_y = (y1 + y2) / 2 - 2 * bend * (x2 - x1) / length
    angle = math.degrees(math.atan2(y2 - over_y, x2 - over_x))
    path = f"M{x1:.1f} {y1:.1f}Q{over_x:.1f} {over_y:.1f} {x2:.1f} {y2:.1f}"
    return (
        line(path, colour=colour) + f'<path d="M0 0l-10 -5v10z" fill="{colour}" '
        f'transform="translate({x2:.1f} {y2:.1f}) rotate({angle:.1f})"/>'
    )


def box(
    at: Point,
    width: float,
    height: float,
    *lines: str,
    colour: str = "currentColor",
    filled: float = 0.0,
    dashes: str = "",
) -> str:
    """A box with `lines` of text in its middle, the first one bold; `filled` is how strongly."""
    x, y = at
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    top = y + height / 2 - 8 * (len(lines) - 1) + 5
    texts = "".join(
        f'<text x="{x + width / 2:.1f}" y="{top + 16 * row:.1f}" text-anchor="middle" '
        f'font-weight="{"normal" if row else "bold"}">{escape(text)}</text>'
        for row, text in enumerate(lines)
    )
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6" '
        f'fill="{colour if filled else "none"}" fill-opacity="{filled:g}" '
        f'stroke="{colour}" stroke-width="1.5"{dashed}/>{texts}'
    )


def _number(number: int, x: float, y: float) -> str:
    """The number of a step, in a circle around (x, y)."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" style="fill: {PAPER}" stroke="currentColor"/>'
        f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-size="11">{number}</text>'
    )
