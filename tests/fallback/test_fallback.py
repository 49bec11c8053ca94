"""Promises, section 6: `FallbackOrchestrator`."""

from __future__ import annotations

import asyncio
import gc
import math
import pickle
import sys
import weakref
from contextlib import nullcontext

import pytest
from unchangeable import FrozenError, SlottedError

from resilience_lab import (
    AgentTimeoutError,
    AllAgentsFailedError,
    Backoff,
    BaseAgent,
    CircuitBreaker,
    CircuitOpenError,
    DeadlineExceededError,
    FallbackOrchestrator,
    RateLimitedError,
    Recorder,
    ResultRejectedError,
    Retry,
    RetryBudget,
    ScriptedAgent,
    deadline,
)
from resilience_lab.events import AgentFinished, QueryAnswered, QueryFailed, QueryReceived

NO_JITTER = Backoff(1, jitter="none")
HANG = (math.inf, "never")


def now():
    return asyncio.get_running_loop().time()


def outcomes(attempts):
    return [(attempt["agent"], attempt["outcome"], attempt["calls"]) for attempt in attempts]


# 6.1 the result


async def test_promise_6_1_the_primary_answers():
    primary = ScriptedAgent("gpt4", [(2.0, "hello")])
    spare = ScriptedAgent("local", ["unused"])

    result = await FallbackOrchestrator().execute_with_fallback("hi", primary, [spare])

    assert type(result) is dict
    assert result == {
        "result": "hello",
        "agent_used": "gpt4",
        "fallback_level": 0,
        "attempts": [
            {
                "agent": "gpt4",
                "level": 0,
                "outcome": "success",
                "error": None,
                "calls": 1,
                "started": 0.0,
                "duration": 2.0,
            }
        ],
        "elapsed": 2.0,
    }
    assert primary.queries == ["hi"]
    assert spare.queries == []


async def test_promise_6_1_every_agent_touched_has_one_entry():
    error = RateLimitedError("gpt35", 20.0)
    await asyncio.sleep(100)  # `started` counts from the query
    result = await FallbackOrchestrator(attempt_timeout=10).execute_with_fallback(
        "hi",
        ScriptedAgent("gpt4", [HANG]),
        [
            ScriptedAgent("gpt35", [(1.0, error)]),
            ScriptedAgent("local", [(0.5, "hello")]),
            ScriptedAgent("unused", ["hello"]),
        ],
    )

    assert (result["agent_used"], result["fallback_level"], result["elapsed"]) == ("local", 2, 11.5)
    timeout, limited, success = result["attempts"]
    assert isinstance(timeout["error"], AgentTimeoutError)
    assert limited["error"] is error
    assert [
        (a["outcome"], a["level"], a["started"], a["duration"]) for a in result["attempts"]
    ] == [
        ("timeout", 0, 0.0, 10.0),
        ("failed", 1, 10.0, 1.0),
        ("success", 2, 11.0, 0.5),
    ]
    assert success["error"] is None


async def test_a_refused_answer_leads_on():
    orchestrator = FallbackOrchestrator(
        accept=lambda text: "sorry" not in text, fallback_on=OSError
    )

    result = await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("polite", ["sorry, no"]), [ScriptedAgent("plain", ["yes"])]
    )

    assert outcomes(result["attempts"]) == [("polite", "rejected", 1), ("plain", "success", 1)]
    assert isinstance(result["attempts"][0]["error"], ResultRejectedError)


async def test_no_fallback_agents_is_a_chain_of_one():
    result = await FallbackOrchestrator().execute_with_fallback("hi", ScriptedAgent("a", ["b"]), [])

    assert result["result"] == "b"


# 6.2 breakers


def per_agent(threshold=2, **options):
    return lambda agent: CircuitBreaker(threshold, 30, name=agent.name, **options)


async def test_promise_6_2_one_breaker_per_agent_name_kept_between_calls():
    made = []

    def factory(agent):
        made.append(agent.name)
        return per_agent()(agent)

    orchestrator = FallbackOrchestrator(breaker=factory)
    primary, spare = ScriptedAgent("gpt4", [OSError()]), ScriptedAgent("local", ["hello"])

    for _ in range(2):
        await orchestrator.execute_with_fallback("hi", primary, [spare])

    assert made == ["gpt4", "local"]
    assert orchestrator.breakers["gpt4"].state == "OPEN"
    assert orchestrator.breakers["local"].state == "CLOSED"


async def test_promise_6_2_an_open_agent_is_skipped_uncalled_and_unwaited():
    orchestrator = FallbackOrchestrator(
        breaker=per_agent(1), retry=Retry(3, NO_JITTER), attempt_timeout=10
    )
    primary, spare = ScriptedAgent("gpt4", [OSError()]), ScriptedAgent("local", ["hello"])
    await orchestrator.execute_with_fallback("one", primary, [spare])
    before = now()

    result = await orchestrator.execute_with_fallback("two", primary, [spare])

    assert now() == before
    assert primary.queries == ["one"]
    skipped = result["attempts"][0]
    assert (skipped["outcome"], skipped["calls"], skipped["duration"]) == ("skipped", 0, 0.0)
    assert isinstance(skipped["error"], CircuitOpenError)


async def test_promise_6_2_a_full_half_open_agent_is_skipped_too():
    orchestrator = FallbackOrchestrator(breaker=per_agent(1), retry=Retry(3, NO_JITTER))
    primary = ScriptedAgent("gpt4", [OSError(), (50.0, "slow")])
    spare = ScriptedAgent("local", ["hello"])
    await orchestrator.execute_with_fallback("one", primary, [spare])
    await asyncio.sleep(30)
    probe = asyncio.create_task(orchestrator.execute_with_fallback("two", primary, [spare]))
    await asyncio.sleep(1)

    result = await orchestrator.execute_with_fallback("three", primary, [spare])

    assert now() == 31.0
    assert outcomes(result["attempts"]) == [("gpt4", "skipped", 0), ("local", "success", 1)]
    assert (await probe)["agent_used"] == "gpt4"


async def test_a_skipped_agent_leads_on_whatever_fallback_on_says():
    orchestrator = FallbackOrchestrator(breaker=per_agent(), fallback_on=OSError)
    primary, spare = ScriptedAgent("gpt4", ["unused"]), ScriptedAgent("local", ["hello"])
    orchestrator.breaker_of(primary).isolate()

    result = await orchestrator.execute_with_fallback("hi", primary, [spare])

    assert result["agent_used"] == "local"


# 6.3 the order around one agent


async def test_promise_6_3_the_breaker_sees_every_attempt_and_each_has_its_own_timeout():
    recorder = Recorder()
    orchestrator = FallbackOrchestrator(
        attempt_timeout=5, retry=Retry(2, NO_JITTER), breaker=per_agent(9, on_event=recorder)
    )

    result = await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("gpt4", [HANG, OSError(), (4.0, "late but in time")]), []
    )

    assert result["attempts"][0]["calls"] == 3
    assert result["elapsed"] == 5 + 1 + 0 + 2 + 4
    assert [(event.time, event.outcome) for event in recorder] == [
        (5.0, "FAILURE"),
        (6.0, "FAILURE"),
        (12.0, "SUCCESS"),
    ]


async def test_promise_6_3_a_breaker_that_opens_ends_the_turn_at_once():
    orchestrator = FallbackOrchestrator(retry=Retry(5, NO_JITTER), breaker=per_agent(2))
    error = OSError("down")

    result = await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("gpt4", [error]), [ScriptedAgent("local", ["hello"])]
    )

    assert now() == 1.0  # one wait between two calls, none after the trip
    assert outcomes(result["attempts"]) == [("gpt4", "failed", 2), ("local", "success", 1)]
    assert result["attempts"][0]["error"] is error


async def test_promise_6_3_a_breaker_opened_by_others_during_a_wait_ends_the_turn():
    orchestrator = FallbackOrchestrator(
        retry=Retry(5, Backoff(10, jitter="none")), breaker=per_agent(2)
    )
    error = OSError("down")
    primary = ScriptedAgent("gpt4", [error])
    asyncio.get_running_loop().call_later(
        3, lambda: orchestrator.breakers["gpt4"].acquire().failure(OSError())
    )

    result = await orchestrator.execute_with_fallback(
        "hi", primary, [ScriptedAgent("local", ["hello"])]
    )

    assert now() == 10.0
    assert outcomes(result["attempts"]) == [("gpt4", "failed", 1), ("local", "success", 1)]
    assert result["attempts"][0]["error"] is error


async def test_an_agents_own_circuit_open_error_is_a_failure_like_others():
    orchestrator = FallbackOrchestrator(retry=Retry(1, NO_JITTER), breaker=per_agent(9))
    inner = CircuitOpenError("inside", "OPEN", 3.0)

    result = await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("gpt4", [inner]), [ScriptedAgent("local", ["hello"])]
    )

    assert outcomes(result["attempts"]) == [("gpt4", "failed", 2), ("local", "success", 1)]
    assert now() == 4.0  # its hint was honoured


async def test_the_retrys_own_accept_makes_a_rejected_turn():
    orchestrator = FallbackOrchestrator(
        retry=Retry(1, NO_JITTER, accept=lambda text: text != "no"), breaker=per_agent()
    )

    result = await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("gpt4", ["no"]), [ScriptedAgent("local", ["yes"])]
    )

    assert outcomes(result["attempts"]) == [("gpt4", "rejected", 2), ("local", "success", 1)]


async def test_a_refusal_after_an_error_is_what_the_turn_ended_with():
    orchestrator = FallbackOrchestrator(
        retry=Retry(1, NO_JITTER, accept=lambda text: text != "no"), breaker=per_agent(9)
    )

    with pytest.raises(AllAgentsFailedError) as raised:
        await orchestrator.execute_with_fallback("hi", ScriptedAgent("a", [OSError(), "no"]), [])

    assert outcomes(raised.value.attempts) == [("a", "rejected", 2)]
    assert isinstance(raised.value.exceptions[0], ResultRejectedError)


async def test_the_shared_retry_is_not_changed():
    retry = Retry(1, NO_JITTER)
    decide = retry.should_retry
    orchestrator = FallbackOrchestrator(retry=retry, breaker=per_agent())

    await orchestrator.execute_with_fallback("hi", ScriptedAgent("gpt4", ["hello"]), [])

    assert retry.should_retry is decide


# 6.4 all fail


async def test_promise_6_4_all_fail():
    errors = [OSError("a"), RateLimitedError("b", 5.0), ValueError("c")]
    agents = [ScriptedAgent(name, [error]) for name, error in zip("abc", errors, strict=True)]

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator().execute_with_fallback("hi", agents[0], agents[1:])

    assert isinstance(raised.value, ExceptionGroup)
    assert raised.value.exceptions == tuple(errors)
    assert outcomes(raised.value.attempts) == [(name, "failed", 1) for name in "abc"]
    assert raised.value.retry_after is None
    assert str(raised.value) == "all 3 agents failed: a (failed), b (failed), c (failed)"


async def test_promise_6_4_except_star_and_pickle_keep_the_ledger():
    agents = [ScriptedAgent("a", [OSError("a")]), ScriptedAgent("b", [ValueError("b")])]

    try:
        await FallbackOrchestrator().execute_with_fallback("hi", agents[0], agents[1:])
    except* OSError as group:
        caught = group
    except* ValueError:
        pass

    copied = pickle.loads(pickle.dumps(caught))
    assert len(copied.exceptions) == 1
    assert outcomes(copied.attempts) == [("a", "failed", 1)]
    assert str(copied) == "the only agent failed: a (failed)"


async def test_promise_6_4_a_retrys_note_survives_pickling():
    chain = FallbackOrchestrator()
    with pytest.raises(AllAgentsFailedError) as raised:
        await Retry(0).call(
            chain.execute_with_fallback, "hi", ScriptedAgent("a", [OSError("a")]), []
        )

    copied = pickle.loads(pickle.dumps(raised.value))

    assert copied.__notes__ == ["gave up after 1 call in 0.0 s: max_retries is 0"]


async def test_agents_that_are_all_isolated_have_no_next_probe():
    orchestrator = FallbackOrchestrator(breaker=per_agent())
    agent = ScriptedAgent("a", ["unused"])
    orchestrator.breaker_of(agent).isolate()

    with pytest.raises(AllAgentsFailedError, match="isolated until they are reset"):
        await orchestrator.execute_with_fallback("hi", agent, [])


@pytest.mark.skipif(
    sys.version_info >= (3, 12),
    reason="a finished coroutine's frame keeps its caller's, and so the ledger, for the collector",
)
async def test_no_error_outlives_its_query():
    class LeakyError(Exception):
        pass

    def leak():
        error = LeakyError()
        errors.append(weakref.ref(error))
        return error

    class Failing:
        name = "failing"

        async def run(self, _query):
            raise leak()

    errors = []
    spare = ScriptedAgent("spare", ["hello"])
    gc.disable()
    try:
        for options in ({}, {"retry": Retry(1, NO_JITTER)}, {"breaker": per_agent(2)}):
            chain = FallbackOrchestrator(attempt_timeout=5, **options)
            for _ in range(3):
                await chain.execute_with_fallback("hi", Failing(), [spare])
        assert [error for error in errors if error() is not None] == []
    finally:
        gc.enable()


async def test_promise_6_4_when_all_were_skipped_the_earliest_retry_after():
    orchestrator = FallbackOrchestrator(
        breaker=lambda agent: CircuitBreaker(1, 30 if agent.name == "a" else 20)
    )
    agents = [ScriptedAgent("a", [OSError()]), ScriptedAgent("b", [OSError()])]
    with pytest.raises(AllAgentsFailedError):
        await orchestrator.execute_with_fallback("hi", agents[0], agents[1:])
    await asyncio.sleep(8)

    with pytest.raises(AllAgentsFailedError) as raised:
        await orchestrator.execute_with_fallback("hi", agents[0], agents[1:])

    assert raised.value.retry_after == 12.0
    assert str(raised.value) == (
        "all 2 agents failed: a (skipped), b (skipped); next probe in 12.0 s"
    )


async def test_a_retry_around_the_chain_follows_that_hint():
    orchestrator = FallbackOrchestrator(breaker=lambda _: CircuitBreaker(1, 20))
    agent = ScriptedAgent("a", [OSError(), "well again"])
    retry = Retry(2, NO_JITTER)

    result = await retry.call(orchestrator.execute_with_fallback, "hi", agent, [])

    assert result["result"] == "well again"
    assert now() == 1 + 19 + 2


@pytest.mark.parametrize("fallback_on", [OSError, (OSError,), lambda e: isinstance(e, OSError)])
async def test_promise_6_4_an_error_outside_fallback_on_propagates_at_once(fallback_on):
    recorder = Recorder()
    error = ValueError("a bug, not an outage")
    spare = ScriptedAgent("local", ["unused"])

    with pytest.raises(ValueError, match="a bug") as raised:
        await FallbackOrchestrator(
            fallback_on=fallback_on, on_event=recorder
        ).execute_with_fallback("hi", ScriptedAgent("gpt4", [error]), [spare])

    assert raised.value is error
    assert spare.queries == []
    assert [type(event) for event in recorder] == [QueryReceived, AgentFinished, QueryFailed]


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("hedge_after", [None, 9])
@pytest.mark.parametrize("fallback_on", [OSError, (OSError,), lambda e: isinstance(e, OSError)])
async def test_promise_6_4_fallback_on_looks_into_groups(how, hedge_after, fallback_on):
    ours = ExceptionGroup("ours", [ExceptionGroup("deep", [ValueError("a"), OSError("b")])])
    foreign = ExceptionGroup("foreign", [ValueError("a"), KeyError("b")])
    chain = FallbackOrchestrator(fallback_on=fallback_on, hedge_after=hedge_after)
    spare = ScriptedAgent("spare", ["hello"])

    async def ask(error):
        agent = ScriptedAgent("a", [error])
        if how == "execute":
            return (await chain.execute_with_fallback("hi", agent, [spare]))["result"]
        return "".join([text async for text in chain.stream_with_fallback("hi", agent, [spare])])

    assert await ask(ours) == "hello"
    with pytest.raises(ExceptionGroup) as raised:
        await ask(foreign)

    assert raised.value is foreign


async def test_promise_6_4_a_chain_may_be_the_agent_of_another():
    inner = FallbackOrchestrator(name="inner")

    class Region(BaseAgent):
        async def run(self, query):
            down = [ScriptedAgent(name, [(1, OSError(name))]) for name in "ab"]
            return (await inner.execute_with_fallback(query, down[0], down[1:]))["result"]

    result = await FallbackOrchestrator(fallback_on=OSError).execute_with_fallback(
        "hi", Region(), [ScriptedAgent("spare", ["hello"])]
    )

    assert outcomes(result["attempts"]) == [("Region", "failed", 1), ("spare", "success", 1)]
    assert [str(error) for error in result["attempts"][0]["error"].exceptions] == ["a", "b"]


async def test_promise_6_4_cancellation_never_falls_back():
    spare = ScriptedAgent("local", ["unused"])
    recorder = Recorder()
    orchestrator = FallbackOrchestrator(
        fallback_on=BaseException, retry=Retry(3), breaker=per_agent(1), on_event=recorder
    )
    task = asyncio.create_task(
        orchestrator.execute_with_fallback("hi", ScriptedAgent("gpt4", [HANG]), [spare])
    )
    await asyncio.sleep(1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert spare.queries == []
    assert orchestrator.breakers["gpt4"].failure_count == 0
    assert [type(event) for event in recorder] == [QueryReceived, AgentFinished, QueryFailed]
    assert list(recorder)[1].outcome == "cancelled"


@pytest.mark.parametrize("hedge_after", [None, 9])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_promise_6_4_an_exit_is_the_querys_own_and_the_loop_goes_on(hedge_after, kind):
    class Quitter(ScriptedAgent):
        async def run(self, query):
            await asyncio.sleep(1)
            raise kind

    recorder, spare = Recorder(), ScriptedAgent("spare", ["unused"])
    chain = FallbackOrchestrator(
        hedge_after=hedge_after,
        breaker=per_agent(1),
        retry=Retry(3, NO_JITTER),
        fallback_on=BaseException,
        on_event=recorder,
    )

    with pytest.raises(kind):
        await chain.execute_with_fallback("hi", Quitter("a", ["unused"]), [spare])

    assert (now(), spare.queries) == (1.0, [])
    assert chain.breakers["a"].state == "CLOSED"
    turn, end = list(recorder)[1:]
    assert (turn.outcome, turn.error) == ("cancelled", None)
    assert isinstance(end.error, kind)
    assert len(asyncio.all_tasks()) == 1


# 6.5 deadlines and names


async def test_promise_6_5_timeouts_are_cut_to_the_remaining_deadline():
    agents = [ScriptedAgent(name, [HANG]) for name in "abc"]

    with pytest.raises(DeadlineExceededError):
        async with deadline(15):
            await FallbackOrchestrator(attempt_timeout=10).execute_with_fallback(
                "hi", agents[0], agents[1:]
            )

    assert now() == 15.0
    assert agents[2].queries == []


async def test_promise_6_5_also_in_a_task_that_the_deadlines_owner_does_not_wait_for():
    agents = [ScriptedAgent(name, [HANG]) for name in "abc"]
    chain = FallbackOrchestrator(attempt_timeout=10)

    async with deadline(15):
        task = asyncio.create_task(chain.execute_with_fallback("hi", agents[0], agents[1:]))
        await asyncio.sleep(0)
    with pytest.raises(DeadlineExceededError):
        await task

    assert now() == 15.0
    assert agents[2].queries == []


async def test_promise_6_5_a_deadline_bounds_attempts_that_have_no_timeout():
    chain = FallbackOrchestrator()
    async with deadline(4):
        task = asyncio.create_task(
            chain.execute_with_fallback("hi", ScriptedAgent("a", [HANG]), [])
        )
        await asyncio.sleep(0)
    with pytest.raises(DeadlineExceededError):
        await task

    assert now() == 4.0


async def test_promise_6_5_two_agents_with_one_name_are_refused():
    agents = [ScriptedAgent("twin", ["a"]), ScriptedAgent("twin", ["b"])]

    with pytest.raises(
        ValueError, match="agent names must differ within a chain, got 'twin' twice"
    ):
        await FallbackOrchestrator().execute_with_fallback("hi", agents[0], agents[1:])

    assert agents[0].queries == []


async def test_an_agents_own_timeout_error_is_a_timeout():
    error = TimeoutError("the agent's own")

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator(attempt_timeout=10).execute_with_fallback(
            "hi", ScriptedAgent("a", [error]), []
        )

    assert raised.value.attempts[0]["outcome"] == "timeout"
    assert raised.value.exceptions == (error,)
    assert str(raised.value) == "the only agent failed: a (timeout)"


# Events


async def test_the_events_tell_the_whole_story():
    recorder = Recorder()
    error = OSError("down")
    orchestrator = FallbackOrchestrator(on_event=recorder, name="chain")

    await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("a", [(1.0, error)]), [ScriptedAgent("b", [(2.0, "hello")])]
    )
    with pytest.raises(AllAgentsFailedError) as raised:
        await orchestrator.execute_with_fallback("hi", ScriptedAgent("a", [error]), [])

    assert list(recorder) == [
        QueryReceived(0.0, "chain", "hi", ("a", "b")),
        AgentFinished(1.0, "chain", "a", 0, "failed", error, 1, 0.0, 1.0),
        AgentFinished(3.0, "chain", "b", 1, "success", None, 1, 1.0, 2.0),
        QueryAnswered(3.0, "chain", "hello", "b", 1, 3.0),
        QueryReceived(3.0, "chain", "hi", ("a",)),
        AgentFinished(3.0, "chain", "a", 0, "failed", error, 1, 0.0, 0.0),
        QueryFailed(3.0, "chain", raised.value, 0.0),
    ]


async def test_spans_of_time_are_counted_from_the_query():
    recorder = Recorder()
    orchestrator = FallbackOrchestrator(attempt_timeout=10, on_event=recorder)
    await asyncio.sleep(100)

    result = await orchestrator.execute_with_fallback(
        "hi", ScriptedAgent("a", [HANG]), [ScriptedAgent("b", [(2.0, "hello")])]
    )
    with pytest.raises(AllAgentsFailedError):
        await orchestrator.execute_with_fallback("hi", ScriptedAgent("a", [(3.0, OSError())]), [])

    assert (result["elapsed"], result["attempts"][0]["error"].seconds) == (12.0, 10.0)
    assert [event.elapsed for event in recorder if hasattr(event, "elapsed")] == [12.0, 3.0]
    assert [event.time for event in recorder] == [100.0, 110.0, 112.0, 112.0, 112.0, 115.0, 115.0]


async def test_a_deadline_between_two_agents_says_how_long_the_chain_had():
    async def slow_to_fail(_query):
        await asyncio.sleep(3)
        raise OSError

    agent = ScriptedAgent("a", ["unused"])
    agent.run = slow_to_fail
    await asyncio.sleep(100)
    async with deadline(3):
        chain = FallbackOrchestrator().execute_with_fallback(
            "hi", agent, [ScriptedAgent("b", ["hello"])]
        )
        task = asyncio.create_task(chain)
        await asyncio.sleep(0)

    with pytest.raises(DeadlineExceededError, match="the deadline of 3 s has passed"):
        await task


async def test_one_orchestrator_serves_many_queries_at_once():
    orchestrator = FallbackOrchestrator(breaker=per_agent(100))
    primary = ScriptedAgent("a", [(1.0, OSError())])
    spare = ScriptedAgent("b", [(1.0, "hello")])

    results = await asyncio.gather(
        *(orchestrator.execute_with_fallback("hi", primary, [spare]) for _ in range(50))
    )

    assert {result["elapsed"] for result in results} == {2.0}
    assert now() == 2.0


# Bad arguments


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("attempt_timeout", 0),
        ("attempt_timeout", math.nan),
        ("attempt_timeout", "10"),
        ("retry", 3),
        ("retry", Retry),
        ("breaker", CircuitBreaker()),
        ("breaker", 5),
        ("fallback_on", "all"),
        ("accept", True),
        ("on_event", 1),
        ("name", ""),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(argument, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        FallbackOrchestrator(**{argument: value})

    assert argument in str(refusal.value)
    assert repr(value) in str(refusal.value)


class Nameless:
    async def run(self, query):
        return query


@pytest.mark.parametrize("agent", [None, "gpt4", Nameless(), ScriptedAgent, asyncio.sleep])
async def test_what_is_no_agent_is_refused(agent):
    good = ScriptedAgent("good", ["hello"])
    for chain in [(agent, []), (good, [agent])]:
        with pytest.raises(TypeError, match="must have a name and a run method, got "):
            await FallbackOrchestrator().execute_with_fallback("hi", *chain)


async def test_which_of_the_agents_is_wrong_is_named():
    good = ScriptedAgent("good", ["hello"])
    for primary, fallbacks, named in (
        (None, [good], r"primary_agent must"),
        (good, [ScriptedAgent("other", ["hi"]), None], r"fallback_agents\[1\] must"),
    ):
        with pytest.raises(TypeError, match=named):
            await FallbackOrchestrator().execute_with_fallback("hi", primary, fallbacks)


@pytest.mark.parametrize("query", [None, 3, b"hi", ["hi"]])
async def test_a_query_must_be_a_string(query):
    with pytest.raises(TypeError, match="query must be a string, got "):
        await FallbackOrchestrator().execute_with_fallback(query, ScriptedAgent("a", ["b"]), [])


@pytest.mark.parametrize("agents", [None, "local", 3])
async def test_fallback_agents_must_be_a_list(agents):
    with pytest.raises(TypeError, match="fallback_agents must be a list of agents, got "):
        await FallbackOrchestrator().execute_with_fallback("hi", ScriptedAgent("a", ["b"]), agents)


async def test_a_breaker_factory_that_makes_something_else_is_refused():
    with pytest.raises(TypeError, match="breaker must make a CircuitBreaker for each agent, got 3"):
        await FallbackOrchestrator(breaker=lambda _: 3).execute_with_fallback(
            "hi", ScriptedAgent("a", ["b"]), []
        )


async def test_any_agent_with_a_name_and_a_run_method_will_do():
    class Duck:
        name = "duck"

        async def run(self, query):
            return f"quack, {query}"

    class GPT4Agent(BaseAgent):
        async def run(self, query):
            raise OSError

    result = await FallbackOrchestrator().execute_with_fallback("hi", GPT4Agent(), [Duck()])

    assert outcomes(result["attempts"]) == [("GPT4Agent", "failed", 1), ("duck", "success", 1)]


# Errors that cannot be changed


@pytest.mark.parametrize("kind", [FrozenError, SlottedError])
@pytest.mark.parametrize(
    "options",
    [{}, {"attempt_timeout": 5}, {"retry": Retry(1, NO_JITTER)}, {"hedge_after": 9}],
    ids=str,
)
@pytest.mark.parametrize("limit", [None, 100])
async def test_promise_6_4_an_error_that_cannot_be_changed_leads_on_and_is_counted(
    kind, options, limit
):
    error = kind(7)
    chain = FallbackOrchestrator(
        fallback_on=kind, breaker=per_agent(1, failure_on=kind), on_event=Recorder(), **options
    )

    async with nullcontext() if limit is None else deadline(limit):
        result = await chain.execute_with_fallback(
            "hi", ScriptedAgent("a", [(1, error)]), [ScriptedAgent("b", ["hello"])]
        )

    assert outcomes(result["attempts"]) == [("a", "failed", 1), ("b", "success", 1)]
    assert result["attempts"][0]["error"] is error
    assert chain.breakers["a"].state == "OPEN"


@pytest.mark.parametrize("kind", [FrozenError, SlottedError])
async def test_promise_6_4_an_error_that_cannot_be_changed_reaches_the_caller(kind):
    error = kind(7)
    chain = FallbackOrchestrator(attempt_timeout=5, fallback_on=OSError)

    with pytest.raises(kind) as raised:
        await chain.execute_with_fallback(
            "hi", ScriptedAgent("a", [error]), [ScriptedAgent("b", ["unused"])]
        )

    assert raised.value is error


async def test_a_timeout_of_the_agents_own_at_the_end_of_its_time_is_ours():
    class Agent(ScriptedAgent):
        async def run(self, query):
            try:
                await asyncio.sleep(math.inf)
            except asyncio.CancelledError:
                raise TimeoutError("read timed out") from None

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator(attempt_timeout=5).execute_with_fallback(
            "hi", Agent("a", ["unused"]), []
        )

    (error,) = raised.value.exceptions
    assert str(error) == "agent 'a' did not answer within 5 s"
    assert str(error.__cause__) == "read timed out"


async def test_an_error_that_is_falsy_is_an_error_all_the_same():
    class HollowError(Exception):
        def __len__(self):
            return 0

    error = HollowError()
    agents = ScriptedAgent("a", [error]), [ScriptedAgent("b", ["unused"])]
    with pytest.raises(HollowError):
        await FallbackOrchestrator(fallback_on=OSError).execute_with_fallback("hi", *agents)
    orchestrator = FallbackOrchestrator(breaker=per_agent(1), retry=Retry(5, NO_JITTER))
    asyncio.get_running_loop().call_later(0.5, lambda: orchestrator.breakers["a"].isolate())
    orchestrator.breakers["a"] = CircuitBreaker(9)

    result = await orchestrator.execute_with_fallback("hi", *agents)

    assert result["attempts"][0]["error"] is error


# Retries and tokens


@pytest.mark.parametrize("how", ["execute", "stream"])
async def test_a_chain_keeps_the_retry_on_of_its_retry(how):
    agent, spare = ScriptedAgent("a", [ValueError("a bug")]), ScriptedAgent("b", ["hello"])
    chain = FallbackOrchestrator(retry=Retry(3, NO_JITTER, retry_on=OSError))

    if how == "execute":
        await chain.execute_with_fallback("hi", agent, [spare])
    else:
        assert [chunk async for chunk in chain.stream_with_fallback("hi", agent, [spare])]

    assert (len(agent.queries), now()) == (1, 0.0)


async def test_promise_6_3_a_refused_answer_is_not_retried_once_the_breaker_has_opened():
    breaker = CircuitBreaker(1, 100, name="a")

    class Agent(BaseAgent):
        async def run(self, query):
            breaker.isolate()  # for another caller, say
            return "bad"

    for options in (
        {"retry": Retry(5, Backoff(10, jitter="none"), accept=lambda text: text != "bad")},
        {"retry": Retry(5, Backoff(10, jitter="none")), "accept": lambda text: text != "bad"},
    ):
        breaker.reset()
        chain = FallbackOrchestrator(breaker=lambda agent: breaker, **options)
        chain.breakers["b"] = CircuitBreaker(name="b")

        result = await chain.execute_with_fallback(
            "hi", Agent("a"), [ScriptedAgent("b", ["hello"])]
        )

        assert outcomes(result["attempts"]) == [("a", "rejected", 1), ("b", "success", 1)]
        assert isinstance(result["attempts"][0]["error"], ResultRejectedError)
        assert result["elapsed"] == 0.0


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("shared", [True, False])
async def test_promise_6_3_a_breaker_that_opens_during_the_wait_costs_no_token(how, shared):
    budget = RetryBudget(ratio=0, burst=5)
    chain = FallbackOrchestrator(
        retry=Retry(5, Backoff(10, jitter="none"), budget=budget),
        budget=budget if shared else None,
        breaker=per_agent(9),
    )
    agent = ScriptedAgent("a", [OSError("down")])
    asyncio.get_running_loop().call_later(3, lambda: chain.breakers["a"].isolate())

    with pytest.raises(AllAgentsFailedError) as raised:
        if how == "execute":
            await chain.execute_with_fallback("hi", agent, [])
        async for _ in chain.stream_with_fallback("hi", agent, []):
            pass

    assert outcomes(raised.value.attempts) == [("a", "failed", 1)]
    assert (now(), len(agent.queries)) == (10.0, 1)
    assert budget.tokens == 5


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("hedge_after", [None, 0, 9])
async def test_the_token_of_a_skipped_agent_serves_the_next_one(how, hedge_after):
    budget = RetryBudget(ratio=0, burst=1)
    chain = FallbackOrchestrator(budget=budget, hedge_after=hedge_after, breaker=per_agent(1))
    failing = ScriptedAgent("failing", [(1, OSError())])
    agents = [ScriptedAgent("down", ["unused"]), ScriptedAgent("up", ["hello"])]
    chain.breaker_of(agents[0]).isolate()

    if how == "execute":
        said = (await chain.execute_with_fallback("hi", failing, agents))["result"]
    else:
        said = "".join([text async for text in chain.stream_with_fallback("hi", failing, agents)])

    assert said == "hello"
    assert budget.tokens == 0


async def test_the_first_agent_pays_nothing_so_nothing_comes_back_if_it_is_skipped():
    budget = RetryBudget(ratio=0, burst=5)
    for _ in range(3):
        budget.try_withdraw()
    chain = FallbackOrchestrator(budget=budget, breaker=per_agent(9))
    down = ScriptedAgent("down", ["unused"])
    chain.breaker_of(down).isolate()

    await chain.execute_with_fallback("hi", down, [ScriptedAgent("up", ["hello"])])

    assert budget.tokens == 2


async def test_a_skipped_agents_token_comes_back_at_the_end_of_a_chain_too():
    budget = RetryBudget(ratio=0, burst=2)
    chain = FallbackOrchestrator(budget=budget, breaker=per_agent(9))
    down = ScriptedAgent("down", ["unused"])
    chain.breaker_of(down).isolate()

    with pytest.raises(AllAgentsFailedError):
        await chain.execute_with_fallback("hi", ScriptedAgent("a", [OSError()]), [down])

    assert budget.tokens == 2
