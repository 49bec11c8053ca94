"""The state pattern: one class for each state; the breaker asks the present one."""

# ruff: noqa: N818 - a candidate's style, not ours

import asyncio


class BreakerOpen(Exception):
    pass


def now():
    return asyncio.get_running_loop().time()


class BreakerState:
    def __init__(self, breaker):
        self.breaker = breaker

    def enter(self):
        """Let a call in and say who is responsible for it."""
        return self

    def on_success(self):
        pass

    def on_failure(self):
        pass

    def on_neutral(self):
        pass

    def responsible(self):
        return self.breaker.current is self

    def __str__(self):
        return type(self).__name__


class Closed(BreakerState):
    failures = 0

    def on_success(self):
        self.failures = 0

    def on_failure(self):
        self.failures += 1
        if self.failures >= self.breaker.failure_threshold:
            self.breaker.current = Open(self.breaker)


class Open(BreakerState):
    def __init__(self, breaker):
        super().__init__(breaker)
        self.until = now() + breaker.recovery_timeout

    def enter(self):
        if now() < self.until:
            raise BreakerOpen(f"{self.until - now():g} s to go")
        self.breaker.current = HalfOpen(self.breaker)
        return self.breaker.current.enter()


class HalfOpen(BreakerState):
    successes = 0
    probe = None

    def enter(self):
        if self.probe is not None and now() < self.probe.until:
            raise BreakerOpen("probing")
        self.probe = Probe(self)
        return self.probe


class Probe(BreakerState):
    """Not a state of the breaker, but the part of HalfOpen that belongs to one call."""

    def __init__(self, half_open):
        super().__init__(half_open.breaker)
        self.half_open = half_open
        self.until = now() + self.breaker.recovery_timeout

    def responsible(self):
        return self.half_open.responsible() and self.half_open.probe is self

    def on_success(self):
        self.half_open.probe = None
        self.half_open.successes += 1
        if self.half_open.successes >= self.breaker.success_threshold:
            self.breaker.current = Closed(self.breaker)

    def on_failure(self):
        self.breaker.current = Open(self.breaker)

    def on_neutral(self):
        self.half_open.probe = None


class CircuitBreaker:
    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.current = Closed(self)

    @property
    def state(self):
        return {Closed: "CLOSED", Open: "OPEN", HalfOpen: "HALF_OPEN"}[type(self.current)]

    async def call(self, func, *args, **kwargs):
        host = self.current.enter()
        settle = host.on_neutral
        try:
            result = await func(*args, **kwargs)
            settle = host.on_success
            return result
        except Exception:
            settle = host.on_failure
            raise
        finally:
            if host.responsible():
                settle()
