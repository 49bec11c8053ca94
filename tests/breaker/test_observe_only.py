"""A breaker that only observes: it tells what it would have done, and rejects nothing."""

from __future__ import annotations

import asyncio

import pytest

from resilience_lab import (
    CircuitBreaker,
    FallbackOrchestrator,
    Outcome,
    Recorder,
    Retry,
    ScriptedAgent,
    Transcript,
)
from resilience_lab.events import CallFinished, CallRejected, CallWouldBeRejected, StateChanged


async def fail():
    raise ConnectionError


async def succeed():
    return "answer"


def observing(**options):
    return CircuitBreaker(2, 30, 1, observe_only=True, **options)


async def open_it(breaker):
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await breaker.call(fail)


async def test_calls_pass_and_it_says_what_it_would_have_done():
    recorder = Recorder()
    breaker = observing(on_event=recorder)
    await open_it(breaker)
    await asyncio.sleep(12)

    assert await breaker.call(succeed) == "answer"
    assert await breaker(succeed)() == "answer"
    async with breaker:
        pass

    assert breaker.state == "OPEN"
    assert breaker.would_reject_count == 3
    told = [event for event in recorder if isinstance(event, CallWouldBeRejected)]
    assert told == [CallWouldBeRejected(12.0, "circuit", "OPEN", 18.0)] * 3
    assert not any(isinstance(event, CallRejected) for event in recorder)


async def test_results_of_calls_it_would_have_rejected_change_nothing():
    breaker = observing()
    await open_it(breaker)

    for _ in range(5):
        with pytest.raises(ConnectionError):
            await breaker.call(fail)

    assert (breaker.failure_count, breaker.last_failure_time, breaker.retry_after) == (2, 0.0, 30.0)


async def test_it_tells_of_every_call_how_it_ended():
    recorder = Recorder()
    breaker = CircuitBreaker(1, 30, observe_only=True, on_event=recorder)
    errors = [ConnectionError("one"), ConnectionError("two"), None]
    for error in errors:
        permit = breaker.acquire()
        permit.failure(error) if error else permit.success()

    ends = [event for event in recorder if isinstance(event, CallFinished)]
    assert [(end.state, end.outcome, end.error, end.count, end.threshold) for end in ends] == [
        ("CLOSED", Outcome.FAILURE, errors[0], 1, 1),
        ("OPEN", Outcome.FAILURE, errors[1], 1, 1),
        ("OPEN", Outcome.SUCCESS, None, 0, 2),
    ]
    assert (breaker.failure_count, breaker.would_reject_count) == (1, 2)


async def test_a_call_beside_the_probe_is_told_and_brings_nothing():
    recorder = Recorder()
    breaker = observing(on_event=recorder)
    await open_it(breaker)
    await asyncio.sleep(30)
    breaker.acquire()
    beside = breaker.acquire()
    beside.success()

    assert recorder[-1] == CallFinished(30.0, "circuit", "HALF_OPEN", Outcome.SUCCESS, None, 0, 1)
    assert (breaker.state, breaker.success_count) == ("HALF_OPEN", 0)


async def test_one_that_comes_back_after_the_recovery_is_told_as_what_it_was():
    recorder = Recorder()
    breaker = observing(on_event=recorder)
    await open_it(breaker)
    late = breaker.acquire()
    await asyncio.sleep(30)
    breaker.acquire().success()

    late.failure(ConnectionError())

    assert (recorder[-1].state, breaker.state, breaker.failure_count) == ("OPEN", "CLOSED", 0)


async def test_the_transcript_has_a_line_for_every_call():
    lines = []
    breaker = CircuitBreaker(1, 30, observe_only=True, on_event=Transcript(lines.append))
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await breaker.call(fail)

    attempts = [line for line in lines if line.startswith("Attempt")]
    assert [line.split(" (")[0] for line in attempts] == [
        f"Attempt {number}: ❌ FAILED" for number in (1, 2, 3)
    ]


async def test_it_changes_state_when_an_enforcing_breaker_would():
    stories = []
    for observe_only in (True, False):
        recorder = Recorder()
        breaker = CircuitBreaker(2, 30, 1, observe_only=observe_only, on_event=recorder)
        for second, outcome in [(0, "F"), (1, "F"), (5, "F"), (31, "F"), (40, "S"), (61, "S")]:
            await asyncio.sleep(second + 100 * len(stories) - asyncio.get_running_loop().time())
            try:
                permit = breaker.acquire()
            except Exception:
                continue
            permit.success() if outcome == "S" else permit.failure(ConnectionError())
        changes = [event for event in recorder if isinstance(event, StateChanged)]
        stories.append([(e.time - 100 * len(stories), e.before, e.after) for e in changes])

    assert stories[0] == stories[1]
    assert [story[0] for story in stories[0]] == [1, 31, 31, 61, 61]


async def test_while_a_probe_is_out_others_pass_beside_it():
    breaker = observing()
    await open_it(breaker)
    await asyncio.sleep(30)
    probe = breaker.acquire()

    await breaker.call(succeed)
    assert (breaker.state, breaker.would_reject_count) == ("HALF_OPEN", 1)
    probe.success()

    assert breaker.state == "CLOSED"


async def test_even_an_isolated_one_lets_calls_through():
    breaker = observing()
    breaker.isolate()

    assert await breaker.call(succeed) == "answer"
    assert breaker.would_reject_count == 1


async def test_a_chain_goes_on_asking_an_agent_whose_breaker_only_observes():
    chain = FallbackOrchestrator(
        retry=Retry(2), breaker=lambda _: CircuitBreaker(1, observe_only=True)
    )
    agent = ScriptedAgent("a", [ConnectionError(), ConnectionError(), "hello"])

    result = await chain.execute_with_fallback("hi", agent, [])

    assert (result["result"], result["attempts"][0]["calls"]) == ("hello", 3)


def test_an_enforcing_breaker_counts_none():
    breaker = CircuitBreaker(1, clock=lambda: 0.0)
    breaker.isolate()
    with pytest.raises(Exception, match="isolated"):
        breaker.acquire()

    assert breaker.would_reject_count == 0


def test_the_flag_is_a_flag():
    with pytest.raises(TypeError, match="observe_only must be True or False, got 1"):
        CircuitBreaker(observe_only=1)
