"""Promise 6.7: agents answer with text, or an error names the agent and what it gave."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from resilience_lab import (
    AllAgentsFailedError,
    Backoff,
    BaseAgent,
    CircuitBreaker,
    FallbackOrchestrator,
    Recorder,
    Retry,
    ScriptedAgent,
    StreamInterruptedError,
)
from resilience_lab.errors import AgentAnswerError

NO_JITTER = Backoff(1, jitter="none")
HELLO = ScriptedAgent("hello", [["Hel", "lo"]])


def outcomes(attempts):
    return [(attempt["agent"], attempt["outcome"], attempt["calls"]) for attempt in attempts]


def per_agent(threshold=1):
    return lambda agent: CircuitBreaker(threshold, 30, name=agent.name)


async def read(chain, primary, *fallbacks):
    return [chunk async for chunk in chain.stream_with_fallback("hi", primary, fallbacks)]


def a_generator():
    yield "hello"


class Says(BaseAgent):
    """Returns what it was made with, whatever that is."""

    def __init__(self, answer, name="odd"):
        super().__init__(name)
        self.answer = answer

    async def run(self, query):
        return self.answer


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, ""),
        ({"content": "hi"}, " (dict)"),
        (b"hi", " (bytes)"),
        (42, " (int)"),
        (True, " (bool)"),
        (["hi"], " (list)"),
        (a_generator(), " (generator)"),
        (OSError("x"), " (OSError)"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("options", [{}, {"hedge_after": 9}, {"retry": Retry(1, NO_JITTER)}])
async def test_promise_6_7_an_answer_that_is_no_text_is_an_error_and_leads_on(
    answer, kind, options
):
    orchestrator = FallbackOrchestrator(
        breaker=per_agent(1), accept=lambda text: text.upper() != "NO", **options
    )

    result = await orchestrator.execute_with_fallback(
        "hi", Says(answer), [ScriptedAgent("b", ["hello"])]
    )

    assert outcomes(result["attempts"]) == [("odd", "failed", 1), ("b", "success", 1)]
    error = result["attempts"][0]["error"]
    assert isinstance(error, AgentAnswerError)
    assert isinstance(error, TypeError)
    assert str(error) == f"agent 'odd' did not answer with text: run returned {answer!r}{kind}"
    assert orchestrator.breakers["odd"].state == "OPEN"


class Words(str):
    __slots__ = ()


@pytest.mark.parametrize("answer", ["", "x" * 5000, Words("hello")], ids=len)
async def test_any_text_is_an_answer(answer):
    result = await FallbackOrchestrator().execute_with_fallback("hi", Says(answer), [])

    assert result["result"] is answer


async def test_promise_6_7_what_is_long_is_named_in_short():
    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator().execute_with_fallback("hi", Says(["x" * 5000]), [])

    sentence = str(raised.value.exceptions[0])
    assert sentence.endswith("xxx... (list)")
    assert len(sentence) < 300


async def test_promise_6_7_nobody_answers_with_text():
    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator().execute_with_fallback(
            "hi", Says(None, "a"), [Says(b"", "b"), ScriptedAgent("c", [OSError("down")])]
        )

    assert str(raised.value) == "all 3 agents failed: a (failed), b (failed), c (failed)"
    assert [str(error) for error in raised.value.exceptions] == [
        "agent 'a' did not answer with text: run returned None",
        "agent 'b' did not answer with text: run returned b'' (bytes)",
        "down",
    ]
    assert raised.value.retry_after is None


async def test_promise_6_7_an_answer_whose_repr_fails_is_named_by_its_type():
    class Answer:
        def __repr__(self):
            raise ValueError

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator().execute_with_fallback("hi", Says(Answer()), [])

    sentence = str(raised.value.exceptions[0])
    assert sentence.startswith("agent 'odd' did not answer with text: run returned <")
    assert sentence.endswith("> (Answer)")


async def test_promise_6_7_a_coroutine_that_was_not_awaited_is_closed():
    class Forgetful(BaseAgent):
        async def run(self, query):
            return asyncio.sleep(1)  # no await

    with warnings.catch_warnings(), pytest.raises(AllAgentsFailedError) as raised:
        warnings.simplefilter("error")
        await FallbackOrchestrator().execute_with_fallback("hi", Forgetful("a"), [])

    assert str(raised.value.exceptions[0]).endswith(" (coroutine)")


async def test_promise_6_7_what_runs_without_await_is_no_agent():
    class Plain:
        name = "plain"

        def run(self, query):
            return "hello"  # and would hold up the loop meanwhile, and no timeout could end it

    class Chunks:
        name = "chunks"

        async def run(self, query):
            yield "hello"

    with pytest.raises(AllAgentsFailedError) as raised:
        await FallbackOrchestrator().execute_with_fallback("hi", Plain(), [Chunks()])

    plain, chunks = map(str, raised.value.exceptions)
    assert plain == (
        "agent 'plain' did not answer with text: run must be a coroutine function, got 'hello' "
        "(str)"
    )
    assert chunks.startswith(
        "agent 'chunks' did not answer with text: run must be a coroutine function, got "
        "<async_generator object"
    )


async def test_promise_6_7_such_an_error_falls_back_as_fallback_on_says():
    with pytest.raises(AgentAnswerError, match="run returned None"):
        await FallbackOrchestrator(fallback_on=OSError).execute_with_fallback(
            "hi", Says(None), [ScriptedAgent("b", ["unused"])]
        )


async def test_any_awaitable_that_brings_text_is_an_answer():
    class Lazy:
        name = "lazy"

        def run(self, query):
            return asyncio.ensure_future(asyncio.sleep(2, "hello"))

    result = await FallbackOrchestrator().execute_with_fallback("hi", Lazy(), [])

    assert (result["result"], result["elapsed"]) == ("hello", 2.0)


class Saying(BaseAgent):
    """Streams `chunks`, whatever they are."""

    def __init__(self, *chunks):
        super().__init__("odd")
        self.chunks = chunks

    async def run(self, query):
        raise NotImplementedError

    async def stream(self, query):
        for chunk in self.chunks:
            yield chunk


@pytest.mark.parametrize(
    ("chunk", "named"),
    [
        (None, "None"),
        ({"content": "hi"}, "{'content': 'hi'} (dict)"),
        ({}, "{} (dict)"),
        (b"hi", "b'hi' (bytes)"),
        (0, "0 (int)"),
    ],
)
async def test_promise_6_7_a_chunk_that_is_no_text_is_an_error(chunk, named):
    recorder = Recorder()
    chain = FallbackOrchestrator(breaker=per_agent(), on_event=recorder)
    sentence = f"agent 'odd' did not answer with text: stream gave {named}"

    assert await read(chain, Saying("", chunk, "unused"), HELLO) == ["Hel", "lo"]
    assert (str(list(recorder)[1].error), list(recorder)[1].outcome) == (sentence, "failed")
    assert chain.breakers["odd"].state == "OPEN"
    chain.breakers["odd"].reset()
    with pytest.raises(StreamInterruptedError) as raised:
        await read(chain, Saying("Hel", chunk), HELLO)

    assert isinstance(raised.value.__cause__, AgentAnswerError)
    assert str(raised.value.__cause__) == sentence
    assert chain.breakers["odd"].state == "OPEN"


@pytest.mark.parametrize("base", [object, BaseAgent])
async def test_promise_6_7_a_whole_answer_that_is_no_text_is_an_error_in_a_stream_too(base):
    class Odd(base):
        name = "odd"

        async def run(self, query):
            return {"content": "hi"}

    recorder = Recorder()

    assert await read(FallbackOrchestrator(on_event=recorder), Odd(), HELLO) == ["Hel", "lo"]

    assert str(list(recorder)[1].error) == (
        "agent 'odd' did not answer with text: run returned {'content': 'hi'} (dict)"
    )


@pytest.mark.parametrize("kind", ["coroutine", "flag", "plain generator"])
async def test_promise_6_7_what_streams_in_another_way_is_an_error_that_names_the_agent(kind):
    class Odd:
        name = "odd"
        stream = True

        async def run(self, query):
            return query

    async def hand_over(query):
        return HELLO.stream(query)

    def in_pieces(query):
        yield query

    odd = Odd()
    if kind != "flag":
        odd.stream = hand_over if kind == "coroutine" else in_pieces
    with warnings.catch_warnings(), pytest.raises(AllAgentsFailedError) as raised:
        warnings.simplefilter("error")
        await read(FallbackOrchestrator(), odd)
        gc.collect()

    (error,) = raised.value.exceptions
    assert isinstance(error, AgentAnswerError)
    assert str(error).startswith("agent 'odd' did not answer with text: ")
    assert "stream must be an async generator function, got " in str(error)
