"""The states of one circuit breaker over time, and the calls that met them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from resilience_lab.plots.style import Picture

if TYPE_CHECKING:
    import pandas as pd

BANDS: dict[str, dict[str, Any]] = {
    "CLOSED": {"facecolor": "#009E73", "hatch": ""},
    "OPEN": {"facecolor": "#D55E00", "hatch": "//"},
    "HALF_OPEN": {"facecolor": "#E69F00", "hatch": ".."},
}
MARKS: dict[str, dict[str, Any]] = {
    "answered": {"marker": "o", "color": "#0072B2"},
    "failed": {"marker": "X", "color": "#000000"},
    "blocked": {"marker": "|", "color": "#555555"},
    "ignored": {"marker": "D", "color": "#CC79A7"},
}
_FATES = {"SUCCESS": "answered", "FAILURE": "failed", "NEUTRAL": "ignored"}


def breaker_calls(frame: pd.DataFrame) -> pd.DataFrame:
    """The calls in `frame` (from `Recorder.to_frame`) and what became of them.

    Columns: time (seconds) and fate, one of answered, failed, blocked, ignored.
    """
    calls = frame[frame["event"].isin(["CallFinished", "CallRejected"])]
    fates = calls.get("outcome", calls["event"]).map(_FATES).fillna("blocked")
    return calls[["time"]].assign(fate=fates).reset_index(drop=True)


def breaker_bands(frame: pd.DataFrame) -> list[tuple[float, float, str]]:
    """The breaker's states as (start, end, state), from the first event to the last."""
    if frame.empty:
        return []
    changes = frame[frame["event"] == "StateChanged"]
    start, end = float(frame["time"].iloc[0]), float(frame["time"].iloc[-1])
    times = [start, *changes["time"], end]
    states = [*changes.get("before", changes["event"])[:1], *changes.get("after", [])] or ["CLOSED"]
    return [
        (times[i], times[i + 1], str(state))
        for i, state in enumerate(states)
        if times[i + 1] > times[i] or len(states) == 1
    ]


def breaker_summary(frame: pd.DataFrame) -> str:
    """What `breaker_timeline` shows, in one line."""
    fates = breaker_calls(frame)["fate"].value_counts()
    counts = ", ".join(f"{fates.get(fate, 0)} {fate}" for fate in MARKS)
    seconds = dict.fromkeys(BANDS, 0.0)
    for start, end, state in breaker_bands(frame):
        seconds[state] += end - start
    spent = ", ".join(f"{state} {length:g} s" for state, length in seconds.items())
    return f"{int(fates.sum())} calls: {counts}. Time: {spent}."


def breaker_timeline(frame: pd.DataFrame, title: str = "") -> Figure:
    """The states of one breaker as bands, and on them each call, in the row of its fate."""
    figure = Picture((9, 2.6), title, breaker_summary(frame))
    axes = figure.add_subplot()
    rows = list(MARKS)[::-1]
    band: dict[str, Any] = {"alpha": 0.28, "edgecolor": "white"}
    for start, end, state in breaker_bands(frame):
        axes.axvspan(start, end, **band, **BANDS[state])
    for fate, calls in breaker_calls(frame).groupby("fate"):
        row = [rows.index(str(fate))] * len(calls)
        axes.scatter(calls["time"], row, s=42, zorder=3, **MARKS[str(fate)])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("seconds")
    axes.set_title(title, loc="left")
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    legend = [Patch(label=state, **band, **style) for state, style in BANDS.items()]
    figure.legend(handles=legend, loc="outside upper right", ncols=len(BANDS), frameon=False)
    return figure
