"""pybreaker: the oldest of the breakers here, for threads, with state in Redis if wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pybreaker

from resilience_lab.practice.libraries.library import Library


class CircuitBreaker:
    """`calling()` around an await: the one documented way that suits asyncio.

    `call_async` is for Tornado: its README says so, and it needs that package.
    """

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failure_threshold,
            reset_timeout=recovery_timeout,
            success_threshold=success_threshold,
            throw_new_error_on_trip=False,
        )

    @property
    def state(self) -> str:
        return self._breaker.current_state

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        with self._breaker.calling():
            return await func(*args, **kwargs)


LIBRARY = Library(
    name="pybreaker",
    used="with breaker.calling(): around an await, and throw_new_error_on_trip=False (README). "
    "Made for threads: of asyncio its documentation says nothing, and call_async is for Tornado.",
    subjects={"circuit breaker": CircuitBreaker},
    choices={
        "does not mind a wall clock that jumps": "The moment of opening is wall clock time in UTC, "
        "so that several systems can share it through Redis (docstring of "
        "CircuitRedisStorage.opened_at).",
    },
)
