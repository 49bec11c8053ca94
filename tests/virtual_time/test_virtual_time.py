"""Promises, section 1: the loop is the clock, and a virtual loop is a virtual clock."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import math
import random
import threading
import time
from contextlib import suppress

import pytest

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    DeadlockError,
    Retry,
    deadline,
    run_virtual,
    time_remaining,
)
from resilience_lab.virtual_time.loop import VirtualLoop


async def now():
    return asyncio.get_running_loop().time()


def test_promise_1_the_clock_starts_at_zero_and_jumps_to_the_next_timer():
    async def main():
        times = [await now()]
        for seconds in (0.5, 3600, 0):
            await asyncio.sleep(seconds)
            times.append(await now())
        return times

    assert run_virtual(main) == [0.0, 0.5, 3600.5, 3600.5]


def test_arguments_result_and_exception_pass_through():
    async def divide(a, b):
        await asyncio.sleep(1)
        return a / b

    assert run_virtual(divide, 1, 2) == 0.5
    with pytest.raises(ZeroDivisionError):
        run_virtual(divide, 1, 0)


def test_promise_1_a_wall_clock_that_jumps_changes_nothing(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: pytest.fail("the wall clock was read"))

    async def main():
        breaker = CircuitBreaker(1, 30)
        breaker.acquire().failure(OSError())
        await asyncio.sleep(30)
        retry = Retry(1, Backoff(1, jitter="none"))
        async with deadline(10):
            return await retry.call(breaker.call, now)

    assert run_virtual(main) == 30.0


def test_timers_due_together_fire_in_the_order_they_were_set():
    async def main():
        order = []
        loop = asyncio.get_running_loop()
        for i in range(50):
            loop.call_at(1.0, order.append, i)
        await asyncio.sleep(1)
        return order

    assert run_virtual(main) == list(range(50))


def test_concurrent_tasks_share_the_clock():
    async def ticker(period, log):
        for _ in range(3):
            await asyncio.sleep(period)
            log.append((await now(), period))

    async def main():
        log = []
        await asyncio.gather(ticker(2, log), ticker(3, log))
        return log

    assert run_virtual(main) == [(2.0, 2), (3.0, 3), (4.0, 2), (6.0, 3), (6.0, 2), (9.0, 3)]


def test_other_asyncio_tools_work_in_virtual_time():
    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 5)
        queue = asyncio.Queue()
        asyncio.get_running_loop().call_later(7, queue.put_nowait, "item")
        item = await queue.get()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(8))
        return item, await now()

    assert run_virtual(main) == ("item", 20.0)


def test_promise_1_it_works_inside_a_running_loop_and_leaves_that_loop_as_it_was():
    async def cell():
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        result = run_virtual(now_after, 3600)
        assert asyncio.get_running_loop() is loop
        assert asyncio.current_task() is task
        await asyncio.sleep(0)  # and the loop still turns
        return result

    async def now_after(seconds):
        await asyncio.sleep(seconds)
        return await now()

    assert asyncio.run(cell()) == 3600.0


def test_it_works_inside_a_callback_of_a_running_loop():
    async def main():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: future.set_result(run_virtual(now)))
        return await future

    assert asyncio.run(main()) == 0.0


def test_it_nests():
    async def outer():
        await asyncio.sleep(5)
        inner = run_virtual(now)
        return inner, await now()

    assert run_virtual(outer) == (0.0, 5.0)


def test_context_variables_of_the_caller_are_kept():
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("the caller's")

    async def main():
        return variable.get()

    assert run_virtual(main) == "the caller's"


def test_printed_output_and_thread_are_the_callers(capsys):
    async def main():
        print("from within")
        return threading.current_thread()

    assert run_virtual(main) is threading.current_thread()
    assert capsys.readouterr().out == "from within\n"


def test_what_is_left_over_is_cancelled():
    fate = []

    async def forever():
        try:
            await asyncio.sleep(10**9)
        except asyncio.CancelledError:
            fate.append("cancelled")
            raise

    async def main():
        task = asyncio.create_task(forever())
        await asyncio.sleep(1)
        assert not task.done()

    run_virtual(main)

    assert fate == ["cancelled"]


def test_promise_1_what_is_left_over_is_cancelled_in_the_order_of_its_creation():
    fate = []

    async def worker(number):
        try:
            await asyncio.sleep(100)
        finally:
            fate.append(number)

    async def main():
        tasks.extend(asyncio.create_task(worker(number)) for number in range(30))
        await asyncio.sleep(1)

    tasks = []
    run_virtual(main)

    assert fate == list(range(30))


def test_a_left_over_task_that_refuses_to_end_does_not_cost_the_result():
    async def stubborn():
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async def main():
        tasks.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(1)
        return "the result"

    tasks = []

    assert run_virtual(main) == "the result"


def test_what_a_left_over_task_raises_is_reported(caplog):
    async def sore_loser():
        try:
            await asyncio.sleep(100)
        finally:
            raise ZeroDivisionError

    async def main():
        task = asyncio.create_task(sore_loser())
        await asyncio.sleep(1)
        return task

    run_virtual(main)

    assert "a task that was left over failed when it was cancelled" in caplog.text


@pytest.mark.parametrize("exit_error", [KeyboardInterrupt, SystemExit])
def test_an_exit_passes_and_what_is_left_over_is_cancelled(exit_error):
    fate = []

    async def worker():
        try:
            await asyncio.sleep(100)
        finally:
            fate.append("cancelled")

    async def main():
        task = asyncio.create_task(worker())
        await asyncio.sleep(1)
        raise exit_error(task)

    with pytest.raises(exit_error):
        run_virtual(main)

    assert fate == ["cancelled"]


def test_a_moment_that_is_no_number_is_refused():
    async def main():
        asyncio.get_running_loop().call_at(math.nan, print)

    with pytest.raises(ValueError, match="when must be a moment in seconds, got nan"):
        run_virtual(main)


@pytest.mark.parametrize("seed", [1.5, "abc", True, [], -1])
def test_a_seed_must_be_a_whole_number(seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        run_virtual(now, seed=seed)


def test_promise_1_a_deadlock_names_the_stuck_tasks():
    async def consumer(queue):
        await queue.get()

    async def main():
        task = asyncio.create_task(consumer(asyncio.Queue()), name="consumer-1")
        await asyncio.sleep(2)
        await task

    with pytest.raises(DeadlockError) as error:
        run_virtual(main)

    assert error.value.time == 2.0
    assert len(error.value.tasks) == 2
    assert str(error.value).startswith("deadlock at 2 s of virtual time: no timer will wake ")
    assert "consumer-1 (test_promise_1_a_deadlock_names_the_stuck_tasks.<locals>.consumer)" in str(
        error.value
    )
    assert "task-1 (test_promise_1_a_deadlock_names_the_stuck_tasks.<locals>.main)" in str(
        error.value
    )


def test_a_task_that_sleeps_for_ever_is_held_by_its_timer_alone():
    ends = []

    async def sleeper():
        try:
            await asyncio.sleep(math.inf)
        except BaseException as error:
            ends.append(type(error))
            raise

    async def main():
        asyncio.create_task(sleeper())  # noqa: RUF006 - that nobody holds it is the point
        await asyncio.sleep(1)
        gc.collect()
        return list(ends)

    assert run_virtual(main) == []
    assert ends == [asyncio.CancelledError]


def test_an_infinite_sleep_is_a_deadlock_too():
    with pytest.raises(DeadlockError):
        run_virtual(asyncio.sleep, float("inf"))


def test_the_caller_s_loop_survives_a_deadlock():
    async def cell():
        with pytest.raises(DeadlockError):
            run_virtual(asyncio.sleep, float("inf"))
        await asyncio.sleep(0)
        return "well"

    assert asyncio.run(cell()) == "well"


def test_promise_1_it_is_deterministic():
    async def main():
        log = []

        async def worker(name):
            for _ in range(5):
                await asyncio.sleep(random.uniform(0, 3))
                log.append((name, await now(), asyncio.current_task().get_name()))

        await asyncio.gather(*(worker(i) for i in range(10)))
        return log

    first = run_virtual(main, seed=7)

    assert run_virtual(main, seed=7) == first
    assert run_virtual(main, seed=8) != first


def test_the_seed_leaves_the_callers_randomness_alone():
    random.seed(1)
    expected = [random.random() for _ in range(2)]
    random.seed(1)
    observed = [random.random()]

    async def main():
        return random.random()

    assert run_virtual(main, seed=5) == random.Random(5).random()
    assert [*observed, random.random()] == expected


def test_the_default_jitter_follows_the_seed():
    async def main():
        delays = Backoff().delays()
        return [next(delays) for _ in range(3)]

    assert run_virtual(main, seed=1) == run_virtual(main, seed=1)


def test_cancelled_timers_do_not_pile_up():
    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(10_000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0)
        assert len(loop._timers) < 500
        return await now()

    assert run_virtual(main) == 0.0


def test_cancelled_timers_do_not_move_the_clock():
    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(50, print).cancel()
        await asyncio.sleep(1)
        loop.call_later(2, print).cancel()
        await asyncio.sleep(5)
        return await now()

    assert run_virtual(main) == 6.0


def test_a_ready_callback_can_still_be_cancelled():
    async def main():
        called = []
        handle = asyncio.get_running_loop().call_soon(called.append, 1)
        handle.cancel()
        await asyncio.sleep(1)
        return called

    assert run_virtual(main) == []


def test_a_timer_in_the_past_fires_now():
    async def main():
        await asyncio.sleep(10)
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_at(3.0, future.set_result, "now")
        return await future, await now()

    assert run_virtual(main) == ("now", 10.0)


def test_a_loop_that_is_stopped_does_not_move_on():
    loop = VirtualLoop()
    loop.call_later(5, print)

    loop.stop()
    loop.run_forever()

    assert loop.time() == 0.0
    loop.close()


def test_a_deadline_of_another_loop_does_not_reach_in():
    async def inner():
        return time_remaining()

    async def outer():
        async with deadline(5):
            return run_virtual(inner), time_remaining()

    assert asyncio.run(outer())[0] is None


@pytest.mark.parametrize("main", [print, 3, None])
def test_what_is_no_coroutine_function_is_refused(main):
    with pytest.raises(TypeError, match="main must be a coroutine function"):
        run_virtual(main)


def test_the_refusal_of_a_plain_function_says_what_runs_it():
    with pytest.raises(TypeError, match="with clocks='all' it may be a plain one"):
        run_virtual(int)


@pytest.mark.parametrize("clocks", ["every", "", None, True, 1, ["all"]])
def test_clocks_must_be_one_of_its_words(clocks):
    with pytest.raises(ValueError, match="clocks must be 'loop' or 'all', got "):
        run_virtual(now, clocks=clocks)


def test_the_coroutine_itself_is_refused():
    coroutine = now()

    with pytest.raises(TypeError, match=r"main must be a coroutine function \(not its call\)"):
        run_virtual(coroutine)

    coroutine.close()


def test_tasks_are_named_anew_in_each_run():
    async def main():
        task = asyncio.create_task(asyncio.sleep(0))
        named = asyncio.create_task(asyncio.sleep(0), name="mine")
        await task, await named
        return [task.get_name(), named.get_name()]

    assert run_virtual(main) == run_virtual(main) == ["task-2", "mine"]
