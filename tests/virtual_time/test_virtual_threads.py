"""Promise 1.1: threads take no virtual time, and never make a run deadlock."""

# ruff: noqa: RUF006 - tasks are left behind on purpose

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import queue
import subprocess
import sys
import threading
import weakref
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from resilience_lab import DeadlockError, run_virtual
from resilience_lab.virtual_time import threads
from resilience_lab.virtual_time.loop import LOOK_AGAIN


def now():
    return asyncio.get_running_loop().time()


def slow_work():
    """Work that ends after the loop has begun to wait for it; to be made on the loop."""
    loop = asyncio.get_running_loop()
    waits, wakeups = threading.Event(), loop._wakeups

    class Told:
        put = wakeups.put

        def get(self):
            waits.set()
            wakeups.get()

    loop._wakeups = Told()

    def work():
        assert waits.wait(10)
        return "done"

    return work


# Ways to have something done in a thread


async def in_to_thread(work):
    return await asyncio.to_thread(work)


async def in_the_default_pool(work):
    return await asyncio.get_running_loop().run_in_executor(None, work)


async def in_a_pool(work):
    with ThreadPoolExecutor() as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


async def in_a_pool_behind_another_work(work):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(work)
        return await asyncio.wrap_future(pool.submit(lambda: first.result()))


async def wrapped(work):
    with ThreadPoolExecutor() as pool:
        return await asyncio.wrap_future(pool.submit(work))


old_pool = ThreadPoolExecutor(1)
old_pool.submit(int).result()


async def wrapped_in_a_pool_from_before_the_run(work):
    return await asyncio.wrap_future(old_pool.submit(work))


async def in_anyio(work):
    return await anyio.to_thread.run_sync(work)


async def in_anyio_again(work):
    await anyio.to_thread.run_sync(int)
    return await anyio.to_thread.run_sync(work)


async def in_a_thread_that_waits_for_another(work):
    with ThreadPoolExecutor() as pool:
        return await asyncio.to_thread(lambda: pool.submit(work).result())


async def in_a_thread_that_waits_for_one_that_waits(work):
    with ThreadPoolExecutor() as pool:
        last = pool.submit(work)
        middle = pool.submit(lambda: last.result())
        return await asyncio.to_thread(lambda: middle.result())


class ThreadEach(concurrent.futures.Executor):
    """An executor of one's own."""

    def submit(self, work, *args):
        future = Future()
        threading.Thread(target=lambda: future.set_result(work(*args)), daemon=True).start()
        return future


async def in_an_executor_of_ones_own(work):
    return await asyncio.get_running_loop().run_in_executor(ThreadEach(), work)


async def wrapped_from_an_executor_of_ones_own(work):
    return await asyncio.wrap_future(ThreadEach().submit(work))


KNOWN = [
    in_to_thread, in_the_default_pool, in_a_pool, in_a_pool_behind_another_work, wrapped,
    wrapped_in_a_pool_from_before_the_run, in_anyio, in_anyio_again,
    in_an_executor_of_ones_own, wrapped_from_an_executor_of_ones_own,
    in_a_thread_that_waits_for_another, in_a_thread_that_waits_for_one_that_waits,
]  # fmt: skip


async def in_a_thread_of_ones_own(work):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    thread = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(future.set_result, work()), daemon=True
    )
    thread.start()
    return await future


async def in_a_pool_that_calls_back(work):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    old_pool.submit(lambda: loop.call_soon_threadsafe(future.set_result, work()))
    return await future


jobs = queue.Queue()


def serve():
    while job := jobs.get():
        loop, future, work = job
        loop.call_soon_threadsafe(future.set_result, work())
        del job, loop, future, work


@pytest.fixture(autouse=True, scope="module")
def old_thread():
    thread = threading.Thread(target=serve)
    thread.start()
    yield
    jobs.put(None)
    thread.join()


async def in_a_thread_from_before_the_run(work):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    jobs.put((loop, future, work))
    return await future


the_loop = None


async def in_a_thread_that_finds_the_loop_in_a_global_name(work):
    global the_loop
    the_loop = asyncio.get_running_loop()
    future = the_loop.create_future()
    answers = [future]

    def run():
        answer = work()
        the_loop.call_soon_threadsafe(answers[0].set_result, answer)

    threading.Thread(target=run).start()
    return await future


UNKNOWN = [
    in_a_thread_of_ones_own, in_a_pool_that_calls_back, in_a_thread_from_before_the_run,
    in_a_thread_that_finds_the_loop_in_a_global_name,
]  # fmt: skip


@pytest.mark.parametrize("in_thread", [*KNOWN, *UNKNOWN])
def test_promise_1_1_a_run_waits_for_threads(in_thread):
    async def main():
        result = await in_thread(slow_work())
        return result, now()

    assert run_virtual(main) == ("done", 0.0)


@pytest.mark.parametrize("in_thread", KNOWN)
def test_promise_1_1_time_stands_still_for_threads_that_the_loop_knows_of(in_thread):
    async def main():
        async with asyncio.timeout(10):
            result = await in_thread(slow_work())
        first = now()
        await asyncio.sleep(5)
        return result, first, now()

    assert run_virtual(main) == ("done", 0.0, 5.0)


@pytest.mark.parametrize("in_thread", [in_to_thread, in_a_pool, wrapped, in_anyio])
def test_an_error_in_a_thread_comes_through(in_thread):
    async def main():
        work = slow_work()

        def fails():
            return 1 / len(work()[4:])

        await in_thread(fails)

    with pytest.raises(ZeroDivisionError):
        run_virtual(main)


def test_a_pool_of_processes_is_waited_for():
    async def main():
        with ProcessPoolExecutor(1) as pool:
            async with asyncio.timeout(10):
                first = await asyncio.get_running_loop().run_in_executor(pool, pow, 2, 10)
                second = await asyncio.wrap_future(pool.submit(pow, 2, 11))
        return first, second, now()

    assert run_virtual(main) == (1024, 2048, 0.0)


def test_a_program_in_a_thread_is_waited_for():
    async def main():
        command = [sys.executable, "-c", "print('hello')"]
        async with asyncio.timeout(10):
            ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        return ran.stdout, now()

    assert run_virtual(main) == ("hello\n", 0.0)


@pytest.mark.parametrize("anyio_is_there", [True, False])
def test_no_stack_is_looked_at_while_no_thread_works(monkeypatch, anyio_is_there):
    monkeypatch.setattr(threads, "_others", lambda: pytest.fail("a stack was looked at"))
    if not anyio_is_there:
        monkeypatch.setattr(threads, "_ANYIO", "absent")

    assert run_virtual(sleeps, 5) == 5.0


# Threads that ask the loop for something


async def sleeps(seconds):
    await asyncio.sleep(seconds)
    return now()


def asks(loop, seconds):
    return asyncio.run_coroutine_threadsafe(sleeps(seconds), loop).result()


@pytest.mark.parametrize("in_thread", [*KNOWN, in_a_thread_of_ones_own, in_a_pool_that_calls_back])
def test_promise_1_1_a_thread_may_wait_for_a_coroutine(in_thread):
    async def main():
        loop = asyncio.get_running_loop()
        return await in_thread(lambda: [asks(loop, 5), asks(loop, 2), asks(loop, 0)])

    assert run_virtual(main) == [5.0, 7.0, 7.0]


def test_promise_1_1_many_threads_may_wait_for_coroutines():
    async def main():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(asyncio.to_thread(asks, loop, n) for n in range(50)))

    ends = run_virtual(main)

    assert sorted(ends[:2]) == [0.0, 1.0]
    assert len(ends) == 50


def test_anyio_threads_may_come_back_to_the_loop():
    async def main():
        def work():
            anyio.from_thread.run(anyio.sleep, 5)
            return anyio.from_thread.run_sync(now)

        with anyio.fail_after(10):
            return await anyio.to_thread.run_sync(work)

    assert run_virtual(main) == 5.0


def test_a_thread_may_wait_for_what_a_coroutine_does_later():
    async def main():
        event, items = threading.Event(), queue.Queue()
        loop = asyncio.get_running_loop()
        loop.call_later(5, event.set)
        loop.call_later(7, items.put, "item")
        return await asyncio.gather(
            asyncio.to_thread(lambda: (event.wait(), items.get())), sleeps(10)
        )

    assert run_virtual(main) == [(True, "item"), 10.0]


def test_time_stands_still_when_one_thread_waits_and_another_works():
    async def main():
        loop = asyncio.get_running_loop()
        work = slow_work()

        def seen():
            return work(), loop.time()

        waiting = asyncio.create_task(asyncio.to_thread(asks, loop, 5))
        return await asyncio.to_thread(seen), await waiting

    assert run_virtual(main) == (("done", 0.0), 5.0)


def test_a_coroutine_of_a_thread_that_never_ends_is_a_deadlock():
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(asks, loop, float("inf"))

    with pytest.raises(DeadlockError) as error:
        run_virtual(main)

    assert "sleeps" in str(error.value)


# Futures that are no thread's


def test_a_future_that_the_run_fills_itself_needs_no_thread():
    async def main():
        future = Future()
        asyncio.get_running_loop().call_later(5, future.set_result, "mine")
        asked = asyncio.run_coroutine_threadsafe(sleeps(7), asyncio.get_running_loop())
        first = await asyncio.wrap_future(future)
        return first, now(), await asyncio.wrap_future(asked)

    assert run_virtual(main) == ("mine", 5.0, 7.0)


def test_a_future_that_nobody_fills_is_a_deadlock():
    async def main():
        await asyncio.wrap_future(Future())

    with pytest.raises(DeadlockError):
        run_virtual(main)


# Deadlocks are found still


@pytest.mark.parametrize("in_thread", [*KNOWN, in_a_pool_that_calls_back])
def test_promise_1_1_threads_without_work_hide_no_deadlock(in_thread):
    async def main():
        await in_thread(lambda: None)
        await asyncio.sleep(1)
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError) as error:
        run_virtual(main)

    assert error.value.time == 1.0


def test_a_background_thread_that_has_nothing_to_do_with_the_run_hides_no_deadlock():
    stop = threading.Event()

    def ticks():
        while not stop.wait(LOOK_AGAIN):
            pass

    async def main():
        threading.Thread(target=ticks, daemon=True).start()
        await asyncio.Event().wait()

    try:
        with pytest.raises(DeadlockError):
            run_virtual(main)
    finally:
        stop.set()


# The end of the run


def test_a_thread_that_was_given_up_is_waited_for_at_the_end():
    seen = []

    async def main():
        work = slow_work()

        def done():
            work()
            gc.collect()
            seen.append("done")

        task = asyncio.create_task(asyncio.to_thread(done))
        await asyncio.sleep(0)
        task.cancel()
        return "the result"

    assert run_virtual(main) == "the result"
    assert seen == ["done"]


def test_a_thread_that_asks_the_loop_as_the_run_ends_is_answered():
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        work = slow_work()

        def late():
            work()
            try:
                seen.append(asks(loop, 1))
            except concurrent.futures.CancelledError:
                seen.append("cancelled")

        asyncio.create_task(asyncio.to_thread(late))
        await asyncio.sleep(0)
        return "the result"

    assert run_virtual(main) == "the result"
    assert seen in ([1.0], ["cancelled"])


def test_a_thread_that_waits_for_ever_does_not_cost_the_run_its_result():
    go = threading.Event()

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.to_thread(go.wait)
        return now()

    try:
        assert run_virtual(main) == 5.0
    finally:
        go.set()


def test_a_look_at_a_thread_keeps_nothing_of_it_alive():
    seen, go = threading.Event(), threading.Event()
    things = []

    class Thing:
        pass

    def holds():
        thing = Thing()
        things.append(weakref.ref(thing))
        seen.set()
        go.wait(10)

    thread = threading.Thread(target=holds)
    thread.start()
    seen.wait(10)
    gc.disable()
    try:
        assert threads.others_hold(things[0]())
        go.set()
        thread.join()
        assert things[0]() is None
    finally:
        gc.enable()


def test_the_names_of_a_module_in_a_threads_hand_are_not_looked_through():
    seen, go = threading.Event(), threading.Event()
    thing, of_a_module = object(), {"__builtins__": {}}
    of_a_module["deep"] = [thing]

    def has_in_hand(names):
        seen.set()
        go.wait(10)

    names = [of_a_module]
    thread = threading.Thread(target=has_in_hand, args=[names])
    thread.start()
    seen.wait(10)
    try:
        assert threads.others_hold(of_a_module)
        assert not threads.others_hold(thing)
    finally:
        go.set()
        thread.join()
