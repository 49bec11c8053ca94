"""Enum states, `time.monotonic`, a token for the probe in flight, dataclass results as dicts."""

# ruff: noqa: N818, RET503 - a candidate's style, not ours

import asyncio
import time
from enum import Enum


class State(Enum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class CircuitOpen(Exception):
    pass


class CircuitBreaker:
    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.state = State.CLOSED
        self.failure_count = 0
        self.success_count = 0
        self.last_failure_time = None
        self._opened_at = None
        self._epoch = 0
        self._probe = None
        self._probe_started = None

    async def call(self, func, *args, **kwargs):
        epoch, probe = self._before()
        try:
            result = await func(*args, **kwargs)
        except asyncio.CancelledError:
            self._release(probe)
            raise
        except Exception:
            if self._current(epoch, probe):
                self._on_failure()
            raise
        if self._current(epoch, probe):
            self._on_success()
        return result

    def _before(self):
        if self.state is State.OPEN:
            if time.monotonic() - self._opened_at < self.recovery_timeout:
                raise CircuitOpen("circuit is open")
            self._to(State.HALF_OPEN)
            self.success_count = 0
        if self.state is not State.HALF_OPEN:
            return self._epoch, None
        taken = self._probe is not None
        if taken and time.monotonic() - self._probe_started < self.recovery_timeout:
            raise CircuitOpen("a probe is running")
        self._probe = object()
        self._probe_started = time.monotonic()
        return self._epoch, self._probe

    def _current(self, epoch, probe):
        return epoch == self._epoch and probe is self._probe

    def _release(self, probe):
        if probe is not None and probe is self._probe:
            self._probe = None

    def _to(self, state):
        self.state = state
        self._epoch += 1
        self._probe = None

    def _on_failure(self):
        self.failure_count += 1
        self.last_failure_time = time.monotonic()
        if self.state is State.HALF_OPEN or self.failure_count >= self.failure_threshold:
            self._opened_at = self.last_failure_time
            self._to(State.OPEN)

    def _on_success(self):
        self._probe = None
        if self.state is State.CLOSED:
            self.failure_count = 0
        else:
            self.success_count += 1
            if self.success_count >= self.success_threshold:
                self.failure_count = 0
                self._to(State.CLOSED)


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    for attempt in range(max_retries + 1):
        try:
            return await func()
        except Exception as error:
            if attempt == max_retries:
                raise
            wait = max(base_delay * 2**attempt, getattr(error, "retry_after", None) or 0)
        await asyncio.sleep(wait)


class AllAgentsFailed(Exception):
    def __init__(self, errors):
        super().__init__("; ".join(f"{name}: {error!r}" for name, error in errors))
        self.errors = errors


class FallbackOrchestrator:
    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        errors = []
        for level, agent in enumerate([primary_agent, *fallback_agents]):
            try:
                answer = await asyncio.wait_for(agent.run(query), timeout=20)
            except Exception as error:
                errors.append((agent.name, error))
            else:
                return {"result": answer, "agent_used": agent.name, "fallback_level": level}
        raise AllAgentsFailed(errors)
