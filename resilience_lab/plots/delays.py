"""Delays before retries: how they are spread, and what they add up to.

The samples come from `simulation.sample_delays`, the closed forms from `simulation.delay_table`: a
frame of one kind of jitter, or frames of several kinds stacked with `pandas.concat`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from resilience_lab.plots.style import Picture, add_legend, listed, seconds, tidy

KINDS: dict[str, dict[str, Any]] = {
    "none": {"color": "#555555", "marker": "s"},
    "full": {"color": "#0072B2", "marker": "o"},
    "equal": {"color": "#E69F00", "marker": "^"},
    "proportional": {"color": "#CC79A7", "marker": "D"},
    "decorrelated": {"color": "#009E73", "marker": "v"},
}
"""Colour (Okabe and Ito) and shape of each kind of jitter."""

Values: TypeAlias = NDArray[np.float64]

_BINS = 25
_WIDTH = 0.8  # of the place that a retry, or the kinds at one number of retries, have
_MOST_SHARES = 30  # across the figure: with more retries there is no room for the percentages
_BOUND: dict[str, Any] = {"color": "black", "linewidth": 1.2}
_MEAN: dict[str, Any] = {
    "marker": "D",
    "color": "white",
    "edgecolor": "black",
    "zorder": 4,
    "clip_on": False,
}
_DELAYS_KEY: dict[str, Any] = {
    "samples": Patch(facecolor="#999999"),
    "bounds": Line2D([], [], **_BOUND),
    "expected mean": Line2D([], [], ls="", marker="D", c="white", mec="black"),
    "share at the cap": Line2D([], [], ls="", marker=r"$\%$", c="black", ms=8, mew=0),
}


def delay_statistics(frame: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """What sampled delays are, beside what the formulas say.

    Parameters
    ----------
    frame
        From `sample_delays`: one kind of jitter, or several stacked.
    table
        From `delay_table`, for the same policies.

    Returns
    -------
    DataFrame
        One row for each retry of each kind of jitter: the columns of `table` (jitter, retry, low,
        high, expected, cap), then samples (their number), mean, p5, p50 and p95 (seconds) and
        at_cap (the share of the samples that equal the cap, from 0 to 1).

    Raises
    ------
    ValueError
        If `table` holds a kind twice: two policies of one kind are two pictures.
    """
    caps = dict(zip(table["jitter"], table["cap"], strict=True))
    found = [
        (kind, n, delays.size, delays.mean(), *_quantiles(delays), np.mean(delays == caps[kind]))
        for kind, n, delays in _by_retry(frame)
    ]
    columns = ["jitter", "retry", "samples", "mean", "p5", "p50", "p95", "at_cap"]
    statistics = pd.DataFrame(found, columns=columns)
    return table.merge(statistics, on=["jitter", "retry"], validate="one_to_one")


def total_waits(frame: pd.DataFrame) -> pd.DataFrame:
    """How long a call has waited in all, after each number of retries.

    Parameters
    ----------
    frame
        From `sample_delays`, with the rows of a sample in the order of its retries; one policy for
        each kind of jitter.

    Returns
    -------
    DataFrame
        Columns: jitter, retries (1, 2 ...), mean, p5, p50 and p95 (seconds, over the samples).

    Examples
    --------
    >>> from resilience_lab import Backoff
    >>> from resilience_lab.simulation import sample_delays
    >>> total_waits(sample_delays(Backoff(1.0, jitter="none"), 3, samples=10))["mean"].tolist()
    [1.0, 3.0, 7.0]
    """
    histories = frame.groupby(["jitter", "sample"], observed=True, sort=False)["delay"]
    found = [
        (kind, n + 1, totals.mean(), *_quantiles(totals))
        for kind, n, totals in _by_retry(frame.assign(delay=histories.cumsum()))
    ]
    return pd.DataFrame(found, columns=["jitter", "retries", "mean", "p5", "p50", "p95"])


def _by_retry(frame: pd.DataFrame) -> Iterator[tuple[str, int, Values]]:
    """The kind of jitter, the retry and its delays, for each retry of each kind."""
    groups: Any = frame.groupby(["jitter", "retry"], observed=True, sort=False)["delay"]
    for (kind, n), delays in groups:
        yield kind, n, delays.to_numpy()


def _quantiles(values: Values) -> Values:
    return np.quantile(values, [0.05, 0.5, 0.95])


def delay_summary(frame: pd.DataFrame, table: pd.DataFrame) -> str:
    """What `delay_distributions` shows, in words.

    Parameters
    ----------
    frame
        From `sample_delays`: one kind of jitter, or several stacked.
    table
        From `delay_table`, for the same policies.

    Returns
    -------
    str
        One line for each kind, the numbers by retry.

    Examples
    --------
    >>> from resilience_lab import Backoff
    >>> from resilience_lab.simulation import delay_table, sample_delays
    >>> fixed = Backoff(1.0, jitter="none")
    >>> print(delay_summary(sample_delays(fixed, 2, samples=10), delay_table(fixed, 2)))
    none, 10 samples: expected 1, 2 s; mean 1, 2 s; p95 1, 2 s; at the cap 0%, 0%.
    """
    lines = [
        f"{kind}, {part['samples'].iloc[0]} samples: expected {listed(part['expected'])} s; "
        f"mean {listed(part['mean'])} s; p95 {listed(part['p95'])} s; "
        f"at the cap {', '.join(map(_percent, part['at_cap']))}."
        for kind, part in delay_statistics(frame, table).groupby("jitter", sort=False)
    ]
    return "\n".join(lines) or "0 samples."


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.01 else f"{share:.0%}"


def cumulative_summary(frame: pd.DataFrame) -> str:
    """What `cumulative_wait` shows, in words.

    Parameters
    ----------
    frame
        From `sample_delays`: one kind of jitter, or several stacked.

    Returns
    -------
    str
        One line for each kind.

    Examples
    --------
    >>> from resilience_lab import Backoff
    >>> from resilience_lab.simulation import sample_delays
    >>> frame = sample_delays(Backoff(1.0, jitter="none"), 2, samples=10)
    >>> print(cumulative_summary(frame))
    none: mean 1, 3 s in all after 1 to 2 retries; the last from 3 s (5%) to 3 s (95%).
    """
    lines = []
    for kind, part in total_waits(frame).groupby("jitter", sort=False):
        last = part.iloc[-1]
        lines.append(
            f"{kind}: mean {listed(part['mean'])} s in all after 1 to {last['retries']} retries; "
            f"the last from {seconds(last['p5'])} s (5%) to {seconds(last['p95'])} s (95%)."
        )
    return "\n".join(lines) or "0 samples."


def delay_distributions(frame: pd.DataFrame, table: pd.DataFrame, title: str = "") -> Figure:
    """For each kind of jitter a panel, and in it for each retry the histogram of its delays.

    The delay runs upwards, the samples to the right (the fullest of 25 bins has the whole width).
    Drawn over it, from the formulas: the least and the greatest delay as lines, the mean as a
    diamond. The share of the samples at the cap is written above. No spread at all is a line.

    Parameters
    ----------
    frame
        From `sample_delays`: one kind of jitter, or several stacked.
    table
        From `delay_table`, for the same policies.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    statistics = delay_statistics(frame, table)
    samples = {(kind, n): delays for kind, n, delays in _by_retry(frame)}
    kinds = list(statistics["jitter"].unique()) or [""]
    lines = 1 if len(kinds) < 4 else 2
    figure = Picture((9, 1.2 + 2.5 * lines), title, delay_summary(frame, table))
    panels = _panels(figure, len(kinds), lines)
    for axes, kind in zip(panels, kinds, strict=True):
        part = statistics[statistics["jitter"] == kind]
        for n, low, high in zip(part["retry"], part["low"], part["high"], strict=True):
            _draw_histogram(axes, n, samples[kind, n], low, high, KINDS[kind]["color"])
        _draw_closed_forms(axes, part)
        if len(kinds) / lines * len(part) <= _MOST_SHARES:
            _write_shares(axes, part)
        tidy(axes, kind)
    panels[0].set_ylim(0, 1.1 * max(statistics["high"], default=0.0) or 1.0)
    figure.supylabel("delay in seconds", size="medium")
    figure.suptitle(title, x=0.01, ha="left", parse_math=False)
    add_legend(figure, _DELAYS_KEY, "outside lower right")
    return figure


def _panels(figure: Figure, count: int, lines: int) -> list[Axes]:
    """`count` panels in one or two lines, with one scale for the delays."""
    columns = math.ceil(count / lines)
    grid = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
    for axes in grid[count - columns : count]:  # there is no panel below them
        axes.set_xlabel("retry (0 is the first)")
    for axes in grid[count:]:
        axes.remove()
    return grid[:count]


def _draw_histogram(
    axes: Axes, n: int, delays: Values, low: float, high: float, color: str
) -> None:
    if low == high:
        axes.hlines(high, n - _WIDTH / 2, n + _WIDTH / 2, color=color, linewidth=5)
        return
    counts, edges = np.histogram(delays[delays < high], bins=_BINS, range=(low, high))
    left = n - _WIDTH / 2
    axes.stairs(
        left + _WIDTH * counts / max(counts.max(), 1),
        edges,
        baseline=left,
        orientation="horizontal",
        fill=True,
        color=color,
        alpha=0.75,
    )


def _draw_closed_forms(axes: Axes, part: pd.DataFrame) -> None:
    left, right = part["retry"] - _WIDTH / 2, part["retry"] + _WIDTH / 2
    for bound in ("low", "high"):
        axes.hlines(part[bound], left, right, **_BOUND)
    axes.scatter(part["retry"], part["expected"], s=26, **_MEAN)
    _number(axes, part["retry"])


def _write_shares(axes: Axes, part: pd.DataFrame) -> None:
    for n, high, share in zip(part["retry"], part["high"], part["at_cap"], strict=True):
        if 0 < share < 1:  # all at the cap: the line says so
            axes.annotate(
                _percent(share), (n, high), (0, 4), textcoords="offset points", ha="center", size=8
            )


def _number(axes: Axes, retries: pd.Series[int]) -> None:
    """Whole numbers along the axis, each in the middle of its place."""
    axes.set_xlim(min(retries, default=0) - 0.6, max(retries, default=0) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def cumulative_wait(frame: pd.DataFrame, title: str = "") -> Figure:
    """The total wait after each number of retries, the kinds of jitter side by side.

    A mark is the mean; the bar reaches from the 5th to the 95th percentile of the calls.

    Parameters
    ----------
    frame
        From `sample_delays`: one kind of jitter, or several stacked.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    waits = total_waits(frame)
    kinds = list(waits["jitter"].unique())
    step = _WIDTH / max(len(kinds), 1)
    figure = Picture((9, 3.8), title, cumulative_summary(frame))
    axes = figure.add_subplot()
    handles = {}
    for place, kind in enumerate(kinds):
        part, look = waits[waits["jitter"] == kind], KINDS[kind]
        x = part["retries"] + (place + 0.5) * step - _WIDTH / 2
        axes.bar(
            x,
            part["p95"] - part["p5"],
            step * 0.6,
            part["p5"],
            color=look["color"],
            alpha=0.45,
            edgecolor=look["color"],
        )
        handles[kind] = axes.scatter(
            x, part["mean"], s=34, zorder=3, edgecolor="black", clip_on=False, **look
        )
    for n in waits["retries"].unique()[1:]:
        axes.axvline(n - 0.5, color="#dddddd", linewidth=1, zorder=0)
    _number(axes, waits["retries"])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("number of retries")
    axes.set_ylabel("total wait in seconds")
    tidy(axes, title)
    band = Patch(facecolor="#cccccc", edgecolor="#777777")
    add_legend(figure, handles | {"5-95% of the calls": band})
    return figure
