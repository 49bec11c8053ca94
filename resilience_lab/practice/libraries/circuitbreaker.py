"""circuitbreaker: one decorator, and no more to learn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import circuitbreaker  # type: ignore[import-untyped]

from resilience_lab.practice.libraries.library import Library, pass_on


class CircuitBreaker:
    """The decorator; it has no `success_threshold`."""

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        del success_threshold
        self._breaker = circuitbreaker.CircuitBreaker(
            failure_threshold=failure_threshold, recovery_timeout=recovery_timeout, name="circuit"
        )
        self._guarded = self._breaker(pass_on)

    @property
    def state(self) -> str:
        return str(self._breaker.state)

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await self._guarded(func, *args, **kwargs)


LIBRARY = Library(
    name="circuitbreaker",
    used="a CircuitBreaker object as a decorator (README).",
    subjects={"circuit breaker": CircuitBreaker},
    choices={
        "does not close before success_threshold successful probes": "It 'closes if the "
        "test-execution succeeded' (README).",
    },
)
