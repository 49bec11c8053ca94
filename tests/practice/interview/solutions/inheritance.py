"""Inheritance and recursion: a counting breaker, a subclass that probes with care."""

# ruff: noqa: N818 - a candidate's style, not ours

import asyncio
import time


class Rejected(Exception):
    def __init__(self, message, retry_after):
        super().__init__(message)
        self.retry_after = retry_after


class CountingBreaker:
    """When to open, and when to close again."""

    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.last_failure_time = None
        self.change_state("CLOSED")

    def change_state(self, state):
        self.state = state
        self.failure_count = self.success_count = 0

    def on_failure(self):
        self.failure_count += 1
        self.last_failure_time = self.clock()
        if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
            self.change_state("OPEN")

    def on_success(self):
        self.failure_count = 0
        self.success_count += 1
        if self.state == "HALF_OPEN" and self.success_count >= self.success_threshold:
            self.change_state("CLOSED")

    def admit(self):
        if self.state == "OPEN":
            rest = self.last_failure_time + self.recovery_timeout - self.clock()
            if rest > 0:
                raise Rejected("circuit open", rest)
            self.change_state("HALF_OPEN")

    @staticmethod
    def clock():
        return time.perf_counter()


class CircuitBreaker(CountingBreaker):
    """Who may probe, and whose results count."""

    generation = 0
    probing_since = None

    def change_state(self, state):
        super().change_state(state)
        self.generation += 1
        self.probing_since = None

    def admit(self):
        super().admit()
        if self.state == "HALF_OPEN":
            if self.probing_since is not None:
                rest = self.probing_since + self.recovery_timeout - self.clock()
                if rest > 0:
                    raise Rejected("somebody is probing", rest)
            self.probing_since = self.clock()
            self.generation += 1
        return self.generation

    async def call(self, func, *args, **kwargs):
        generation = self.admit()
        outcome = None
        try:
            result = await func(*args, **kwargs)
        except Exception:
            outcome = self.on_failure
            raise
        else:
            outcome = self.on_success
            return result
        finally:
            if generation == self.generation:
                self.probing_since = None
                if outcome is not None:
                    outcome()


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    try:
        return await func()
    except Exception as error:
        if max_retries <= 0:
            raise
        pause = max(base_delay, getattr(error, "retry_after", None) or 0)
    await asyncio.sleep(pause)
    return await retry_with_backoff(func, max_retries - 1, base_delay * 2)


class FallbackOrchestrator:
    agent_timeout = 30

    async def execute_with_fallback(self, query, primary_agent, fallback_agents, level=0):
        try:
            async with asyncio.timeout(self.agent_timeout):
                text = await primary_agent.run(query)
        except Exception as error:
            if not fallback_agents:
                raise
            head, *tail = fallback_agents
            try:
                return await self.execute_with_fallback(query, head, tail, level + 1)
            except Exception as later:
                error.add_note(f"and then: {later!r}")
                raise error from later
        return {"text": text, "agent": primary_agent.name, "level": level}
