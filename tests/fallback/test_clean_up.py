"""Clean-up: what it raises is neutral, what it takes holds nobody up."""

from __future__ import annotations

import asyncio
import gc
import math
from contextlib import aclosing, nullcontext
from contextvars import ContextVar

import pytest
from unchangeable import FrozenError, SlottedError

from resilience_lab import (
    Backoff,
    BaseAgent,
    CircuitBreaker,
    DeadlineExceededError,
    FallbackOrchestrator,
    Recorder,
    Retry,
    ScriptedAgent,
    deadline,
    run_virtual,
)
from resilience_lab.events import AgentFinished

HELLO = ScriptedAgent("hello", [["Hel", "lo"]])
NO_JITTER = Backoff(1, jitter="none")


def now():
    return asyncio.get_running_loop().time()


def outcomes(attempts):
    return [(attempt["agent"], attempt["outcome"], attempt["calls"]) for attempt in attempts]


def per_agent(threshold=1):
    return lambda agent: CircuitBreaker(threshold, 30, name=agent.name)


async def read(chain, primary, *fallbacks):
    return [chunk async for chunk in chain.stream_with_fallback("hi", primary, fallbacks)]


async def first_of(how, chain, primary, *others):
    if how == "execute":
        return (await chain.execute_with_fallback("hi", primary, others))["result"]
    return "".join([text async for text in chain.stream_with_fallback("hi", primary, others)])


# A whole answer


class Untidy(BaseAgent):
    """Never answers, and its clean-up fails after some seconds."""

    def __init__(self, name, error, seconds=0.0):
        super().__init__(name)
        self.error, self.seconds = error, seconds
        self.calls = 0

    async def run(self, query):
        self.calls += 1
        try:
            await asyncio.sleep(math.inf)
        finally:
            await asyncio.sleep(self.seconds)
            raise self.error

    async def stream(self, query):
        yield await self.run(query)


@pytest.mark.parametrize("retry", [None, Retry(3, NO_JITTER)])
@pytest.mark.parametrize("hedge_after", [None, 9])
@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("kind", [OSError, FrozenError, asyncio.TimeoutError])
async def test_promise_6_4_a_cancellation_never_falls_back_though_the_clean_up_raises(
    retry, hedge_after, how, kind, caplog
):
    recorder, agent = Recorder(), Untidy("a", kind(7), 2)
    spare = ScriptedAgent("b", ["unused"])
    chain = FallbackOrchestrator(
        retry=retry, hedge_after=hedge_after, breaker=per_agent(1), on_event=recorder
    )

    async def ask():
        if how == "execute":
            await chain.execute_with_fallback("hi", agent, [spare])
        async for _ in chain.stream_with_fallback("hi", agent, [spare]):
            pass

    task = asyncio.create_task(ask())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert now() == 3.0  # its clean-up is waited for
    assert (agent.calls, spare.queries) == (1, [])
    assert (chain.breakers["a"].state, chain.breakers["a"].failure_count) == ("CLOSED", 0)
    (turn,) = (event for event in recorder if isinstance(event, AgentFinished))
    assert turn.outcome == "cancelled"
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("resilience_lab", "WARNING")
    ]
    assert "agent 'a' raised" in caplog.text


class Stubborn(ScriptedAgent):
    """Takes its cancellation for a reason to answer at once."""

    async def run(self, query):
        self.queries.append(query)
        try:
            await asyncio.sleep(math.inf)
        except asyncio.CancelledError:
            return "no"


@pytest.mark.parametrize("options", [{}, {"retry": Retry(3, NO_JITTER)}])
@pytest.mark.parametrize("judge", ["chain", "retry"])
async def test_promise_6_4_a_refused_answer_to_a_cancellation_ends_the_query_too(options, judge):
    def accept(text):
        return text != "no"

    if judge == "chain":
        options = {**options, "accept": accept}
    else:
        options = {"retry": Retry(3, NO_JITTER, accept=accept)}
    agent, spare = Stubborn("a", ["unused"]), ScriptedAgent("b", ["unused"])
    query = asyncio.create_task(
        FallbackOrchestrator(**options).execute_with_fallback("hi", agent, [spare])
    )
    await asyncio.sleep(1)
    query.cancel()
    await asyncio.wait([query])

    assert query.cancelled()
    assert (now(), len(agent.queries), spare.queries) == (1.0, 1, [])


async def test_promise_6_4_an_answer_to_a_cancellation_does_not_undo_it():
    query = asyncio.create_task(
        FallbackOrchestrator().execute_with_fallback("hi", Stubborn("a", ["unused"]), [])
    )
    await asyncio.sleep(1)
    query.cancel()
    await asyncio.wait([query])

    assert query.cancelled()


class Team(BaseAgent):
    """Works with a `TaskGroup`, which up to Python 3.12 may leave `Task.cancelling` raised."""

    def __init__(self, name, *members):
        super().__init__(name)
        self.members, self.calls = members, 0

    async def run(self, query):
        self.calls += 1
        async with asyncio.TaskGroup() as group:
            for member in self.members:
                group.create_task(member.run(query))
        return "done"

    async def stream(self, query):
        yield await self.run(query)


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("hedge_after", [None, 9])
async def test_a_task_group_that_fails_is_no_cancellation(how, hedge_after):
    team = Team("team", ScriptedAgent("a", [(1, OSError("down"))]), ScriptedAgent("b", [(9, "ok")]))
    chain = FallbackOrchestrator(
        hedge_after=hedge_after,
        attempt_timeout=5,
        retry=Retry(1, NO_JITTER),
        breaker=per_agent(2),
        fallback_on=ExceptionGroup,
    )

    async with asyncio.timeout(20):
        answer = await first_of(how, chain, team, ScriptedAgent("spare", [(1, "hello")]))

    assert (answer, team.calls, now()) == ("hello", 2, 4.0)
    assert chain.breakers["team"].state == "OPEN"
    assert asyncio.current_task().cancelling() == 0


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("retry", [None, Retry(3, NO_JITTER)])
async def test_a_task_group_whose_members_clean_up_badly_is_cancelled_all_the_same(how, retry):
    team = Team("team", Untidy("a", OSError("goodbye")), Untidy("b", OSError("goodbye"), 1))
    spare = ScriptedAgent("spare", ["unused"])
    chain = FallbackOrchestrator(retry=retry, breaker=per_agent(1))
    query = asyncio.create_task(first_of(how, chain, team, spare))
    await asyncio.sleep(1)
    query.cancel()
    await asyncio.wait([query])

    assert query.cancelled()
    assert (team.calls, spare.queries, now()) == (1, [], 2.0)
    assert chain.breakers["team"].state == "CLOSED"


@pytest.mark.parametrize("how", ["execute", "stream"])
async def test_a_query_that_is_cancelled_again_and_again_waits_no_longer(how, caplog):
    agent = Untidy("a", OSError("goodbye"), 5)
    query = asyncio.create_task(first_of(how, FallbackOrchestrator(), agent))
    for _ in range(3):
        await asyncio.sleep(1)
        query.cancel()
    await asyncio.wait([query])

    assert query.cancelled()
    assert now() == 3.0
    assert len(asyncio.all_tasks()) > 1
    await asyncio.sleep(3)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert "agent 'a' raised" in caplog.text


async def test_an_agent_sees_the_context_of_its_query():
    colour = ContextVar("colour")

    class Seer(BaseAgent):
        async def run(self, query):
            return colour.get()

        async def stream(self, query):
            yield colour.get()

    colour.set("green")

    for how in ("execute", "stream"):
        assert await first_of(how, FallbackOrchestrator(), Seer("a")) == "green"


async def test_a_timeout_around_the_chain_ends_it_though_the_clean_up_raises():
    spare = ScriptedAgent("b", ["unused"])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await FallbackOrchestrator().execute_with_fallback(
                "hi", Untidy("a", OSError("goodbye")), [spare]
            )

    assert (now(), spare.queries) == (3.0, [])


async def test_the_message_of_a_cancellation_is_kept_though_the_clean_up_raises():
    task = asyncio.create_task(
        FallbackOrchestrator().execute_with_fallback("hi", Untidy("a", OSError()), [])
    )
    await asyncio.sleep(1)
    task.cancel("by the user")

    with pytest.raises(asyncio.CancelledError, match="by the user"):
        await task


async def test_a_cancellation_from_before_the_query_is_not_taken_for_one_of_it():
    async def stubborn():
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            return await FallbackOrchestrator().execute_with_fallback(
                "hi", ScriptedAgent("a", [OSError()]), [ScriptedAgent("b", ["hello"])]
            )

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(1)
    task.cancel()

    assert (await task)["result"] == "hello"


@pytest.mark.parametrize("kind", [FrozenError, SlottedError, OSError])
async def test_an_error_of_the_clean_up_after_a_timeout_is_the_agents_own(kind):
    error = kind(7)

    class Agent(ScriptedAgent):
        async def run(self, query):
            try:
                await asyncio.sleep(math.inf)
            finally:
                raise error

    chain = FallbackOrchestrator(attempt_timeout=5, breaker=per_agent(1))

    result = await chain.execute_with_fallback(
        "hi", Agent("a", ["unused"]), [ScriptedAgent("b", ["hello"])]
    )

    assert (outcomes(result["attempts"])[0], now()) == (("a", "failed", 1), 5.0)
    assert result["attempts"][0]["error"] is error
    assert chain.breakers["a"].state == "OPEN"  # it kept us waiting, whatever it says at the end


# A stream


class Wordy(BaseAgent):
    """Says one word, then nothing more; its clean-up fails."""

    def __init__(self, name, error, words=("one",)):
        super().__init__(name)
        self.error, self.words = error, words

    async def run(self, query):
        raise NotImplementedError

    async def stream(self, query):
        try:
            for word in self.words:
                yield word
            await asyncio.sleep(math.inf)
        finally:
            await asyncio.sleep(1)
            raise self.error


@pytest.mark.parametrize("leave", ["close", "cancel", "deadline"])
@pytest.mark.parametrize("retry", [None, Retry(3, NO_JITTER)])
@pytest.mark.parametrize("error", [OSError("goodbye"), FrozenError(7)], ids=str)
async def test_promise_6_6_a_consumer_that_stops_early_is_neutral_though_the_clean_up_raises(
    leave, retry, error, caplog
):
    recorder = Recorder()
    chain = FallbackOrchestrator(breaker=per_agent(), retry=retry, on_event=recorder)
    stream = chain.stream_with_fallback("hi", Wordy("a", error), [HELLO])

    async def consume():
        async with aclosing(stream):
            async for _ in stream:
                if leave == "close":
                    return

    async def within(seconds):
        async with deadline(seconds):
            await consume()

    task = asyncio.create_task(within(5) if leave == "deadline" else consume())
    await asyncio.sleep(0.5)
    if leave == "cancel":
        task.cancel()
    await asyncio.wait([task])

    assert task.cancelled() == (leave == "cancel")
    assert isinstance(task.cancelled() or task.exception(), DeadlineExceededError) == (
        leave == "deadline"
    )
    assert now() == {"close": 1.0, "cancel": 1.5, "deadline": 6.0}[leave]
    assert (chain.breakers["a"].state, chain.breakers["a"].failure_count) == ("CLOSED", 0)
    assert list(recorder)[1].outcome == "cancelled"
    assert len(asyncio.all_tasks()) == 1
    assert "agent 'a' raised" in caplog.text


async def test_a_probe_whose_clean_up_raises_gives_its_permit_back():
    chain = FallbackOrchestrator(breaker=lambda _: CircuitBreaker(1, 30, 1))
    agent = Wordy("a", OSError("goodbye"))
    chain.breaker_of(agent).acquire().failure(OSError())
    await asyncio.sleep(30)

    async with aclosing(chain.stream_with_fallback("hi", agent, [])) as stream:
        await anext(stream)
        assert chain.breakers["a"].retry_after == 30

    assert (chain.breakers["a"].state, chain.breakers["a"].retry_after) == ("HALF_OPEN", 0.0)


async def test_a_generator_that_will_not_close_is_neutral_too(caplog):
    class Stubborn(BaseAgent):
        async def run(self, query):
            raise NotImplementedError

        async def stream(self, query):
            try:
                yield "one"
            except GeneratorExit:
                yield "more"

    chain = FallbackOrchestrator(breaker=per_agent())

    async with aclosing(chain.stream_with_fallback("hi", Stubborn("a"), [])) as stream:
        await anext(stream)

    assert chain.breakers["a"].state == "CLOSED"
    assert "ignored GeneratorExit" in caplog.text


async def test_an_error_of_the_clean_up_after_a_timeout_is_the_streams_own():
    error = FrozenError(7)
    chain = FallbackOrchestrator(attempt_timeout=3, breaker=per_agent())

    assert await read(chain, Wordy("a", error, words=()), HELLO) == ["Hel", "lo"]

    assert now() == 4.0
    assert chain.breakers["a"].state == "OPEN"


# Those who lost the race


class Slow(ScriptedAgent):
    """Takes `seconds` to leave, and may fail at it."""

    def __init__(self, name, seconds, error=None):
        super().__init__(name, ["unused"])
        self.seconds, self.error = seconds, error
        self.calls, self.left = 0, False

    async def run(self, query):
        self.calls += 1
        try:
            await asyncio.sleep(math.inf)
        finally:
            await asyncio.sleep(self.seconds)
            self.left = True
            if self.error is not None:
                raise self.error

    async def stream(self, query):
        yield await self.run(query)


@pytest.fixture
def lost():
    """What asyncio reports as lost."""
    gc.collect()  # what others have left behind is none of ours
    reports = []
    yield reports
    assert reports == []


async def collected(lost):
    """Wait until whoever lost has left, and look for errors that nobody looked at."""
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    await asyncio.sleep(100)
    gc.collect()


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("limit", [None, 1.0, 0.2000001])
@pytest.mark.parametrize("seconds", [5, math.inf])
async def test_promise_6_8_the_answer_is_there_by_the_deadline_whatever_the_losers_do(
    how, limit, seconds
):
    recorder = Recorder()
    chain = FallbackOrchestrator(hedge_after=0.2, breaker=per_agent(1), on_event=recorder)

    async with nullcontext() if limit is None else deadline(limit):
        answer = await first_of(how, chain, Slow("slow", seconds), ScriptedAgent("fast", ["hi"]))
        answered = now()

    assert answer == "hi"
    assert answered <= min(0.22, limit or math.inf)
    turns = [(e.agent, e.outcome) for e in recorder if isinstance(e, AgentFinished)]
    assert turns == [("slow", "cancelled"), ("fast", "success")]


async def test_promise_6_8_a_loser_that_leaves_at_once_costs_no_time():
    chain = FallbackOrchestrator(hedge_after=0.2)

    await first_of("execute", chain, Slow("slow", 0), ScriptedAgent("fast", ["hi"]))

    assert now() == 0.2
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("error", [None, OSError("goodbye"), FrozenError(7)], ids=str)
@pytest.mark.parametrize("retry", [None, Retry(3, NO_JITTER)])
async def test_promise_6_8_a_loser_that_takes_longer_leaves_in_the_background(
    how, error, retry, lost, caplog
):
    slow = Slow("slow", 5, error)
    chain = FallbackOrchestrator(hedge_after=0.2, breaker=per_agent(1), retry=retry)

    await first_of(how, chain, slow, ScriptedAgent("fast", ["hi"]))
    assert not slow.left
    gc.collect()
    await collected(lost)

    assert (slow.left, slow.calls) == (True, 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (chain.breakers["slow"].state, chain.breakers["slow"].failure_count) == ("CLOSED", 0)
    assert ("agent 'slow' raised" in caplog.text) == (error is not None)


@pytest.mark.parametrize("how", ["execute", "stream"])
@pytest.mark.parametrize("retry", [None, Retry(3, NO_JITTER)])
async def test_a_losers_clean_up_that_raises_at_once_is_neutral_and_not_retried(how, retry, lost):
    recorder, slow = Recorder(), Slow("slow", 0, OSError("goodbye"))
    chain = FallbackOrchestrator(
        hedge_after=2, breaker=per_agent(1), retry=retry, on_event=recorder
    )

    await first_of(how, chain, slow, ScriptedAgent("fast", ["hi"]))
    assert now() == 2.0
    await collected(lost)

    assert slow.calls == 1
    assert chain.breakers["slow"].state == "CLOSED"
    assert list(recorder)[1].outcome == "cancelled"


async def test_promise_6_8_the_timeout_of_an_attempt_bounds_the_losers_clean_up_too():
    slow = Slow("slow", math.inf)
    chain = FallbackOrchestrator(hedge_after=1, attempt_timeout=4, breaker=per_agent(1))

    await first_of("execute", chain, slow, ScriptedAgent("fast", ["hi"]))
    await asyncio.sleep(2.98)
    assert len(asyncio.all_tasks()) == 2
    await asyncio.sleep(0.02)

    assert len(asyncio.all_tasks()) == 1
    assert chain.breakers["slow"].state == "CLOSED"


def test_ctrl_c_in_the_clean_up_of_a_loser_is_not_lost():
    async def race():
        chain = FallbackOrchestrator(hedge_after=1, breaker=per_agent(1))
        slow = Slow("slow", 0, KeyboardInterrupt())
        await first_of("execute", chain, slow, ScriptedAgent("fast", ["hi"]))

    with pytest.raises(KeyboardInterrupt):
        run_virtual(race)


@pytest.mark.parametrize("how", ["execute", "stream"])
async def test_an_error_that_ends_the_race_is_not_held_back_by_the_losers_either(how):
    chain = FallbackOrchestrator(hedge_after=0.2, fallback_on=OSError)

    with pytest.raises(ValueError, match="mine"):
        async with deadline(1):
            await first_of(
                how, chain, Slow("slow", 5), ScriptedAgent("broken", [ValueError("mine")])
            )

    assert now() < 0.22


async def test_a_query_that_is_cancelled_waits_for_all_that_it_began():
    slow = Slow("slow", 5)
    query = asyncio.create_task(
        first_of("execute", FallbackOrchestrator(hedge_after=1), slow, Slow("slower", 7))
    )
    await asyncio.sleep(2)
    query.cancel()
    await asyncio.wait([query])

    assert (now(), slow.left) == (9.0, True)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancellation_while_the_losers_leave_is_obeyed():
    query = asyncio.create_task(
        first_of(
            "execute",
            FallbackOrchestrator(hedge_after=1),
            Slow("slow", 5),
            ScriptedAgent("fast", ["hi"]),
        )
    )
    await asyncio.sleep(1.005)
    query.cancel()
    await asyncio.wait([query])

    assert query.cancelled()
    assert now() == 1.005
