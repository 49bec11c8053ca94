"""stamina: tenacity with the right defaults, and little to get wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import stamina

from resilience_lab.practice.libraries.library import CAP, Library, hint


async def retry_with_backoff(
    func: Callable[[], Awaitable[Any]],
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    max_delay: float = CAP,
) -> Any:
    """`AsyncRetryingCaller`; the hint comes in by its backoff hook."""
    caller = stamina.AsyncRetryingCaller(
        attempts=max_retries + 1,
        timeout=None,
        wait_initial=base_delay,
        wait_max=max_delay,
        wait_jitter=0,
    )
    return await caller(_backoff_hook, func)


def _backoff_hook(error: BaseException) -> bool | float:
    """Retry each error: after the seconds that it asks for, if any, else by the schedule.

    stamina asks it about a cancellation, too, and would retry that.
    """
    return isinstance(error, Exception) and (hint(error) or True)


LIBRARY = Library(
    name="stamina",
    used="AsyncRetryingCaller without jitter and timeout, and a backoff hook for the hint "
    "(docstring of stamina.retry, which names Retry-After).",
    subjects={"retry with backoff": retry_with_backoff},
)
