"""The calls that reach each of several services, one behind the other, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from resilience_lab.ground.wording import count
from resilience_lab.plots.style import OUTCOMES, Picture, add_legend, rows_of, swatches, tidy

if TYPE_CHECKING:
    import pandas as pd

FATES = {"answered": "success", "failed": "failed", "cut_off": "cancelled"}
"""What becomes of a call that reaches a service: the frame's columns, and how each looks."""


def fate_words(layer: Any) -> str:
    """The calls to one service, and what became of them: a row of the frame, or a `Layer`."""
    counts = {fate.replace("_", " "): getattr(layer, fate) for fate in FATES}
    told = ", ".join(f"{number} {fate}" for fate, number in counts.items() if number)
    rejected = f"; {layer.rejected} rejected on the way" if layer.rejected else ""
    return f"{count(layer.calls, 'call')}{f' ({told})' if told else ''}{rejected}"


def composition_summary(layers: Iterable[Any]) -> str:
    """What `composition_calls` shows, in words.

    Parameters
    ----------
    layers
        The services from the top: rows of the frame of `CompositionStory.to_frame`, or `Layer`s.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"service": ["service 1"], "link": "retry", "calls": 4, "rejected": 0}
    >>> fates = {"answered": 1, "failed": 3, "cut_off": 0}
    >>> print(composition_summary(pd.DataFrame(row | fates).itertuples()))
    service 1 under retry: 4 calls (1 answered, 3 failed).
    """
    return " ".join(f"{row.service} under {row.link}: {fate_words(row)}." for row in layers)


def composition_calls(frame: pd.DataFrame, title: str = "") -> Figure:
    """A bar for each service, from the top: the calls that reached it, by what became of them.

    Parameters
    ----------
    frame
        One row for each service, from `CompositionStory.to_frame()`.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    figure = Picture((9, 1.5 + 0.6 * len(frame)), title, composition_summary(rows_of(frame)))
    axes = figure.add_subplot()
    rows = range(len(frame))
    ends = frame["calls"] * 0
    for fate, outcome in FATES.items():
        look = {key: OUTCOMES[outcome][key] for key in ("color", "hatch")}
        axes.barh(rows, frame[fate], left=ends, height=0.6, edgecolor="white", **look)
        ends = ends + frame[fate]
    for row, layer in zip(rows, rows_of(frame), strict=True):
        end: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
        axes.annotate(fate_words(layer), (layer.calls, row), (6, 0), **end)
    labels = [f"{layer.service}\nunder {layer.link}" for layer in rows_of(frame)]
    axes.set_yticks(rows, labels)
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set_xlim(0, max(1, frame["calls"].max()) * 1.6)  # room for the words
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("calls")
    tidy(axes, title)
    marks = swatches(FATES.values())
    add_legend(figure, {fate.replace("_", " "): marks[FATES[fate]] for fate in FATES})
    return figure
