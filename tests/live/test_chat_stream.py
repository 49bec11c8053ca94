"""An answer in chunks over real sockets: as the server sends them, cut off, or none at all."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import pytest
from socket_helpers import completion, other_tasks, raw_server, response, until

from resilience_lab.breaker import CircuitBreaker
from resilience_lab.errors import (
    AgentConnectionError,
    AgentResponseError,
    AgentTimeoutError,
    RateLimitedError,
    StreamInterruptedError,
)
from resilience_lab.fallback import FallbackOrchestrator
from resilience_lab.live import (
    Answer,
    BrokenJson,
    ChatAgent,
    Drop,
    FaultyServer,
    Hang,
    RateLimit,
    Refuse,
    Status,
    Stream,
    chat_agent,
)

KEY = "sk-live-0123456789"
WORDS = ["Once ", "upon ", "a time"]


async def read(base_url, **options):
    """The chunks that came, and the error that ended them, if there was one."""
    chunks = []
    try:
        async with aclosing(ChatAgent("A", base_url, "m", **options).stream("hello")) as stream:
            async for chunk in stream:
                chunks.append(chunk)
    except Exception as error:
        return chunks, error
    return chunks, None


def meet(behaviour, **options):
    async def main():
        async with FaultyServer({"m": [behaviour]}) as server:
            outcome = await read(server.base_url, **options)
        assert not other_tasks()
        return outcome

    return asyncio.run(main())


def meet_raw(script, **options):
    async def main():
        async with raw_server(script) as base_url:
            outcome = await read(base_url, **options)
        assert not other_tasks()
        return outcome

    return asyncio.run(main())


def events(*documents, end=b"data: [DONE]\n\n", **headers):
    """A streamed answer, whole, of these server-sent events."""
    lines = [f"data: {json.dumps(document)}\n\n".encode() for document in documents]
    return response(b"".join([*lines, end]), Content_Type="text/event-stream", **headers)


def piece(content, finish_reason=None):
    return {"choices": [{"delta": {"content": content}, "finish_reason": finish_reason}]}


# Whole answers


@pytest.mark.parametrize("every", [0.0, 0.001])
def test_the_chunks_come_as_the_server_sends_them(every):
    assert meet(Stream(WORDS, every=every)) == (WORDS, None)


def test_an_answer_is_streamed_word_by_word():
    assert meet(Answer("so  it is, über 😀 ")) == (["so", "  it", " is,", " über", " 😀 "], None)
    assert meet(Answer("")) == ([], None)
    assert meet(Answer(" \n")) == ([" \n"], None)


def test_without_a_stream_the_same_answer_comes_whole():
    async def main():
        async with FaultyServer({"m": [Stream(WORDS), Stream(WORDS, cut_after=1)]}) as server:
            agent = ChatAgent("A", server.base_url, "m")
            answer = await agent.run("hello")
            with pytest.raises(AgentConnectionError):
                await agent.run("hello")
            return answer

    assert asyncio.run(main()) == "Once upon a time"


def test_a_server_that_cannot_stream_answers_in_one_chunk():
    assert meet_raw(response(completion("hi"))) == (["hi"], None)


@pytest.mark.parametrize(
    "stream",
    [
        events(piece("hi"), end=b"data: [DONE]\n\n"),
        events(piece("hi", "stop"), end=b""),
        events(piece("hi"), {"choices": [{"delta": {}, "finish_reason": "length"}]}, end=b""),
        events({"choices": []}, piece("hi"), {"usage": {}}),
    ],
    ids=["done", "stop", "stop apart", "other events"],
)
def test_an_end_is_announced_in_more_than_one_way(stream):
    assert meet_raw(stream) == (["hi"], None)


def test_a_server_that_does_not_end_after_the_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(chat_agent, "_LINGER", 0.02)

    async def lingers(writer, head):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        writer.write(f"data: {json.dumps(piece('hi', 'stop'))}\n\n".encode())
        while True:  # until the client has hung up
            writer.write(b": still here\n\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    assert meet_raw(lingers) == (["hi"], None)


# Faults


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_a_stream_that_is_cut_off_is_a_lost_connection(sent):
    chunks, error = meet(Stream(WORDS, cut_after=sent))

    assert chunks == WORDS[:sent]
    assert type(error) is AgentConnectionError


def test_a_stream_that_ends_too_early_is_one_too():
    chunks, error = meet_raw(events(piece("hi"), end=b""))

    assert chunks == ["hi"]
    assert str(error).endswith("the stream ended before the answer was complete")


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Hang(), AgentTimeoutError),
        (Refuse(), AgentConnectionError),
        (Drop(), AgentConnectionError),
        (RateLimit(3), RateLimitedError),
        (BrokenJson(), AgentResponseError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_before_the_first_chunk_a_fault_has_the_name_that_it_has_without_a_stream(behaviour, kind):
    chunks, error = meet(behaviour, timeout=0.2)

    assert chunks == []
    assert type(error) is kind


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (b"data: {oops\n\n", "it is not valid JSON in UTF-8"),
        (b'data: {"error": {"message": "overloaded"}}\n\n', "it reports an error: overloaded"),
    ],
)
def test_what_is_no_chunk_ends_the_stream(second, why):
    chunks, error = meet_raw(events(piece("hi"), end=second))

    assert chunks == ["hi"]
    assert type(error) is AgentResponseError
    assert error.why == why


def test_a_compressed_stream_is_refused():
    _, error = meet_raw(events(piece("hi"), Content_Encoding="gzip"))

    assert error.why == "it is compressed, and was asked not to be"


def test_the_timeout_is_for_each_chunk():
    # Three waits of 0.15 s are longer than 0.3 s, and each is shorter.
    assert meet(Stream(WORDS, every=0.15), timeout=0.3) == (WORDS, None)


def test_a_reader_that_leaves_hangs_up():
    async def main():
        async with FaultyServer({"m": [Stream(WORDS * 100, every=0.01)]}) as server:
            async with aclosing(ChatAgent("A", server.base_url, "m").stream("hello")) as stream:
                first = await anext(stream)
            await until(lambda: not server._playing)  # it has noticed, long before its end
        return first

    assert asyncio.run(main()) == "Once "


# The key


def test_a_key_in_pieces_is_not_shown():
    pieces = [piece(f"it is {KEY[:5]}"), piece(KEY[5:]), piece(" or "), piece(KEY[:5])]

    chunks, error = meet_raw(events(*pieces), api_key=KEY)

    assert error is None
    assert "".join(chunks) == f"it is [API key] or {KEY[:5]}"


def test_a_placeholder_is_no_secret():
    assert meet(Answer("EMPTY words"), api_key="EMPTY") == (["EMPTY", " words"], None)


def test_a_key_in_an_error_event_is_not_shown():
    end = f'data: {{"error": {{"message": "bad key {KEY}"}}}}\n\n'.encode()

    _, error = meet_raw(events(end=end), api_key=KEY)

    assert error.why == "it reports an error: bad key [API key]"


# In a chain


def test_a_chain_falls_back_before_the_first_chunk_and_never_after_it():
    async def main():
        script = {"down": [Status(503)], "cut": [Stream(WORDS, cut_after=2)]}
        async with FaultyServer(script) as server:
            down, cut = (ChatAgent(name, server.base_url, name) for name in script)
            spare = ChatAgent("spare", server.base_url, "down")
            chain = FallbackOrchestrator(breaker=lambda _: CircuitBreaker())
            said = []
            with pytest.raises(StreamInterruptedError) as raised:
                async for chunk in chain.stream_with_fallback("hello", down, [cut, spare]):
                    said.append(chunk)
            return said, raised.value, chain.breakers["cut"].failure_count, len(server.requests)

    said, error, failures, requests = asyncio.run(main())

    assert said == WORDS[:2]
    assert (error.agent, error.partial) == ("cut", "Once upon ")
    assert type(error.__cause__) is AgentConnectionError
    assert (failures, requests) == (1, 2)


# Scripts that cannot be played


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("words",), "chunks must be a list of strings, got 'words'"),
        ((7,), "chunks must be a list"),
        (([7],), "a chunk must be a string, got 7"),
        ((WORDS, -1), "every"),
        ((WORDS, 0.0, -1), "cut_after"),
    ],
)
def test_a_stream_is_checked(arguments, word):
    with pytest.raises((TypeError, ValueError), match=word):
        Stream(*arguments)
