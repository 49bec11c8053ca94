"""One deadline and one budget through a whole chain, and a cancellation at every step of it."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pytest

from resilience_lab import (
    AllAgentsFailedError,
    Backoff,
    BaseAgent,
    CircuitBreaker,
    DeadlineExceededError,
    FallbackOrchestrator,
    Retry,
    RetryBudget,
    ScriptedAgent,
    deadline,
    run_virtual,
)

NEVER = (math.inf, "never")


class FarEnd(BaseAgent):
    """Counts its calls, and fails or hangs."""

    calls = 0

    def __init__(self, name, latency=0.0):
        super().__init__(name)
        self.latency = latency

    async def run(self, query):
        self.calls += 1
        await asyncio.sleep(self.latency)
        raise ConnectionError(self.name)


async def test_one_deadline_bounds_retries_waits_attempts_and_the_last_agent():
    failing, hanging, last = FarEnd("failing", 1.0), FarEnd("hanging", 60.0), FarEnd("last", 60.0)
    chain = FallbackOrchestrator(attempt_timeout=3, retry=Retry(2, Backoff(1, jitter="none")))

    with pytest.raises(DeadlineExceededError):
        async with deadline(12):
            await chain.execute_with_fallback("hi", failing, [hanging, last])

    # failing 0-1, 2-3, 5-6. hanging 6-9, 10-12: cut short. Nobody else is asked.
    assert asyncio.get_running_loop().time() == 12.0
    assert (failing.calls, hanging.calls, last.calls) == (3, 2, 0)


async def test_a_wait_that_would_pass_the_deadline_makes_room_for_the_next_agent():
    failing, spare = FarEnd("failing"), ScriptedAgent("spare", [(2, "hello")])
    chain = FallbackOrchestrator(retry=Retry(9, Backoff(1, jitter="none")))

    async with deadline(10):
        result = await chain.execute_with_fallback("hi", failing, [spare])

    # Calls at 0, 1, 3 and 7; the next one would come at 15.
    assert [attempt["calls"] for attempt in result["attempts"]] == [4, 1]
    assert result["elapsed"] == 9.0


async def ask_many(chain, agents, queries):
    async def ask(start):
        await asyncio.sleep(start)
        with pytest.raises(AllAgentsFailedError):
            await chain.execute_with_fallback("hi", agents[0], agents[1:])

    async with asyncio.TaskGroup() as group:
        for number in range(queries):
            group.create_task(ask(number * 0.01))


@pytest.mark.parametrize("hedge_after", [None, 0.5])
async def test_one_budget_bounds_retries_hedges_and_fallbacks_of_many_callers(hedge_after):
    budget = RetryBudget(ratio=0.1, burst=10)
    agents = [FarEnd("a", 1.0), FarEnd("b", 1.0), FarEnd("c", 1.0)]
    chains = [
        FallbackOrchestrator(hedge_after=hedge_after, retry=Retry(3, budget=budget), budget=budget)
        for _ in range(2)
    ]

    async with asyncio.TaskGroup() as group:
        for chain in chains:
            group.create_task(ask_many(chain, agents, 500))

    calls = sum(agent.calls for agent in agents)
    assert 1080 < calls <= 1000 + 10 + 0.1 * 1000  # what a full bucket earns is lost
    assert agents[0].calls >= 1000
    assert budget.tokens < 1


async def test_without_a_budget_a_chain_multiplies_the_load():
    agents = [FarEnd("a"), FarEnd("b"), FarEnd("c")]

    await ask_many(FallbackOrchestrator(retry=Retry(3)), agents, 100)

    assert sum(agent.calls for agent in agents) == 100 * 3 * 4


async def test_the_first_agent_that_is_called_is_free_and_a_skipped_one_costs_nothing():
    budget = RetryBudget(ratio=0, burst=5)
    chain = FallbackOrchestrator(budget=budget, breaker=lambda _: CircuitBreaker())
    down, up = ScriptedAgent("down", ["unused"]), ScriptedAgent("up", ["hello"])
    chain.breaker_of(down).isolate()

    for _ in range(20):
        await chain.execute_with_fallback("hi", down, [up])
    assert budget.tokens == 5
    result = await chain.execute_with_fallback("hi", FarEnd("a"), [down, up])

    assert result["agent_used"] == "up"
    assert budget.tokens == 4


async def test_a_spent_budget_ends_the_chain_and_says_who_was_not_asked():
    budget = RetryBudget(ratio=0, burst=1)
    agents = [FarEnd("a"), FarEnd("b"), FarEnd("c")]

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator(budget=budget).execute_with_fallback("hi", agents[0], agents[1:])

    assert [agent.calls for agent in agents] == [1, 1, 0]
    assert [attempt["agent"] for attempt in raised.value.attempts] == ["a", "b"]
    assert raised.value.__notes__ == ["the budget is spent: 'c' was not asked"]


async def test_a_budget_of_the_retrys_own_earns_with_each_agents_first_call():
    own = RetryBudget(ratio=0.5, burst=10)
    for _ in range(10):
        own.try_withdraw()
    chain = FallbackOrchestrator(retry=Retry(0, budget=own), budget=RetryBudget())

    with pytest.raises(AllAgentsFailedError):
        await chain.execute_with_fallback("hi", FarEnd("a"), [FarEnd("b")])

    assert own.tokens == 1.0


class Stage:
    """A chain with everything in it, and what must be as it was when nobody uses it any more."""

    def __init__(self):
        self.budget = RetryBudget(ratio=0, burst=100)
        self.chain = FallbackOrchestrator(
            attempt_timeout=4,
            hedge_after=2,
            retry=Retry(1, Backoff(1, jitter="none"), budget=self.budget),
            budget=self.budget,
            breaker=lambda agent: CircuitBreaker(1, 10, 1, probe_timeout=1000, name=agent.name),
        )
        words = [(1, "one"), (1, "two"), OSError("interrupted")]
        self.agents = [
            ScriptedAgent("probed", [OSError(), NEVER]),
            ScriptedAgent("flaky", [OSError(), (1.5, OSError()), NEVER]),
            ScriptedAgent("spare", [(0.7, OSError()), words]),
        ]
        # The breaker of "flaky" must not trip, so that it goes on being retried.
        self.chain.breakers["flaky"] = CircuitBreaker(99, name="flaky")
        self.chain.breakers["spare"] = CircuitBreaker(99, name="spare")

    async def warm_up(self):
        """Open the first breaker, and wait for its break to be over: the next call is a probe."""
        with pytest.raises(OSError):
            await self.chain.breaker_of(self.agents[0]).call(self.agents[0].run, "warm up")
        await asyncio.sleep(10)

    async def execute(self):
        async with deadline(9):
            await self.chain.execute_with_fallback("hi", self.agents[0], self.agents[1:])

    async def stream(self):
        async with deadline(9):
            chunks = self.chain.stream_with_fallback("hi", self.agents[0], self.agents[1:])
            async with aclosing(chunks):
                async for _ in chunks:
                    await asyncio.sleep(0.1)


async def play(kind, step):
    """Cancel the query before so many turns of the loop; whether there was anything to cancel."""
    stage = Stage()
    await stage.warm_up()
    loop = asyncio.get_running_loop()
    query = asyncio.create_task(getattr(stage, kind)())
    turns, run_once = 0, loop._run_once

    def counted():
        nonlocal turns
        turns += 1
        if turns == step:
            query.cancel()
        run_once()

    loop._run_once = counted
    await asyncio.wait([query])
    del loop._run_once

    assert asyncio.all_tasks() == {asyncio.current_task()}, step
    for breaker in stage.chain.breakers.values():
        if breaker.state != "CLOSED":
            full = breaker.state == "HALF_OPEN" and breaker.retry_after > 0
            assert not full, (step, breaker)
    calls = [len(agent.queries) for agent in stage.agents]
    calls[0] -= 1  # the warming up
    spent = 100 - stage.budget.tokens
    assert spent == max(0, sum(calls) - 1), (step, calls)
    failed = not query.cancelled() and query.exception() is not None
    assert failed or query.cancelled() == (turns >= step)
    return turns >= step


@pytest.mark.parametrize("kind", ["execute", "stream"])
def test_a_cancellation_at_any_step_leaks_no_task_no_permit_and_no_token(kind):
    step = 1
    while run_virtual(play, kind, step):
        step += 1

    assert step > 20
