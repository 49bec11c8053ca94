"""A short spike of load, and a service that may never recover from it.

The more requests a server works on at once, the longer each takes. Clients give up after a while
and try again, but the server does not know and works on in vain. Once it is slow enough, all of
its work is in vain: the load would be bearable, but the retries are not. (Marc Brooker,
"simple_collapse_sim", in mbrooker/simulator_example on GitHub, 2022.)

Time goes on by whole seconds, for all runs together. The server needs more than a second for each
request, so which ones it finishes within a second is known before that second begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from resilience_lab.ground.arguments import non_negative, whole
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.retry import Retry
from resilience_lab.simulation.delays import draw

SECONDS = 80
"""How long a run is."""
LOAD, SPIKE_LOAD, SPIKE_AT = 40.0, 80.0, 20.0
"""New requests a second, the same during the spike, and when it begins, in seconds."""
TIMEOUT = 3.0
"""Seconds after which a client gives a try up."""
HOP = 0.1
"""The mean of one way over the network, in seconds, exponentially distributed."""
SERVICE, SLOPE = 1.0, 0.01
"""Seconds of work for a request, and how many more for each one that the server works on."""

STRATEGIES: dict[str, Retry] = {
    "no_backoff": Retry(2, Backoff(0, jitter="none")),
    "backoff_jitter": Retry(2, Backoff(20, max_delay=40, jitter="full")),
    "single_try": Retry(0),
}
"""What clients do about a try that timed out."""

TRIES = 1 + max(retry.max_retries or 0 for retry in STRATEGIES.values())
"""How many tries are provided for."""


def collapse(
    spike_width: float = 5.0, strategy: str = "no_backoff", runs: int = 30, seed: int = 0
) -> pd.DataFrame:
    """The load on a server and what comes of it, before, during and after a spike.

    Parameters
    ----------
    spike_width
        How long the spike lasts, in seconds, >= 0.
    strategy
        One of `STRATEGIES` (no_backoff, backoff_jitter, single_try): what follows a timeout.
    runs
        How many runs, >= 1.
    seed
        An int >= 0; with the same one all strategies meet the same new requests and network.

    Returns
    -------
    DataFrame
        `SECONDS` rows for each run. Columns: run (0, 1 ...), t (0, 1 ... seconds), offered and
        goodput: the tries sent, retries included, and the answers that came in time, in the second
        after t. A run has collapsed if its goodput is 0 from t = 60 on.

    Notes
    -----
    Marc Brooker, "simple_collapse_sim", mbrooker/simulator_example on GitHub, 2022.

    Examples
    --------
    >>> bool(collapse(0.0, "single_try", runs=1)["goodput"].iloc[60:].sum() > 0)
    True
    """
    non_negative("spike_width", spike_width)
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}; got {strategy!r}")
    whole("runs", runs, at_least=1)
    rng = np.random.default_rng(whole("seed", seed, at_least=0))
    retry = STRATEGIES[strategy]
    requests = draw_requests(spike_width, retry.backoff, runs, rng)
    sent, answered = play(requests, retry.max_retries or 0)
    return pd.DataFrame(
        {
            "run": np.repeat(np.arange(runs), SECONDS),
            "t": np.tile(np.arange(SECONDS), runs),
            "offered": _per_second(requests.run, sent, runs),
            "goodput": _per_second(requests.run, answered, runs),
        }
    )


@dataclass(frozen=True)
class Requests:
    """All that is left to chance, drawn beforehand: so the strategies meet the same luck.

    `run` and `begin` (seconds) have an item for each new request; `out` and `back` (the hops) and
    `wait` (after a try that timed out) have a row for each request and a column for each try.
    """

    run: Any
    begin: Any
    out: Any
    back: Any
    wait: Any


def draw_requests(
    spike_width: float, backoff: Backoff, runs: int, rng: np.random.Generator
) -> Requests:
    """The new requests of all runs, a Poisson process each."""
    moments = np.cumsum([0.0, SPIKE_AT, spike_width, SECONDS])
    expected = np.cumsum([0.0, SPIKE_AT * LOAD, spike_width * SPIKE_LOAD, SECONDS * LOAD])
    mean = np.interp(SECONDS, moments, expected)
    run = np.repeat(np.arange(runs), rng.poisson(mean, runs))
    begin = np.interp(rng.uniform(0, mean, run.size), expected, moments)
    out, back = rng.exponential(HOP, (2, run.size, TRIES))
    wait = np.empty(out.shape)
    previous = np.full(run.size, backoff.base_delay)
    for n in range(TRIES):
        previous = wait[:, n] = draw(backoff, np.full(run.size, n), previous, rng)
    return Requests(run, begin, out, back, wait)


def play(requests: Requests, retries: int) -> tuple[Any, Any]:
    """When each try is sent, and when it is answered in time; infinity for what never happens.

    Both have a row for each request and a column for each try.
    """
    run = np.repeat(requests.run, TRIES)
    out, back, wait = (luck.ravel() for luck in (requests.out, requests.back, requests.wait))
    send, arrive, end, answer = np.full((4, run.size), np.inf)
    send[::TRIES] = requests.begin
    arrive[::TRIES] = requests.begin + out[::TRIES]
    coming = np.arange(0, run.size, TRIES)  # tries on their way to the server
    inside = coming[:0]  # tries that it works on
    busy = np.zeros(run[-1] + 1, dtype=np.intp)  # how many these are in each run

    for second in range(1, SECONDS + 1):
        now, coming = _split(coming, arrive, second)
        gone, inside = _split(inside, end, second)
        concurrency = _enter(busy, run[now], arrive[now], run[gone], end[gone])
        end[now] = arrive[now] + SERVICE + SLOPE * concurrency
        inside = np.append(inside, now)
        reply = end[now] + back[now]
        in_time = reply < send[now] + TIMEOUT
        answer[now[in_time]] = reply[in_time]
        late = now[~in_time & (now % TRIES < retries)]
        again = late + 1
        send[again] = send[late] + TIMEOUT + wait[late]
        arrive[again] = send[again] + out[again]
        coming = np.append(coming, again)
    return send.reshape(-1, TRIES), answer.reshape(-1, TRIES)


def _split(tries: Any, time: Any, moment: float) -> tuple[Any, Any]:
    """Those whose time comes before the moment, and the others."""
    soon = time[tries] < moment
    return tries[soon], tries[~soon]


def _enter(busy: Any, into: Any, arrive: Any, out_of: Any, end: Any) -> Any:
    """How many requests are in the server as each one arrives, that one included.

    Requests come `into` the servers of some runs and go `out_of` others within a second; `busy`,
    how many are in each, is brought to the end of it.
    """
    run = np.append(into, out_of)
    order = np.argsort(run * SECONDS + np.append(arrive, end))
    run = run[order]
    change = np.where(order < into.size, 1, -1)
    total = np.append(0, change.cumsum())
    first = run.searchsorted(np.arange(busy.size))  # of each run
    inside = np.empty_like(run)
    inside[order] = busy[run] + total[1:] - total[first[run]]
    np.add.at(busy, run, change)
    return inside[: into.size]


def _per_second(run: Any, moments: Any, runs: int) -> Any:
    """How many of the moments fall into each second of each run."""
    within = moments < SECONDS
    second = moments[within].astype(np.intp)
    of_run = np.broadcast_to(run[:, None], moments.shape)[within]
    return np.bincount(of_run * SECONDS + second, minlength=runs * SECONDS)
