"""`@breaker` on every kind of function (promise 3.8)."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import sys
import warnings
import weakref
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress

import pytest

from resilience_lab import CircuitBreaker, CircuitOpenError, Outcome, Recorder


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


# Streams that are not made by a generator function in the decorator itself

KINDS_OF_STREAM = ["async", "plain"]


def stream_of(kind, *, fail=True):
    """A generator function of this kind: one item, and then the end or an error."""

    async def chunks():
        yield 1
        if fail:
            raise BoomError

    def lines():
        yield 1
        if fail:
            raise BoomError

    return chunks if kind == "async" else lines


async def drain(stream):
    """All items of any kind of stream."""
    if hasattr(stream, "__aiter__"):
        return [item async for item in stream]
    return list(stream)


class Bound:
    """A generator function as a method, and as what an object does when it is called."""

    def __init__(self, make):
        self.make = make

    def lines(self):
        yield from self.make()

    async def chunks(self):
        async for item in self.make():
            yield item


class YieldsAsync(Bound):
    async def __call__(self):
        async for item in self.make():
            yield item


class Yields(Bound):
    def __call__(self):
        yield from self.make()


def handed_on_by_a_coroutine(make):
    async def open_stream():
        await asyncio.sleep(0)
        return make()

    return open_stream


WAYS = {
    "a generator function": lambda make: make,
    "a partial of one": functools.partial,
    "a method": lambda make: (
        Bound(make).chunks if inspect.isasyncgenfunction(make) else Bound(make).lines
    ),
    "an object whose call yields": lambda make: (
        YieldsAsync(make) if inspect.isasyncgenfunction(make) else Yields(make)
    ),
    "a partial of such an object": lambda make: functools.partial(
        YieldsAsync(make) if inspect.isasyncgenfunction(make) else Yields(make)
    ),
    "a lambda": lambda make: lambda: make(),
    "a coroutine function": handed_on_by_a_coroutine,
    "a lambda that hands on a coroutine": lambda make: lambda: handed_on_by_a_coroutine(make)(),
}


@pytest.mark.parametrize("kind", KINDS_OF_STREAM)
@pytest.mark.parametrize("way", WAYS)
async def test_promise_3_8_a_stream_is_protected_whoever_makes_it(breaker, way, kind):
    async def begin(make):
        stream = breaker(WAYS[way](make))()
        return await stream if inspect.isawaitable(stream) else stream

    with pytest.raises(BoomError):
        await drain(await begin(stream_of(kind)))
    assert breaker.failure_count == 1
    assert await drain(await begin(stream_of(kind, fail=False))) == [1]
    assert breaker.failure_count == 0

    await trip(breaker)
    with pytest.raises(CircuitOpenError):
        await drain(await begin(stream_of(kind)))
    await asyncio.sleep(30)
    stream = await begin(stream_of(kind, fail=False))
    await anext(stream) if kind == "async" else next(stream)
    with pytest.raises(CircuitOpenError):
        breaker.acquire()  # the stream still has the only permit
    assert await drain(stream) == []
    assert breaker.success_count == 1


@pytest.mark.parametrize("kind", KINDS_OF_STREAM)
@pytest.mark.parametrize("way", WAYS)
async def test_promise_3_8_a_stream_is_no_result_of_call_and_refused(breaker, way, kind):
    func = WAYS[way](stream_of(kind))
    for state in ("CLOSED", "HALF_OPEN"):
        with pytest.raises(TypeError, match="a stream to its end"):
            await breaker.call(func)
        assert (breaker.state, breaker.failure_count == 2) == (state, state != "CLOSED")
        assert (breaker.success_count, breaker.retry_after) == (0, 0.0)
        await trip(breaker)
        await asyncio.sleep(30)


async def test_an_observing_breaker_takes_a_stream_that_is_handed_on_for_one_call():
    recorder = Recorder()
    breaker = CircuitBreaker(1, 30, observe_only=True, on_event=recorder)
    breaker.isolate()
    recorder.clear()

    assert await drain(breaker(lambda: stream_of("async", fail=False)())()) == [1]

    assert [type(event).__name__ for event in recorder] == ["CallWouldBeRejected", "CallFinished"]
    assert breaker.would_reject_count == 1


async def test_a_generator_that_is_handed_on_half_way_is_protected_from_there(breaker):
    def primed():
        stream = stream_of("plain")()
        assert next(stream) == 1
        return stream

    with pytest.raises(BoomError):
        next(breaker(primed)())

    assert breaker.failure_count == 1


async def test_results_that_can_be_iterated_are_results(breaker):
    trip_count = breaker.failure_count
    for result in ([1], iter([1]), map(str, [1]), "text", {"a": 1}):
        assert breaker(lambda result=result: result)() is result
        assert await breaker.call(lambda result=result: result) is result
    assert breaker.failure_count == trip_count


# Blocks that contextlib makes of generators


@asynccontextmanager
async def connection(where="block"):
    if where == "entry":
        raise BoomError
    yield "connected"
    if where == "exit":
        raise BoomError


@contextmanager
def plain_connection(where="block"):
    if where == "entry":
        raise BoomError
    yield "connected"
    if where == "exit":
        raise BoomError


MANAGERS = {"async": connection, "plain": plain_connection}


async def enter(manager, *, fail=False):
    """Run a block of either kind."""
    if hasattr(manager, "__aenter__"):
        async with manager as state:
            assert state == "connected"
            if fail:
                raise BoomError
    else:
        with manager as state:
            assert state == "connected"
            if fail:
                raise BoomError


@pytest.mark.parametrize("where", ["entry", "block", "exit"])
@pytest.mark.parametrize("kind", MANAGERS)
async def test_promise_3_8_a_contextlib_block_is_protected_to_its_end(breaker, kind, where):
    guarded = breaker(MANAGERS[kind])
    with pytest.raises(BoomError):
        await enter(guarded(where), fail=where == "block")
    assert breaker.failure_count == 1
    await enter(guarded())
    assert breaker.failure_count == 0

    handed_on = breaker(lambda: MANAGERS[kind](where))
    with pytest.raises(BoomError):
        await enter(handed_on(), fail=where == "block")
    assert breaker.failure_count == 1

    await trip(breaker)
    with pytest.raises(CircuitOpenError):
        await enter(guarded())


@pytest.mark.parametrize("kind", MANAGERS)
async def test_promise_3_8_call_refuses_a_contextlib_block(breaker, kind):
    with pytest.raises(TypeError, match="`@breaker` protects"):
        await breaker.call(MANAGERS[kind])


def test_a_contextlib_block_that_decorates_is_protected_at_each_call(breaker):
    calls = []

    @breaker(plain_connection)()
    def query(fail):
        calls.append(fail)
        if fail:
            raise BoomError

    query(False)
    for _ in range(2):
        with pytest.raises(BoomError):
            query(True)
    assert breaker.state == "OPEN"
    with pytest.raises(CircuitOpenError):
        query(False)
    assert calls == [False, True, True]


# Clean-up that raises


@pytest.mark.parametrize("state", ["CLOSED", "HALF_OPEN"])
def test_promise_3_8_clean_up_that_raises_after_an_early_close_is_neutral(clock, state):
    breaker = CircuitBreaker(2, 30, clock=clock)

    @breaker
    def lines():
        try:
            yield 1
        finally:
            raise ConnectionError("while closing")

    breaker.acquire().failure(BoomError())
    if state == "HALF_OPEN":
        breaker.acquire().failure(BoomError())
        clock.now = 30.0
    before = breaker.failure_count
    stream = lines()
    next(stream)

    with pytest.raises(ConnectionError, match="while closing"):
        stream.close()

    assert (breaker.state, breaker.failure_count, breaker.retry_after) == (state, before, 0.0)


@pytest.mark.parametrize("state", ["CLOSED", "HALF_OPEN"])
def test_promise_3_8_a_generator_closed_early_is_neutral(clock, state):
    breaker = CircuitBreaker(2, 30, clock=clock)
    fail_times = 2 if state == "HALF_OPEN" else 1
    for _ in range(fail_times):
        breaker.acquire().failure(BoomError())
    clock.now = 30.0
    stream = breaker(stream_of("plain"))()
    next(stream)

    stream.close()

    assert (breaker.state, breaker.failure_count) == (state, fail_times)
    assert (breaker.success_count, breaker.retry_after) == (0, 0.0)


def test_a_generator_that_will_not_close_is_neutral_and_heard_of(breaker):
    @breaker
    def stubborn():
        try:
            yield 1
        finally:
            yield 2

    stream = stubborn()
    next(stream)

    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        stream.close()
    assert breaker.failure_count == 0


async def test_promise_3_8_the_same_for_an_async_generator(breaker):
    @breaker
    async def chunks():
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            raise ConnectionError("while closing")

    breaker.acquire().failure(BoomError())
    stream = chunks()
    await anext(stream)

    with pytest.raises(ConnectionError, match="while closing"):
        await stream.aclose()

    assert breaker.failure_count == 1


@pytest.mark.parametrize("way", ["stream", "decorated", "call", "lambda", "block", "plain block"])
async def test_promise_2_clean_up_that_raises_after_a_cancellation_is_neutral(breaker, way):
    async def slow():
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(0)
            raise ConnectionError("while cleaning up")

    async def slow_stream():
        yield await slow()

    async def use():
        match way:
            case "stream":
                await drain(breaker(slow_stream)())
            case "decorated":
                await breaker(slow)()
            case "lambda":
                await breaker(lambda: slow())()
            case "call":
                await breaker.call(slow)
            case "block":
                async with breaker:
                    await slow()
            case "plain block":
                with breaker:
                    await slow()

    await trip(breaker)
    await asyncio.sleep(30)
    task = asyncio.create_task(use())
    await asyncio.sleep(1)
    assert breaker.retry_after > 0
    task.cancel()

    with pytest.raises(ConnectionError, match="while cleaning up"):
        await task

    assert (breaker.state, breaker.retry_after) == ("HALF_OPEN", 0.0)


async def test_promise_2_so_it_is_when_a_timeout_around_the_call_cancels_it(breaker):
    async def slow():
        try:
            await asyncio.sleep(100)
        finally:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        async with asyncio.timeout(1):
            await breaker.call(slow)

    assert breaker.failure_count == 0


@pytest.mark.parametrize("how", ["a block", "wait_for"])
async def test_a_timeout_within_the_call_is_a_failure_however_it_is_made(breaker, how):
    async def impatient():
        if how == "wait_for":
            await asyncio.wait_for(asyncio.sleep(100), 1)
        else:
            async with asyncio.timeout(1):
                await asyncio.sleep(100)

    with pytest.raises(TimeoutError):
        await breaker.call(impatient)

    assert breaker.failure_count == 1


async def test_a_call_made_by_the_clean_up_of_a_cancelled_task_counts(breaker):
    async def save():
        await asyncio.sleep(1)
        raise BoomError

    async def work():
        try:
            await asyncio.sleep(100)
        finally:
            with suppress(BoomError):
                await breaker.call(save)

    task = asyncio.create_task(work())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert breaker.failure_count == 1


async def test_a_cancellation_of_somebody_else_that_the_call_meets_is_a_failure(breaker):
    async def ask_another():
        other = asyncio.create_task(asyncio.sleep(100))
        await asyncio.sleep(0)
        other.cancel()
        try:
            await other
        except asyncio.CancelledError:
            raise BoomError from None

    with pytest.raises(BoomError):
        await breaker.call(ask_another)

    assert breaker.failure_count == 1


def test_errors_whose_contexts_go_in_a_circle_are_judged(breaker):
    first, second = BoomError(), BoomError()
    first.__context__, second.__context__ = second, first

    breaker.acquire().failure(first)

    assert breaker.failure_count == 1


def test_a_cancellation_in_a_thread_without_a_loop_is_no_cancellation_of_a_task(breaker):
    with pytest.raises(BoomError):
        with breaker:
            try:
                raise asyncio.CancelledError
            except asyncio.CancelledError:
                raise BoomError from None

    assert breaker.failure_count == 1


def test_a_cancellation_that_was_never_raised_says_nothing(breaker):
    error = BoomError()
    error.__context__ = asyncio.CancelledError()

    breaker.acquire().failure(error)

    assert breaker.failure_count == 1


def test_promise_3_8_a_consumer_that_is_closed_while_it_waits_is_neutral():
    class Gate:
        def __await__(self):
            yield

    async def items():
        yield await Gate()

    breaker = CircuitBreaker(1, clock=lambda: 0.0)

    async def consume():
        return await drain(breaker(items)())

    consumer = consume()
    consumer.send(None)
    with warnings.catch_warnings(action="ignore"), silenced_unraisable():
        consumer.close()
        del consumer
        gc.collect()

    assert breaker.state == "CLOSED"


@contextmanager
def silenced_unraisable():
    """Before Python 3.13 a generator that is closed while it is awaited complains to nobody."""
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = before


def test_values_and_errors_sent_into_a_generator_arrive(breaker):
    log = []

    @breaker
    def session():
        try:
            log.append((yield "first"))
            log.append((yield "second"))
        except BoomError:
            log.append("boom")
            yield "recovered"

    stream = session()
    assert next(stream) == "first"
    assert stream.send("hello") == "second"
    assert stream.throw(BoomError()) == "recovered"
    assert list(stream) == []
    assert log == ["hello", "boom"]
    assert breaker.failure_count == 0


@pytest.mark.parametrize("kind", KINDS_OF_STREAM)
async def test_an_error_thrown_into_a_stream_is_not_kept_alive_by_it(breaker, kind):
    error = BoomError()
    kept = weakref.ref(error)
    stream = breaker(stream_of(kind))()
    gc.disable()
    try:
        if kind == "async":
            await anext(stream)
            with suppress(BoomError):
                await stream.athrow(error)
        else:
            next(stream)
            with suppress(BoomError):
                stream.throw(error)
        del error

        assert kept() is None
    finally:
        gc.enable()


async def test_a_class_whose_objects_are_called_asynchronously_is_a_plain_callable(breaker):
    class Agent:
        async def __call__(self):
            raise BoomError

    agent = breaker(Agent)()

    assert isinstance(agent, Agent)
