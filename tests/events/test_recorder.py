"""Promises, section 7: events, `Recorder` and `Recorder.watch`."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import doctest
import functools
import gc
import sys
import time

import pytest

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    Recorder,
    ResultRejectedError,
    Retry,
    deadline,
    events,
)
from resilience_lab.events import AttemptFinished, AttemptStarted, Event, Transcript


def test_promise_7_every_event_is_a_small_frozen_value():
    kinds = [kind for kind in vars(events).values() if isinstance(kind, type)]
    kinds = [kind for kind in kinds if issubclass(kind, Event)]

    assert len(kinds) >= 12
    for kind in kinds:
        assert kind.__dataclass_params__.frozen
        assert [field.name for field in dataclasses.fields(kind)][:2] == ["time", "source"]
        assert kind.__doc__


async def test_promise_7_a_recorder_keeps_what_every_policy_reports():
    recorder = Recorder()
    breaker = CircuitBreaker(on_event=recorder, name="gpt4")
    retry = Retry(2, Backoff(1, jitter="none"), on_event=recorder)
    answers = iter([OSError("down"), "hello"])

    def service():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    await retry.call(breaker.call, service)

    assert len(recorder) == 4
    assert [(event.time, event.source, type(event).__name__) for event in recorder] == [
        (0.0, "gpt4", "CallFinished"),
        (0.0, "retry", "RetryScheduled"),
        (1.0, "gpt4", "CallFinished"),
        (1.0, "retry", "RetrySucceeded"),
    ]
    assert recorder[1].delay == 1.0
    assert repr(recorder) == "<Recorder, 4 events>"
    recorder.clear()
    assert list(recorder) == []


async def test_promise_7_to_frame_has_one_row_an_event():
    recorder = Recorder()
    breaker = CircuitBreaker(1, on_event=recorder, name="gpt4")
    breaker.acquire().failure(OSError("down"))

    frame = recorder.to_frame()

    assert list(frame["event"]) == ["CallFinished", "StateChanged"]
    assert list(frame["time"]) == [0.0, 0.0]
    assert frame.loc[0, "error"] == "OSError: down"
    assert frame.loc[1, "after"] == "OPEN"


def test_promise_7_an_empty_recorder_makes_an_empty_frame():
    frame = Recorder().to_frame()

    assert list(frame.columns) == ["time", "source", "event"]
    assert frame.empty


class SpeechlessError(Exception):
    def __str__(self):
        raise ZeroDivisionError


class NumberError(Exception):
    def __str__(self):
        return 7


class Unprintable:
    def __repr__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SpeechlessError(), "SpeechlessError, whose text raised ZeroDivisionError"),
        (NumberError(), "NumberError, whose text raised TypeError"),
        (
            ResultRejectedError(Unprintable()),
            "ResultRejectedError: the result (a Unprintable, whose repr raised ZeroDivisionError) "
            "was not accepted",
        ),
        (ExceptionGroup("both", [SpeechlessError()]), "ExceptionGroup: both (1 sub-exception)"),
    ],
)
async def test_promise_7_1_a_frame_survives_errors_without_a_text(error, words):
    recorder = Recorder()

    async def failing():
        raise error

    with pytest.raises(type(error)):
        await Retry(0, on_event=recorder).call(recorder.watch(failing))

    assert list(recorder.to_frame()["error"].dropna()) == [words, words]


def test_a_copy_is_what_was_recorded_up_to_now():
    recorder = Recorder()
    recorder(Event(0.0, "first"))

    twin = copy.copy(recorder)
    twin(Event(1.0, "second"))
    recorder.clear()

    assert list(recorder) == []
    assert [event.source for event in twin] == ["first", "second"]


async def test_promise_7_watch_records_attempts_whoever_retries():
    recorder = Recorder()
    error = OSError("down")
    script = iter([error, error, "hello"])

    async def fetch(url):
        """Gets it."""
        await asyncio.sleep(2)
        answer = next(script)
        if isinstance(answer, Exception):
            raise answer
        return url, answer

    watched = recorder.watch(fetch)
    for wait in (1, 5, None):  # a loop of one's own
        try:
            assert await watched("url") == ("url", "hello")
        except OSError:
            await asyncio.sleep(wait)

    assert list(recorder) == [
        AttemptStarted(0.0, "fetch", 1),
        AttemptFinished(2.0, "fetch", 1, 0.0, "failed", error),
        AttemptStarted(3.0, "fetch", 2),
        AttemptFinished(5.0, "fetch", 2, 3.0, "failed", error),
        AttemptStarted(10.0, "fetch", 3),
        AttemptFinished(12.0, "fetch", 3, 10.0, "success", None),
    ]
    assert watched.__doc__ == "Gets it."


async def test_watch_tells_a_cancelled_attempt_from_a_failed_one():
    recorder = Recorder()
    task = asyncio.create_task(recorder.watch(asyncio.sleep, "nap")(10))
    await asyncio.sleep(1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [event.source for event in recorder] == ["nap", "nap"]
    assert recorder[1].outcome == "cancelled"


async def test_watch_takes_plain_callables_and_nameless_ones():
    recorder = Recorder()

    class Nameless:
        def __call__(self, number):
            return number + 1

    assert await recorder.watch(Nameless())(1) == 2
    assert await recorder.watch(lambda: 3)() == 3

    assert [event.source for event in recorder] == ["watched"] * 2 + ["<lambda>"] * 2


async def test_watch_keeps_errors_that_cannot_be_changed():
    @dataclasses.dataclass(frozen=True)
    class FrozenError(Exception):
        code: int

    async def failing():
        raise error

    async def stream():
        yield 1
        raise error

    def plain_stream():
        yield 1
        raise error

    recorder, error = Recorder(), FrozenError(7)
    with pytest.raises(FrozenError):
        await recorder.watch(failing)()
    with pytest.raises(FrozenError):
        [item async for item in recorder.watch(stream)()]
    with pytest.raises(FrozenError):
        list(recorder.watch(plain_stream)())

    assert [event.error for event in recorder if isinstance(event, AttemptFinished)] == [error] * 3


# Generators


class Conversation:
    """Answers what it is sent, and asks what was thrown into it, until it is told to stop."""

    def plain(self, word):
        try:
            while word != "stop":
                try:
                    word = yield f"<{word}>"
                except KeyError:
                    word = "sorry"
            return "the end"
        finally:
            self.closed = True

    async def asynchronous(self, word):
        try:
            while word != "stop":
                await asyncio.sleep(1)
                try:
                    word = yield f"<{word}>"
                except KeyError:
                    word = "sorry"
        finally:
            self.closed = True


async def test_promise_7_2_an_async_generator_is_watched_until_it_finishes():
    recorder, talk = Recorder(), Conversation()
    answers = recorder.watch(talk.asynchronous)("hello")
    assert len(recorder) == 0  # nothing has begun

    assert await anext(answers) == "<hello>"
    assert await answers.asend("how are you") == "<how are you>"
    assert await answers.athrow(KeyError()) == "<sorry>"
    assert len(recorder) == 1
    with pytest.raises(StopAsyncIteration):
        await answers.asend("stop")

    assert talk.closed
    assert list(recorder) == [
        AttemptStarted(0.0, "asynchronous", 1),
        AttemptFinished(3.0, "asynchronous", 1, 0.0, "success", None),
    ]


def test_promise_7_2_a_plain_generator_is_watched_until_it_finishes(monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    recorder, talk = Recorder(), Conversation()
    answers = recorder.watch(talk.plain, "talk")("hello")

    assert next(answers) == "<hello>"
    assert answers.send("how are you") == "<how are you>"
    assert answers.throw(KeyError()) == "<sorry>"
    assert len(recorder) == 1
    with pytest.raises(StopIteration, match="the end"):
        answers.send("stop")

    assert talk.closed
    assert list(recorder) == [
        AttemptStarted(100.0, "talk", 1),
        AttemptFinished(100.0, "talk", 1, 100.0, "success", None),
    ]


async def broken_stream():
    yield 1
    raise ConnectionError("half way")


def broken_plain():
    yield 1
    raise ConnectionError("half way")


class Streaming:
    async def __call__(self):
        yield 1
        raise ConnectionError("half way")


@pytest.mark.parametrize(
    "func", [broken_stream, Streaming(), functools.partial(broken_stream), broken_plain]
)
async def test_promise_7_2_one_that_breaks_off_has_failed(func):
    recorder = Recorder()

    with pytest.raises(ConnectionError):
        if func is broken_plain:
            list(recorder.watch(func)())
        else:
            [item async for item in recorder.watch(func)()]

    assert [getattr(event, "outcome", "") for event in recorder] == ["", "failed"]


@pytest.mark.parametrize("clean_up", [None, ConnectionError("while closing")])
async def test_promise_7_2_one_that_is_closed_early_is_cancelled_whatever_its_clean_up(clean_up):
    def plain():
        try:
            yield 1
        finally:
            if clean_up:
                raise clean_up

    async def asynchronous():
        try:
            yield 1
        finally:
            if clean_up:
                raise clean_up

    recorder = Recorder()
    lines, chunks = recorder.watch(plain)(), recorder.watch(asynchronous)()
    assert (next(lines), await anext(chunks)) == (1, 1)
    with contextlib.suppress(ConnectionError):
        lines.close()
    with contextlib.suppress(ConnectionError):
        await chunks.aclose()

    ends = [event for event in recorder if isinstance(event, AttemptFinished)]
    assert [end.outcome for end in ends] == ["cancelled", "cancelled"]


async def test_promise_7_2_a_generator_under_a_deadline_is_cancelled_with_its_task():
    async def endless():
        while True:
            await asyncio.sleep(1)
            yield 1

    recorder = Recorder()
    with pytest.raises(TimeoutError):
        async with deadline(2.5):
            async for _ in recorder.watch(endless)():
                pass

    assert recorder[-1].outcome == "cancelled"
    assert recorder[-1].time == 2.5


async def test_promise_7_2_a_watched_generator_does_not_outlive_its_consumer():
    recorder = Recorder()
    talk = Conversation()
    async for _ in recorder.watch(talk.asynchronous)("hello"):
        break
    gc.collect()
    await asyncio.sleep(1)

    assert talk.closed
    assert recorder[-1].outcome == "cancelled"


@pytest.mark.parametrize(
    "func",
    [
        lambda: broken_stream(),
        lambda: broken_plain(),
        contextlib.asynccontextmanager(broken_stream),
        contextlib.contextmanager(broken_plain),
    ],
)
async def test_promise_7_2_a_plain_function_that_returns_a_generator_is_refused(func):
    recorder = Recorder()

    with pytest.raises(TypeError, match="func must not return a generator") as refusal:
        await recorder.watch(func)()

    assert "`@breaker`" in str(refusal.value)
    assert recorder[-1].outcome == "failed"


@pytest.mark.parametrize("kind", [Event, Recorder, Transcript])
def test_the_examples_of_its_file_work(kind):
    results = doctest.testmod(sys.modules[kind.__module__])

    assert results.attempted > 0
    assert results.failed == 0


def test_watch_refuses_bad_arguments():
    with pytest.raises(TypeError, match="func must be callable"):
        Recorder().watch(3)
    with pytest.raises(ValueError, match="name must not be empty"):
        Recorder().watch(print, "")
