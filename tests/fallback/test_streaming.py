"""Promise 6.6: streams fall back before the first chunk and never after it."""

from __future__ import annotations

import asyncio
import math
import pickle
from contextlib import aclosing

import pytest
from unchangeable import FrozenError

from resilience_lab import (
    AgentTimeoutError,
    AllAgentsFailedError,
    Backoff,
    BaseAgent,
    CircuitBreaker,
    CircuitOpenError,
    DeadlineExceededError,
    FallbackOrchestrator,
    Recorder,
    Retry,
    ScriptedAgent,
    StreamInterruptedError,
    deadline,
)
from resilience_lab.events import AgentFinished, QueryAnswered, QueryFailed

HELLO = ScriptedAgent("hello", [["Hel", "lo"]])
NO_JITTER = Backoff(1, jitter="none")


def now():
    return asyncio.get_running_loop().time()


async def read(chain, primary, *fallbacks):
    return [chunk async for chunk in chain.stream_with_fallback("hi", primary, fallbacks)]


def per_agent(threshold=1):
    return lambda agent: CircuitBreaker(threshold, 30, name=agent.name)


async def test_promise_6_6_the_chunks_come_as_the_agent_gives_them():
    chain, heard = FallbackOrchestrator(), []
    agent = ScriptedAgent("a", [[(1, "one "), (2, "two "), "three"]])

    async for chunk in chain.stream_with_fallback("hi", agent, []):
        heard.append((now(), chunk))

    assert heard == [(1, "one "), (3, "two "), (3, "three")]
    assert agent.queries == ["hi"]


async def test_promise_6_6_before_the_first_chunk_it_falls_back():
    recorder = Recorder()
    chain = FallbackOrchestrator(attempt_timeout=5, on_event=recorder)
    hung, broken = ScriptedAgent("hung", [(math.inf, "x")]), ScriptedAgent("broken", [OSError()])

    assert await read(chain, hung, broken, HELLO) == ["Hel", "lo"]

    *turns, end = list(recorder)[1:]
    assert [(turn.agent, turn.outcome) for turn in turns] == [
        ("hung", "timeout"),
        ("broken", "failed"),
        ("hello", "success"),
    ]
    assert end == QueryAnswered(5.0, "fallback", "Hello", "hello", 2, 5.0)


async def test_promise_6_6_after_the_first_chunk_it_is_interrupted():
    cause = OSError("reset")
    spare, recorder = ScriptedAgent("spare", ["unused"]), Recorder()
    chain = FallbackOrchestrator(retry=Retry(3), breaker=per_agent(), on_event=recorder)
    heard = []

    with pytest.raises(StreamInterruptedError) as raised:
        async for chunk in chain.stream_with_fallback(
            "hi", ScriptedAgent("a", [["Hel", "l", cause]]), [spare]
        ):
            heard.append(chunk)

    assert heard == ["Hel", "l"]
    assert (raised.value.agent, raised.value.partial) == ("a", "Hell")
    assert raised.value.__cause__ is cause
    assert str(raised.value) == "agent 'a' broke off after 4 characters of its answer"
    assert pickle.loads(pickle.dumps(raised.value)).partial == "Hell"
    assert spare.queries == []
    assert chain.breakers["a"].state == "OPEN"  # a stream that breaks off has failed
    turn, end = list(recorder)[1:]
    assert (turn.outcome, turn.error, end.error) == ("failed", cause, raised.value)


async def test_promise_6_6_even_an_error_that_would_not_fall_back_interrupts():
    chain = FallbackOrchestrator(fallback_on=OSError)

    with pytest.raises(StreamInterruptedError):
        await read(chain, ScriptedAgent("a", [["Hel", ValueError()]]))
    with pytest.raises(ValueError, match="first"):
        await read(chain, ScriptedAgent("a", [[ValueError("first")]]), HELLO)


@pytest.mark.parametrize("leave", ["close", "cancel"])
async def test_promise_6_6_a_consumer_that_stops_early_is_neutral(leave):
    recorder = Recorder()
    chain = FallbackOrchestrator(breaker=per_agent(), on_event=recorder)
    closed = []

    class Agent(BaseAgent):
        async def run(self, query):
            raise NotImplementedError

        async def stream(self, query):
            try:
                for word in ("one", "two", "three"):
                    yield word
                    await asyncio.sleep(1)
            finally:
                await asyncio.sleep(1)  # goodbye to the server
                closed.append(now())

    stream = chain.stream_with_fallback("hi", Agent("a"), [HELLO])

    async def consume():
        async with aclosing(stream):
            async for _ in stream:
                if leave == "close":
                    return

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.wait([task])

    assert closed == [1.0 if leave == "close" else 1.5]
    assert chain.breakers["a"].failure_count == 0
    assert len(asyncio.all_tasks()) == 1
    turn, end = list(recorder)[1:]
    assert turn.outcome == "cancelled"
    assert isinstance(end, QueryFailed)
    assert isinstance(end.error, GeneratorExit if leave == "close" else asyncio.CancelledError)


async def test_a_probe_that_is_read_to_its_end_closes_the_circuit_and_one_left_early_does_not():
    chain = FallbackOrchestrator(breaker=lambda _: CircuitBreaker(1, 30, 1))
    agent = ScriptedAgent("a", [OSError(), ["Hel", "lo"]])
    with pytest.raises(AllAgentsFailedError):
        await read(chain, agent)
    await asyncio.sleep(30)

    async with aclosing(chain.stream_with_fallback("hi", agent, [])) as stream:
        await anext(stream)
        assert chain.breakers["a"].retry_after == 30  # it holds the only permit
    assert (chain.breakers["a"].state, chain.breakers["a"].retry_after) == ("HALF_OPEN", 0.0)

    assert await read(chain, agent) == ["Hel", "lo"]
    assert chain.breakers["a"].state == "CLOSED"


async def test_a_stream_is_retried_before_the_first_chunk():
    agent = ScriptedAgent("a", [OSError(), [OSError()], ["Hel", "lo"]])

    assert await read(FallbackOrchestrator(retry=Retry(2, NO_JITTER)), agent) == ["Hel", "lo"]
    assert now() == 3.0


async def test_what_judges_whole_answers_is_not_asked():
    def never(_text):
        raise AssertionError

    chain = FallbackOrchestrator(accept=never, retry=Retry(2, accept=never))

    assert await read(chain, HELLO) == ["Hel", "lo"]


async def test_an_open_agent_is_skipped():
    chain = FallbackOrchestrator(retry=Retry(2, NO_JITTER), breaker=per_agent())
    agent = ScriptedAgent("a", ["unused"])
    chain.breaker_of(agent).isolate()

    assert await read(chain, agent, HELLO) == ["Hel", "lo"]
    assert (agent.queries, now()) == ([], 0.0)
    with pytest.raises(AllAgentsFailedError) as raised:
        await read(chain, agent)
    assert isinstance(raised.value.exceptions[0], CircuitOpenError)
    assert raised.value.attempts[0]["outcome"] == "skipped"


async def test_the_timeout_is_for_each_chunk_and_the_consumers_time_is_its_own():
    chain, heard = FallbackOrchestrator(attempt_timeout=3), []
    agent = ScriptedAgent("a", [[(2, "one"), (2.9, "two"), (3.1, "three")]])

    with pytest.raises(StreamInterruptedError) as raised:
        async for chunk in chain.stream_with_fallback("hi", agent, []):
            heard.append((now(), chunk))
            await asyncio.sleep(10)

    assert heard == [(2, "one"), (14.9, "two")]
    assert isinstance(raised.value.__cause__, AgentTimeoutError)
    assert now() == 27.9


async def test_a_deadline_bounds_the_stream():
    agent = ScriptedAgent("a", [[(2, "one"), (math.inf, "never")]])
    heard = []

    with pytest.raises(DeadlineExceededError):
        async with deadline(5):
            async with aclosing(
                FallbackOrchestrator().stream_with_fallback("hi", agent, [])
            ) as stream:
                heard += [chunk async for chunk in stream]

    assert now() == 5.0
    assert len(asyncio.all_tasks()) == 1


async def test_the_deadline_of_a_reader_that_came_later_does_not_bind_the_first():
    agent = ScriptedAgent("a", [[(2, "one"), (9, "two")]])
    stream = FallbackOrchestrator().stream_with_fallback("hi", agent, [])
    first = await anext(stream)

    with pytest.raises(DeadlineExceededError):
        async with deadline(1):
            await anext(stream)

    assert (first, now()) == ("one", 3.0)


async def test_empty_chunks_are_nothing_yet():
    chain = FallbackOrchestrator()

    assert await read(chain, ScriptedAgent("a", [["", OSError()]]), HELLO) == ["Hel", "lo"]
    assert await read(chain, ScriptedAgent("a", [["", "one", "", "two", ""]])) == ["one", "two"]


async def test_an_empty_stream_is_an_empty_answer():
    recorder = Recorder()

    assert await read(FallbackOrchestrator(on_event=recorder), ScriptedAgent("a", [""])) == []
    assert list(recorder)[-1].result == ""


async def test_an_agent_without_a_stream_answers_in_one_chunk():
    class Plain:
        name = "plain"

        async def run(self, query):
            return query * 2

    class Whole(BaseAgent):
        async def run(self, query):
            return query * 3

    assert await read(FallbackOrchestrator(), Plain()) == ["hihi"]
    assert await read(FallbackOrchestrator(), Whole()) == ["hihihi"]


async def test_a_stream_that_is_no_generator_is_an_error_that_says_so():
    class Odd(BaseAgent):
        async def run(self, query):
            return query

        def stream(self, query):
            return [query]

    with pytest.raises(AllAgentsFailedError) as raised:
        await read(FallbackOrchestrator(), Odd("odd"))

    assert "<Odd 'odd'>.stream must be an async generator function" in str(
        raised.value.exceptions[0]
    )


async def test_a_generator_runs_in_one_task_so_its_own_timeout_strikes_itself():
    class Careful(BaseAgent):
        async def run(self, query):
            raise NotImplementedError

        async def stream(self, query):
            async with asyncio.timeout(3):
                for word in ("one", "two", "three"):
                    await asyncio.sleep(1.4)
                    yield word

    chain = FallbackOrchestrator(hedge_after=1)
    heard = []

    with pytest.raises(StreamInterruptedError) as raised:
        async for chunk in chain.stream_with_fallback(
            "hi", Careful("a"), [ScriptedAgent("b", [(9, "late")])]
        ):
            heard.append(chunk)

    assert heard == ["one", "two"]
    assert isinstance(raised.value.__cause__, TimeoutError)
    assert now() == 3.0


async def test_hedged_streams_race_for_the_first_chunk():
    recorder = Recorder()
    chain = FallbackOrchestrator(hedge_after=2, breaker=per_agent(), on_event=recorder)
    slow = ScriptedAgent("slow", [[(5, "slow"), "ly"]])
    fast = ScriptedAgent("fast", [[(1, "fast"), (4, "er")]])

    assert await read(chain, slow, fast) == ["fast", "er"]

    cancelled, won, _ = list(recorder)[1:]
    assert (cancelled.agent, cancelled.outcome, cancelled.time) == ("slow", "cancelled", 3.0)
    assert (won.agent, won.outcome, won.duration) == ("fast", "success", 5.0)
    assert chain.breakers["slow"].failure_count == 0
    assert len(asyncio.all_tasks()) == 1


async def test_an_agent_that_cancels_itself_ends_the_query():
    class Quitter(BaseAgent):
        async def run(self, query):
            raise NotImplementedError

        async def stream(self, query):
            yield "one"
            raise asyncio.CancelledError

    stream = FallbackOrchestrator().stream_with_fallback("hi", Quitter("a"), [HELLO])

    assert await anext(stream) == "one"
    with pytest.raises(asyncio.CancelledError):
        await anext(stream)


@pytest.mark.parametrize("hedge_after", [None, 9])
async def test_promise_6_6_an_error_that_cannot_be_changed_leads_on_or_interrupts(hedge_after):
    error = FrozenError(7)
    chain = FallbackOrchestrator(
        attempt_timeout=5,
        fallback_on=FrozenError,
        hedge_after=hedge_after,
        breaker=lambda agent: CircuitBreaker(1, failure_on=FrozenError),
    )

    assert await read(chain, ScriptedAgent("a", [error]), HELLO) == ["Hel", "lo"]
    with pytest.raises(StreamInterruptedError) as raised:
        await read(chain, ScriptedAgent("b", [["Hel", error]]))

    assert raised.value.__cause__ is error
    assert [chain.breakers[name].state for name in "ab"] == ["OPEN", "OPEN"]


async def test_a_stream_that_is_cancelled_before_its_first_chunk_leaves_nothing_behind():
    recorder, left = Recorder(), []

    class Agent(BaseAgent):
        async def run(self, query):
            raise NotImplementedError

        async def stream(self, query):
            try:
                await asyncio.sleep(math.inf)
                yield "never"
            finally:
                left.append(now())

    chain = FallbackOrchestrator(
        retry=Retry(3, NO_JITTER), breaker=lambda _: CircuitBreaker(1, 30, 1), on_event=recorder
    )
    agent = Agent("a")
    chain.breaker_of(agent).acquire().failure(OSError())
    await asyncio.sleep(30)
    task = asyncio.create_task(read(chain, agent, HELLO))
    await asyncio.sleep(1)
    assert chain.breakers["a"].retry_after == 29  # it probes
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert left == [31.0]
    assert (chain.breakers["a"].state, chain.breakers["a"].retry_after) == ("HALF_OPEN", 0.0)
    turn, end = list(recorder)[1:]
    assert (turn.outcome, turn.calls, turn.duration) == ("cancelled", 1, 1.0)
    assert isinstance(end.error, asyncio.CancelledError)
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("turns", range(8))
async def test_a_stream_that_is_cancelled_as_it_begins_gives_its_permit_back(turns):
    chain = FallbackOrchestrator(breaker=lambda _: CircuitBreaker(1, 30, 1))
    agent = ScriptedAgent("a", [(9, "unused")])
    chain.breaker_of(agent).acquire().failure(OSError())
    await asyncio.sleep(30)
    task = asyncio.create_task(read(chain, agent))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert chain.breakers["a"].retry_after == 0.0


async def test_the_calls_of_a_stream_are_counted():
    recorder = Recorder()
    chain = FallbackOrchestrator(retry=Retry(2, NO_JITTER), breaker=per_agent(9), on_event=recorder)
    flaky = ScriptedAgent("flaky", [OSError(), ["", OSError()], ["Hel", "lo"]])
    down = ScriptedAgent("down", ["unused"])
    chain.breaker_of(down).isolate()

    await read(chain, ScriptedAgent("a", [OSError()]), down, flaky)

    turns = [(e.agent, e.outcome, e.calls) for e in recorder if isinstance(e, AgentFinished)]
    assert turns == [("a", "failed", 3), ("down", "skipped", 0), ("flaky", "success", 3)]
