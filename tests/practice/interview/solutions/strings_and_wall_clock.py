"""The challenge's own attributes and tips, made good: string states and `from time import time`."""

# ruff: noqa: RUF005 - a candidate's style, not ours

import asyncio
from time import time


class CircuitBreaker:
    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: int = 30, success_threshold: int = 2
    ):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.state = "CLOSED"
        self.failure_count = 0
        self.success_count = 0
        self.last_failure_time = None
        self.generation = 0
        self.probe_deadline = 0

    async def call(self, func, *args, **kwargs):
        """Execute function through circuit breaker"""
        if self.state == "OPEN":
            if time() - self.last_failure_time >= self.recovery_timeout:
                self.state = "HALF_OPEN"
                self.success_count = 0
                self.probe_deadline = 0
            else:
                raise Exception("Circuit breaker is OPEN")
        if self.state == "HALF_OPEN":
            if time() < self.probe_deadline:
                raise Exception("Circuit breaker is HALF_OPEN and already probing")
            self.probe_deadline = time() + self.recovery_timeout
            self.generation += 1
        generation = self.generation

        try:
            result = await func(*args, **kwargs)
        except Exception:
            if generation == self.generation:
                self._record_failure()
            raise
        except BaseException:
            if generation == self.generation:
                self.probe_deadline = 0
            raise

        if generation == self.generation:
            self._record_success()
        return result

    def _record_failure(self):
        self.failure_count += 1
        self.last_failure_time = time()
        if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
            self.state = "OPEN"
            self.generation += 1

    def _record_success(self):
        self.probe_deadline = 0
        if self.state == "HALF_OPEN":
            self.success_count += 1
            if self.success_count < self.success_threshold:
                return
            self.state = "CLOSED"
            self.generation += 1
        self.failure_count = 0


async def retry_with_backoff(func, max_retries: int = 3, base_delay: float = 1.0):
    attempt = 0
    while True:
        try:
            return await func()
        except Exception as e:
            if attempt >= max_retries:
                print(f"Attempt {attempt + 1}: Failed, giving up")
                raise
            delay = base_delay * (2**attempt)
            hint = getattr(e, "retry_after", None)
            if hint and hint > delay:
                delay = hint
            print(f"Attempt {attempt + 1}: Failed → Retry in {delay}s")
            await asyncio.sleep(delay)
            attempt += 1


class FallbackOrchestrator:
    def __init__(self, timeout: float = 10):
        self.timeout = timeout

    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        agents = [primary_agent] + list(fallback_agents)
        failures = []
        for level in range(len(agents)):
            agent = agents[level]
            name = getattr(agent, "name", type(agent).__name__)
            label = "Primary" if level == 0 else f"Fallback {level}"
            try:
                result = await asyncio.wait_for(agent.run(query), self.timeout)
                print(f"{label} ({name}): ✅ SUCCESS")
                return {
                    "success": True,
                    "result": result,
                    "agent_used": name,
                    "fallback_level": level,
                    "failures": failures,
                }
            except Exception as e:
                print(f"{label} ({name}): ❌ FAILED ({e})")
                failures.append({"agent": name, "error": repr(e)})
        raise RuntimeError(f"All agents failed: {failures}")
