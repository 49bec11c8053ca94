"""The tips of the challenge, written out as they stand: what they leave open is left open."""

# ruff: noqa: RET503, RUF005 - as it stands in the challenge

import asyncio
import time


class CircuitBreaker:
    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.state = "CLOSED"
        self.failure_count = 0
        self.success_count = 0
        self.last_failure_time = None

    async def call(self, func, *args, **kwargs):
        # Check current state
        if self.state == "OPEN":
            if time.time() - self.last_failure_time > self.recovery_timeout:
                self.state = "HALF_OPEN"
                self.success_count = 0
            else:
                raise Exception("Circuit breaker is OPEN")

        try:
            result = await func(*args, **kwargs)

            # Handle success
            if self.state == "HALF_OPEN":
                self.success_count += 1
                if self.success_count >= self.success_threshold:
                    self.state = "CLOSED"
                    self.failure_count = 0

            return result

        except Exception:
            self._record_failure()
            raise

    def _record_failure(self):
        self.failure_count += 1
        self.last_failure_time = time.time()
        if self.failure_count >= self.failure_threshold:
            self.state = "OPEN"


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    for attempt in range(max_retries):
        try:
            return await func()
        except Exception:
            if attempt == max_retries - 1:
                raise  # Last attempt, give up

            delay = base_delay * (2**attempt)  # 1s, 2s, 4s, 8s...
            await asyncio.sleep(delay)


class FallbackOrchestrator:
    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        for level, agent in enumerate([primary_agent] + fallback_agents):
            try:
                result = await agent.run(query)
                return {"result": result, "agent_used": agent.name, "fallback_level": level}
            except Exception as e:
                print(f"{agent.name} failed: {e}")
        raise Exception("All agents failed")
