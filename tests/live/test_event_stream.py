"""A stream of events has pauses, ends and spellings of many kinds; none of them costs an answer."""

from __future__ import annotations

import asyncio
import json

import pytest
from reply_helpers import DONE, ask, both, chunked, event, events, meet, piece, read, why
from socket_helpers import response

from resilience_lab.errors import AgentConnectionError
from resilience_lab.live import chat_agent

# Keep-alives and ends


@pytest.mark.parametrize(
    "noise",
    [
        b": ping\n\n",
        b"id: 1\n: ping\n\n",
        b"id: 1\n\n: ping\n\n",
        b"retry: 3000\n\n",
        b"data:\n\n",
        b"data:   \n\n",
        b"event: ping\n\n",
        b"event: ping\ndata: 1700000000\n\n",
        b"event: heartbeat\ndata: still here\n\n",
        b"event: Keep-Alive\ndata: {oops\n\n",
        b'data: {"type": "ping"}\n\n',
        b'data: {"choices": []}\n\n',
        b"data: null\n\n",
        b"\n\n\n",
        b"unknown: field\n\n",
    ],
)
def test_a_keep_alive_says_nothing(noise):
    stream = events(noise, b"id: 7\n", piece("Hel"), noise, piece("lo", "stop"), noise)

    assert both(stream) == ("Hello", "Hello")


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data:[DONE]\n", b"data: [DONE] \r\n"])
def test_the_end_needs_no_empty_line_after_it(end):
    assert both(events(piece("All of it"), end=end)) == ("All of it", "All of it")
    assert both(chunked(piece("All of it"), end)) == ("All of it", "All of it")


@pytest.mark.parametrize("end", [b'data: {"a": "', b"data: [DONE", b"[DONE]", b': "data: [DONE]'])
def test_half_an_event_is_no_end(end):
    for stream in (events(piece("All of it"), end=end), chunked(piece("All of it"), end)):
        asked, streamed = both(stream)
        assert (type(asked), type(streamed)) == (AgentConnectionError, AgentConnectionError)


END = b"0\r\n\r\n"
ANSWER = [piece("All of it")]


@pytest.mark.parametrize("parts", [[*ANSWER, DONE], [piece("All of it", "stop")]])
@pytest.mark.parametrize("end", [b"", END, b"5\r\nda", b"not a chunk\r\n"])
def test_a_complete_answer_is_one_however_the_connection_ends(parts, end):
    assert both(chunked(*parts, end=end)) == ("All of it", "All of it")


@pytest.mark.parametrize("after", [b"data: {oops\n\n", event({"error": "late"}), b"data: \xff\n\n"])
def test_nothing_counts_after_done(after):
    assert both(events(*ANSWER, DONE, after, end=b"")) == ("All of it", "All of it")


@pytest.mark.parametrize("end", [b"", END])
def test_an_answer_that_is_cut_off_before_its_end_is_not_complete(end):
    asked, streamed = both(chunked(*ANSWER, end=end))

    assert (type(asked), type(streamed)) == (AgentConnectionError, AgentConnectionError)


@pytest.mark.parametrize("parts", [[*ANSWER, DONE], [piece("All of it", "stop")]])
@pytest.mark.parametrize("timeout", [0.1, 30.0])
def test_a_server_that_lingers_longer_than_the_timeout_takes_nothing_back(
    monkeypatch, parts, timeout
):
    if timeout > 1:
        monkeypatch.setattr(chat_agent, "_LINGER", 0.02)

    async def lingers(writer, _head):
        writer.write(chunked(*parts))
        while not writer.is_closing():  # until the client has hung up
            writer.write(b"8\r\n: ping\n\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    assert meet(lingers, ask, timeout=timeout) == "All of it"
    assert meet(lingers, read, timeout=timeout) == (["All of it"], None)


def test_an_endless_rest_does_not_spoil_the_answer():
    async def pour(writer, _head):
        writer.write(chunked(*ANSWER, DONE))
        while True:
            writer.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
            await writer.drain()

    assert meet(pour, ask) == "All of it"


# How it is written


@pytest.mark.parametrize(
    "kind",
    ["Text/Event-Stream", "text/event-stream; charset=latin-1", "TEXT/EVENT-STREAM ;charset=UTF-8"],
)
def test_a_stream_is_utf8_however_its_kind_is_spelt(kind):
    body = 'data: {"choices": [{"delta": {"content": "über\u2028😀"}}]}\r\n\r\n'.encode() + DONE

    assert both(response(body, Content_Type=kind)) == ("über\u2028😀", "über\u2028😀")


def test_a_byte_order_mark_is_no_part_of_the_reply():
    mark = b"\xef\xbb\xbf"
    document = json.dumps({"choices": [{"message": {"content": "hi"}}]}).encode()

    assert both(response(mark + document)) == ("hi", "hi")
    assert both(events(mark + piece("hi"))) == ("hi", "hi")
    assert meet(response(mark + b'{"error": "no"}', "500 Oops"), ask).why == "no"


def test_a_stream_that_is_not_utf8_is_no_answer():
    stream = events(piece("hi"), b'data: {"\xff": 1}\n\n')

    assert why(stream) == "it is not valid UTF-8"
    assert meet(stream, read)[0] == ["hi"]
