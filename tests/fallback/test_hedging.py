"""Hedging: an agent that keeps us waiting is no longer waited for alone."""

from __future__ import annotations

import asyncio
import math

import pytest
from unchangeable import FrozenError

from resilience_lab import (
    AllAgentsFailedError,
    Backoff,
    CircuitBreaker,
    DeadlineExceededError,
    FallbackOrchestrator,
    Recorder,
    Retry,
    RetryBudget,
    ScriptedAgent,
    deadline,
)
from resilience_lab.events import AgentFinished, QueryAnswered

NEVER = (math.inf, "never")


def told(attempts):
    return [(a["agent"], a["outcome"], a["calls"], a["started"], a["duration"]) for a in attempts]


def per_agent(threshold=3):
    return lambda agent: CircuitBreaker(threshold, 30, name=agent.name)


async def test_who_answers_in_time_is_alone():
    spare = ScriptedAgent("b", ["unused"])

    result = await FallbackOrchestrator(hedge_after=2).execute_with_fallback(
        "hi", ScriptedAgent("a", [(1.99, "hello")]), [spare]
    )

    assert told(result["attempts"]) == [("a", "success", 1, 0.0, 1.99)]
    assert spare.queries == []


async def test_after_the_wait_the_next_agent_starts_too_and_the_first_answer_wins():
    recorder = Recorder()
    chain = FallbackOrchestrator(hedge_after=2, breaker=per_agent(1), on_event=recorder)

    result = await chain.execute_with_fallback(
        "hi", ScriptedAgent("a", [(5, "slow")]), [ScriptedAgent("b", [(1, "fast")])]
    )

    assert (result["result"], result["agent_used"], result["fallback_level"]) == ("fast", "b", 1)
    assert result["elapsed"] == 3.0
    assert told(result["attempts"]) == [("a", "cancelled", 1, 0.0, 3.0), ("b", "success", 1, 2, 1)]
    assert [type(event) for event in recorder][-3:] == [AgentFinished, AgentFinished, QueryAnswered]
    assert chain.breakers["a"].failure_count == 0  # the loser is neutral
    assert chain.breakers["a"].state == "CLOSED"
    assert len(asyncio.all_tasks()) == 1


async def test_the_first_agent_may_still_win():
    result = await FallbackOrchestrator(hedge_after=2).execute_with_fallback(
        "hi", ScriptedAgent("a", [(3, "first")]), [ScriptedAgent("b", [(9, "second")])]
    )

    assert told(result["attempts"]) == [("a", "success", 1, 0, 3.0), ("b", "cancelled", 1, 2, 1)]


async def test_of_two_answers_at_the_same_moment_the_better_agent_wins():
    result = await FallbackOrchestrator(hedge_after=2).execute_with_fallback(
        "hi", ScriptedAgent("a", [(3, "first")]), [ScriptedAgent("b", [(1, "second")])]
    )

    assert result["agent_used"] == "a"


async def test_more_agents_join_one_by_one():
    agents = [ScriptedAgent(name, [NEVER]) for name in "abc"] + [ScriptedAgent("d", ["hello"])]

    result = await FallbackOrchestrator(hedge_after=2).execute_with_fallback(
        "hi", agents[0], agents[1:]
    )

    assert [a["started"] for a in result["attempts"]] == [0, 2, 4, 6]
    assert result["elapsed"] == 6.0


async def test_hedging_after_zero_seconds_asks_all_at_once():
    agents = [
        ScriptedAgent(name, [(delay, name)]) for name, delay in zip("abc", (3, 1, 2), strict=True)
    ]

    result = await FallbackOrchestrator(hedge_after=0).execute_with_fallback(
        "hi", agents[0], agents[1:]
    )

    assert [a["started"] for a in result["attempts"]] == [0, 0, 0]
    assert (result["agent_used"], result["elapsed"]) == ("b", 1.0)


async def test_an_agent_that_fails_alone_is_replaced_at_once():
    result = await FallbackOrchestrator(hedge_after=10).execute_with_fallback(
        "hi", ScriptedAgent("a", [(1, OSError())]), [ScriptedAgent("b", ["hello"])]
    )

    assert told(result["attempts"]) == [("a", "failed", 1, 0, 1), ("b", "success", 1, 1, 0)]


async def test_an_agent_that_fails_beside_another_is_not_replaced_before_the_time():
    agents = [ScriptedAgent("a", [(3, OSError())]), ScriptedAgent("b", [(9, "slow")])]

    result = await FallbackOrchestrator(hedge_after=2).execute_with_fallback(
        "hi", agents[0], [agents[1], ScriptedAgent("c", [(1, "hello")])]
    )

    assert told(result["attempts"]) == [
        ("a", "failed", 1, 0, 3),
        ("b", "cancelled", 1, 2, 3),
        ("c", "success", 1, 4, 1),
    ]


async def test_a_skipped_hedge_passes_its_place_on():
    chain = FallbackOrchestrator(hedge_after=2, breaker=per_agent())
    agents = [ScriptedAgent("a", [NEVER]), ScriptedAgent("b", ["no"]), ScriptedAgent("c", ["yes"])]
    chain.breaker_of(agents[1]).isolate()

    result = await chain.execute_with_fallback("hi", agents[0], agents[1:])

    assert told(result["attempts"]) == [
        ("a", "cancelled", 1, 0, 2),
        ("b", "skipped", 0, 2, 0),
        ("c", "success", 1, 2, 0),
    ]


async def test_all_fail_in_the_order_of_the_chain():
    errors = [OSError("slow"), ValueError("fast")]
    agents = [ScriptedAgent("a", [(5, errors[0])]), ScriptedAgent("b", [(1, errors[1])])]

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator(hedge_after=2).execute_with_fallback("hi", agents[0], agents[1:])

    assert raised.value.exceptions == tuple(errors)
    assert [a["duration"] for a in raised.value.attempts] == [5, 1]


async def test_an_error_that_must_not_fall_back_ends_all():
    agents = [ScriptedAgent("a", [NEVER]), ScriptedAgent("b", [(1, ValueError("mine"))])]

    with pytest.raises(ValueError, match="mine"):
        await FallbackOrchestrator(hedge_after=2, fallback_on=OSError).execute_with_fallback(
            "hi", agents[0], agents[1:]
        )

    assert asyncio.get_running_loop().time() == 3.0
    assert len(asyncio.all_tasks()) == 1


async def test_an_agent_that_cancels_itself_ends_all():
    class Quitter(ScriptedAgent):
        async def run(self, query):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await FallbackOrchestrator(hedge_after=2).execute_with_fallback(
            "hi", ScriptedAgent("a", [NEVER]), [Quitter("b", ["unused"])]
        )

    assert len(asyncio.all_tasks()) == 1


async def test_a_deadline_bounds_the_race():
    recorder = Recorder()
    agents = [ScriptedAgent(name, [NEVER]) for name in "abc"]

    with pytest.raises(DeadlineExceededError):
        async with deadline(5):
            await FallbackOrchestrator(hedge_after=2, on_event=recorder).execute_with_fallback(
                "hi", agents[0], agents[1:]
            )

    assert asyncio.get_running_loop().time() == 5.0
    assert len(asyncio.all_tasks()) == 1
    assert [len(agent.queries) for agent in agents] == [1, 1, 1]


async def test_each_agent_has_its_own_retries_and_timeouts():
    chain = FallbackOrchestrator(
        hedge_after=4, attempt_timeout=3, retry=Retry(1, Backoff(1, jitter="none"))
    )

    result = await chain.execute_with_fallback(
        "hi", ScriptedAgent("a", [NEVER]), [ScriptedAgent("b", [OSError(), (2, "hello")])]
    )

    # a: 0-3 timeout, wait, 4-7 timeout; b: from 4, fails, waits, answers at 7.
    assert told(result["attempts"])[1] == ("b", "success", 2, 4, 3)
    assert result["elapsed"] == 7.0


async def test_a_hedge_costs_a_token_and_without_one_it_waits():
    budget = RetryBudget(ratio=0, burst=1)
    chain = FallbackOrchestrator(hedge_after=2, budget=budget)

    async def ask():
        a, b = ScriptedAgent("a", [(5, "slow")]), ScriptedAgent("b", [(1, "fast")])
        return (await chain.execute_with_fallback("hi", a, [b]))["result"]

    assert [await ask(), await ask()] == ["fast", "slow"]
    assert budget.tokens == 0


async def test_a_hedge_that_was_denied_is_asked_once_the_others_have_failed_and_there_is_a_token():
    budget = RetryBudget(ratio=0, burst=1)
    budget.try_withdraw()
    asyncio.get_running_loop().call_later(3, budget.put_back)

    result = await FallbackOrchestrator(hedge_after=2, budget=budget).execute_with_fallback(
        "hi", ScriptedAgent("a", [(5, OSError())]), [ScriptedAgent("b", ["hello"])]
    )

    assert told(result["attempts"])[1] == ("b", "success", 1, 5, 0)


async def test_a_hedge_that_was_denied_and_asked_later_is_not_told_as_denied():
    budget = RetryBudget(ratio=0, burst=1)
    budget.try_withdraw()
    asyncio.get_running_loop().call_later(3, budget.put_back)

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator(hedge_after=2, budget=budget).execute_with_fallback(
            "hi", ScriptedAgent("a", [(5, OSError())]), [ScriptedAgent("b", [OSError()])]
        )

    assert not hasattr(raised.value, "__notes__")


@pytest.mark.parametrize("bad", [-1, math.nan, math.inf])
def test_hedge_after_is_seconds(bad):
    with pytest.raises(ValueError, match=f"hedge_after .* got {bad}"):
        FallbackOrchestrator(hedge_after=bad)


def test_budget_is_a_retry_budget():
    with pytest.raises(TypeError, match="budget must be a RetryBudget or None"):
        FallbackOrchestrator(budget=0.1)


async def first_of(how, chain, primary, *others):
    if how == "execute":
        return (await chain.execute_with_fallback("hi", primary, others))["result"]
    return "".join([text async for text in chain.stream_with_fallback("hi", primary, others)])


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(
    ("error", "options", "outcome"),
    [
        (OSError("down"), {}, "failed"),
        (TimeoutError("down"), {"attempt_timeout": 9, "retry": Retry(0)}, "timeout"),
        (ValueError("foreign"), {"fallback_on": OSError}, "failed"),
        (FrozenError(7), {"attempt_timeout": 9}, "failed"),
    ],
)
async def test_promise_6_1_an_agent_that_fails_in_the_moment_of_the_answer_has_failed(
    how, swap, error, options, outcome
):
    recorder = Recorder()
    chain = FallbackOrchestrator(hedge_after=0, breaker=per_agent(1), on_event=recorder, **options)
    agents = [ScriptedAgent("good", [(1, "hello")]), ScriptedAgent("bad", [(1, error)])]

    assert await first_of(how, chain, *(agents[::-1] if swap else agents)) == "hello"

    (turn,) = (e for e in recorder if isinstance(e, AgentFinished) and e.agent == "bad")
    assert (turn.outcome, turn.calls, turn.time, turn.error) == (outcome, 1, 1.0, error)
    assert chain.breakers["bad"].state == "OPEN"


@pytest.mark.parametrize("how", ["execute", "stream"])
async def test_an_agent_that_is_skipped_in_the_moment_of_the_answer_was_skipped(how):
    recorder, budget = Recorder(), RetryBudget(ratio=0, burst=5)
    chain = FallbackOrchestrator(
        hedge_after=0, breaker=per_agent(1), on_event=recorder, budget=budget
    )
    down = ScriptedAgent("down", ["unused"])
    chain.breaker_of(down).isolate()

    await first_of(how, chain, ScriptedAgent("good", ["hello"]), down)

    outcomes = {e.agent: e.outcome for e in recorder if isinstance(e, AgentFinished)}
    assert outcomes.get("down", "not asked") in ("skipped", "not asked")
    assert budget.tokens == 5


async def test_an_answer_outweighs_an_agent_that_cancels_itself_in_the_same_moment():
    class Quitter(ScriptedAgent):
        async def run(self, query):
            await asyncio.sleep(1)
            raise asyncio.CancelledError

    chain = FallbackOrchestrator(hedge_after=0)

    answer = await first_of(
        "execute", chain, Quitter("a", ["unused"]), ScriptedAgent("b", [(1, "hello")])
    )

    assert answer == "hello"


async def test_an_agent_that_fails_before_its_query_is_cancelled_has_failed():
    recorder, error = Recorder(), OSError("down")
    chain = FallbackOrchestrator(hedge_after=0, on_event=recorder)
    agents = [ScriptedAgent("a", [NEVER]), ScriptedAgent("b", [(1, error)])]
    query = asyncio.create_task(first_of("execute", chain, *agents))
    for _ in range(5):
        await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(1, query.cancel)  # right after the agent has failed
    await asyncio.wait([query])

    turns = [(e.agent, e.outcome, e.error) for e in recorder if isinstance(e, AgentFinished)]
    assert turns == [("a", "cancelled", None), ("b", "failed", error)]
