"""Promises, section 5: `deadline`."""

from __future__ import annotations

import asyncio
import gc
import math

import pytest

from resilience_lab import DeadlineExceededError, ResilienceError, deadline, time_remaining


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
