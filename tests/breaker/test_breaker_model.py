"""The breaker beside a model of it, through any sequence of events that Hypothesis can think of.

The model keeps plain facts (a generation number, a list of leases) where the breaker keeps objects.
After every step both must tell the same story.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from resilience_lab import CircuitBreaker, CircuitOpenError, Permit


@dataclass
class Call:
    """A call in flight, as the model sees it."""

    permit: Permit
    generation: int
    lease_end: float
    settled: bool = False


class BreakerMachine(RuleBasedStateMachine):
    THRESHOLD, BREAK, SUCCESSES, PROBES, LEASE = 3, 10.0, 2, 2, 4.0
    calls = Bundle("calls")

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.breaker = CircuitBreaker(
            self.THRESHOLD,
            self.BREAK,
            self.SUCCESSES,
            half_open_max_calls=self.PROBES,
            probe_timeout=self.LEASE,
            clock=lambda: self.now,
        )
        self.state = "CLOSED"
        self.generation = 0
        self.failures = 0
        self.successes = 0
        self.until = 0.0
        self.probes: list[Call] = []

    def enter(self, state):
        self.state = state
        self.generation += 1
        self.successes = 0
        self.probes = []
        if state == "CLOSED":
            self.failures = 0
        if state == "OPEN":
            self.until = self.now + self.BREAK

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0, 10.0]))
    def wait(self, seconds):
        self.now += seconds

    @rule(target=calls)
    def arrive(self):
        if self.state == "OPEN" and self.now >= self.until:
            self.enter("HALF_OPEN")
        self.probes = [call for call in self.probes if self.now < call.lease_end]
        admits = self.state == "CLOSED" or (
            self.state == "HALF_OPEN" and len(self.probes) < self.PROBES
        )
        try:
            permit = self.breaker.acquire()
        except CircuitOpenError as rejection:
            assert not admits
            assert (rejection.state, rejection.retry_after) == (self.state, self.expected_wait())
            return Call(None, -1, 0.0, settled=True)
        assert admits
        call = Call(permit, self.generation, self.now + self.LEASE)
        if self.state == "HALF_OPEN":
            self.probes.append(call)
        return call

    def counts(self, call):
        """Whether the result of `call` is news; it is handed in either way."""
        settled, call.settled = call.settled, True
        if settled or call.generation != self.generation:
            return False
        if self.state == "HALF_OPEN":
            if call not in self.probes:
                return False
            self.probes.remove(call)
        return True

    @rule(call=calls)
    def succeed(self, call):
        if call.permit is None:
            return
        call.permit.success()
        if not self.counts(call):
            return
        if self.state == "CLOSED":
            self.failures = 0
        else:
            self.successes += 1
            if self.successes == self.SUCCESSES:
                self.enter("CLOSED")

    @rule(call=calls)
    def fail(self, call):
        if call.permit is None:
            return
        call.permit.failure(OSError())
        if not self.counts(call):
            return
        self.failures += 1
        if self.state == "HALF_OPEN" or self.failures == self.THRESHOLD:
            self.enter("OPEN")

    @rule(call=calls, cancelled=st.booleans())
    def ignore(self, call, cancelled):
        if call.permit is None:
            return
        if cancelled:
            call.permit.failure(GeneratorExit())
        else:
            call.permit.ignore()
        self.counts(call)

    @rule()
    def isolate(self):
        if self.until != math.inf or self.state != "OPEN":
            self.enter("OPEN")
            self.until = math.inf
        self.breaker.isolate()

    @rule()
    def reset(self):
        self.enter("CLOSED")
        self.breaker.reset()

    def expected_wait(self):
        if self.state == "OPEN":
            return max(0.0, self.until - self.now)
        if self.state == "HALF_OPEN" and len(self.probes) == self.PROBES:
            return max(0.0, self.probes[0].lease_end - self.now)
        return 0.0

    @invariant()
    def both_tell_the_same_story(self):
        assert self.breaker.state == self.state
        assert self.breaker.failure_count == self.failures
        assert self.breaker.success_count == self.successes
        assert self.breaker.retry_after == self.expected_wait()
        assert self.breaker.isolated == (self.state == "OPEN" and self.until == math.inf)


TestBreakerModel = BreakerMachine.TestCase
TestBreakerModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
