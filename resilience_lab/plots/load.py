"""Load over time: what a service was offered and what it answered, second by second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from resilience_lab.plots.style import OUTCOMES, Picture, rows_of, tidy

if TYPE_CHECKING:
    import pandas as pd

_LOOKS = (
    {"color": "#777777", "linestyle": "--"},
    {"color": OUTCOMES["success"]["color"], "linestyle": "-"},
    {"color": OUTCOMES["failed"]["color"], "linestyle": ":"},
    {"color": OUTCOMES["cancelled"]["color"], "linestyle": "-."},
)
"""Each line differs in its dashes too, so that grey prints do."""


def load_over_time(
    frames: Sequence[pd.DataFrame], capacity: float, outage: tuple[float, float], title: str = ""
) -> Figure:
    """Two panels with a line for each frame: the calls offered in each second, and the answers.

    Parameters
    ----------
    frames
        Up to four, each from `StormStory.to_frame()`.
    capacity
        How many answers a second the service can give.
    outage
        From when to when the service was down, in seconds.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.

    Raises
    ------
    ValueError
        For more frames than there are lines.
    """
    if len(frames) > len(_LOOKS):
        raise ValueError(f"frames must be at most {len(_LOOKS)}, got {len(frames)}")
    figure = Picture((9, 4.5), title, " ".join(map(load_summary, frames)))
    panels = figure.subplots(2, sharex=True)
    for axes, column in zip(panels, ("offered", "answered"), strict=True):
        axes.axvspan(*outage, color="#DDDDDD")
        axes.axhline(capacity, color="black", linewidth=0.8)
        for frame, look in zip(frames, _LOOKS, strict=False):
            axes.step(frame["t"], frame[column], where="post", label=_name(frame), **look)
        axes.set_ylabel(f"{column} per second")
        axes.set_ylim(bottom=0)
        tidy(axes, "")
    panels[0].set_title(title, loc="left", parse_math=False)
    panels[1].set_xlabel("seconds (grey: the outage; black line: the service's capacity)")
    panels[0].legend(frameon=False)
    return figure


def load_summary(frame: pd.DataFrame) -> str:
    """One frame of `load_over_time` in words.

    Parameters
    ----------
    frame
        From `StormStory.to_frame()`.

    Returns
    -------
    str
        One line: the tactics, how much was offered and answered, and the peak.

    Examples
    --------
    >>> import pandas as pd
    >>> columns = {"t": [0, 1], "offered": [9, 3], "answered": [2, 3], "tactics": "no retries"}
    >>> print(load_summary(pd.DataFrame(columns)))
    no retries: 12 calls, 5 answered; at most 9 in a second, at 0 s.
    """
    peak = max(rows_of(frame), key=lambda row: row.offered)
    return (
        f"{_name(frame)}: {frame['offered'].sum()} calls, {frame['answered'].sum()} answered; "
        f"at most {peak.offered} in a second, at {peak.t} s."
    )


def _name(frame: pd.DataFrame) -> str:
    return str(frame["tactics"].iloc[0])
