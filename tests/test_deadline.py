"""Promises, section 5: `deadline`."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import doctest
import gc
import math
import sys
import threading
import time

import pytest

from resilience_lab import (
    Backoff,
    DeadlineExceededError,
    FallbackOrchestrator,
    ResilienceError,
    Retry,
    ScriptedAgent,
    deadline,
    no_deadline,
    run_virtual,
    time_remaining,
)
from resilience_lab.deadline import deadline_at, deadline_error


def now():
    return asyncio.get_running_loop().time()


async def test_a_block_in_time_is_left_alone():
    async with deadline(5):
        await asyncio.sleep(4.999)

    await asyncio.sleep(10)
    assert time_remaining() is None


async def test_promise_5_when_it_expires_the_block_is_cancelled_and_a_timeout_error_raised():
    with pytest.raises(DeadlineExceededError) as raised:
        async with deadline(5):
            await asyncio.sleep(100)

    assert now() == 5.0
    assert isinstance(raised.value, TimeoutError)
    assert isinstance(raised.value, ResilienceError)
    assert str(raised.value) == "the deadline of 5 s has passed"


async def test_promise_5_time_remaining_counts_down_to_zero():
    assert time_remaining() is None
    async with deadline(5):
        assert time_remaining() == 5.0
        await asyncio.sleep(3)
        assert time_remaining() == 2.0
    with pytest.raises(DeadlineExceededError):
        async with deadline(1):
            try:
                await asyncio.sleep(10)
            finally:
                assert time_remaining() == 0.0


@pytest.mark.parametrize(("outer", "inner", "raised_at"), [(5, 10, 5), (10, 5, 5), (5, 5, 5)])
async def test_promise_5_nested_deadlines_mean_the_earlier(outer, inner, raised_at):
    with pytest.raises(DeadlineExceededError):
        async with deadline(outer):
            async with deadline(inner):
                assert time_remaining() == 5.0
                await asyncio.sleep(100)

    assert now() == raised_at


async def test_after_an_inner_deadline_the_outer_one_stands_again():
    async with deadline(10):
        with pytest.raises(DeadlineExceededError):
            async with deadline(2):
                await asyncio.sleep(100)
        assert time_remaining() == 8.0
        await asyncio.sleep(1)


async def test_a_later_inner_deadline_expires_outside():
    with pytest.raises(DeadlineExceededError):
        async with deadline(5):
            try:
                async with deadline(10):
                    await asyncio.sleep(100)
            except DeadlineExceededError:
                pytest.fail("it is the outer one that has passed")


async def test_promise_5_it_reaches_into_tasks_started_inside():
    async def child():
        return time_remaining()

    async with deadline(5), asyncio.TaskGroup() as group:
        task = group.create_task(child())

    assert task.result() == 5.0


async def test_it_cuts_a_task_of_its_own_deadline_short():
    async def detached():
        async with deadline(100):
            await asyncio.sleep(1000)

    async with deadline(5):
        task = asyncio.create_task(detached())
        await asyncio.sleep(0)

    with pytest.raises(DeadlineExceededError):
        await task
    assert now() == 5.0


async def test_a_timeout_of_the_blocks_own_passes_unchanged():
    with pytest.raises(TimeoutError, match="my own") as raised:
        async with deadline(5):
            raise TimeoutError("my own")

    assert not isinstance(raised.value, DeadlineExceededError)


async def test_a_cancellation_from_outside_stays_one():
    async def bounded():
        async with deadline(5):
            await asyncio.sleep(100)

    task = asyncio.create_task(bounded())
    await asyncio.sleep(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_zero_seconds_are_over_at_the_first_wait():
    with pytest.raises(DeadlineExceededError):
        async with deadline(0):
            await asyncio.sleep(1)

    assert now() == 0.0


async def test_a_thread_can_ask_too():
    async with deadline(5):
        assert await asyncio.to_thread(time_remaining) == 5.0


async def test_a_thread_that_outlives_the_block_still_sees_its_deadline():
    async with deadline(5):
        inside = contextvars.copy_context()
    await asyncio.sleep(2)

    assert await asyncio.to_thread(inside.run, time_remaining) == 3.0
    assert await asyncio.to_thread(time_remaining) is None
    await asyncio.sleep(10)
    assert await asyncio.to_thread(inside.run, time_remaining) == 0.0


async def one_by_one(seconds):
    async with deadline(seconds):
        yield time_remaining()


async def test_a_generator_that_is_dropped_leaves_no_deadline_behind():
    async for _ in one_by_one(5):
        break
    gc.collect()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert time_remaining() is None


async def test_generators_that_take_turns_leave_no_deadline_behind():
    first, second = one_by_one(5), one_by_one(3)
    assert [await anext(first), await anext(second)] == [5.0, 3.0]

    await first.aclose()
    assert time_remaining() == 3.0
    await second.aclose()

    assert time_remaining() is None


# 5.1 errors that cannot be changed


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int = 7


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlotsError(Exception):
    code: int = 7


class UnchangeableError(Exception):
    def __setattr__(self, name, value):
        raise AttributeError(name)


class FrozenTimeoutError(TimeoutError):
    __setattr__ = UnchangeableError.__setattr__


UNCHANGEABLE = [FrozenError, FrozenSlotsError, UnchangeableError, FrozenTimeoutError]


@pytest.mark.parametrize("kind", UNCHANGEABLE)
async def test_promise_5_1_errors_that_cannot_be_changed_pass(kind):
    error = kind()

    for block in (deadline(5), no_deadline()):
        with pytest.raises(kind) as raised:
            async with block:
                raise error
        assert raised.value is error
    with pytest.raises(kind) as raised:
        with no_deadline():
            raise error
    assert raised.value is error


@pytest.mark.parametrize("kind", UNCHANGEABLE)
async def test_promise_5_1_also_in_the_place_of_the_cancellation(kind):
    with pytest.raises((kind, DeadlineExceededError)) as raised:
        async with deadline(5):
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                raise kind from None

    ours = issubclass(kind, TimeoutError)  # that a timeout has become of it says the same
    assert type(raised.value) is (DeadlineExceededError if ours else kind)
    assert time_remaining() is None


# 5.2 synchronous code


@pytest.fixture
def machine(monkeypatch):
    """The machine's clock, which the test moves."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_promise_5_2_a_plain_block_counts_down(machine):
    with deadline(5):
        assert time_remaining() == 5.0
        machine[0] += 3
        assert time_remaining() == 2.0
        machine[0] += 3
        assert time_remaining() == 0.0

    assert time_remaining() is None


@pytest.mark.parametrize(("outer", "inner"), [(5, 10), (10, 5), (5, 5)])
def test_promise_5_2_nested_plain_blocks_mean_the_earlier(machine, outer, inner):
    with deadline(outer):
        with deadline(inner):
            assert time_remaining() == 5.0
        assert time_remaining() == outer


def test_promise_5_2_what_has_finished_is_left_alone(machine):
    finished = []
    with deadline(5):
        machine[0] += 10
        finished.append(1)

    assert finished == [1]


def in_a_thread(func):
    """The result of `func()` in a thread that inherits the context, as `to_thread` has it."""
    results = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: results.append(context.run(func)))
    thread.start()
    thread.join()
    return results[0]


def test_promise_5_2_it_reaches_into_threads(machine):
    with deadline(5):
        inside = contextvars.copy_context()
        assert in_a_thread(time_remaining) == 5.0
        assert in_a_thread(lambda: nested_plain(3)) == (3.0, 5.0)
    machine[0] += 1

    assert in_a_thread(lambda: inside.run(time_remaining)) == 4.0
    assert in_a_thread(time_remaining) is None


def nested_plain(seconds):
    with deadline(seconds):
        inner = time_remaining()
    return inner, time_remaining()


async def test_promise_5_2_a_thread_keeps_the_time_of_its_loop():
    async with deadline(5):
        assert await asyncio.to_thread(nested_plain, 3) == (3.0, 5.0)
        assert await asyncio.to_thread(nested_plain, 8) == (5.0, 5.0)


class StillLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, as others have made for their tests."""

    def time(self):
        return 1000.0


def test_promise_5_2_a_thread_keeps_the_time_of_its_loop_whatever_clock_that_has():
    async def main():
        async with deadline(5):
            return [await asyncio.to_thread(nested_plain, seconds) for seconds in (3, 8)]

    with asyncio.Runner(loop_factory=StillLoop) as runner:
        assert runner.run(main()) == [(3.0, 5.0), (5.0, 5.0)]


async def test_promise_5_2_plain_code_in_a_task_sees_it_too():
    assert nested_plain(3) == (3.0, None)
    async with deadline(5):
        assert nested_plain(3) == (3.0, 5.0)


def plain_steps(seconds):
    with deadline(seconds):
        yield time_remaining()


def test_promise_5_2_plain_generators_that_take_turns_leave_none_behind(machine):
    first, second = plain_steps(5), plain_steps(3)
    assert [next(first), next(second)] == [5.0, 3.0]

    first.close()
    assert time_remaining() == 3.0
    second.close()

    assert time_remaining() is None


def test_promise_5_2_it_reaches_into_a_loop_on_the_same_clock_and_no_other(machine):
    async def main():
        return time_remaining(), deadline_at()

    with deadline(5):
        assert asyncio.run(main()) == (5.0, 105.0)
        assert run_virtual(main) == (None, None)


@pytest.mark.parametrize("kind", ["coroutine", "generator"])
async def test_promise_5_2_a_plain_block_in_a_coroutine_is_refused(kind):
    async def coroutine():
        with deadline(5):
            pytest.fail("nothing could interrupt it")

    async def generator():
        with deadline(5):
            yield

    with pytest.raises(TypeError, match=rf"use `async with deadline\(5\)` in .*'{kind}'"):
        await (coroutine() if kind == "coroutine" else anext(generator()))

    assert time_remaining() is None


# 5.3 the way out


async def ask_later(seconds):
    await asyncio.sleep(seconds)
    return time_remaining()


async def test_promise_5_3_a_task_begun_outside_all_deadlines_has_none():
    async with deadline(5):
        with no_deadline():
            free = asyncio.create_task(ask_later(1))
        bound = asyncio.create_task(ask_later(1))
        assert time_remaining() == 5.0

    assert await free is None
    assert await bound == 4.0


async def test_promise_5_3_a_background_task_frees_itself():
    async def background():
        async with no_deadline():
            await Retry(3, Backoff(10, jitter="none")).call(flaky)
            chain = FallbackOrchestrator()
            result = await chain.execute_with_fallback("q", ScriptedAgent("a", [(60, "yes")]), [])
            return result["result"], time_remaining()

    errors = [OSError()]

    async def flaky():
        if errors:
            raise errors.pop()

    async with deadline(5):
        task = asyncio.create_task(background())
    await asyncio.sleep(6)

    assert await task == ("yes", None)
    assert now() == 70.0


async def test_promise_5_3_a_deadline_in_a_free_block_is_its_own():
    async with deadline(5):
        async with no_deadline():
            assert (time_remaining(), deadline_at()) == (None, None)
            async with deadline(50):
                assert time_remaining() == 50.0
            assert time_remaining() is None
        assert time_remaining() == 5.0


async def test_promise_5_3_a_thread_may_be_free():
    async with deadline(5):
        with no_deadline():
            assert await asyncio.to_thread(time_remaining) is None


async def test_a_free_block_does_not_stop_the_clock_of_the_block_around_it():
    with pytest.raises(DeadlineExceededError):
        async with deadline(5), no_deadline():
            await asyncio.sleep(100)

    assert now() == 5.0


# The error tells the deadline's time


async def test_promise_5_a_chain_out_of_time_tells_the_time_that_the_deadline_allowed():
    async def late_query():
        await asyncio.sleep(1)
        chain, slow = FallbackOrchestrator(), ScriptedAgent("slow", [(100, "late")])
        await chain.execute_with_fallback("q", slow, [ScriptedAgent("b", ["unasked"])])

    async with deadline(5):
        task = asyncio.create_task(late_query())

    with pytest.raises(DeadlineExceededError, match="the deadline of 5 s has passed"):
        await task
    assert now() == 5.0


async def test_the_error_is_at_hand_when_the_deadline_has_passed_and_not_before():
    assert deadline_error() is None
    with no_deadline():
        assert deadline_error() is None
    with pytest.raises(DeadlineExceededError):
        async with deadline(5):
            assert deadline_error() is None
            try:
                await asyncio.sleep(100)
            finally:
                assert deadline_error().seconds == 5.0


async def test_an_inner_block_that_is_cut_short_tells_the_time_of_the_outer_one():
    async def detached():
        await asyncio.sleep(2)
        async with deadline(100):
            await asyncio.sleep(1000)

    async with deadline(5):
        task = asyncio.create_task(detached())

    with pytest.raises(DeadlineExceededError, match="the deadline of 5 s has passed"):
        await task
    assert now() == 5.0


async def test_a_block_is_used_once():
    block = deadline(5)
    async with block:
        pass

    with pytest.raises(RuntimeError, match="call deadline\\(\\) for each block"):
        async with block:
            pytest.fail("must not run")


def test_outside_a_task_it_is_refused_and_leaves_nothing_behind():
    async def main():
        refusals = []

        def callback():
            try:
                deadline(5).__aenter__().send(None)
            except RuntimeError as error:
                refusals.append((str(error), time_remaining()))

        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)
        return refusals

    assert run_virtual(main) == [("Timeout should be used inside a task", None)]


def test_its_examples_work():
    assert doctest.testmod(sys.modules[deadline.__module__]).failed == 0


def test_bad_arguments_are_refused_before_the_block_begins():
    with pytest.raises(ValueError, match="seconds must be a finite number >= 0, got -1"):
        deadline(-1)


def test_outside_a_loop_there_is_none():
    assert time_remaining() is None


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "5", None, True])
async def test_bad_arguments_are_refused_by_name_and_value(seconds):
    with pytest.raises((ValueError, TypeError)) as refusal:
        async with deadline(seconds):
            pytest.fail("must not run")

    assert "seconds" in str(refusal.value)
    assert repr(seconds) in str(refusal.value)
