"""nopanic: many patterns that know of each other, under one kind of decorator."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import nopanic

from resilience_lab.practice.libraries.library import ATTEMPT, CAP, Library


class CircuitBreaker:
    """A failure rate of 100 % over at least `failure_threshold` calls.

    That is as near as a rate over a window of time comes to failures in a row. A success in the
    window keeps the circuit closed, whatever fails after it.
    """

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        self._breaker = nopanic.circuit_breaker(
            failure_threshold=1.0,
            min_calls=failure_threshold,
            reset_timeout=recovery_timeout,
            half_open_max_calls=success_threshold,
            name="circuit",
            clock=lambda: time.monotonic(),  # looked up late, so that an examiner can replace it
        )

    @property
    def state(self) -> str:
        return self._breaker.state

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await self._breaker.acall(func, *args, **kwargs)


async def retry_with_backoff(
    func: Callable[[], Awaitable[Any]],
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    max_delay: float = CAP,
) -> Any:
    """`retry` with the schedule that has no jitter; it reads hints of its own accord."""
    waits = nopanic.backoff.exponential(base=base_delay, factor=2.0, cap=max_delay)
    return await nopanic.retry(attempts=max_retries + 1, backoff=waits).acall(func)


class FallbackOrchestrator:
    """`compose(fallback, timeout)`, one inside the other for a chain."""

    async def execute_with_fallback(
        self, query: str, primary_agent: Any, fallback_agents: Sequence[Any]
    ) -> dict[str, Any]:
        return await self._ask(query, [primary_agent, *fallback_agents], 0)

    async def _ask(self, query: str, agents: list[Any], level: int) -> dict[str, Any]:
        agent = agents[level]

        async def run() -> dict[str, Any]:
            result = await agent.run(query)
            return {"result": result, "agent_used": agent.name, "fallback_level": level}

        policies: list[Any] = [nopanic.timeout(ATTEMPT)]
        if level + 1 < len(agents):
            policies.insert(0, nopanic.fallback(lambda _: self._ask(query, agents, level + 1)))
        answer: dict[str, Any] = await nopanic.compose(*policies).acall(run)
        return answer


LIBRARY = Library(
    name="nopanic",
    used="circuit_breaker(failure_threshold=1.0, min_calls=...), retry with backoff.exponential, "
    "and compose(fallback, timeout) (README). Its breaker judges a failure rate over a window of "
    "time, so 'three in a row' holds only while no success is in the window.",
    subjects={
        "circuit breaker": CircuitBreaker,
        "retry with backoff": retry_with_backoff,
        "fallback agents": FallbackOrchestrator,
    },
    choices={
        "lets one probe through at a time": "half_open_max_calls is both the 'number of concurrent "
        "probe calls allowed' and how many 'successes close the breaker' (docstring of "
        "CircuitBreaker).",
        "takes a hung probe's late answer for old news": "The hung probe's answer frees one of two "
        "permits: half_open_max_calls again (docstring of CircuitBreaker).",
    },
)
