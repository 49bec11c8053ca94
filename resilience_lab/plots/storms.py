"""Retry storms: what many clients do to a service, and what is left of it.

The frames come from `resilience_lab.simulation`: `contention`, `retry_strategies`, `collapse` and
`metastable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from resilience_lab.plots.delays import KINDS
from resilience_lab.plots.style import OUTCOMES, Picture, add_legend, rows_of, seconds, tidy

if TYPE_CHECKING:
    import pandas as pd

LAST = 20
"""Seconds at the end of a run by which it is judged."""

_NO_BACKOFF: dict[str, Any] = {"color": "#D55E00", "marker": "X"}
_PUBLISHED: dict[str, Any] = {"ls": "", "marker": "o", "mfc": "none", "mec": "black", "ms": 11}
_STRATEGIES: dict[str, dict[str, Any]] = {
    "no_retries": {"color": "#555555", "marker": "s"},
    "three_retries": {"color": "#D55E00", "marker": "X"},
    "token_bucket": {"color": "#0072B2", "marker": "o"},
    "breaker": {"color": "#009E73", "marker": "D"},
}
_SENT: dict[str, Any] = {"color": OUTCOMES["failed"]["color"], "linestyle": "--"}
_GOODPUT: dict[str, Any] = {"color": OUTCOMES["success"]["color"], "linestyle": "-"}
_TROUBLE: dict[str, Any] = {"color": "#DDDDDD"}


# Contention


def contention_curves(
    frame: pd.DataFrame, published: pd.DataFrame | None = None, title: str = ""
) -> Figure:
    """Two panels over the number of clients: the calls, and the time until all have succeeded.

    Each kind is a line. Both scales are logarithmic, for the kinds differ by a factor of thirty.

    Parameters
    ----------
    frame
        From `contention`.
    published
        The same columns, drawn as black rings; None for none.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    figure = Picture((9, 4), title, contention_summary(frame))
    handles: dict[str, Any] = {}
    panels = {"calls": ("calls", 1.0), "time_ms": ("seconds until all have succeeded", 1000.0)}
    for axes, column in zip(figure.subplots(1, 2), panels, strict=True):
        label, unit = panels[column]
        for kind, part in frame.groupby("kind", sort=False):
            look = KINDS.get(str(kind), _NO_BACKOFF)
            (handles[_words(kind)],) = axes.plot(part["clients"], part[column] / unit, ms=5, **look)
        if published is not None:
            values = published[column] / unit
            (handles["published"],) = axes.plot(published["clients"], values, **_PUBLISHED)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("clients")
        tidy(axes, label)
    figure.suptitle(title, x=0.01, ha="left", parse_math=False)
    add_legend(figure, handles, "outside lower right")
    return figure


def contention_summary(frame: pd.DataFrame) -> str:
    """What `contention_curves` shows, in words.

    Parameters
    ----------
    frame
        From `contention`.

    Returns
    -------
    str
        A line for each kind, for its fewest and most clients.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"clients": [100], "kind": "full", "calls": [796.3], "time_ms": [4920.0]}
    >>> print(contention_summary(pd.DataFrame(row)))
    full: 100 clients make 796 calls in 4.92 s.
    """
    lines = []
    for kind, part in frame.groupby("kind", sort=False):
        ends = part.sort_values("clients").iloc[[0, -1]].drop_duplicates("clients")
        told = (
            f"{row.clients} clients make {row.calls:.0f} calls in {seconds(row.time_ms / 1000)} s"
            for row in rows_of(ends)
        )
        lines.append(f"{kind}: {', '.join(told)}.")
    return "\n".join(lines)


# Strategies


def strategy_tradeoff(frame: pd.DataFrame, title: str = "") -> Figure:
    """The success of each strategy against the load that it makes, a point for each failure rate f.

    Up is good for the user, left for the service.

    Parameters
    ----------
    frame
        From `retry_strategies`.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    figure = Picture((9, 4), title, strategy_summary(frame))
    axes = figure.add_subplot()
    handles: dict[str, Any] = {}
    for strategy, part in frame.groupby("strategy", sort=False):
        look = _STRATEGIES[str(strategy)]
        (handles[_words(strategy)],) = axes.plot(part["load"], part["success"], ms=6, **look)
    dearest = frame.loc[frame.groupby("f")["load"].idxmax()]
    for row in rows_of(dearest):
        place: dict[str, Any] = {"textcoords": "offset points", "ha": "center"}
        axes.annotate(f"{row.f:g}", (row.load, row.success), (0, 7), **place)
    axes.margins(x=0.08, y=0.08)
    axes.set_xlabel("load: tries in % of the first tries (numbers in the picture: failure rate)")
    axes.set_ylabel("success in %")
    tidy(axes, title)
    add_legend(figure, handles)
    return figure


def strategy_summary(frame: pd.DataFrame) -> str:
    """What `strategy_tradeoff` shows, in words.

    Parameters
    ----------
    frame
        From `retry_strategies`.

    Returns
    -------
    str
        A line for each strategy, by failure rate f.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"f": [0.2], "strategy": "three_retries", "success": [99.8], "load": [125.0]}
    >>> print(strategy_summary(pd.DataFrame(row)))
    Success/load in %:
    three retries: 100/125 (f=0.2).
    """
    lines = ["Success/load in %:"]
    for strategy, part in frame.groupby("strategy", sort=False):
        told = (f"{row.success:.0f}/{row.load:.0f} (f={row.f:g})" for row in rows_of(part))
        lines.append(f"{_words(strategy)}: {', '.join(told)}.")
    return "\n".join(lines)


# Collapse and metastability


def goodput_over_time(
    runs: Mapping[str, pd.DataFrame], trouble: tuple[float, float], title: str = ""
) -> Figure:
    """A panel for each of several runs: what is sent in each second, and the goodput.

    Parameters
    ----------
    runs
        A frame for each name, from `metastable` or `collapse`; of the latter's runs each is a faint
        line.
    trouble
        From when to when something was wrong, in seconds.
    title
        What stands above the picture.

    Returns
    -------
    Figure
        A picture that a notebook shows with alternative text.
    """
    figure = Picture((9, 0.8 + 1.5 * len(runs)), title, goodput_summary(runs))
    panels = figure.subplots(len(runs), sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, frame) in zip(panels, runs.items(), strict=True):
        axes.axvspan(*trouble, **_TROUBLE)
        _draw_runs(axes, frame)
        axes.set_ylabel("per second")
        tidy(axes, f"{title}: {name}" if title else name)
    panels[-1].set_ylim(bottom=0)  # after all are drawn: they share it
    panels[-1].set_xlabel("seconds")
    handles = {
        "sent": Line2D([], [], **_SENT),
        "answered in time": Line2D([], [], **_GOODPUT),
        "trouble": Patch(**_TROUBLE),
    }
    add_legend(figure, handles, "outside lower right")
    return figure


def goodput_summary(runs: Mapping[str, pd.DataFrame]) -> str:
    """What `goodput_over_time` shows, in words.

    Parameters
    ----------
    runs
        A frame for each name, from `metastable` or `collapse`.

    Returns
    -------
    str
        A line for each, about the last `LAST` seconds.

    Examples
    --------
    >>> from resilience_lab.simulation import metastable
    >>> print(goodput_summary({"calm": metastable(100, outage=0, duration=30)}))
    calm: at the end 100 sent and 100 answered in time, a second.
    """
    return "\n".join(f"{name}: {_ending(frame)}" for name, frame in runs.items())


def _ending(frame: pd.DataFrame) -> str:
    end = frame[frame["t"] > frame["t"].max() - LAST]
    sent, goodput = end[_sent(frame)].mean(), end["goodput"].mean()
    told = f"at the end {seconds(sent)} sent and {seconds(goodput)} answered in time, a second."
    if "run" not in frame:
        return told
    dead = end.groupby("run")["goodput"].sum() == 0
    return f"{dead.sum()} of {dead.size} runs collapse; on average {told}"


def _draw_runs(axes: Axes, frame: pd.DataFrame) -> None:
    faint = 0.35 if "run" in frame else 1.0
    for run in _single_runs(frame):
        axes.step(run["t"], run[_sent(frame)], where="post", alpha=faint, **_SENT)
        axes.step(run["t"], run["goodput"], where="post", alpha=faint, **_GOODPUT)


def _single_runs(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    if "run" not in frame:
        yield frame
        return
    for _, run in frame.groupby("run"):
        yield run


def _sent(frame: pd.DataFrame) -> str:
    return "sent" if "sent" in frame else "offered"


def _words(identifier: Any) -> str:
    return str(identifier).replace("_", " ")
