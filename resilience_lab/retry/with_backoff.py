"""The whole of Part B in one call, for a script that retries in one place."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from resilience_lab.events.events import Listener
from resilience_lab.ground.outcomes import ErrorFilter
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry

T = TypeVar("T")


async def retry_with_backoff(
    func: Callable[[], Awaitable[T]],
    max_retries: int | None = 3,
    base_delay: float = 1.0,
    *,
    multiplier: float = 2.0,
    max_delay: float = 60.0,
    jitter: str = "none",
    rng: random.Random | None = None,
    retry_on: ErrorFilter = Exception,
    accept: Callable[[Any], bool] | None = None,
    max_elapsed: float | None = None,
    max_retry_after: float = 60.0,
    budget: RetryBudget | None = None,
    on_event: Listener | None = None,
    name: str = "retry",
) -> T:
    """Call `func()` up to `max_retries + 1` times, `base_delay`, 2x, 4x ... seconds apart.

    Parameters
    ----------
    func
        A coroutine function. Its result is returned, or its last error raised, with a note why.
    base_delay, multiplier, max_delay, jitter, rng
        As in `Backoff`: 1 s at first, doubled each time, at most 60 s; here without jitter.
    max_retries, retry_on, accept, max_elapsed, max_retry_after, budget, on_event, name
        As in `Retry`.

    Examples
    --------
    >>> import asyncio
    >>> async def fetch():
    ...     return "answer"
    >>> asyncio.run(retry_with_backoff(fetch, max_retries=3, base_delay=0.5))
    'answer'
    """
    waits = Backoff(base_delay, multiplier=multiplier, max_delay=max_delay, jitter=jitter, rng=rng)
    retry = Retry(
        max_retries,
        waits,
        retry_on=retry_on,
        accept=accept,
        max_elapsed=max_elapsed,
        max_retry_after=max_retry_after,
        budget=budget,
        on_event=on_event,
        name=name,
    )
    return await retry.call(func)
