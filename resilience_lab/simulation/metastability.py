"""A ten-second outage that never ends: overload that keeps itself alive.

An application asks a database that is fast enough, and asks again when an answer takes too long.
After an outage everything that was lost arrives at once, answers take longer than anybody waits,
so each query is sent twice, and the load that was bearable once is too much twice. The trigger is
gone; the retries keep the failure going. (Nathan Bronson, Abutalib Aghayev, Aleksey Charapko,
Timothy Zhu, "Metastable Failures in Distributed Systems", HotOS, 2021, section 2.1.)

The fate of a query is known when it is sent, for the database serves in order and each takes
equally long. So time goes on by whole timeouts: all that is sent within one is known before it
begins, namely the new queries and the retries of those that were sent in the one before.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from resilience_lab.ground.arguments import non_negative, positive, whole
from resilience_lab.retry.budget import RetryBudget

CAPACITY = 300.0
"""Queries a second that the database can serve."""
TIMEOUT = 1
"""Seconds after which the application gives a query up and, perhaps, sends it again."""
OUTAGE_AT = 10.0
"""When the network goes down, in seconds."""

_HAIR = 1e-9  # seconds: what is equal up to rounding is equal


def metastable(
    load: float,
    outage: float = 10.0,
    retries: int = 1,
    budget: float | None = None,
    retry_limit: float | None = None,
    duration: float = 300.0,
    seed: int = 0,
) -> pd.DataFrame:
    """What an application sends to its database and gets back in time, around an outage.

    What is not answered within `TIMEOUT` is sent again at once, and served all the same.

    Parameters
    ----------
    load
        New queries a second, evenly spread, > 0; the database can serve `CAPACITY`.
    outage
        Seconds, >= 0, from `OUTAGE_AT` on; what is sent meanwhile arrives at its end.
    retries
        How often a query is sent again at most, >= 0.
    budget, retry_limit
        What holds retries back, if one is given: the ratio of a shared `RetryBudget`, or how many
        retries it grants a second, saved up for one second at most (the paper's remedy). Both >= 0.
    duration
        Seconds that are played, more than when the outage ends.
    seed
        Taken so that this can be swept like the others; nothing is random.

    Returns
    -------
    DataFrame
        One row for each second. Columns: t (0, 1 ... seconds), sent and goodput: the queries sent
        and the answers come in time. `attrs["recovered"]` says whether all queries are answered in
        time again at the end, or will be, for the queue gets shorter.

    Notes
    -----
    Nathan Bronson et al., "Metastable Failures in Distributed Systems", HotOS, 2021, section 2.1.
    """
    whole("retries", retries, at_least=0)
    whole("seed", seed, at_least=0)
    bucket = _bucket(positive("load", load), budget, retry_limit)
    back = OUTAGE_AT + non_negative("outage", outage)
    if positive("duration", duration) <= back:
        raise ValueError(f"duration must be over {back:g} (the outage's end), got {duration!r}")

    seconds = math.ceil(duration)
    send, done = _play(load, back, retries, bucket, seconds)
    return _counted(send, done, back, seconds)


def _counted(send: Any, done: Any, back: float, seconds: int) -> pd.DataFrame:
    in_time = _in_time(send, done)
    frame = pd.DataFrame(
        {
            "t": np.arange(seconds),
            "sent": _per_second(send, seconds),
            "goodput": _per_second(done[in_time], seconds),
        }
    )
    all_well = in_time[send >= seconds - 1].all()
    frame.attrs["recovered"] = bool(all_well or _shrinks(send, done, (back + seconds) / 2, seconds))
    return frame


def _bucket(load: float, budget: float | None, retry_limit: float | None) -> RetryBudget | None:
    if budget is not None and retry_limit is not None:
        raise ValueError(
            f"give budget or retry_limit, not both; got {budget!r} and {retry_limit!r}"
        )
    if budget is not None:
        return RetryBudget(non_negative("budget", budget))
    if retry_limit is not None:
        limit = non_negative("retry_limit", retry_limit)
        return RetryBudget(limit / load, burst=max(1.0, limit))  # each first call earns its share
    return None


def _play(
    load: float, back: float, retries: int, bucket: RetryBudget | None, timeouts: int
) -> tuple[Any, Any]:
    """When each query is sent, in this order, and when it is done."""
    first = np.arange(math.ceil(load * timeouts * TIMEOUT)) / load
    rounds = np.split(first, first.searchsorted(np.arange(1, timeouts) * TIMEOUT))
    late, tries = np.empty(0), np.empty(0, dtype=int)  # what was given up, and how often
    free = 0.0  # when the database will be done with all that was sent so far
    played = []
    for new in rounds:
        tried = tries < retries
        send = np.concatenate([new, late[tried] + TIMEOUT])
        tries = np.concatenate([np.zeros(new.size, dtype=int), tries[tried] + 1])
        order = send.argsort(kind="stable")
        if bucket is not None:
            order = order[_granted(bucket, tries[order])]
        send, tries = send[order], tries[order]
        arrive = np.where((send >= OUTAGE_AT) & (send < back), back, send)
        done = _served(arrive, free)
        free = done[-1] if done.size else free
        lost = ~_in_time(send, done)
        late, tries = send[lost], tries[lost]
        played.append((send, done))
    sent, finished = zip(*played, strict=True)
    return np.concatenate(sent), np.concatenate(finished)


def _granted(bucket: RetryBudget, tries: Any) -> list[bool]:
    """Which of these the budget lets through: first calls earn, retries spend."""
    granted = []
    for retry in tries.tolist():
        if retry:
            granted.append(bucket.try_withdraw())
        else:
            bucket.deposit()
            granted.append(True)
    return granted


def _served(arrive: Any, free: float) -> Any:
    """When a server that is busy until `free` is done with each, one after the other.

    done[i] = max(arrive[i], done[i - 1]) + 1 / CAPACITY: so it is the latest, over all j <= i, of
    beginning with j when it arrives and going on to i without a pause.
    """
    work = np.arange(arrive.size) / CAPACITY
    return np.maximum.accumulate(np.maximum(arrive, free) - work) + work + 1 / CAPACITY


def _in_time(send: Any, done: Any) -> Any:
    return done - send < TIMEOUT - _HAIR  # at the very moment, asyncio's timeout comes first


def _shrinks(send: Any, done: Any, before: float, after: float) -> bool:
    """Whether the queue is shorter `after` than `before`, by more than a single query."""
    moments = np.array([before, after])
    queue = done[send.searchsorted(moments) - 1] - moments
    return bool(queue[0] - queue[1] > 1.5 / CAPACITY)


def _per_second(moments: Any, seconds: int) -> Any:
    return np.bincount((moments + _HAIR).astype(int), minlength=seconds)[:seconds]
