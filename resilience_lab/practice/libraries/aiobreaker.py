"""aiobreaker: pybreaker, carried over to asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import aiobreaker  # type: ignore[import-untyped]

from resilience_lab.practice.libraries.library import Library


class CircuitBreaker:
    """`call_async`, as its documentation shows; it has no `success_threshold`."""

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        del success_threshold
        self._breaker = aiobreaker.CircuitBreaker(
            fail_max=failure_threshold, timeout_duration=timedelta(seconds=recovery_timeout)
        )

    @property
    def state(self) -> Any:
        return self._breaker.current_state

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await self._breaker.call_async(func, *args, **kwargs)


LIBRARY = Library(
    name="aiobreaker",
    used="await breaker.call_async(func) (documentation, Usage).",
    subjects={"circuit breaker": CircuitBreaker},
    choices={
        "does not close before success_threshold successful probes": "'Should the call succeed, "
        "the circuit breaker resets' (docstring of CircuitHalfOpenState).",
        "does not mind a wall clock that jumps": "The moment of opening is wall clock time in UTC, "
        "so that several systems can share it through Redis (docstring of "
        "CircuitRedisStorage.opened_at).",
    },
)
