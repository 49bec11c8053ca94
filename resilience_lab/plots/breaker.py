"""The states of circuit breakers over time, and the calls that met them.

Every function here draws or counts one breaker by itself, and where a frame has the events of
several, each in turn. `source`, the name of a breaker, chooses one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
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
_CALLS = ["CallFinished", "CallRejected"]
_EVENTS = [*_CALLS, "CallWouldBeRejected", "LeaseExpired", "StateChanged"]


def breaker_calls(frame: pd.DataFrame, source: str | None = None) -> pd.DataFrame:
    """The calls to one or several breakers, and what became of them.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.
    source
        The name of a breaker; None for all in `frame`.

    Returns
    -------
    DataFrame
        Columns: time (seconds) and fate, one of answered, failed, blocked, ignored. If there are
        several breakers, also source, the name of each call's.

    Raises
    ------
    ValueError
        If no breaker has this name.
    """
    names = _sources(frame, source)
    calls = frame[frame["event"].isin(_CALLS) & frame["source"].isin(names)]
    fates = calls.get("outcome", calls["event"]).map(_FATES).fillna("blocked")
    columns = ["time", "source"] if len(names) > 1 else ["time"]
    return calls[columns].assign(fate=fates).reset_index(drop=True)


def breaker_bands(frame: pd.DataFrame, source: str | None = None) -> list[tuple[float, float, str]]:
    """The breaker's states over time, from the first event to the last.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.
    source
        The name of a breaker; None if there is only one in `frame`.

    Returns
    -------
    list of (float, float, str)
        Start and end (seconds), and the state between them.

    Raises
    ------
    ValueError
        If there are several breakers and none is chosen, or none has this name.
    """
    names = _sources(frame, source)
    if len(names) > 1:
        raise ValueError(f"source must be one of {', '.join(names)}; got {source!r}")
    if frame.empty:
        return []
    changes = frame[(frame["event"] == "StateChanged") & frame["source"].isin(names)]
    start, end = float(frame["time"].iloc[0]), float(frame["time"].iloc[-1])
    times = [start, *changes["time"], end]
    states = [*changes.get("before", changes["event"])[:1], *changes.get("after", [])] or ["CLOSED"]
    return [
        (times[i], times[i + 1], str(state))
        for i, state in enumerate(states)
        if times[i + 1] > times[i] or len(states) == 1
    ]


def breaker_summary(frame: pd.DataFrame, source: str | None = None) -> str:
    """What `breaker_timeline` shows, in words.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.
    source
        The name of a breaker; None for all in `frame`.

    Returns
    -------
    str
        One line; for several breakers one line each.

    Raises
    ------
    ValueError
        If no breaker has this name.

    Examples
    --------
    >>> from resilience_lab import CircuitBreaker, Recorder
    >>> recorder = Recorder()
    >>> breaker = CircuitBreaker(failure_threshold=1, on_event=recorder, clock=lambda: 0.0)
    >>> breaker.acquire().failure(ConnectionError("down"))
    >>> print(breaker_summary(recorder.to_frame()).partition(" Time")[0])
    1 calls: 0 answered, 1 failed, 0 blocked, 0 ignored.
    """
    names = _sources(frame, source)
    if len(names) > 1:
        return "\n".join(f"{name}: {breaker_summary(frame, name)}" for name in names)
    fates = breaker_calls(frame, source)["fate"].value_counts()
    counts = ", ".join(f"{fates.get(fate, 0)} {fate}" for fate in MARKS)
    seconds = dict.fromkeys(BANDS, 0.0)
    for start, end, state in breaker_bands(frame, source):
        seconds[state] += end - start
    spent = ", ".join(f"{state} {length:g} s" for state, length in seconds.items())
    return f"{int(fates.sum())} calls: {counts}. Time: {spent}."


def breaker_timeline(frame: pd.DataFrame, title: str = "", source: str | None = None) -> Figure:
    """The states of a breaker as bands, and on them each call, in the row of its fate.

    Several breakers are drawn one above the other, under the same clock.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.
    title
        What stands above the picture.
    source
        The name of a breaker; None for all in `frame`.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.

    Raises
    ------
    ValueError
        If no breaker has this name.
    """
    names = _sources(frame, source)
    figure = Picture((9, 2.6 * max(1, len(names))), title, breaker_summary(frame, source))
    rows = figure.subplots(max(1, len(names)), sharex=True, squeeze=False)
    for number, axes in enumerate(rows[:, 0]):
        _draw(axes, frame, names[number] if names else None)
        if len(names) > 1:
            axes.set_title(names[number], loc="right")
    rows[0, 0].set_title(title, loc="left")
    rows[-1, 0].set_xlabel("seconds")
    legend = [Patch(label=state, **_BAND, **style) for state, style in BANDS.items()]
    figure.legend(handles=legend, loc="outside upper right", ncols=len(BANDS), frameon=False)
    return figure


_BAND: dict[str, Any] = {"alpha": 0.28, "edgecolor": "white"}


def _draw(axes: Axes, frame: pd.DataFrame, source: str | None) -> None:
    rows = list(MARKS)[::-1]
    for start, end, state in breaker_bands(frame, source):
        axes.axvspan(start, end, **_BAND, **BANDS[state])
    for fate, calls in breaker_calls(frame, source).groupby("fate"):
        row = [rows.index(str(fate))] * len(calls)
        axes.scatter(calls["time"], row, s=42, zorder=3, **MARKS[str(fate)])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)


def _sources(frame: pd.DataFrame, source: str | None) -> list[str]:
    """The names of the breakers that are asked for, in the order in which they are heard of."""
    names = [str(name) for name in frame[frame["event"].isin(_EVENTS)]["source"].unique()]
    if source is None:
        return names
    if source not in names:
        raise ValueError(f"source must be one of {', '.join(names) or 'none'}; got {source!r}")
    return [source]
