"""`with breaker` and `async with breaker`: plain code, threads, and whose permit is settled."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress

import pytest
from breakers import BREAK, BoomError, fail

from resilience_lab import CircuitBreaker, CircuitOpenError, Permit, SlowCallRate
from resilience_lab.breaker import permit as permits
from resilience_lab.ground.outcomes import judge_by


def test_promise_3_13_with_serves_plain_code(clock):
    breaker = CircuitBreaker(2, BREAK, 1, clock=clock)

    for failures in (1, 2):
        with pytest.raises(BoomError):
            with breaker as permit:
                assert isinstance(permit, Permit)
                raise BoomError
        assert breaker.failure_count == failures
    with pytest.raises(CircuitOpenError):
        with breaker:
            pytest.fail("the block must not run")
    clock.now = BREAK
    with breaker as permit:
        permit.ignore()  # the block's own word comes first
    assert breaker.success_count == 0
    with breaker:
        pass

    assert breaker.state == "CLOSED"


async def test_promise_3_13_with_may_be_held_over_an_await():
    breaker = CircuitBreaker(1, 30, success_threshold=2, half_open_max_calls=2)
    fail(breaker)
    await asyncio.sleep(30)

    async def block(seconds, error):
        with breaker:
            await asyncio.sleep(seconds)
            if error:
                raise BoomError

    first = asyncio.create_task(block(1, None))
    second = asyncio.create_task(block(2, BoomError))
    await asyncio.sleep(1.5)
    assert breaker.success_count == 1
    await asyncio.wait([first, second])

    assert breaker.state == "OPEN"


def in_threads(work, count=4):
    """Run `work(number)` in so many threads at once; raise what any of them raises."""
    barrier = threading.Barrier(count)

    def begin(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(begin, n) for n in range(count)]]


@pytest.fixture
def switching():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("how", ["with", "async with", "ExitStack"])
def test_promise_3_8_blocks_in_threads_settle_their_own_permits(clock, switching, how):
    """Each permit knows who took it, so a block that settles another's is seen at once."""
    settled = []

    class Watched(Permit):
        __slots__ = ("owner",)

        def __exit__(self, kind, error, traceback):
            settled.append((self.owner, getattr(error, "owner", None)))
            super().__exit__(kind, error, traceback)

    class Watching(CircuitBreaker):
        def acquire(self):
            judge, permit = judge_by(), super().acquire()
            watched = Watched(self.name, judge, lambda _, error: permit.failure(error))
            watched.owner = threading.get_ident()
            return watched

    breaker = Watching(10**9, clock=clock)

    def plain(error):
        with suppress(BoomError), breaker:
            raise error

    async def asynchronous(error):
        with suppress(BoomError):
            async with breaker:
                raise error

    def stacked(error):
        with suppress(BoomError), ExitStack() as stack:
            stack.enter_context(breaker)
            raise error

    def work(_):
        for _ in range(500):
            error = BoomError()
            error.owner = threading.get_ident()
            if how == "async with":
                with suppress(StopIteration):
                    asynchronous(error).send(None)
            else:
                (plain if how == "with" else stacked)(error)

    in_threads(work)

    assert len(settled) == breaker.failure_count == 2000
    assert [pair for pair in settled if pair[0] != pair[1]] == []


async def test_promise_3_8_stacks_of_tasks_end_their_own_blocks():
    breaker = CircuitBreaker(1, 30, success_threshold=2, half_open_max_calls=2)
    fail(breaker)
    await asyncio.sleep(30)

    async def block(seconds, error):
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(breaker)
            await asyncio.sleep(seconds)
            if error:
                raise BoomError

    first = asyncio.create_task(block(1, None))
    second = asyncio.create_task(block(2, BoomError))
    await asyncio.sleep(1.5)
    assert breaker.success_count == 1  # the first one's, whose permit alone is back
    with pytest.raises(BoomError):
        await second
    await first

    assert breaker.state == "OPEN"


def test_promise_3_8_stacks_that_take_turns_end_their_own_blocks(clock):
    breaker, first, second = CircuitBreaker(clock=clock), ExitStack(), ExitStack()
    permits_taken = [stack.enter_context(breaker) for stack in (first, second)]

    first.close()

    assert [repr(permit).split()[-1] for permit in permits_taken] == ["settled>", "out>"]
    second.close()
    assert repr(permits_taken[1]).endswith("settled>")


async def test_promise_3_8_a_block_in_a_block_of_one_frame_ends_first():
    breaker = CircuitBreaker(trip=SlowCallRate(1, 5, last=1))
    permits = []

    async with breaker as outer:
        permits.append(outer)
        async with breaker as inner, breaker as innermost:
            permits += [inner, innermost]
        assert [repr(permit).split()[-1] for permit in permits] == ["out>", "settled>", "settled>"]
    assert repr(outer).endswith("settled>")
    assert breaker.state == "CLOSED"


async def test_promise_3_8_twenty_thousand_open_blocks_end_as_fast_as_one():
    """The work is counted: no line of `Blocks` runs more than once for each block."""
    breaker, gate = CircuitBreaker(), asyncio.Event()

    async def block():
        async with breaker:
            await gate.wait()

    tasks = [asyncio.create_task(block()) for _ in range(20_000)]
    await asyncio.sleep(0)
    assert len(breaker._blocks._begun) == 20_000
    lines = 0

    def count(frame, _event, _argument):
        nonlocal lines
        if frame.f_code.co_filename != permits.__file__:
            return None
        lines += 1
        return count

    gate.set()
    before = sys.gettrace()
    sys.settrace(count)
    try:
        await tasks[0]
        await asyncio.gather(*tasks)
    finally:
        sys.settrace(before)

    assert lines < 30 * 20_000
    assert breaker._blocks._begun == {}
