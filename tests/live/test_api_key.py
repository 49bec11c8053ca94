"""The API key goes into one header and shows up nowhere else, whatever the server does with it."""

from __future__ import annotations

import asyncio
import logging
import pickle
import pprint
import socket
import traceback

import pytest
from socket_helpers import completion, raw_server, refused_port, response, until

from resilience_lab.errors import AllAgentsFailedError, ResilienceError
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
)
from resilience_lab.retry import Retry

KEY = "sk-live-0123456789+/=%s{}"
ECHO = f"Incorrect API key: {KEY}"

FAULTS = [
    Answer("hi"),
    Answer(ECHO),
    Hang(),
    Refuse(),
    Status(500, message=ECHO),
    Status(401, message=ECHO),
    Status(401, message="x" * 190 + KEY),
    Status(401, message=KEY[:9] + "\x00" + KEY[9:]),
    RateLimit(3),
    BrokenJson(),
    Drop(),
]

ECHOES = {
    "reason": response({}, f"401 {KEY}"),
    "header": response({}, "500 Oops", X_Echo=ECHO),
    "cookie": response({}, "500 Oops", Set_Cookie=f"key={KEY}"),
    "retry-after": response({}, "429 Slow", Retry_After=KEY),
    "location": response({}, "302 Found", Location=f"http://u:{KEY}@[/"),
    "encoding": response(b"", Content_Encoding=KEY),
    "answer": response(completion(ECHO)),
    "shape": response({KEY: KEY}),
    "no json": response(KEY.encode()),
    "half an answer": response(completion(ECHO))[:-1],
    "bad utf-8": response(KEY.encode() + b"\xff"),
    "bad header": f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode(),
    "bad length": response(b"", Content_Length=KEY),
    "bad chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode(),
    "no http": f"{KEY}\r\n\r\n".encode(),
}


def printed(error):
    """All that anyone may print of `error` and of the errors that it leads to."""
    shown, todo, seen = [], [error], set()
    while todo:
        this = todo.pop()
        if this is None or id(this) in seen:
            continue
        seen.add(id(this))
        shown += [str(this), repr(this), repr(this.args), pprint.pformat(vars(this))]
        shown += getattr(this, "__notes__", [])
        todo += [this.__cause__, this.__context__, *getattr(this, "exceptions", ())]
    with_locals = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join([*shown, *traceback.format_exception(error), *with_locals.format()])


def logged(caplog):
    return "\n".join(f"{r.getMessage()} {r.msg!r} {r.args!r} {vars(r)!r}" for r in caplog.records)


def show(outcome):
    if not isinstance(outcome, BaseException):
        return repr(outcome)
    if isinstance(outcome, ResilienceError):
        copy = pickle.loads(pickle.dumps(outcome))
        return printed(outcome) + printed(copy) + str(pickle.dumps(outcome))
    return printed(outcome)


async def ask(base_url, timeout=30.0):  # noqa: ASYNC109 - it is the agent's
    """All that one call shows, made alone and in a chain that logs its events."""
    agent = ChatAgent("A", base_url, "m", KEY, timeout)
    events = []
    chain = FallbackOrchestrator(retry=Retry(0), on_event=events.append)
    alone, in_chain = await asyncio.gather(
        agent.run("hello"),
        chain.execute_with_fallback("hello", agent, []),
        return_exceptions=True,
    )
    return show(alone) + show(in_chain) + repr(events)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: repr(fault)[:30])
def test_no_fault_shows_the_key(fault, caplog):
    caplog.set_level(logging.DEBUG)

    async def main():
        async with FaultyServer({"m": [fault]}) as server:
            return await ask(server.base_url, 0.05 if isinstance(fault, Hang) else 30.0)

    shown = asyncio.run(main())

    assert KEY[:9] not in shown  # nor the half of it that a cut could leave
    assert caplog.records
    assert KEY not in logged(caplog)


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
def test_no_server_can_make_us_show_the_key_by_sending_it_back(echo, caplog):
    caplog.set_level(logging.DEBUG)

    async def answer(writer, head):
        assert f"Authorization: Bearer {KEY}\r\n".encode() in head
        writer.write(echo)

    async def main():
        async with raw_server(answer) as base_url:
            return await ask(base_url)

    shown = asyncio.run(main())

    assert KEY[:9] not in shown
    assert "httpcore.http11" in {record.name for record in caplog.records}
    assert KEY not in logged(caplog)


def test_what_is_logged_says_that_a_key_was_there(caplog):
    caplog.set_level(logging.DEBUG)

    async def main():
        async with raw_server(ECHOES["header"]) as base_url:
            await ask(base_url)

    asyncio.run(main())

    assert "Incorrect API key: [API key]" in caplog.text


def test_other_users_of_the_http_library_log_as_ever(caplog):
    caplog.set_level(logging.DEBUG)

    logging.getLogger("httpx").info("hello %s", KEY)

    assert caplog.messages == [f"hello {KEY}"]


def test_a_key_sent_back_is_redacted():
    async def main():
        async with FaultyServer({"m": [Answer(ECHO), Status(401, message=ECHO)]}) as server:
            agent = ChatAgent("A", server.base_url, "m", KEY)
            answer = await agent.run("hello")
            with pytest.raises(ResilienceError) as refused:
                await agent.run("hello")
            return answer, refused.value.why

    assert asyncio.run(main()) == ("Incorrect API key: [API key]",) * 2


def test_a_lost_connection_does_not_show_the_key():
    with refused_port() as port:
        shown = asyncio.run(ask(f"http://127.0.0.1:{port}/v1"))

    assert KEY not in shown


def test_an_unresolved_host_does_not_show_the_key(monkeypatch):
    def look_up(*_args, **_options):
        raise socket.gaierror(-2, "Name or service not known")

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    assert KEY not in asyncio.run(ask("http://chat.invalid/v1"))


def test_a_cancelled_call_does_not_show_the_key():
    async def main():
        async with FaultyServer({"m": [Hang()]}) as server:
            call = asyncio.create_task(ChatAgent("A", server.base_url, "m", KEY).run("hello"))
            await until(lambda: server.requests)
            call.cancel()
            await call

    with pytest.raises(asyncio.CancelledError) as cancelled:
        asyncio.run(main())

    assert KEY not in printed(cancelled.value)


def test_a_timeout_around_the_agent_does_not_show_the_key():
    async def main():
        async with FaultyServer({"m": [Hang()]}) as server:
            chain = FallbackOrchestrator(attempt_timeout=0.05)
            agent = ChatAgent("A", server.base_url, "m", KEY)
            await chain.execute_with_fallback("hello", agent, [])

    with pytest.raises(AllAgentsFailedError) as failed:
        asyncio.run(main())

    [error] = failed.value.exceptions
    assert isinstance(error.__cause__.__cause__, asyncio.CancelledError)
    assert KEY not in printed(failed.value)


def test_a_query_that_is_no_text_does_not_show_the_key():
    agent = ChatAgent("A", "http://127.0.0.1:1/v1", "m", KEY)

    with pytest.raises(TypeError, match="not JSON serializable") as refused:
        asyncio.run(agent.run(b"hello"))

    assert KEY not in printed(refused.value)


def test_an_agent_does_not_show_its_key():
    agent = ChatAgent("A", "http://127.0.0.1:1/v1", "m", KEY)

    shown = f"{agent} {agent!r} {vars(agent)} {pprint.pformat(vars(agent))}"

    assert KEY not in shown
    assert "<an API key>" in shown
    assert "<no API key>" in repr(vars(ChatAgent("A", "http://127.0.0.1:1/v1", "m")))


BAD_KEYS = ["", " ", "sk secret", "sk-secret\n", "sk-secret\x00", "sk-sécret", "sk'secret"]


@pytest.mark.parametrize("key", [*BAD_KEYS, 'sk"secret', "sk\\secret", "sk-secret\u2028"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key):
    with pytest.raises(ValueError, match=r"^api_key must be printable ASCII") as refused:
        ChatAgent("A", "http://host/v1", "m", key)

    assert "cret" not in "".join(traceback.format_exception_only(refused.value))
    assert refused.value.__context__ is None


@pytest.mark.parametrize("key", [b"sk-secret", ["sk-secret"]])
def test_a_key_that_is_not_a_string_is_refused_unseen(key):
    with pytest.raises(TypeError, match=r"^api_key must be a string or None, got a ") as refused:
        ChatAgent("A", "http://host/v1", "m", key)

    assert "cret" not in str(refused.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://user:secret@host/v1",
        "ftp://user:secret@host:port/v1",
        "http://host/v1?key=secret",
        "http://host/v1#secret",
    ],
)
def test_a_base_url_with_a_secret_in_it_is_refused_unseen(base_url):
    with pytest.raises(ValueError, match=r"^base_url must have no user, password") as refused:
        ChatAgent("A", base_url, "m")

    assert "secret" not in str(refused.value)
    assert refused.value.__context__ is None


def test_a_placeholder_key_leaves_answers_whole():
    async def main():
        async with FaultyServer({"m": [Answer("I run on ollama.")]}) as server:
            return await ChatAgent("a", server.base_url, "m", api_key="ollama").run("Where?")

    assert asyncio.run(main()) == "I run on ollama."
