"""tenacity: retries of every kind, from parts that are put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import tenacity

from resilience_lab.practice.libraries.library import CAP, Library, hint


async def retry_with_backoff(
    func: Callable[[], Awaitable[Any]],
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    max_delay: float = CAP,
) -> Any:
    """`AsyncRetrying` with `reraise`; the hint comes in by `wait_exception`, and is added."""
    waits = tenacity.wait_exponential(multiplier=base_delay, max=max_delay)
    retrying = tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(max_retries + 1),
        wait=waits + tenacity.wait_exception(hint),
        reraise=True,
    )
    return await retrying(func)


LIBRARY = Library(
    name="tenacity",
    used="AsyncRetrying with stop_after_attempt, wait_exponential + wait_exception, and "
    "reraise=True (documentation; the docstring of wait_exception shows it with Retry-After).",
    subjects={"retry with backoff": retry_with_backoff},
)
