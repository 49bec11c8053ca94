"""Clocks with ticks: sleeping for `retry_after` is enough, and no break is shorter."""

from __future__ import annotations

import asyncio
import math
import time
from types import SimpleNamespace

import pytest
from breakers import BREAK, fail, opened

from resilience_lab import CircuitBreaker, CircuitOpenError

TICK = 1 / 64


class AsyncioOnWindows:
    """What a breaker sees of asyncio's loop on Windows before Python 3.13."""

    _clock_resolution = TICK

    def __init__(self):
        self.now = 0.003  # the true time, which nobody can read

    def time(self):
        return math.floor(self.now / TICK) * TICK

    def sleep(self, delay):
        """Pass the least time that the loop may take for it: a timer is due a tick too early."""
        when = self.time() + delay
        while when >= self.time() + self._clock_resolution:
            self.now = (math.floor(self.now / TICK) + 1) * TICK
        self.now += 0.003  # whatever runs in between takes its time, too


class UvLoop:
    """The same of uvloop: whole milliseconds, to which delays are rounded, and it tells none."""

    def __init__(self):
        self.now = 3

    def time(self):
        return self.now / 1000

    def sleep(self, delay):
        self.now += round(delay * 1000)


@pytest.fixture(params=[AsyncioOnWindows, UvLoop])
def loop(request):
    loop = request.param()
    asyncio._set_running_loop(loop)
    yield loop
    asyncio._set_running_loop(None)


@pytest.mark.parametrize("number", range(0, 100, 7))
def test_promise_3_11_sleeping_for_retry_after_is_enough_on_a_coarse_clock(loop, number):
    breaker = CircuitBreaker(1, 0.05 + number / 7919, probe_timeout=0.1 + number / 6007)
    fail(breaker)

    loop.sleep(breaker.retry_after)
    assert breaker.retry_after == 0.0
    breaker.acquire()

    with pytest.raises(CircuitOpenError) as full:
        breaker.acquire()
    loop.sleep(full.value.retry_after)
    breaker.acquire()


@pytest.mark.parametrize("length", [0.05, 4 * TICK, 0.1])
def test_promise_3_4_on_a_coarse_clock_the_break_is_not_shorter(loop, length):
    breaker = CircuitBreaker(1, length)
    fail(breaker)
    until = loop.time() + length
    early = 0
    while loop.time() < until:
        with pytest.raises(CircuitOpenError):
            breaker.acquire()
        loop.sleep(0.001 if isinstance(loop, UvLoop) else TICK)
        early += 1

    breaker.acquire()

    assert early > 1


def test_promise_3_11_in_plain_code_a_coarse_steady_clock_is_known(monkeypatch):
    coarse = SimpleNamespace(resolution=TICK)
    monkeypatch.setattr(time, "get_clock_info", lambda name: {"monotonic": coarse}[name])
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: math.floor(now / TICK) * TICK)
    breaker = CircuitBreaker(1, 0.05)
    fail(breaker)

    now += breaker.retry_after

    breaker.acquire()


def test_promise_3_11_a_clock_of_ones_own_has_no_ticks_outside_a_loop(clock, monkeypatch):
    coarse = SimpleNamespace(resolution=TICK)
    monkeypatch.setattr(time, "get_clock_info", lambda name: {"monotonic": coarse}[name])

    assert opened(clock).retry_after == BREAK
