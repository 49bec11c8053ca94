"""The model solution of the mock interview: three patterns, in the hour that the interview gives.

It imports nothing but the standard library, so that it can be typed into an empty editor. Read it
aloud: each comment is an answer to a question that the interviewer is about to ask.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

# Part A: circuit breaker


class CircuitOpenError(Exception):
    """The call was rejected, without being made."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"the circuit is open; try again in {retry_after:.1f} s")
        self.retry_after = retry_after


class CircuitBreaker:
    """Stops calling a service that keeps failing, and probes it again after a break.

    Two methods own the state: `_admit` lets a call in, `_settle` takes its result. Neither awaits
    anything, so no other task can come in between, and they need no lock.
    """

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.state = "CLOSED"
        self.failure_count = 0
        self.success_count = 0
        self.last_failure_time: float | None = None
        self._next_probe = 0.0  # when the break is over, or the permit of the probe in flight
        self._generation = 0  # whose results count: a new number for each state and each probe

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """The result of `func`, or its own error, or `CircuitOpenError` and `func` untouched."""
        generation = self._admit()
        try:
            result = await func(*args, **kwargs)
        except Exception:
            self._settle(generation, self._failed)
            raise
        except BaseException:
            # Cancelled. That tells nothing of the service, but a probe must hand in its permit.
            self._settle(generation, lambda: None)
            raise
        self._settle(generation, self._succeeded)
        return result

    def _admit(self) -> int:
        """Let one call in and return its generation, or raise `CircuitOpenError`."""
        if self.state != "CLOSED":
            now = self._now()
            if now < self._next_probe:
                raise CircuitOpenError(self._next_probe - now)
            if self.state == "OPEN":
                self.state = "HALF_OPEN"
                self.success_count = 0
            # One probe at a time. Its permit is a lease, for a probe may hang: once it is over,
            # the next caller gets a permit and a generation, and the late answer counts no more.
            self._next_probe = now + self.recovery_timeout
            self._generation += 1
        return self._generation

    def _settle(self, generation: int, take: Callable[[], None]) -> None:
        """Take a result, unless it is old news: let in before the present generation began."""
        if generation != self._generation:
            return
        if self.state == "HALF_OPEN":
            self._next_probe = self._now()  # the permit is free again
        take()

    def _failed(self) -> None:
        self.failure_count += 1
        self.last_failure_time = self._now()
        if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
            self.state = "OPEN"
            self._next_probe = self._now() + self.recovery_timeout
            self._generation += 1

    def _succeeded(self) -> None:
        if self.state == "CLOSED":
            self.failure_count = 0  # only failures in a row count
            return
        self.success_count += 1
        if self.success_count >= self.success_threshold:
            self.state = "CLOSED"
            self.failure_count = 0
            self._generation += 1

    def _now(self) -> float:
        # Never time.time(): when that is set back an hour, the break lasts an hour longer.
        return asyncio.get_running_loop().time()


# Part B: retry with exponential backoff


async def retry_with_backoff(
    func: Callable[[], Awaitable[Any]],
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    max_delay: float = 300.0,
    jitter: float = 0.0,
) -> Any:
    """One call and up to `max_retries` more, 1, 2, 4 ... times `base_delay` seconds apart.

    No delay exceeds `max_delay`. Of each, the share `jitter` (0 to 1) is random: 1 is full jitter,
    so that clients which failed together do not come back together.
    """
    delay = min(max_delay, base_delay)
    retries = 0
    while True:
        try:
            return await func()
        except Exception as error:  # not CancelledError, which must end us at once
            hint = _retry_after(error)
            # The caller gets the last error itself, and gets it now: no wait after the last call,
            # and none of an hour, because by then nobody waits for us.
            if retries >= max_retries or hint > max_delay:
                raise
        # Never before the service asked for it. The jitter shortens, so the cap stays a cap.
        await asyncio.sleep(hint + delay * (1 - jitter * random.random()))  # noqa: S311
        delay = min(max_delay, 2 * delay)
        retries += 1


def _retry_after(error: Exception) -> float:
    """The seconds after which a rate-limited service wants to be asked again, if it said so."""
    hint = getattr(error, "retry_after", None)
    return hint if isinstance(hint, int | float) and hint > 0 else 0.0


# Part C: fallback agents


class FallbackOrchestrator:
    """Asks the primary agent first, then the others in order, until one of them answers.

    An agent that has not answered after `attempt_timeout` seconds has failed, for the caller of one
    that hangs would wait for ever with healthy fallbacks standing by.
    """

    def __init__(self, attempt_timeout: float = 30.0) -> None:
        self.attempt_timeout = attempt_timeout

    async def execute_with_fallback(
        self, query: str, primary_agent: Any, fallback_agents: Sequence[Any]
    ) -> dict[str, Any]:
        """The answer and where it came from: level 0 is the primary agent, 1 the first fallback.

        `errors` holds what the agents before it raised. If no agent answers, an `ExceptionGroup`
        holds the errors of all, in order: the first one is usually the one to look into.
        """
        errors: list[Exception] = []
        for level, agent in enumerate([primary_agent, *fallback_agents]):
            try:
                async with asyncio.timeout(self.attempt_timeout):
                    result = await agent.run(query)
            except Exception as error:  # not CancelledError: the caller has gone
                errors.append(error)
                continue
            return {
                "result": result,
                "agent_used": agent.name,
                "fallback_level": level,
                "errors": errors,
            }
        raise ExceptionGroup(f"none of {len(errors)} agents answered", errors)
