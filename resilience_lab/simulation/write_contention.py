"""A hundred clients, one row: what jitter is for.

Every client wants to write the same row once. It reads the version and writes with it; if another
client has written in between, the write is refused, and the client backs off and begins again. Each
hop over the network takes a normally distributed time. (Marc Brooker, "Exponential Backoff And
Jitter", AWS Architecture Blog, 2015.)

Nothing is stepped from event to event here. A write succeeds exactly if no other one has succeeded
since its read, so one success is enough to tell which attempts under way are lost. All trials go on
to their next success together, which takes as many steps as there are clients. The waits are those
of the shipped `Backoff`, drawn by the thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from resilience_lab.ground.arguments import whole
from resilience_lab.retry.backoff import Backoff
from resilience_lab.simulation.delays import draw

HOP, SPREAD = 10.0, 2.0
"""Mean and standard deviation, in milliseconds, of one way over the network."""

_FIRST, _CAP = 5.0, 2000.0  # milliseconds
KINDS: dict[str, Backoff] = {
    # The published program doubles before the first wait already.
    "none": Backoff(2 * _FIRST, max_delay=_CAP, jitter="none"),
    "full": Backoff(2 * _FIRST, max_delay=_CAP, jitter="full"),
    "equal": Backoff(2 * _FIRST, max_delay=_CAP, jitter="equal"),
    "decorrelated": Backoff(_FIRST, max_delay=_CAP, jitter="decorrelated"),
    "no_backoff": Backoff(0, jitter="none"),
}
"""The waits that are compared, here in milliseconds: kinds of jitter, and no wait at all."""


def contention(
    clients: int | Iterable[int] = range(10, 200, 10),
    kinds: str | Iterable[str] = ("none", "full", "equal", "decorrelated", "no_backoff"),
    trials: int = 100,
    seed: int = 0,
) -> pd.DataFrame:
    """How many writes it takes, and how long, until all clients have written the same row once.

    Parameters
    ----------
    clients
        How many clients, >= 1; one number or several.
    kinds
        Which of `KINDS`, the waits between a client's writes; one name or several.
    trials
        Over how many trials the results are averaged, >= 1.
    seed
        An int >= 0. The same one gives the same row, whatever other rows are asked for, and all
        kinds begin with the same reads.

    Returns
    -------
    DataFrame
        One row for each number of clients and kind. Columns: clients, kind, calls (writes, refused
        ones included) and time_ms (milliseconds until the last client knows), both means.

    Raises
    ------
    ValueError, TypeError
        For an unknown kind, or a number that is not whole or too small.

    Notes
    -----
    The model is that of Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
    2015. The cost grows with trials * clients ** 2.

    Examples
    --------
    >>> contention(1, "full", trials=2)["calls"].tolist()
    [1.0]
    """
    counts = [clients] if isinstance(clients, int) else clients
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    rows = []
    for count in counts:
        for name in names:
            calls, times = run_trials(count, name, trials, seed)
            rows.append((count, name, calls.mean(), times.mean()))
    return pd.DataFrame(rows, columns=["clients", "kind", "calls", "time_ms"])


def run_trials(clients: int, kind: str, trials: int = 100, seed: int = 0) -> tuple[Any, Any]:
    """The calls and the time in milliseconds of each trial, two arrays: see `contention`."""
    whole("clients", clients, at_least=1)
    if kind not in KINDS:
        raise ValueError(f"kinds must be among {', '.join(KINDS)}; got {kind!r}")
    whole("trials", trials, at_least=1)
    whole("seed", seed, at_least=0)
    backoff = KINDS[kind]
    rng = np.random.default_rng([seed, clients])

    # A row for each client that has not succeeded yet, a column for each trial.
    read = _hops(rng, 1, (clients, trials))  # when a client's latest read reaches the server
    write = read + _hops(rng, 2, read.shape)  # and when the write that builds on it does
    refused = np.zeros(read.shape, dtype=np.intp)  # how many of its writes were
    waited = np.full(read.shape, backoff.base_delay)
    flat = [state.reshape(-1) for state in (read, write, refused, waited)]
    calls = np.zeros(trials, dtype=np.intp)

    for left in reversed(range(clients)):
        # All of them have read the present version, so the first write to come succeeds.
        winner = write[: left + 1].argmin(axis=0) * trials + np.arange(trials)
        success = flat[1][winner]
        calls += 1 + flat[2][winner]
        for state in flat:
            state[winner] = state[left * trials : (left + 1) * trials]  # the last takes its place
        lost = np.flatnonzero(read[:left] < success)
        while lost.size:
            lost = _begin_again(lost, flat, success, backoff, rng)
    # Successes are two hops apart, so the last one to succeed is the last one to know.
    return calls, success + _hops(rng, 1, success.shape)


def _begin_again(
    lost: Any, flat: list[Any], success: Any, backoff: Backoff, rng: np.random.Generator
) -> Any:
    """These are refused and read again; returns those whose new read still precedes `success`."""
    read, write, refused, waited = flat
    wait = draw(backoff, refused[lost], waited[lost], rng)
    there_and_back, build = _hops(rng, 2, (2, lost.size))
    again = write[lost] + wait + there_and_back
    read[lost] = again
    write[lost] = again + build
    refused[lost] += 1
    waited[lost] = wait
    return lost[again < success[lost % success.size]]


def _hops(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> Any:
    """The time of `count` hops in a row: a sum of normal times is normal.

    The published program takes the absolute value, for a time cannot be negative. But at five
    standard deviations it is not, in any run that one could wait for.
    """
    return rng.normal(count * HOP, sqrt(count) * SPREAD, shape)
