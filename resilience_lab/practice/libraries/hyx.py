"""hyx: five patterns for asyncio, in decorators and context managers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hyx.circuitbreaker import consecutive_breaker
from hyx.fallback import fallback
from hyx.retry import retry
from hyx.retry.backoffs import expo
from hyx.timeout import timeout

from resilience_lab.practice.libraries.library import ATTEMPT, CAP, Library, pass_on

STATES = {"working": "CLOSED", "failing": "OPEN", "recovering": "HALF_OPEN"}
"""What its documentation calls them, and what it says they are also known as."""


class CircuitBreaker:
    """The decorator of `consecutive_breaker`.

    Not the context manager, which takes a cancelled call for a success.
    """

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        self._breaker = consecutive_breaker(
            failure_threshold=failure_threshold,
            recovery_time_secs=recovery_timeout,
            recovery_threshold=success_threshold,
        )
        self._guarded: Callable[..., Any] = self._breaker(pass_on)

    @property
    def state(self) -> str:
        return STATES[self._breaker.state.name]

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await self._guarded(func, *args, **kwargs)


async def retry_with_backoff(
    func: Callable[[], Awaitable[Any]],
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    max_delay: float = CAP,
) -> Any:
    """`retry(attempts=max_retries)`, for what it calls attempts are the calls after the first."""
    waits = expo(min_delay_secs=base_delay, base=2, max_delay_secs=max_delay)
    return await retry(on=Exception, attempts=max_retries, backoff=waits)(pass_on)(func)


class FallbackOrchestrator:
    """`fallback` around `timeout`, one inside the other for a chain."""

    async def execute_with_fallback(
        self, query: str, primary_agent: Any, fallback_agents: Sequence[Any]
    ) -> dict[str, Any]:
        return await self._ask(query, [primary_agent, *fallback_agents], 0)

    async def _ask(self, query: str, agents: list[Any], level: int) -> dict[str, Any]:
        agent = agents[level]

        async def run() -> dict[str, Any]:
            result = await agent.run(query)
            return {"result": result, "agent_used": agent.name, "fallback_level": level}

        async def others(result: Any, *_: Any, **__: Any) -> dict[str, Any]:
            try:
                return await self._ask(query, agents, level + 1)
            except Exception as error:
                error.add_note(f"before that: {result}")  # the error that the handler is given
                raise

        guarded: Callable[[], Any] = timeout(ATTEMPT)(run)
        if level + 1 < len(agents):
            guarded = fallback(others)(guarded)
        answer: dict[str, Any] = await guarded()
        return answer


LIBRARY = Library(
    name="hyx",
    used="the decorators consecutive_breaker, retry with expo, and fallback around timeout "
    "(documentation, Components).",
    subjects={
        "circuit breaker": CircuitBreaker,
        "retry with backoff": retry_with_backoff,
        "fallback agents": FallbackOrchestrator,
    },
    choices={
        "waits as long as the service asks": "'backoffs are just iterators that returns float "
        "numbers': they do not see the error (documentation, Custom Backoffs).",
    },
)
