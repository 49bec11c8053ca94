"""`datetime.now()` and `timedelta`, states as class constants, a permit with a try/finally."""

# ruff: noqa: N818 - a candidate's style, not ours

import asyncio
import datetime as dt
from datetime import datetime, timedelta


class OpenCircuit(Exception):
    """The breaker said no."""


class CircuitBreaker:
    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = timedelta(seconds=recovery_timeout)
        self.success_threshold = success_threshold
        self.state = "CLOSED"
        self.failure_count = 0
        self.success_count = 0
        self.last_failure_time: dt.datetime | None = None
        self._since = datetime.now()
        self._visit = 0
        self._probes: dict[int, dt.datetime] = {}

    async def call(self, func, *args, **kwargs):
        self._open_or_probe()
        visit = self._visit
        ticket = self._take_ticket()
        try:
            result = await func(*args, **kwargs)
        except Exception:
            if self._counts(visit, ticket):
                self._failed()
            raise
        else:
            if self._counts(visit, ticket):
                self._succeeded()
            return result
        finally:
            self._probes.pop(ticket, None)

    def _open_or_probe(self):
        if self.state == "OPEN":
            if datetime.now() - self._since < self.recovery_timeout:
                raise OpenCircuit(f"open since {self._since:%X}")
            self._switch("HALF_OPEN")

    def _take_ticket(self):
        if self.state == "CLOSED":
            return None
        now = datetime.now()
        self._probes = {
            ticket: since
            for ticket, since in self._probes.items()
            if now - since < self.recovery_timeout
        }
        if self._probes:
            raise OpenCircuit("somebody else is testing the service")
        ticket = id(asyncio.current_task()), now
        self._probes[ticket] = now
        return ticket

    def _counts(self, visit, ticket):
        return visit == self._visit and (ticket is None or ticket in self._probes)

    def _switch(self, state):
        self.state = state
        self._since = datetime.now()
        self._visit += 1
        self._probes.clear()
        self.success_count = 0
        if state == "CLOSED":
            self.failure_count = 0

    def _failed(self):
        self.failure_count += 1
        self.last_failure_time = datetime.now()
        if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
            self._switch("OPEN")

    def _succeeded(self):
        if self.state == "CLOSED":
            self.failure_count = 0
            return
        self.success_count += 1
        if self.success_count >= self.success_threshold:
            self._switch("CLOSED")


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    last_error = None
    for attempt in range(1, max_retries + 2):
        try:
            return await func()
        except Exception as error:
            last_error = error
        if attempt <= max_retries:
            backoff = timedelta(seconds=base_delay) * 2 ** (attempt - 1)
            asked_for = timedelta(seconds=getattr(last_error, "retry_after", None) or 0)
            await asyncio.sleep(max(backoff, asked_for).total_seconds())
    raise last_error


class FallbackOrchestrator:
    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        history = []
        candidates = [("primary", primary_agent)]
        candidates += [(f"fallback {i}", agent) for i, agent in enumerate(fallback_agents, 1)]
        for level, (role, agent) in enumerate(candidates):
            started = datetime.now()
            try:
                output = await asyncio.wait_for(agent.run(query), timeout=25)
            except Exception as error:
                took = datetime.now() - started
                history.append({"role": role, "agent": agent.name, "error": error, "took": took})
                continue
            return {
                "output": output,
                "agent_name": agent.name,
                "level": level,
                "fallback_used": level > 0,
                "history": history,
            }
        first = history[0]["error"]
        raise RuntimeError(f"all agents failed: {[h['error'] for h in history]}") from first
