"""One query's way down a chain of agents, as a waterfall."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resilience_lab.plots.style import (
    OUTCOMES,
    Picture,
    add_legend,
    name_rows,
    rows_of,
    seconds,
    swatches,
    tidy,
)

_SAME_MOMENT = 0.01  # seconds: on a real clock an event is a little later than what it tells
_ROOM = 1.6  # of the whole: what is written beside the last bar needs the rest


def fallback_turns(frame: pd.DataFrame) -> pd.DataFrame:
    """The turns of a chain's agents at the query that was received last.

    Turns at other queries are left out, even if those were under way at the same time, unless they
    were received at the same moment too (within 10 ms).

    Parameters
    ----------
    frame
        Events of one chain, from `Recorder.to_frame()`. Of several chains, choose one:
        `frame[frame["source"] == name]`.

    Returns
    -------
    DataFrame
        One row for each agent of the chain, in order. Columns: agent, level (0 is the primary),
        outcome, calls, start and end (seconds since the query was received). An agent that had no
        turn has the outcome "not asked" ("no result" until the query ends), no calls and NaN for
        times.
    """
    query = _last_query(frame)
    absent = "no result" if _ending(query).empty else "not asked"
    agents = query["agents"].iloc[0] if len(query) else ()
    turns = {
        level: (agent, level, absent, 0, math.nan, math.nan) for level, agent in enumerate(agents)
    }
    for row in rows_of(query[query["event"] == "AgentFinished"]):
        end = row.started + row.duration
        turns[row.level] = (row.agent, row.level, row.outcome, row.calls, row.started, end)
    columns = ["agent", "level", "outcome", "calls", "start", "end"]
    return pd.DataFrame(list(turns.values()), columns=columns).astype(
        {"level": int, "calls": int, "start": float, "end": float}
    )


def _last_query(frame: pd.DataFrame) -> pd.DataFrame:
    """The events of the query received last, `QueryReceived` first; no rows if there is none."""
    received = frame["event"] == "QueryReceived"
    if not received.any():
        return frame[received]
    rows = frame[received.cumsum() == received.sum()]  # from the last one on
    source, moment = str(rows["source"].iloc[0]), float(rows["time"].iloc[0])
    rows = rows[rows["source"] == source]
    # A turn's event says how long after the query it began and how long it took, the query's end
    # how long the query took: so each tells when its query was received.
    spent = rows.reindex(columns=["started", "duration", "elapsed"]).fillna(0.0).sum(axis=1)
    return rows[(rows["time"] - spent - moment).abs() < _SAME_MOMENT]


def _ending(query: pd.DataFrame) -> pd.DataFrame:
    return query[query["event"].isin(["QueryAnswered", "QueryFailed"])]


def fallback_summary(frame: pd.DataFrame) -> str:
    """What `fallback_waterfall` shows, in words.

    Parameters
    ----------
    frame
        Events of one chain, from `Recorder.to_frame()`.

    Returns
    -------
    str
        One line, about the query that was received last.

    Examples
    --------
    >>> from resilience_lab import FallbackOrchestrator, Recorder, ScriptedAgent, run_virtual
    >>> recorder = Recorder()
    >>> chain = FallbackOrchestrator(on_event=recorder)
    >>> agents = ScriptedAgent("gpt4", [(2.0, ConnectionError())]), ScriptedAgent("local", ["yes"])
    >>> _ = run_virtual(chain.execute_with_fallback, "Well?", agents[0], agents[1:])
    >>> print(fallback_summary(recorder.to_frame()))
    gpt4: failed, 2 s; local: success, 0 s. The query: answered at level 1, 2 s.
    """
    turns, query = fallback_turns(frame), _last_query(frame)
    if turns.empty:
        return "No query."
    told = "; ".join(f"{turn.agent}: {_turn_words(turn)}" for turn in rows_of(turns))
    end = _ending(query)
    return f"{told}. The query: {_verdict(end)}."


def _turn_words(turn: Any) -> str:
    """A turn in words: "timeout, 10 s", "failed, 3 calls, 7 s", or "skipped"."""
    if not turn.calls:
        return str(turn.outcome)
    calls = f", {turn.calls} calls" if turn.calls > 1 else ""
    return f"{turn.outcome}{calls}, {seconds(turn.end - turn.start)} s"


def _verdict(end: pd.DataFrame) -> str:
    if end.empty:
        return "no result yet"
    elapsed = seconds(end["elapsed"].iloc[0])
    if end["event"].iloc[0] == "QueryFailed":
        return f"no answer, {elapsed} s"
    return f"answered at level {end['level'].iloc[0]:.0f}, {elapsed} s"


def fallback_waterfall(frame: pd.DataFrame, title: str = "") -> Figure:
    """A row for each agent of the chain, the primary on top: its turn as a bar, and in words.

    A mark ends each bar; a turn that took no time, as a skipped one, is the mark alone. The last
    row is the query as a whole. Which query: see `fallback_turns`.

    Parameters
    ----------
    frame
        Events of one chain, from `Recorder.to_frame()`.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    turns, end = fallback_turns(frame), _ending(_last_query(frame))
    figure = Picture((9, 2.0 + 0.45 * len(turns)), title, fallback_summary(frame))
    axes = figure.add_subplot()
    for row, turn in enumerate(rows_of(turns)):
        if not math.isnan(turn.end):
            _draw_turn(axes, row, turn)
        _write(axes, row, turn.end, _turn_words(turn))
    if len(turns):
        elapsed = end["elapsed"].max()
        axes.barh(len(turns), elapsed, 0.3, color="none", edgecolor="black")
        _write(axes, len(turns), elapsed, _verdict(end))
    name_rows(axes, [*turns["agent"], *["the query"][: len(turns)]])
    longest = max([*turns["end"].dropna(), *end.get("elapsed", [])], default=0.0)
    axes.set_xlim(-0.02 * (longest or 1.0), _ROOM * (longest or 1.0))
    axes.set_xlabel("seconds since the query was received")
    tidy(axes, title)
    add_legend(figure, swatches(turns["outcome"]))
    return figure


def _draw_turn(axes: Axes, row: int, turn: Any) -> None:
    style = OUTCOMES[turn.outcome]
    look = {"color": style["color"], "edgecolor": "white"}
    length = turn.end - turn.start
    axes.vlines(turn.start, max(row - 1, 0), row, color="#999999", linewidth=1, zorder=0)
    axes.barh(row, length, 0.6, turn.start, hatch=style["hatch"], linewidth=0, **look)
    axes.scatter([turn.end], [row], s=75, marker=style["marker"], zorder=3, **look)


def _write(axes: Axes, row: int, end: float, text: str) -> None:
    """To the right of a bar's end; at the left, if there is no bar."""
    start = 0.0 if math.isnan(end) else end
    axes.annotate(text, (start, row), (9, 0), textcoords="offset points", va="center")
