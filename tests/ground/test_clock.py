"""Whose time it is, one time for what outlives loops, and the cheaper way to read it."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from resilience_lab import CircuitBreaker, CircuitOpenError, FailureRate, State, run_virtual
from resilience_lab.ground.clock import LoopClock, at_hand, loop_time


@pytest.fixture
def steady(monkeypatch):
    """`time.monotonic`, which the test moves."""

    class Steady:
        now = 2600.0

    monkeypatch.setattr(time, "monotonic", lambda: Steady.now)
    return Steady


def trip(breaker):
    breaker.acquire().failure(OSError())


async def test_on_a_virtual_loop_time_is_virtual():
    await asyncio.sleep(3600)

    assert loop_time() == 3600.0
    assert at_hand(loop_time) is loop_time
    assert await asyncio.to_thread(at_hand, loop_time) is loop_time


def test_on_asyncios_own_loop_it_is_the_steady_clock():
    async def main():
        return at_hand(loop_time), at_hand(LoopClock())

    assert asyncio.run(main()) == (time.monotonic, time.monotonic)


def test_outside_a_loop_it_is_the_steady_clock_too():
    before = time.monotonic()

    assert before <= loop_time() <= time.monotonic()
    assert before <= LoopClock()() <= time.monotonic()
    assert at_hand(loop_time) is time.monotonic


def test_a_clock_of_ones_own_is_read_as_it_is():
    def clock():
        return 5.0

    assert at_hand(clock) is clock


def test_a_loop_clock_on_a_virtual_loop_has_no_short_cut():
    async def main():
        clock = LoopClock()
        return clock is at_hand(clock)

    assert run_virtual(main)


# In threads


async def in_to_thread(func):
    return await asyncio.to_thread(func)


async def in_the_default_pool(func):
    return await asyncio.get_running_loop().run_in_executor(None, func)


async def in_a_pool_of_ones_own(func):
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, func)


async def in_an_anyio_thread(func):
    anyio = pytest.importorskip("anyio.to_thread")
    return await anyio.run_sync(func)


async def in_a_pool_that_the_loop_does_not_know(func):
    with ThreadPoolExecutor(1) as pool:
        return await asyncio.wrap_future(pool.submit(func))


THREADS = [in_to_thread, in_the_default_pool, in_a_pool_of_ones_own, in_an_anyio_thread]


@pytest.mark.parametrize("in_thread", THREADS)
def test_promise_1_1_a_thread_of_a_run_has_the_time_of_the_run(in_thread):
    async def main():
        await asyncio.sleep(100)
        return await in_thread(lambda: (loop_time(), LoopClock()()))

    assert run_virtual(main) == (100.0, 100.0)


@pytest.mark.parametrize("in_thread", [*THREADS, in_a_pool_that_the_loop_does_not_know])
def test_promise_1_1_a_breaker_in_a_thread_of_a_run_breaks_as_long_as_on_the_loop(in_thread):
    async def main():
        breaker = CircuitBreaker(1, 30)
        await asyncio.sleep(100)
        assert breaker.retry_after == 0.0
        await in_thread(lambda: trip(breaker))
        await asyncio.sleep(10)
        seen = breaker.retry_after, await in_thread(lambda: breaker.retry_after)
        await asyncio.sleep(20)
        await in_thread(lambda: breaker.acquire().success())
        return *seen, breaker.state, breaker.last_failure_time

    assert run_virtual(main) == (20.0, 20.0, State.HALF_OPEN, 100.0)


def test_a_real_loop_in_a_thread_of_a_run_has_its_own_time(steady):
    async def main():
        await asyncio.sleep(100)

        async def inner():
            return loop_time()

        return await asyncio.to_thread(asyncio.run, inner())

    assert run_virtual(main) == 2600.0


def test_a_thread_that_outlives_its_run_has_the_real_time_again(steady):
    go, seen = threading.Event(), []

    def outlives():
        go.wait()
        seen.append(loop_time())

    async def main():
        asyncio.create_task(asyncio.to_thread(outlives))  # noqa: RUF006 - it is left behind
        await asyncio.sleep(5)

    before = set(threading.enumerate())
    run_virtual(main)
    left = set(threading.enumerate()) - before
    go.set()
    for thread in left:
        thread.join()

    assert seen == [2600.0]


# One object, several clocks


def test_promise_1_2_a_break_goes_on_in_the_next_run():
    breaker = CircuitBreaker(1, 30)

    async def first():
        await asyncio.sleep(100)
        trip(breaker)
        await asyncio.sleep(10)

    async def second():
        with pytest.raises(CircuitOpenError) as rejected:
            breaker.acquire()
        await asyncio.sleep(19)
        almost = breaker.retry_after
        await asyncio.sleep(1)
        breaker.acquire().success()
        return rejected.value.retry_after, almost, breaker.state

    run_virtual(first)

    assert run_virtual(second) == (20.0, 1.0, State.HALF_OPEN)


def test_promise_1_2_what_passes_of_a_run_before_the_first_reading_counts():
    breaker = CircuitBreaker(1, 30)

    async def trips():
        trip(breaker)

    async def sleeps(seconds):
        await asyncio.sleep(seconds)
        return breaker.retry_after

    run_virtual(trips)

    assert [run_virtual(sleeps, seconds) for seconds in (10, 19, 1)] == [20.0, 1.0, 0.0]


def test_promise_1_2_a_real_break_lasts_as_long_in_virtual_time_and_the_other_way_round(steady):
    breaker = CircuitBreaker(1, 30)
    trip(breaker)
    steady.now += 5

    async def in_a_run():
        before = breaker.retry_after
        await asyncio.sleep(10)
        return before, breaker.retry_after

    assert run_virtual(in_a_run) == (25.0, 15.0)
    assert breaker.retry_after == 15.0
    steady.now += 14
    assert breaker.retry_after == 1.0
    steady.now += 1
    assert breaker.acquire()


def test_promise_1_2_time_never_runs_backwards_between_clocks_that_take_turns():
    clock, read = LoopClock(), []

    async def main(seconds):
        read.append(clock())
        await asyncio.sleep(seconds)
        read.append(clock())

    for seconds in (1000, 1, 50, 0):
        run_virtual(main, seconds)

    assert read == [0.0, 1000.0, 1000.0, 1001.0, 1001.0, 1051.0, 1051.0, 1051.0]


def test_real_loops_share_one_clock(steady):
    clock = LoopClock()

    async def main():
        return clock()

    first = asyncio.run(main())
    steady.now += 7

    assert (first, clock(), asyncio.run(main())) == (2600.0, 2607.0, 2607.0)


def test_in_nested_runs_each_passes_its_own_time():
    clock = LoopClock()

    async def inner():
        await asyncio.sleep(3)
        return clock()

    async def outer():
        await asyncio.sleep(5)
        before = clock()
        return before, run_virtual(inner), clock()

    assert run_virtual(outer) == (5.0, 8.0, 8.0)


def test_a_window_in_seconds_goes_on_in_the_next_run():
    breaker = CircuitBreaker(trip=FailureRate(1, within=60, minimum_calls=2), recovery_timeout=30)

    async def fails_after(seconds):
        await asyncio.sleep(seconds)
        trip(breaker)
        return breaker.state

    assert run_virtual(fails_after, 100) == State.CLOSED
    assert run_virtual(fails_after, 61) == State.CLOSED
    assert run_virtual(fails_after, 59) == State.OPEN


async def test_a_clock_that_runs_behind_the_real_one_is_not_read_for_less(steady):
    clock = LoopClock()
    await asyncio.sleep(100)
    clock()

    async def main():
        clock()
        steady.now += 5
        return clock(), at_hand(clock)

    assert await asyncio.to_thread(asyncio.run, main()) == (105.0, clock)


def test_promise_1_2_sleeping_retry_after_is_enough_in_each_run():
    dice = random.Random(1)
    breaker = CircuitBreaker(1, 12.3)

    async def main():
        await asyncio.sleep(dice.uniform(0, 100))
        trip(breaker)
        await asyncio.sleep(breaker.retry_after)
        breaker.acquire().success()
        breaker.reset()

    for _ in range(300):
        run_virtual(main)
