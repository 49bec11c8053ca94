"""Attempts and the waits between them, as `Recorder.watch` saw them, whatever did the retrying."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from resilience_lab.ground.wording import count
from resilience_lab.plots.style import (
    OUTCOMES,
    Picture,
    add_legend,
    listed,
    name_rows,
    rows_of,
    seconds,
    swatches,
    tidy,
)

_WAIT: dict[str, Any] = {"color": "#555555", "linewidth": 1.4, "linestyle": (0, (2, 1.5))}
_INSTANT = 1e-9  # seconds: less is the rounding of a sum of floats, not a wait
_LISTED = 8  # waits that the summary names one by one
_POINTS_ACROSS = 480.0  # of the axes, at least: what the labels of a row share
_POINTS_A_LETTER = 5.5
_HALF = 0.25  # of the bars' height, in rows
_NOTE: dict[str, Any] = {"textcoords": "offset points", "ha": "center"}


def attempt_spans(frame: pd.DataFrame) -> pd.DataFrame:
    """The attempts of watched functions, in the order in which they started.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.

    Returns
    -------
    DataFrame
        Columns: source, attempt (counted from 1), start and end (seconds), outcome: success, failed
        or cancelled, or running for an attempt that has not ended when the frame does.
    """
    begun = frame[frame["event"] == "AttemptStarted"]
    ended = frame[frame["event"] == "AttemptFinished"]
    spans = [
        (row.source, row.attempt, row.started, row.time, row.outcome) for row in rows_of(ended)
    ]
    running = Counter((row.source, row.attempt, row.time) for row in rows_of(begun))
    running.subtract(span[:3] for span in spans)
    spans += [(*key, frame["time"].max(), "running") for key in (+running).elements()]
    columns = ["source", "attempt", "start", "end", "outcome"]
    table = pd.DataFrame(spans, columns=columns).astype({"attempt": int})
    return table.sort_values("start", kind="stable", ignore_index=True)


def attempt_waits(frame: pd.DataFrame) -> pd.DataFrame:
    """The waits: the times between two attempts of one source in which none was running.

    What a caller did between two calls of its own looks the same from here: watch each call under a
    name of its own to tell them apart.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.

    Returns
    -------
    DataFrame
        Columns: source, start, end and wait (all in seconds).
    """
    waits = []
    for source, spans in attempt_spans(frame).groupby("source", sort=False):
        last_end = spans["end"].cummax()
        for start, end in zip(last_end[:-1], spans["start"][1:], strict=True):
            if end - start > _INSTANT:
                waits.append((source, start, end, end - start))
    return pd.DataFrame(waits, columns=["source", "start", "end", "wait"])


def attempt_summary(frame: pd.DataFrame) -> str:
    """What `attempt_timeline` shows, in words.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.

    Returns
    -------
    str
        One line for each source.

    Examples
    --------
    >>> from resilience_lab import Backoff, Recorder, Retry, run_virtual
    >>> async def fail():
    ...     raise ConnectionError
    >>> async def main(recorder):
    ...     try:
    ...         await Retry(2, Backoff(1.0, jitter="none")).call(recorder.watch(fail, "gpt4"))
    ...     except ConnectionError:
    ...         return attempt_summary(recorder.to_frame())
    >>> print(run_virtual(main, Recorder()))
    gpt4: 3 attempts (3 failed) in 3 s; waits 1, 2 s, 3 s in all.
    """
    waits = attempt_waits(frame)
    lines = [
        _one_source(str(source), spans, waits.loc[waits["source"] == source, "wait"].tolist())
        for source, spans in attempt_spans(frame).groupby("source", sort=False)
    ]
    return "\n".join(lines) or "0 attempts."


def _one_source(source: str, spans: pd.DataFrame, waits: list[float]) -> str:
    outcomes = spans["outcome"].value_counts()
    counts = ", ".join(f"{outcomes[word]} {word}" for word in OUTCOMES if word in outcomes)
    more = ", ..." if len(waits) > _LISTED else ""
    waited = f"waits {listed(waits[:_LISTED])}{more} s, {seconds(sum(waits))} s in all"
    elapsed = seconds(spans["end"].max() - spans["start"].min())
    attempts = count(len(spans), "attempt")
    return f"{source}: {attempts} ({counts}) in {elapsed} s; {waited if waits else 'no wait'}."


def attempt_timeline(frame: pd.DataFrame, title: str = "") -> Figure:
    """A row for each source: its attempts as bars with their numbers, the waits as dashed lines.

    A mark at the end of each bar tells the outcome; an attempt that took no time is the mark alone.
    Attempts that ran at the same time share the height of the row. Numbers and lengths are written
    where there is room; `attempt_summary` has the exact ones.

    Parameters
    ----------
    frame
        Events, from `Recorder.to_frame()`.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    spans, waits = attempt_spans(frame), attempt_waits(frame)
    rows = {source: row for row, source in enumerate(spans["source"].unique())}
    size = (9, 1.7 + 0.75 * max(len(rows), 1))
    figure = Picture(size, title, attempt_summary(frame))
    axes = figure.add_subplot()
    axes.use_sticky_edges = False  # bars too keep their distance from the axis
    axes.margins(x=0.02)
    points = _POINTS_ACROSS / (float(spans["end"].max() - spans["start"].min()) or 1.0)
    for source, row in rows.items():
        _draw_waits(axes, waits[waits["source"] == source], row, points)
        _draw_attempts(axes, spans[spans["source"] == source], row)
        _number_attempts(axes, spans[spans["source"] == source], row, points)
    name_rows(axes, rows)
    axes.set_xlabel("seconds")
    tidy(axes, title)
    handles = swatches(spans["outcome"])
    add_legend(figure, handles if waits.empty else handles | {"wait": Line2D([], [], **_WAIT)})
    return figure


def _draw_waits(axes: Axes, waits: pd.DataFrame, row: int, points: float) -> None:
    axes.hlines([row] * len(waits), waits["start"], waits["end"], zorder=1, **_WAIT)
    for start, end, wait in zip(waits["start"], waits["end"], waits["wait"], strict=True):
        text = f"{seconds(wait)} s"
        if wait * points >= (len(text) + 1) * _POINTS_A_LETTER:
            middle = ((start + end) / 2, row)
            axes.annotate(text, middle, (0, -4), va="top", size=9, **_NOTE)


def _draw_attempts(axes: Axes, spans: pd.DataFrame, row: int) -> None:
    lanes = _lanes(spans)
    height = 2 * _HALF / (max(lanes) + 1)
    for lane, span in zip(lanes, rows_of(spans), strict=True):
        style = OUTCOMES[span.outcome]
        look = {"color": style["color"], "edgecolor": "white"}
        top, middle = row - _HALF + height * lane, row - _HALF + height * (lane + 0.5)
        length = span.end - span.start
        axes.barh(middle, length, height, span.start, hatch=style["hatch"], linewidth=0, **look)
        if length:  # a bar too short for a pixel is still seen
            axes.vlines(span.start, top, top + height, color=style["color"], linewidth=1.2)
        axes.scatter([span.end], [middle], s=75, marker=style["marker"], zorder=3, **look)


def _number_attempts(axes: Axes, spans: pd.DataFrame, row: int, points: float) -> None:
    free = float("-inf")  # where the next number may begin, in points
    for start, attempt in zip(spans["start"], spans["attempt"], strict=True):
        width = (len(str(attempt)) + 1) * _POINTS_A_LETTER
        left = start * points - width / 2
        if left >= free:
            free = left + width
            axes.annotate(str(attempt), (start, row - _HALF), (0, 3), size=8, **_NOTE)


def _lanes(spans: pd.DataFrame) -> list[int]:
    """For each attempt the first lane that is free when it starts."""
    free_from: list[float] = []
    lanes = []
    for start, end in zip(spans["start"], spans["end"], strict=True):
        lane = next((i for i, free in enumerate(free_from) if free <= start), len(free_from))
        free_from[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes
