"""What the pictures have in common: how an outcome looks, how a number and a name are written."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from io import BytesIO
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

OUTCOMES: dict[str, dict[str, Any]] = {
    "success": {"color": "#0072B2", "hatch": "", "marker": "o"},
    "failed": {"color": "#D55E00", "hatch": "////", "marker": "X"},
    "timeout": {"color": "#E69F00", "hatch": "....", "marker": "s"},
    "rejected": {"color": "#CC79A7", "hatch": "xxxx", "marker": "P"},
    "skipped": {"color": "#777777", "hatch": "", "marker": ">"},
    "cancelled": {"color": "#009E73", "hatch": "\\\\\\\\", "marker": "D"},
    "running": {"color": "#56B4E9", "hatch": "----", "marker": ">"},
}
"""Colour (Okabe and Ito), hatching and shape of each outcome of an attempt or of a turn."""

CARD = "#ECECEC"
"""What every picture is drawn on: light enough for black text, and no glare on a dark page."""


class Picture(Figure):
    """A figure that can be listened to: `title` and `words` say what there is to see.

    A notebook shows it as an image with alternative text, which a plain figure has not; where there
    is no kernel, as on GitHub, as a PNG. `size` is in inches.
    """

    def __init__(self, size: tuple[float, float], title: str, words: str) -> None:
        margin = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
        super().__init__(figsize=size, layout=margin, facecolor=CARD)
        self.words = f"{title}. {words}" if title else words

    def add_subplot(self, *args: Any, **kwargs: Any) -> Axes:
        """As of any figure, on the same ground."""
        axes: Axes = super().add_subplot(*args, **{"facecolor": "none"} | kwargs)
        return axes

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        import ipywidgets

        picture = png(self)
        image = ipywidgets.HTML(
            f'<img class="lab-picture" alt="{escape(self.words)}" '
            f'src="data:image/png;base64,{picture}" style="max-width: 100%; height: auto">'
        )
        shown = dict(image._repr_mimebundle_() or {})
        return shown | {"text/plain": self.words, "image/png": picture}


def png(figure: Figure) -> str:
    """The figure as a PNG in base64, without the version of what drew it."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return b64encode(buffer.getvalue()).decode()


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows as named tuples, whose fields the type checker takes on trust."""
    return iter(frame.itertuples())


def seconds(value: float) -> str:
    """`value` in three significant digits, or whole from a thousand on; the unit is not added."""
    return f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"


def listed(values: Iterable[float]) -> str:
    """Several `seconds`, with commas between."""
    return ", ".join(map(seconds, values))


def shortened(name: str, longest: int = 24) -> str:
    """`name`, or its beginning and an ellipsis if it has more than `longest` letters."""
    return name if len(name) <= longest else name[: longest - 1] + "…"


def name_rows(axes: Axes, names: Iterable[object]) -> None:
    """Rows 0, 1 ... from the top, each with its name, on one line and cut to fit the margin."""
    labels = [shortened(" ".join(str(name).split())) for name in names]
    axes.set_yticks(range(len(labels)), labels, parse_math=False)  # a `$` in a name is a `$`
    axes.set_ylim(max(len(labels), 1) - 0.4, -0.6)


def swatches(outcomes: Iterable[str]) -> dict[str, Any]:
    """For a legend: of each outcome its colour and hatching, and its mark beside them."""
    return {
        outcome: (
            Patch(facecolor=style["color"], hatch=style["hatch"], edgecolor="white", linewidth=0),
            Line2D([], [], ls="", c=style["color"], marker=style["marker"], mec="white", ms=9),
        )
        for outcome, style in OUTCOMES.items()
        if outcome in set(outcomes)
    }


def add_legend(
    figure: Figure,
    handles: Mapping[str, Any],
    place: Literal["outside upper right", "outside lower right"] = "outside upper right",
) -> None:
    """One line of `handles`, by their labels, outside the axes."""
    marks: list[Any] = list(handles.values())
    figure.legend(
        marks,
        list(handles),
        loc=place,
        ncols=max(len(handles), 1),
        frameon=False,
        handlelength=2.6,
        handler_map={tuple: HandlerTuple(ndivide=None)},
    )


def tidy(axes: Axes, title: str) -> None:
    """The title to the left, and no lines where there is nothing to read off."""
    axes.set_title(title, loc="left", parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
