"""A client that rejects its own requests, before an overloaded backend has to.

Rejecting costs a backend something too, and if all keep asking it does nothing else. So each
client looks back over two minutes, at how often it wanted to ask and how often it was accepted, and
rejects the next request itself, without sending it, with probability

    p = max(0, (requests - K * accepts) / (requests + 1))

(Betsy Beyer et al., "Site Reliability Engineering", O'Reilly, 2016, chapter 21.) In the long run
requests * (1 - p) = K * accepts: the backend sees K times what it accepts, whatever is offered.

That is a law only if `requests` counts all requests, also those that the client rejected itself. A
client that counts no more than what it sent finds itself better behaved than it is, and then sends
the geometric mean of what is offered and what it should send.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
import pandas as pd

from resilience_lab.ground.arguments import flag, positive, whole

WINDOW = 120
"""Over how many seconds the client looks back."""
SETTLING, MEASURED = 2 * WINDOW, 5 * WINDOW
"""Seconds until it is measured, and for how long."""


def adaptive_throttle(
    offered: float | Sequence[float],
    capacity: float = 100.0,
    k: float = 2.0,
    count_rejected: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """What a backend under each load is sent, and what it accepts, once that has settled.

    Parameters
    ----------
    offered
        Requests that come a second, at random, > 0; one number or several.
    capacity
        How many of the requests sent in a second the backend accepts, the first ones, > 0.
    k
        The K of the formula, >= 1: the backend is sent K times what it accepts.
    count_rejected
        Whether what the client rejects itself counts as a request.
    seed
        An int >= 0; the same one gives the same row, whatever other rows there are.

    Returns
    -------
    DataFrame
        Columns: offered, sent and accepted, means per second over `MEASURED` seconds.

    Notes
    -----
    A request is rejected with probability max(0, (requests - K * accepts) / (requests + 1)), as
    counted over two minutes ("Site Reliability Engineering", O'Reilly, 2016, chapter 21).

    Examples
    --------
    >>> adaptive_throttle([50, 1000], capacity=100, k=2)["sent"].round(-1).tolist()
    [50.0, 200.0]
    """
    positive("capacity", capacity)
    if positive("k", k) < 1:
        raise ValueError(f"k must be at least 1, got {k!r}")
    flag("count_rejected", count_rejected)
    whole("seed", seed, at_least=0)
    rows = []
    for load in np.ravel(offered).tolist():
        rng = np.random.default_rng(seed)
        rows.append((load, *_run(positive("offered", load), capacity, k, count_rejected, rng)))
    return pd.DataFrame(rows, columns=["offered", "sent", "accepted"])


def _run(
    offered: float, capacity: float, k: float, count_rejected: bool, rng: np.random.Generator
) -> tuple[float, float]:
    """Sent and accepted per second."""
    window: deque[tuple[int, float]] = deque([(0, 0.0)] * WINDOW)  # counted, accepted
    requests, accepts = 0, 0.0
    measured = []
    for _ in range(SETTLING + MEASURED):
        rejection = max(0.0, (requests - k * accepts) / (requests + 1))
        arrived = int(rng.poisson(offered))
        sent = int(rng.binomial(arrived, 1 - rejection))
        accepted = min(sent, capacity)
        measured.append((sent, accepted))

        window.append((arrived if count_rejected else sent, accepted))
        old = window.popleft()
        requests += window[-1][0] - old[0]
        accepts += accepted - old[1]
    sent_mean, accepted_mean = np.mean(measured[SETTLING:], axis=0)
    return float(sent_mean), float(accepted_mean)
