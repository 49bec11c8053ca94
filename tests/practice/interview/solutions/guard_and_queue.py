"""A context manager as guard, a dict of leases for the probes, `loop.time` as the clock."""

# ruff: noqa: N818 - a candidate's style, not ours

import asyncio
from contextlib import asynccontextmanager


class ServiceUnavailable(ConnectionError):
    pass


class CircuitBreaker:
    def __init__(
        self,
        failure_threshold=3,
        recovery_timeout=30,
        success_threshold=2,
        clock=lambda: asyncio.get_running_loop().time(),
    ):
        self.limits = {"failures": failure_threshold, "successes": success_threshold}
        self.recovery_timeout = recovery_timeout
        self.clock = clock
        self.log = ["CLOSED"]
        self.opened_at = None
        self.run = 0
        self.leases = {}

    @property
    def state(self):
        return self.log[-1]

    async def call(self, func, *args, **kwargs):
        async with self.guard():
            return await func(*args, **kwargs)

    @asynccontextmanager
    async def guard(self):
        stay, lease = self._check_in()
        try:
            yield
        except Exception:
            if self._check_out(stay, lease):
                self.run = max(self.run, 0) + 1
                if self.state == "HALF_OPEN" or self.run >= self.limits["failures"]:
                    self.opened_at = self.clock()
                    self._switch("OPEN")
            raise
        except BaseException:
            self._check_out(stay, lease)
            raise
        if self._check_out(stay, lease):
            self.run = min(self.run, 0) - 1  # a run of successes, counted downwards
            if self.state == "HALF_OPEN" and -self.run >= self.limits["successes"]:
                self._switch("CLOSED")

    def _check_in(self):
        if self.state == "OPEN":
            if self.clock() < self.opened_at + self.recovery_timeout:
                raise ServiceUnavailable("circuit open")
            self._switch("HALF_OPEN")
        lease = None
        if self.state == "HALF_OPEN":
            if any(end > self.clock() for end in self.leases.values()):
                raise ServiceUnavailable("circuit half open, one probe at a time")
            lease = object()
            self.leases = {lease: self.clock() + self.recovery_timeout}
        return len(self.log), lease

    def _check_out(self, stay, lease):
        if stay != len(self.log):
            return False
        return lease is None or self.leases.pop(lease, None) is not None

    def _switch(self, state):
        self.log.append(state)
        self.run = 0
        self.leases = {}


class GaveUp(Exception):
    pass


async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    remaining, delay = max_retries, base_delay
    while True:
        try:
            return await func()
        except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
            raise
        except Exception as e:
            if not remaining:
                e.add_note(f"gave up after {max_retries + 1} attempts")
                raise
            await asyncio.sleep(max(delay, getattr(e, "retry_after", 0) or 0))
            remaining, delay = remaining - 1, delay * 2


class FallbackOrchestrator:
    """Agents in a queue; the errors travel as the causes of each other."""

    def __init__(self, patience=20):
        self.patience = patience

    async def execute_with_fallback(self, query, primary_agent, fallback_agents=()):
        queue = asyncio.Queue()
        for item in enumerate([primary_agent, *fallback_agents]):
            queue.put_nowait(item)
        previous = None
        while not queue.empty():
            level, agent = queue.get_nowait()
            try:
                value = await asyncio.wait_for(agent.run(query), self.patience)
            except Exception as error:
                if previous is not None:
                    error.__cause__ = previous
                previous = error
                continue
            return {"value": value, "provider": agent.name, "level": level}
        raise GaveUp("all agents failed") from previous
