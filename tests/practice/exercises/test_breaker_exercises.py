"""The breaker exercises: each defect is named, and a correct breaker of any style passes."""

from __future__ import annotations

import asyncio

import pytest

from resilience_lab import CircuitBreaker
from resilience_lab.practice.exercises.breaker import check_counting, check_probing

OPENS = "opens after three failures in a row"
RESETS = "starts counting anew after a success"
BLOCKS = "blocks every call during the break"
CLOSES = "closes after two successful probes"
REOPENS = "opens for another full break when a probe fails"
ONE_PROBE = "lets one probe through, and nobody else meanwhile"
CANCELLED = "goes on after a probe was cancelled"
HUNG = "goes on after a probe has hung"
LATE_SUCCESS = "takes no late success for a probe's"
LATE_FAILURE = "takes no late failure for a reason to wait longer"


class Naive:
    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.state = "CLOSED"
        self.failures = self.successes = self.opened_at = 0

    async def call(self, func):
        self.admit()
        try:
            result = await func()
        except Exception:
            self.on_failure()
            raise
        self.on_success()
        return result

    def admit(self):
        if self.state == "OPEN":
            if asyncio.get_running_loop().time() - self.opened_at < self.recovery_timeout:
                raise RuntimeError("open")
            self.state, self.successes = "HALF_OPEN", 0

    def on_failure(self):
        self.failures += 1
        if self.failures >= self.failure_threshold:
            self.state, self.opened_at = "OPEN", asyncio.get_running_loop().time()

    def on_success(self):
        if self.state == "HALF_OPEN":
            self.successes += 1
            if self.successes >= self.success_threshold:
                self.state, self.failures = "CLOSED", 0
        else:
            self.failures = 0


class NeverResets(Naive):
    def on_success(self):
        before = self.failures
        super().on_success()
        if self.state == "CLOSED" and self.successes == 0:
            self.failures = before


class OpensEarly(Naive):
    def on_failure(self):
        self.failures += 1
        super().on_failure()


class NeverOpens(Naive):
    def on_failure(self):
        """Counts nothing."""


class NeverBlocks(Naive):
    def admit(self):
        if self.state == "OPEN":
            self.state = "HALF_OPEN"


class ClosesAtOnce(Naive):
    def on_success(self):
        super().on_success()
        self.state = "CLOSED"


class NeverCloses(Naive):
    def on_success(self):
        self.failures = 0


class ShortSecondBreak(Naive):
    def on_failure(self):
        again = self.state == "HALF_OPEN"
        super().on_failure()
        self.state = "OPEN" if again else self.state
        self.opened_at -= 20 if again else 0


class StaysHalfOpen(Naive):
    def on_failure(self):
        if self.state != "HALF_OPEN":
            super().on_failure()


@pytest.mark.parametrize(
    ("cls", "missing"),
    [
        (Naive, ()),
        (CircuitBreaker, ()),
        (NeverResets, (RESETS,)),
        (OpensEarly, (OPENS, RESETS)),
        (NeverOpens, (OPENS, BLOCKS, CLOSES, REOPENS)),
        (NeverBlocks, (BLOCKS, REOPENS)),
        (ClosesAtOnce, (CLOSES,)),
        (NeverCloses, (CLOSES, REOPENS)),
        (ShortSecondBreak, (REOPENS,)),
        (StaysHalfOpen, (REOPENS,)),
    ],
)
def test_what_is_missing_in_the_counting_is_named(cls, missing):
    assert check_counting(cls).missing == missing


class Flag(Naive):
    probing = False

    def admit(self):
        super().admit()
        if self.state == "HALF_OPEN":
            if self.probing:
                raise RuntimeError("somebody is probing")
            self.probing = True

    def on_failure(self):
        self.probing = False
        super().on_failure()

    def on_success(self):
        self.probing = False
        super().on_success()


class FlagWithFinally(Flag):
    async def call(self, func):
        self.admit()
        try:
            result = await func()
        except Exception:
            self.on_failure()
            raise
        finally:
            self.probing = False
        self.on_success()
        return result


class CancellationIsFailure(Flag):
    async def call(self, func):
        self.admit()
        try:
            result = await func()
        except BaseException:
            self.on_failure()
            raise
        self.on_success()
        return result


@pytest.mark.parametrize(
    ("cls", "missing"),
    [
        (CircuitBreaker, ()),
        (Naive, (ONE_PROBE, LATE_SUCCESS, LATE_FAILURE)),
        (Flag, (CANCELLED, HUNG, LATE_SUCCESS, LATE_FAILURE)),
        (FlagWithFinally, (HUNG, LATE_SUCCESS, LATE_FAILURE)),
        (CancellationIsFailure, (HUNG, LATE_SUCCESS, LATE_FAILURE)),
    ],
)
def test_what_is_missing_in_the_probing_is_named(cls, missing):
    assert check_probing(cls).missing == missing


def test_what_was_seen_is_told():
    assert "20 callers came at once, 20 reached the service" in repr(check_probing(Naive))
