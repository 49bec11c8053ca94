"""Promise 1.5: `clocks="all"` puts every clock of the calling thread on virtual time."""

# ruff: noqa: ASYNC251, DTZ - code that a user might write

from __future__ import annotations

import asyncio
import datetime
import functools
import logging
import random
import sched
import sys
import threading
import time
import timeit
import types
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime as datetime_itself
from time import monotonic, perf_counter_ns, sleep

import pytest
import stamina
import tenacity

from resilience_lab import CircuitBreaker, CircuitOpenError, DeadlockError, run_virtual
from resilience_lab.virtual_time.clocks import EPOCH

stamina.instrumentation.set_on_retry_hooks([])
in_all = functools.partial(run_virtual, clocks="all")
now_by_itself = datetime.datetime.now


def calls_until_it_stops(retrying):
    """When `retrying` calls, and when it gives up, by the steady clock."""
    calls = []

    @retrying
    def fails():
        calls.append(time.monotonic())
        raise ConnectionError

    with pytest.raises(ConnectionError):
        fails()
    return calls, time.monotonic()


async def calls_until_it_stops_async(retrying):
    calls = []

    @retrying
    async def fails():
        calls.append(time.monotonic())
        assert time.monotonic() == asyncio.get_running_loop().time()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await fails()
    return calls, time.monotonic()


def by_hand(fails):
    def retrying():
        end = monotonic() + 3
        while True:
            try:
                return fails()
            except ConnectionError:
                if monotonic() >= end:
                    raise
                sleep(1)

    return retrying


def by_hand_async(fails):
    async def retrying():
        end = monotonic() + 3
        while True:
            try:
                return await fails()
            except ConnectionError:
                if monotonic() >= end:
                    raise
                await asyncio.sleep(1)

    return retrying


FIXED = tenacity.retry(wait=tenacity.wait_fixed(1), stop=tenacity.stop_after_delay(3), reraise=True)
BEFORE = tenacity.retry(
    wait=tenacity.wait_fixed(1), stop=tenacity.stop_before_delay(3), reraise=True
)
EVENT = tenacity.retry(
    wait=tenacity.wait_fixed(1), stop=tenacity.stop_after_delay(3), reraise=True,
    sleep=tenacity.sleep_using_event(threading.Event()),
)  # fmt: skip
STAMINA = stamina.retry(on=ConnectionError, attempts=None, timeout=3, wait_initial=1, wait_jitter=0)


@pytest.mark.parametrize(
    ("retrying", "when"),
    [
        (FIXED, ([0.0, 1.0, 2.0, 3.0], 3.0)),
        (BEFORE, ([0.0, 1.0, 2.0], 2.0)),
        (EVENT, ([0.0, 1.0, 2.0, 3.0], 3.0)),
        (STAMINA, ([0.0, 1.0, 3.0], 3.0)),
        (by_hand, ([0.0, 1.0, 2.0, 3.0], 3.0)),
    ],
)
def test_promise_1_5_retries_of_plain_code_stop_at_the_right_second(retrying, when):
    assert in_all(calls_until_it_stops, retrying) == when


@pytest.mark.parametrize(
    ("retrying", "when"),
    [
        (FIXED, ([0.0, 1.0, 2.0, 3.0], 3.0)),
        (BEFORE, ([0.0, 1.0, 2.0], 2.0)),
        (STAMINA, ([0.0, 1.0, 3.0], 3.0)),
        (by_hand_async, ([0.0, 1.0, 2.0, 3.0], 3.0)),
    ],
)
def test_promise_1_5_retries_of_coroutines_stop_at_the_right_second(retrying, when):
    assert in_all(calls_until_it_stops_async, retrying) == when


class Clocks:
    """Every way to get hold of a clock."""

    attribute = monotonic
    static = staticmethod(time.time)

    def __init__(self, default=time.perf_counter, *, keyword=time.monotonic_ns):
        self.mine = time.monotonic

    def read(self, default=time.perf_counter, *, keyword=time.monotonic_ns):
        utc = datetime.UTC
        return {
            "attribute": self.attribute(),
            "static": self.static() - EPOCH,
            "of the object": self.mine(),
            "default": default(),
            "keyword": keyword() / 1e9,
            "imported": monotonic(),
            "imported_ns": perf_counter_ns() / 1e9,
            "time": time.time() - EPOCH,
            "time_ns": time.time_ns() / 1e9 - EPOCH,
            "timeit": timeit.default_timer(),
            "gettime": time.clock_gettime(time.CLOCK_MONOTONIC),
            "gettime_ns": time.clock_gettime_ns(time.CLOCK_REALTIME) / 1e9 - EPOCH,
            "now": datetime_itself.now().timestamp() - EPOCH,
            "today": datetime_itself.today().timestamp() - EPOCH,
            "aware": datetime.datetime.now(utc).timestamp() - EPOCH,
            "utcnow": datetime_itself.utcnow().replace(tzinfo=utc).timestamp() - EPOCH,
            "by itself": now_by_itself(utc).timestamp() - EPOCH,
            "log": logging.makeLogRecord({}).created - EPOCH,
        }


def test_promise_1_5_every_clock_shows_virtual_time():
    clocks = Clocks()

    async def in_a_coroutine():
        await asyncio.sleep(20)
        time.sleep(10)
        return clocks.read()

    def in_plain_code():
        sleep(30.0)
        return clocks.read()

    for main in (in_a_coroutine, in_plain_code):
        for name, seconds in in_all(main).items():
            assert seconds == pytest.approx(30, abs=1e-5), name


def test_the_calendar_follows():
    def main():
        sleep(86400)
        return (
            time.gmtime()[:6], time.gmtime(0)[:6], time.strftime("%d", time.gmtime()),
            time.localtime() == time.localtime(EPOCH + 86400),
            time.ctime() == time.ctime(EPOCH + 86400), time.asctime() == time.ctime(),
            time.strftime("%Y") == str(datetime.date.today().year), datetime.date.today().year,
        )  # fmt: skip

    *parts, year = in_all(main)

    assert parts == [(2027, 1, 16, 8, 0, 0), (1970, 1, 1, 0, 0, 0), "16", True, True, True, True]
    assert year == 2027


def test_the_processor_s_time_is_real():
    before = time.process_time()

    def main():
        sleep(10**6)
        return time.process_time(), time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)

    assert all(before <= seconds < before + 10**5 for seconds in in_all(main))


def test_a_scheduler_of_plain_code_runs_in_virtual_time():
    def main():
        scheduler, ran = sched.scheduler(time.monotonic, time.sleep), []
        for delay in (3, 1, 2):
            scheduler.enter(delay, 1, lambda: ran.append(time.monotonic()))
        scheduler.run()
        return ran

    assert in_all(main) == [1.0, 2.0, 3.0]


def test_a_plain_function_may_run_coroutines():
    async def part(seconds):
        await asyncio.sleep(seconds)
        sleep(1)
        return asyncio.get_running_loop().time()

    def main():
        first = asyncio.run(part(5))
        sleep(2)
        with asyncio.Runner() as runner:
            second = runner.run(part(3))
        return first, second, time.monotonic(), asyncio.run(asyncio.to_thread(int))

    assert in_all(main) == (6.0, 12.0, 12.0, 0)


def test_a_deadlock_in_such_a_coroutine_is_found():
    def main():
        asyncio.run(asyncio.Event().wait())

    with pytest.raises(DeadlockError):
        in_all(main)


def test_what_is_due_while_a_coroutine_sleeps_in_time_sleep_comes_late():
    async def main():
        ends = []
        loop = asyncio.get_running_loop()
        for when in (2, 1, 7):
            loop.call_later(when, lambda: ends.append(loop.time()))
        time.sleep(5)
        await asyncio.sleep(10)
        return ends

    assert in_all(main) == [5.0, 5.0, 7.0]


def test_a_breaker_in_plain_code_breaks_in_virtual_time():
    breaker = CircuitBreaker(1, 30)

    def main():
        breaker.acquire().failure(OSError())
        sleep(29)
        with pytest.raises(CircuitOpenError, match=r"next probe in 1\.0 s"):
            breaker.acquire()
        sleep(1)
        breaker.acquire().success()
        return breaker.last_failure_time

    assert in_all(main) == 0.0


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (float("inf"), OverflowError), ("1", TypeError)],
)
def test_time_sleep_refuses_what_it_always_refuses(seconds, error):
    with pytest.raises(error):
        in_all(lambda: time.sleep(seconds))


def test_arguments_result_exception_and_seed_are_as_ever():
    def main(number):
        return number / random.randrange(1)

    with pytest.raises(ZeroDivisionError):
        in_all(lambda number: number / 0, 1)
    assert in_all(random.random, seed=3) == random.Random(3).random()
    assert in_all(lambda: None) is None


def numbers():
    yield 1


async def numbers_async():
    yield 1


@pytest.mark.parametrize("main", [numbers, numbers_async, numbers_async(), 3])
def test_what_does_not_run_by_being_called_is_refused(main):
    with pytest.raises(TypeError, match="main must be a coroutine function"):
        in_all(main)


# Everything is put back


def world():
    return (
        time.time, time.time_ns, time.monotonic, time.perf_counter, time.sleep, time.localtime,
        datetime.datetime, threading.Event.wait, asyncio.new_event_loop, monotonic, sleep,
        datetime_itself, timeit.default_timer, tenacity.nap.time.sleep, Clocks.attribute,
        Clocks.static, Clocks.read.__defaults__, now_by_itself, random.getstate(),
    )  # fmt: skip


def leaves():
    sleep(5)


def fails():
    raise ZeroDivisionError


async def exits():
    raise SystemExit


async def deadlocks():
    await asyncio.Event().wait()


@pytest.mark.parametrize("main", [leaves, fails, exits, deadlocks, 3, numbers])
def test_promise_1_5_everything_is_put_back(main):
    before = world()

    try:
        in_all(main, seed=1)
    except BaseException as error:
        assert type(error) in (ZeroDivisionError, SystemExit, DeadlockError, TypeError)

    assert world() == before
    assert in_all(monotonic) == in_all(lambda clock: clock(), monotonic) == 0.0
    assert monotonic() != 0.0


def test_a_module_that_is_imported_during_the_run_has_the_real_clocks_afterwards():
    def main():
        module = types.ModuleType("a_module_of_the_run")
        exec("from time import sleep, monotonic\nfrom datetime import datetime", vars(module))
        sys.modules[module.__name__] = module
        module.sleep(5)
        return module.monotonic()

    try:
        assert in_all(main) == 5.0
        module = sys.modules["a_module_of_the_run"]
        assert (module.sleep, module.datetime) == (time.sleep, datetime.datetime)
    finally:
        del sys.modules["a_module_of_the_run"]


def test_a_clock_that_was_kept_is_the_real_one_afterwards():
    kept = in_all(lambda: [time.monotonic, time.gmtime, datetime.datetime.now, time.clock_gettime])

    assert kept[0]() == pytest.approx(monotonic(), abs=60)
    assert kept[1]()[0] == time.gmtime()[0]
    assert kept[2]().timestamp() == pytest.approx(time.time(), abs=60)
    assert kept[3](time.CLOCK_MONOTONIC) == pytest.approx(monotonic(), abs=60)


# Others


def test_promise_1_5_other_threads_keep_real_clocks():
    before = monotonic()

    def main():
        sleep(10**6)
        with ThreadPoolExecutor(1) as pool:
            seen = pool.submit(lambda: (time.monotonic(), monotonic())).result()
        return seen, type(pool.submit)

    (module, imported), _ = in_all(main)

    assert before <= module <= imported <= monotonic()


def test_promise_1_5_two_runs_in_two_threads_do_not_disturb_each_other():
    both = threading.Barrier(2)

    def main(seconds):
        both.wait()
        for _ in range(200):
            sleep(seconds)
        if seconds == 1:
            left.wait(10)  # until the other run has ended
        sleep(seconds)
        return monotonic(), type(time.sleep) is not type(len)

    def first():
        return in_all(main, 1)

    def second():
        try:
            return in_all(main, 2)
        finally:
            left.set()

    left = Released()
    before = world()
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(first), pool.submit(second)]
        assert [run.result() for run in runs] == [(201.0, True), (402.0, True)]
    assert world() == before


class Released(threading.Event):
    """An event whose wait is the real one."""

    def wait(self, timeout=None):
        with self._cond:
            return self._cond.wait_for(self.is_set, timeout)


def test_promise_1_5_runs_nest():
    async def inner():
        await asyncio.sleep(3)
        return monotonic(), time.monotonic()

    async def outer(clocks):
        await asyncio.sleep(5)
        within = run_virtual(inner, clocks=clocks)
        return within, monotonic()

    assert in_all(outer, "all") == ((3.0, 3.0), 5.0)
    assert in_all(outer, "loop") == ((5.0, 5.0), 5.0)


def test_it_works_inside_a_running_loop():
    async def cell():
        real = time.monotonic()
        seen = in_all(lambda: (sleep(7), monotonic())[1])
        await asyncio.sleep(0)
        return seen, time.monotonic() >= real

    assert asyncio.run(cell()) == (7.0, True)


def test_promise_1_5_it_is_deterministic():
    def main():
        seen = []
        retrying = tenacity.Retrying(
            wait=tenacity.wait_random_exponential(max=10),
            stop=tenacity.stop_after_delay(60),
            before_sleep=lambda state: seen.append((time.time(), datetime_itself.now())),
            reraise=True,
        )
        with pytest.raises(ConnectionError):
            retrying(fails_to_connect)
        return seen

    first = in_all(main, seed=7)

    assert len(first) > 5
    assert in_all(main, seed=7) == first
    assert in_all(main, seed=8) != first


def fails_to_connect():
    raise ConnectionError


# What code holds on to


def wrapped(clock=time.monotonic):
    return clock()


def test_clocks_are_found_in_methods_partials_and_decorated_functions():
    class Client:
        def __init__(self):
            self.clock = time.monotonic
            self.inner = None

        def read(self):
            return self.clock(), self.inner and self.inner.clock()

    outer = Client()
    outer.inner = Client()
    decorated = tenacity.retry(stop=tenacity.stop_after_attempt(1))(wrapped)

    assert in_all(outer.read) == (0.0, 0.0)
    assert in_all(functools.partial(lambda client: client.read(), outer)) == (0.0, 0.0)
    assert in_all(lambda client: client.read(), outer) == (0.0, 0.0)
    assert in_all(decorated) == 0.0
    assert outer.clock is time.monotonic
