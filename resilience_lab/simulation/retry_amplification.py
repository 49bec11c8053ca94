"""Retries at every layer: how one request becomes sixty-four.

If each of n services on the way down calls the next one up to r + 1 times, the last one is called
(r + 1) ** n times for each request, just when it has failed: 64 times with three retries in three
layers (Betsy Beyer et al., "Site Reliability Engineering", O'Reilly, 2016, chapter 22), 243 times
with three tries in five (Marc Brooker, "Timeouts, retries, and backoff with jitter", Amazon
Builders' Library, 2019).

A budget that all layers share bounds the whole: it lets retries be made for a share of the requests
that come from outside, at whatever layer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Never

from resilience_lab.ground.arguments import non_negative, whole
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry
from resilience_lab.virtual_time.run import run_virtual

REQUESTS = 1000
"""How many requests are made with a budget, since it must be earned first."""


def amplification(
    depth: int, retries: int, budget: float | RetryBudget | None = None, seed: int = 0
) -> float:
    """How often the lowest of several layers is called for each request, if it always fails.

    Each layer is a `Retry` around the layer below it. Only the outermost one earns for a shared
    budget, for a retry within a retry is no new request; and what a budget begins with is spent
    beforehand, so the result is what lasts.

    Parameters
    ----------
    depth
        How many layers, >= 1.
    retries
        How many retries each layer makes, >= 0.
    budget
        A `RetryBudget` that all layers share (a copy of it is used), or just its ratio, >= 0. None:
        without one.
    seed
        Taken so that this can be swept like the others; nothing is random.

    Returns
    -------
    float
        Calls for each request.

    Raises
    ------
    ValueError, TypeError
        For a number that is out of range.

    Notes
    -----
    Without a budget it is (retries + 1) ** depth (Betsy Beyer et al., "Site Reliability
    Engineering", O'Reilly, 2016, chapter 22). With one it is 1 + ratio, but at most 1 + burst. The
    cost grows with the result, and with a budget with `REQUESTS` * (depth + ratio).

    Examples
    --------
    >>> amplification(depth=3, retries=3), amplification(depth=3, retries=3, budget=0.1)
    (64.0, 1.1)
    """
    whole("depth", depth, at_least=1)
    whole("seed", seed, at_least=0)
    shared = _spent(budget)
    outermost = Retry(retries, Backoff(0, jitter="none"), budget=shared)
    inner = outermost.unless(lambda: False, earns=False)
    count = 1 if shared is None else REQUESTS
    return run_virtual(_lowest_calls, [inner] * (depth - 1) + [outermost], count) / count


def _spent(budget: float | RetryBudget | None) -> RetryBudget | None:
    if budget is None:
        return None
    if isinstance(budget, RetryBudget):
        shared = RetryBudget(budget.ratio, budget.burst)
    else:
        shared = RetryBudget(non_negative("budget", budget))
    while shared.try_withdraw():
        pass
    return shared


async def _lowest_calls(layers: list[Retry], requests: int) -> int:
    """How often the lowest layer is called for `requests`. `layers` has the lowest first."""
    calls = 0

    def lowest() -> Never:
        nonlocal calls
        calls += 1
        raise ConnectionError("down")

    request: Callable[..., Any] = lowest
    for layer in layers:
        request = partial(layer.call, request)
    for _ in range(requests):
        with suppress(ConnectionError):
            await request()
    return calls
