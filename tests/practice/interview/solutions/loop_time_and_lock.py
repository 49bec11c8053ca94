"""`loop.time()` and an `asyncio.Lock` around the decisions, never around the call."""

# ruff: noqa: C408 - a candidate's style, not ours

import asyncio
import random


class CircuitBreakerOpenError(RuntimeError):
    def __init__(self, remaining):
        super().__init__(f"open for another {remaining:.2f}s")
        self.retry_after = remaining


class CircuitBreaker:
    CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"

    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self._failure_threshold = failure_threshold
        self._recovery_timeout = recovery_timeout
        self._success_threshold = success_threshold
        self._lock = asyncio.Lock()
        self._state = self.CLOSED
        self._failures = 0
        self._successes = 0
        self._retry_at = 0.0
        self._stay = object()

    @property
    def state(self):
        return self._state

    async def call(self, func, *args, **kwargs):
        async with self._lock:
            stay = self._enter()
        try:
            result = await func(*args, **kwargs)
        except Exception:
            async with self._lock:
                self._leave(stay, failed=True)
            raise
        except asyncio.CancelledError:
            # No lock here: there is nothing to await any more for a cancelled task, and between
            # two awaits nobody can interfere anyway.
            if stay is self._stay and self._state == self.HALF_OPEN:
                self._retry_at = self._now()
            raise
        async with self._lock:
            self._leave(stay, failed=False)
        return result

    def _enter(self):
        if self._state == self.CLOSED:
            return self._stay
        now = self._now()
        if now < self._retry_at:
            raise CircuitBreakerOpenError(self._retry_at - now)
        if self._state == self.OPEN:
            self._state, self._successes = self.HALF_OPEN, 0
        self._retry_at = now + self._recovery_timeout
        self._stay = object()
        return self._stay

    def _leave(self, stay, failed):
        if stay is not self._stay:
            return
        if failed:
            self._failures += 1
            if self._state == self.HALF_OPEN or self._failures >= self._failure_threshold:
                self._state = self.OPEN
                self._retry_at = self._now() + self._recovery_timeout
                self._stay = object()
        elif self._state == self.HALF_OPEN:
            self._retry_at = self._now()
            self._successes += 1
            if self._successes >= self._success_threshold:
                self._state, self._failures, self._stay = self.CLOSED, 0, object()
        else:
            self._failures = 0

    @staticmethod
    def _now():
        return asyncio.get_running_loop().time()


async def retry_with_backoff(func, max_retries=3, base_delay=1.0, jitter=0.1):
    """Up to 10% longer than 1, 2, 4 ..., so that clients drift apart."""
    delays = [base_delay * 2**n for n in range(max_retries)]
    for delay in delays:
        try:
            return await func()
        except Exception as error:
            wait = (getattr(error, "retry_after", 0) or 0) + delay
            await asyncio.sleep(wait + random.uniform(0, jitter * delay))
    return await func()


class FallbackOrchestrator:
    def __init__(self, agent_timeout=15.0):
        self.agent_timeout = agent_timeout

    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        errors = {}
        for level, agent in enumerate((primary_agent, *fallback_agents)):
            try:
                async with asyncio.timeout(self.agent_timeout):
                    response = await agent.run(query)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                errors[agent.name] = error
                continue
            return dict(response=response, agent=agent.name, level=level, errors=errors)
        raise ExceptionGroup("no agent left", list(errors.values()))
