"""`@breaker` on every kind of function (promise 3.8)."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from resilience_lab import CircuitBreaker, CircuitOpenError, Outcome


class BoomError(Exception):
    pass


@pytest.fixture
def breaker():
    return CircuitBreaker(2, 30, success_threshold=2)


async def trip(breaker):
    while breaker.state != "OPEN":
        breaker.acquire().failure(BoomError())


async def test_promise_3_8_a_coroutine_function_stays_one(breaker):
    class Agent:
        @breaker
        async def run(self, query, *, fail=False):
            """Asks."""
            if fail:
                raise BoomError
            return query

    agent = Agent()
    assert inspect.iscoroutinefunction(Agent.run)
    assert Agent.run.__doc__ == "Asks."
    assert await agent.run("hi") == "hi"
    with pytest.raises(BoomError):
        await agent.run("hi", fail=True)
    assert breaker.failure_count == 1
    assert await agent.run("hi") == "hi"
    assert breaker.failure_count == 0

    await trip(breaker)
    with pytest.raises(CircuitOpenError):
        await agent.run("hi")
    await asyncio.sleep(30)
    await agent.run("hi")
    assert (breaker.state, breaker.success_count) == ("HALF_OPEN", 1)


def test_promise_3_8_a_plain_function_stays_one(breaker):
    @breaker
    def parse(text):
        return int(text)

    assert parse("3") == 3
    with pytest.raises(ValueError, match="invalid literal"):
        parse("three")
    assert breaker.failure_count == 1


async def test_a_lambda_that_hands_on_a_coroutine_is_protected_until_that_is_done(breaker):
    async def fetch(fail):
        await asyncio.sleep(1)
        if fail:
            raise BoomError
        return "hello"

    guarded = breaker(lambda fail: fetch(fail))

    assert await guarded(False) == "hello"
    with pytest.raises(BoomError):
        await guarded(True)
    assert breaker.failure_count == 1


async def test_an_object_with_an_async_call_is_protected_too(breaker):
    class Agent:
        async def __call__(self):
            raise BoomError

    guarded = breaker(Agent())

    with pytest.raises(BoomError):
        await guarded()
    assert breaker.failure_count == 1


async def test_classify_judges_the_results_of_every_kind():
    breaker = CircuitBreaker(
        9, classify=lambda value: Outcome.FAILURE if value == "bad" else Outcome.SUCCESS
    )

    async def coroutine():
        return "bad"

    for func in (coroutine, lambda: "bad", lambda: coroutine()):
        result = breaker(func)()
        assert (await result if inspect.isawaitable(result) else result) == "bad"

    assert breaker.failure_count == 3


def test_promise_3_8_a_generator_is_protected_until_it_finishes(breaker):
    @breaker
    def count(n, fail=False):
        received = yield 0
        for i in range(1, n):
            received = yield (i, received)
        if fail:
            raise BoomError
        return "done"

    stream = count(2)
    assert [next(stream), stream.send("sent")] == [0, (1, "sent")]
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert end.value.value == "done"
    with pytest.raises(BoomError):
        list(count(3, fail=True))
    assert breaker.failure_count == 1


async def chunks(n, fail_after=None):
    for i in range(n):
        if i == fail_after:
            raise BoomError
        yield i


async def test_promise_3_8_an_async_generator_is_protected_until_it_finishes(breaker):
    guarded = breaker(chunks)
    assert inspect.isasyncgenfunction(guarded)

    with pytest.raises(BoomError):
        async for _ in guarded(5, fail_after=3):
            assert breaker.failure_count == 0
    assert breaker.failure_count == 1

    assert [i async for i in guarded(3)] == [0, 1, 2]
    assert breaker.failure_count == 0

    await trip(breaker)
    with pytest.raises(CircuitOpenError):
        async for _ in guarded(3):
            pytest.fail("the generator must not run")


@pytest.mark.parametrize("state", ["CLOSED", "HALF_OPEN"])
async def test_promise_3_8_one_closed_early_by_its_consumer_is_neutral(breaker, state):
    closed = []

    @breaker
    async def stream():
        try:
            for i in range(10):
                yield i
        finally:
            closed.append(True)

    if state == "CLOSED":
        breaker.acquire().failure(BoomError())
    else:
        await trip(breaker)
        await asyncio.sleep(30)
    before = breaker.failure_count

    async with aclosing(stream()) as items:
        async for item in items:
            if item == 3:
                break

    assert closed == [True]
    assert (breaker.state, breaker.failure_count, breaker.success_count) == (state, before, 0)
    assert breaker.retry_after == 0.0  # the permit is back


async def test_promise_3_8_a_stream_holds_the_probe_while_it_lasts(breaker):
    guarded = breaker(chunks)
    await trip(breaker)
    await asyncio.sleep(30)
    stream = guarded(2)

    await anext(stream)

    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    assert [i async for i in stream] == [1]
    assert breaker.success_count == 1


async def test_values_and_errors_sent_into_an_async_generator_arrive(breaker):
    log = []

    @breaker
    async def session():
        try:
            log.append((yield "first"))
            log.append((yield "second"))
        except BoomError:
            log.append("boom")
            yield "recovered"

    stream = session()
    assert await anext(stream) == "first"
    assert await stream.asend("hello") == "second"
    assert await stream.athrow(BoomError()) == "recovered"
    assert [item async for item in stream] == []
    assert log == ["hello", "boom"]


async def test_it_works_under_asynccontextmanager(breaker):
    @asynccontextmanager
    @breaker
    async def connection():
        yield "connected"

    async with connection() as state:
        assert state == "connected"
    with suppress(BoomError):
        async with connection():
            raise BoomError

    assert breaker.failure_count == 1


async def test_cancelling_a_stream_is_neutral(breaker):
    @breaker
    async def stream():
        await asyncio.sleep(100)
        yield 1

    async def consume():
        return [item async for item in stream()]

    await trip(breaker)
    await asyncio.sleep(30)
    task = asyncio.create_task(consume())
    await asyncio.sleep(1)
    assert breaker.retry_after > 0

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (breaker.state, breaker.retry_after) == ("HALF_OPEN", 0.0)


def test_what_cannot_be_called_cannot_be_decorated(breaker):
    with pytest.raises(TypeError, match="func must be callable"):
        breaker("run")
