"""`Replay`: every kind of record, moment by moment."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import dataclass

import pytest

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    FallbackOrchestrator,
    Recorder,
    Retry,
    ScriptedAgent,
    run_virtual,
)
from resilience_lab.events import (
    AgentFinished,
    AttemptFinished,
    AttemptStarted,
    CallFinished,
    CallRejected,
    Event,
    LeaseExpired,
    QueryAnswered,
    RetrySucceeded,
    Section,
    StateChanged,
)
from resilience_lab.ground.outcomes import Outcome
from resilience_lab.widgets.breaker.scenario import tell_story
from resilience_lab.widgets.replay import Replay, sentence, settings_of, transcript

OUTAGE = ["fail"] * 3 + ["wait 10 s"] * 2


def record(*events):
    recorder = Recorder()
    for event in events:
        recorder(event)
    return recorder


def moments(replay):
    """What the summary says at each event."""
    said = []
    for number in range(1, len(replay.events) + 1):
        replay.slider.value = number
        said.append(replay.summary())
    return said


async def failing():
    raise ConnectionError("down")


def test_a_breaker_is_seen_in_the_state_of_the_moment():
    replay = Replay(tell_story([*OUTAGE, "succeed", "wait 10 s", "succeed", "succeed"]).recorder)

    states = [said.rsplit(" ", 1)[1] for said in moments(replay)]

    assert states == ["CLOSED."] * 3 + ["OPEN."] * 2 + ["HALF_OPEN."] * 3 + ["CLOSED."]
    assert "now CLOSED; last change: HALF_OPEN to CLOSED" in replay.states.value
    replay.slider.value = 4
    assert "now OPEN; last change: CLOSED to OPEN" in replay.states.value
    assert "circuit goes from CLOSED to OPEN: too many failures" in replay.sentence.text
    assert replay.transcript.value.count("FAILED") == 3
    assert "later" not in replay.transcript.value


def test_the_buttons_step_and_stop_at_the_ends():
    replay = Replay(tell_story(["fail", "fail"]).recorder)
    assert replay.back.disabled

    replay.forward.click()
    assert replay.slider.value == 2
    assert replay.forward.disabled
    replay.back.click()

    assert replay.slider.value == 1
    assert not replay.forward.disabled


def test_the_settings_of_a_breaker_are_read_from_its_events():
    settings = {"failure_threshold": 2, "recovery_timeout": 25.0, "success_threshold": 1}
    story = tell_story([*OUTAGE, "fail", "wait 10 s", "succeed"], **settings)

    assert settings_of(story.recorder) == settings
    drawn = Replay(story.recorder).states.value
    assert "a call after 25 s" in drawn
    assert "Not in the record" not in drawn


def test_settings_that_no_event_tells_are_said_to_be_the_usual_ones():
    drawn = Replay(tell_story(["fail"], recovery_timeout=5.0).recorder).states.value

    assert "drawn as by default: recovery_timeout, success_threshold." in drawn


def test_an_isolated_breaker_has_no_break_to_read():
    recorder = Recorder()
    breaker = CircuitBreaker(on_event=recorder, clock=lambda: 0.0)
    breaker.isolate()
    with pytest.raises(Exception, match="isolated"):
        breaker.acquire()

    assert settings_of(recorder) == {}


def test_a_breaker_not_heard_of_yet_is_in_the_state_that_it_will_leave():
    replay = Replay(
        record(
            Section(0.0, "demo", "Two breakers"),
            StateChanged(1.0, "a", "OPEN", "HALF_OPEN", "the break is over"),
            LeaseExpired(2.0, "b", 30.0),
        )
    )

    assert replay.summary() == (
        "Replay: 0 s: the section 'Two breakers' begins. "
        "circuit breaker a: OPEN. circuit breaker b: HALF_OPEN."
    )


def test_a_new_breaker_of_the_same_name_has_not_made_the_last_change():
    recorder = tell_story(["fail"] * 3).recorder
    for event in tell_story(["fail"]).recorder:
        recorder(event)
    replay = Replay(recorder)

    replay.slider.value = len(recorder)

    assert 'aria-label="Circuit breaker, now CLOSED"' in replay.states.value


def test_a_breaker_that_only_observes_says_what_it_let_through():
    recorder = Recorder()
    breaker = CircuitBreaker(1, observe_only=True, on_event=recorder, clock=lambda: 0.0)
    breaker.isolate()
    breaker.acquire()
    replay = Replay(recorder)
    replay.slider.value = 2

    assert replay.summary() == (
        "Replay: 0 s: circuit is OPEN, but only observes: a call passes that it would reject. "
        "circuit breaker circuit: OPEN."
    )


def test_a_retry_is_seen_between_its_calls():
    recorder = Recorder()
    backoff = Backoff(jitter="none")

    async def main():
        with pytest.raises(ConnectionError):
            await Retry(1, backoff, on_event=recorder).call(failing)

    run_virtual(main)
    recorder(RetrySucceeded(9.0, "other", 2, 3.0))
    said = moments(Replay(recorder))

    assert said[0] == (
        "Replay: 0 s: retry: call 1 failed, the next follows after 1 s [ConnectionError: down]. "
        "retry retry: call 1 failed, the next one after 1 s. retry other: nothing heard yet."
    )
    assert "retry gives up after call 2: max_retries is 1 [ConnectionError: down]" in said[1]
    assert "retry retry: gave up after call 2." in said[1]
    assert said[2].endswith("retry other: succeeded at call 2.")


def test_a_chain_of_agents_is_seen_turn_by_turn():
    recorder = Recorder()

    async def main():
        chain = FallbackOrchestrator(attempt_timeout=2.0, on_event=recorder)
        slow, good = ScriptedAgent("slow", [(9.0, "late")]), ScriptedAgent("good", ["yes"])
        await chain.execute_with_fallback("why?", slow, [good])
        with pytest.raises(Exception, match="failed"):
            await chain.execute_with_fallback("why?", slow, [])

    run_virtual(main)
    said = moments(Replay(recorder))

    assert 'fallback is asked "why?"; its agents are slow, good. ' in said[0]
    assert [words.rsplit("fallback: ", 1)[1] for words in said] == [
        "asking slow.",
        "slow (level 0): timeout.",
        "good (level 1): success.",
        "answered by good (level 1).",
        "asking slow.",
        "slow (level 0): timeout.",
        "no answer.",
    ]
    assert "the turn of slow (level 0) is over after 2 s: timeout [AgentTimeoutError: " in said[1]
    assert 'good (level 1) answers "yes", 2 s in all' in said[3]
    assert "fallback has no answer after 2 s [AllAgentsFailedError: " in said[6]


def test_watched_attempts_are_seen_while_they_run():
    recorder = Recorder()

    async def work(length):
        await asyncio.sleep(length)
        if length > 1:
            raise ConnectionError("down")

    async def main():
        watched = recorder.watch(work)
        await asyncio.gather(watched(1), watched(2), return_exceptions=True)

    run_virtual(main)
    replay = Replay(recorder)
    said = moments(replay)

    assert [words.rsplit("work: ", 1)[1] for words in said] == [
        "running: attempt 1.",
        "running: attempt 1, 2.",
        "running: attempt 2.",
        "no attempt running.",
    ]
    assert "attempt 2 on work ends after 2 s: failed [ConnectionError: down]" in said[3]
    assert "attempt 1 on work begins" in replay.transcript.value


def test_an_attempt_may_have_begun_before_the_record_did():
    replay = Replay(record(AttemptFinished(1.0, "work", 3, 0.0, "success", None)))

    assert replay.summary().endswith("watched function work: no attempt running.")


def test_the_transcript_speaks_of_every_event():
    @dataclass(frozen=True, slots=True)
    class Homemade(Event):
        pass

    events = [*tell_story(["fail"]).recorder, AttemptStarted(1.0, "work", 1), Homemade(2.0, "me")]

    assert transcript(events) == [
        "Attempt 1: ❌ FAILED (failures: 1/3)",
        "attempt 1 on work begins",
        "me: Homemade",
    ]
    assert moments(Replay(record(*events)))[-1].endswith("other me: Homemade.")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            CallFinished(0.0, "c", "CLOSED", Outcome.SUCCESS, None, 0, 2),
            "a call through c, now CLOSED, ends: SUCCESS",
        ),
        (
            CallFinished(0.0, "c", "HALF_OPEN", Outcome.SUCCESS, None, 1, 2),
            "a call through c, now HALF_OPEN, ends: SUCCESS (1 of 2)",
        ),
        (
            CallFinished(0.0, "c", "CLOSED", Outcome.FAILURE, OSError("x"), 2, 3),
            "a call through c, now CLOSED, ends: FAILURE (2 of 3) [OSError: x]",
        ),
        (CallRejected(0.0, "c", "OPEN", 5.0), "c is OPEN and rejects a call; next probe in 5 s"),
        (
            LeaseExpired(0.0, "c", 30.0),
            "a probe of c gave no answer for 30 s and loses its permit",
        ),
        (
            RetrySucceeded(0.0, "r", 2, 3.0),
            "r: call 2 succeeded, 3 s after the first began",
        ),
    ],
)
def test_an_event_as_a_sentence(event, words):
    assert sentence(event) == words


def test_an_empty_record_says_so():
    replay = Replay(Recorder())

    assert "Nothing was recorded." in replay.sentence.text
    assert replay.slider.disabled
    assert replay.back.disabled
    assert replay.forward.disabled
    bundle = replay._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Replay: Nothing was recorded.")


def test_what_others_have_written_is_escaped():
    evil = "<img src=x>"
    replay = Replay(
        record(
            AgentFinished(0.0, evil, evil, 0, "failed", ConnectionError(evil), 1, 0.0, 1.0),
            QueryAnswered(1.0, evil, evil, evil, 0, 1.0),
            AttemptStarted(2.0, evil, 1),
            StateChanged(3.0, evil, "CLOSED", "OPEN", evil),
        )
    )

    for number in range(1, 5):
        replay.slider.value = number
        assert "<img" in replay.sentence.text  # a text: the browser escapes it
        for shown in (replay.states, replay.transcript):
            assert "<img" not in shown.value
            assert "&lt;img" in shown.value


def test_what_is_recorded_later_is_not_shown():
    recorder = tell_story(["fail"]).recorder
    replay = Replay(recorder)

    recorder.clear()

    assert replay.summary().startswith("Replay: 0 s: a call through circuit, now CLOSED, ends")


def test_a_long_transcript_keeps_its_end_in_view():
    replay = Replay(tell_story(["succeed"] * 100).recorder)

    replay.slider.value = 100

    assert replay.transcript.value.count("SUCCESS") == 16
    assert "Attempt 100" in replay.transcript.value


def test_its_picture_does_without_a_kernel():
    replay = Replay(tell_story(["fail", "wait 1 s", "fail"]).recorder)

    axes = replay.picture().axes[0]

    assert axes.collections[0].get_offsets()[:, 0].tolist() == [0.0, 1.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["circuit (circuit breaker)"]
    assert b64decode(replay._repr_mimebundle_()["image/png"]).startswith(b"\x89PNG")
