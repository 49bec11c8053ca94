"""Winding up tasks: none outlives the call that began it."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from resilience_lab.fallback.tasks import wind_up


async def slow_to_leave(seconds):
    try:
        await asyncio.sleep(100)
    finally:
        await asyncio.sleep(seconds)


async def test_it_returns_when_all_have_ended():
    tasks = [asyncio.create_task(slow_to_leave(seconds)) for seconds in (1, 3, 2)]
    await asyncio.sleep(0)

    await wind_up(iter(tasks))

    assert asyncio.get_running_loop().time() == 3.0
    assert all(task.cancelled() for task in tasks)


async def test_a_cancellation_meanwhile_is_raised_afterwards():
    task = asyncio.create_task(slow_to_leave(5))
    await asyncio.sleep(0)
    winding = asyncio.create_task(wind_up([task]))
    await asyncio.sleep(1)
    winding.cancel()

    with pytest.raises(asyncio.CancelledError):
        await winding

    assert asyncio.get_running_loop().time() == 5.0
    assert task.done()


async def test_a_second_cancellation_meanwhile_ends_the_wait():
    task = asyncio.create_task(slow_to_leave(5))
    await asyncio.sleep(0)
    winding = asyncio.create_task(wind_up([task]))
    for _ in range(2):
        await asyncio.sleep(1)
        winding.cancel()

    with pytest.raises(asyncio.CancelledError):
        await winding

    assert (asyncio.get_running_loop().time(), task.done()) == (2.0, False)
    await asyncio.wait([task])
    assert asyncio.get_running_loop().time() == 5.0


async def test_errors_of_tasks_that_nobody_waits_for_are_not_reported_as_lost(caplog):
    async def fail():
        raise OSError

    task = asyncio.create_task(fail())
    await asyncio.sleep(1)
    await wind_up([task])
    del task
    gc.collect()

    assert caplog.records == []


async def test_promise_6_8_who_takes_longer_than_the_wait_ends_in_the_background(caplog):
    async def fail_to_leave(seconds):
        try:
            await slow_to_leave(seconds)
        finally:
            raise OSError("goodbye")

    began = asyncio.create_task(slow_to_leave(2)), asyncio.create_task(fail_to_leave(3))
    slow = [*began, asyncio.create_task(slow_to_leave(0.5))]
    await asyncio.sleep(0)

    await wind_up(slow, within=1)
    assert asyncio.get_running_loop().time() == 1.0
    assert [task.done() for task in slow] == [False, False, True]
    del began, slow
    gc.collect()
    assert len(asyncio.all_tasks()) == 3
    await asyncio.sleep(3)

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [record.message for record in caplog.records] == [
        "a task raised when it was cancelled: OSError('goodbye')"
    ]


async def test_a_cancellation_ends_a_wait_that_is_bounded():
    task = asyncio.create_task(slow_to_leave(5))
    await asyncio.sleep(0)
    winding = asyncio.create_task(wind_up([task], within=3))
    await asyncio.sleep(1)
    winding.cancel()

    with pytest.raises(asyncio.CancelledError):
        await winding

    assert asyncio.get_running_loop().time() == 1.0
    await asyncio.wait([task])
    assert asyncio.get_running_loop().time() == 5.0


async def test_who_leaves_in_the_background_is_kept_until_it_has_left_and_no_longer():
    async def waits_for_what_only_it_knows():
        try:
            await asyncio.sleep(100)
        finally:
            gate = asyncio.get_running_loop().create_future()
            gates.append(weakref.ref(gate))
            await gate

    gates = []
    task = asyncio.create_task(waits_for_what_only_it_knows())
    await asyncio.sleep(0)
    await wind_up([task], within=1)
    left = weakref.ref(task)
    del task
    gc.collect()

    assert left() in asyncio.all_tasks()
    gates[0]().set_result(None)
    await asyncio.sleep(1)
    gc.collect()
    assert left() is None
