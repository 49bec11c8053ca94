"""A service that is slower than the break, but well, is not shut out."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from breakers import BREAK, BoomError, fail, half_open, settle, snapshot

from resilience_lab import CircuitBreaker, CircuitOpenError, Recorder
from resilience_lab.events import LeaseExpired


async def flood(breaker, latency, seconds, per_second=10):
    """Callers that come all the time, to a service that takes its time. How many were answered?"""
    answered = 0

    async def caller():
        nonlocal answered
        with suppress(CircuitOpenError):
            await breaker.call(asyncio.sleep, latency)
            answered += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(seconds * per_second):
            group.create_task(caller())
            await asyncio.sleep(1 / per_second)
    return answered


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("latency", [0.5, 1.0, 2.0, 7.0])
async def test_promise_3_15_a_slow_service_that_is_well_closes_it(latency, probes):
    breaker = CircuitBreaker(1, 1, 2, half_open_max_calls=probes)
    fail(breaker)

    await flood(breaker, latency, 60)

    assert breaker.state == "CLOSED"


async def test_promise_3_15_a_service_that_hangs_gets_no_more_time():
    recorder = Recorder()
    breaker = CircuitBreaker(1, 1, on_event=recorder)
    fail(breaker)

    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await flood(breaker, 1000, 9)

    held = [event.held for event in recorder if isinstance(event, LeaseExpired)]
    assert len(held) >= 7
    assert held == pytest.approx([1.0] * len(held), abs=0.11)


def test_promise_3_15_the_late_success_is_stale_and_only_the_next_probes_get_longer(clock):
    recorder = Recorder()
    breaker = half_open(clock, on_event=recorder)
    slow = breaker.acquire()
    clock.now += BREAK
    next_one = breaker.acquire()
    clock.now += 10.0
    before, heard = snapshot(breaker), len(recorder)

    slow.success()

    assert snapshot(breaker) == before
    assert len(recorder) == heard
    next_one.ignore()
    breaker.acquire()
    assert breaker.retry_after == 2 * (BREAK + 10.0)


@pytest.mark.parametrize("how", ["failure", "ignore", "cancelled"])
def test_promise_3_15_other_late_results_teach_nothing(clock, how):
    breaker = half_open(clock)
    slow = breaker.acquire()
    clock.now += BREAK
    next_one = breaker.acquire()

    settle(slow, how)

    next_one.ignore()
    breaker.acquire()
    assert breaker.retry_after == BREAK


def test_promise_3_7_a_probe_timeout_of_ones_own_never_gets_longer(clock):
    breaker = half_open(clock, probe_timeout=5)
    slow = breaker.acquire()
    clock.now += 5
    next_one = breaker.acquire()
    clock.now += 4

    slow.success()

    next_one.ignore()
    breaker.acquire()
    assert breaker.retry_after == 5


def test_promise_3_15_the_next_half_open_begins_with_the_break_again(clock):
    breaker = half_open(clock)
    slow = breaker.acquire()
    clock.now += BREAK
    next_one = breaker.acquire()
    slow.success()
    next_one.failure(BoomError())
    clock.now += BREAK

    breaker.acquire()

    assert breaker.retry_after == BREAK


def test_promise_3_15_a_quicker_late_success_makes_no_lease_shorter(clock):
    breaker = half_open(clock, half_open_max_calls=2)
    slow, quicker = breaker.acquire(), None
    clock.now += BREAK - 1.0
    quicker = breaker.acquire()
    clock.now += BREAK - 1.0
    fresh = breaker.acquire()
    clock.now += 1.0
    breaker.acquire().ignore()  # by now the lease of `quicker` is over, too
    clock.now += 10.0
    slow.success()
    longest = 2 * (2 * BREAK + 9.0)
    quicker.success()

    fresh.ignore()
    for _ in range(2):
        breaker.acquire()
    assert breaker.retry_after == longest
