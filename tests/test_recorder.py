"""Promises, section 7: events, `Recorder` and `Recorder.watch`."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from resilience_lab import Backoff, CircuitBreaker, Recorder, Retry, events
from resilience_lab.events import AttemptFinished, AttemptStarted, Event


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


def test_watch_refuses_bad_arguments():
    with pytest.raises(TypeError, match="func must be callable"):
        Recorder().watch(3)
    with pytest.raises(ValueError, match="name must not be empty"):
        Recorder().watch(print, "")
