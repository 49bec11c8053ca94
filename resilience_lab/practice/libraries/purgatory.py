"""purgatory: many circuits from one factory, by name, with state in Redis if wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import purgatory

from resilience_lab.practice.libraries.library import Library


class CircuitBreaker:
    """`async with await factory.get_breaker(name)`; it has no `success_threshold`."""

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        del success_threshold
        self._factory = purgatory.AsyncCircuitBreakerFactory(
            default_threshold=failure_threshold, default_ttl=recovery_timeout
        )
        self.state = "closed"

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        breaker = await self._factory.get_breaker("circuit")
        try:
            async with breaker:
                self.state = breaker.context.state
                return await func(*args, **kwargs)
        finally:
            self.state = breaker.context.state


LIBRARY = Library(
    name="purgatory",
    used="async with await factory.get_breaker(name): (documentation, Introduction).",
    subjects={"circuit breaker": CircuitBreaker},
    choices={
        "does not close before success_threshold successful probes": "After one success 'the "
        "circuit is closed, back to normal' (docstring of HalfOpenedState).",
    },
)
