"""Closures: the breaker's state lives in local variables, and there are hardly any methods."""

# ruff: noqa: N818, RET503 - a candidate's style, not ours

import asyncio
import time
from contextlib import contextmanager
from itertools import chain, count


class CircuitIsOpen(Exception):
    pass


class CircuitBreaker:
    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        state, failures, successes, not_before, current = "CLOSED", 0, 0, 0.0, 0
        numbers = count(1)

        @contextmanager
        def permit():
            nonlocal state, failures, successes, not_before, current
            if state != "CLOSED":
                if time.monotonic() < not_before:
                    raise CircuitIsOpen
                if state == "OPEN":
                    state, successes = "HALF_OPEN", 0
                current, not_before = next(numbers), time.monotonic() + recovery_timeout
            mine = current
            try:
                yield
            except Exception:
                if mine == current:
                    failures += 1
                    if state == "HALF_OPEN" or failures >= failure_threshold:
                        state, current = "OPEN", next(numbers)
                        not_before = time.monotonic() + recovery_timeout
                raise
            except BaseException:
                if mine == current:
                    not_before = time.monotonic()
                raise
            if mine != current:
                return
            not_before = time.monotonic()
            if state == "HALF_OPEN":
                successes += 1
            if state == "CLOSED" or successes >= success_threshold:
                if state == "HALF_OPEN":
                    current = next(numbers)
                state, failures = "CLOSED", 0

        async def call(func, *args, **kwargs):
            with permit():
                return await func(*args, **kwargs)

        self.call = call
        self.get_state = lambda: state

    @property
    def state(self):
        return self.get_state()


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    async def attempt(n):
        try:
            return True, await func()
        except Exception as error:
            if n == max_retries:
                raise
            return False, max(base_delay * 2**n, getattr(error, "retry_after", 0) or 0)

    for n in count():
        done, value = await attempt(n)
        if done:
            return value
        await asyncio.sleep(value)


class FallbackOrchestrator:
    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        errors = []

        async def ask(agent):
            try:
                return [await asyncio.wait_for(agent.run(query), 60)]
            except Exception as error:
                errors.append(error)
                return []

        for level, agent in enumerate(chain([primary_agent], fallback_agents)):
            for answer in await ask(agent):
                return {"answer": answer, "agent": agent.name, "fallback_level": level}
        raise BaseExceptionGroup("everybody failed", errors)
