"""Replies of a chat server, and what `run` and `stream` make of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

from socket_helpers import other_tasks, raw_server, response

from resilience_lab.errors import AgentResponseError
from resilience_lab.live import ChatAgent

EVENTS = "text/event-stream"
DONE = b"data: [DONE]\n\n"


def event(document):
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def piece(delta, reason=None, **more):
    delta = {"content": delta} if isinstance(delta, str) else delta
    return event({"choices": [{"delta": delta, "finish_reason": reason, **more}]})


def whole(message, reason="stop", **more):
    message = {"content": message} if isinstance(message, str) else message
    return response({"choices": [{"message": message, "finish_reason": reason, **more}]})


def events(*parts, end=DONE):
    return response(b"".join([*parts, end]), Content_Type=EVENTS)


def chunked(*parts, end=b""):
    """Events in a body that never ends, unless `end` ends it."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {EVENTS}\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + end


async def ask(base_url, **options):
    try:
        return await ChatAgent("A", base_url, "m", **options).run("hello")
    except Exception as error:
        return error


async def read(base_url, **options):
    chunks = []
    try:
        async with aclosing(ChatAgent("A", base_url, "m", **options).stream("hello")) as stream:
            async for chunk in stream:
                chunks.append(chunk)
    except Exception as error:
        return chunks, error
    return chunks, None


def meet(reply, way, **options):
    async def main():
        async with raw_server(reply) as base_url:
            outcome = await way(base_url, **options)
        assert not other_tasks()
        return outcome

    return asyncio.run(main())


def both(reply, **options):
    """What `run` and `stream` make of a reply: an answer, or an error."""
    asked = meet(reply, ask, **options)
    chunks, error = meet(reply, read, **options)
    return asked, "".join(chunks) if error is None else error


def why(reply, **options):
    """Why there is no answer, in the same words from both."""
    asked, streamed = both(reply, **options)
    assert (type(asked), type(streamed)) == (AgentResponseError, AgentResponseError)
    assert asked.why == streamed.why
    return asked.why
