from __future__ import annotations

import asyncio
import gzip
import random
from datetime import UTC, datetime, timedelta

import pytest
from socket_helpers import completion, other_tasks, raw_server, response, until

from resilience_lab.errors import (
    AgentConnectionError,
    AgentResponseError,
    AgentTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    ServerFaultError,
)
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
    chat_agent,
)


async def outcome(base_url, model="m", **options):
    """The answer or the error."""
    try:
        return await ChatAgent("A", base_url, model, **options).run("hello")
    except Exception as error:
        return error


def meet(behaviour, **options):
    async def main():
        async with FaultyServer({"m": [behaviour]}) as server:
            result = await outcome(server.base_url, **options)
        assert not other_tasks()
        return result

    return asyncio.run(main())


def meet_raw(script, **options):
    async def main():
        async with raw_server(script) as base_url:
            result = await outcome(base_url, **options)
        assert not other_tasks()
        return result

    return asyncio.run(main())


def same(error, expected):
    return (type(error), error.args) == (type(expected), expected.args)


# Answers


def test_an_answer_is_the_text_of_the_first_choice():
    assert meet(Answer("hi")) == "hi"


@pytest.mark.parametrize("text", ["", "über 😀", "two\nlines"])
def test_any_text_is_an_answer(text):
    assert meet(Answer(text)) == text


def test_nothing_compressed_is_asked_for():
    heads = []

    async def note(writer, head):
        heads.append(head)
        writer.write(response(completion("hi")))

    meet_raw(note)

    assert b"\r\nAccept-Encoding: identity\r\n" in heads[0]


def test_an_early_hint_is_not_the_answer_yet():
    hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"

    assert meet_raw(hint + response(completion("hi"))) == "hi"


@pytest.mark.parametrize("query", ["hello", "", 'say "hi" 😀', "half a pair: \ud800"])
def test_the_query_arrives_as_it_is(query):
    async def main():
        async with FaultyServer({"gpt-4": [Answer("hi")]}) as server:
            await ChatAgent("A", server.base_url + "/", "gpt-4").run(query)
            return server.requests

    [request] = asyncio.run(main())

    assert (request.model, request.message) == ("gpt-4", query)


@pytest.mark.parametrize("form", ["{}", "{}/", " {} ", "{}\n", "\t{}//"])
def test_space_around_the_base_url_does_not_matter(form):
    async def main():
        async with FaultyServer({"m": [Answer("hi")]}) as server:
            agent = ChatAgent("A", form.format(server.base_url), "m")
            return await agent.run("hello"), agent.base_url == form.format(server.base_url).strip()

    assert asyncio.run(main()) == ("hi", True)


def test_the_api_key_goes_into_the_authorization_header_and_only_if_there_is_one():
    heads = []

    async def note(writer, head):
        heads.append(head)
        writer.write(response(completion("hi")))

    meet_raw(note, api_key="sk-1")
    meet_raw(note)

    assert b"\r\nAuthorization: Bearer sk-1\r\n" in heads[0]
    assert b"authorization" not in heads[1].lower()


def test_one_agent_serves_several_event_loops():
    agent = None

    async def ask():
        nonlocal agent
        async with raw_server(response(completion("hi"))) as base_url:
            agent = agent or ChatAgent("A", base_url, "m")
            agent._url = chat_agent._endpoint(base_url)
            return await agent.run("hello")

    assert [asyncio.run(ask()), asyncio.run(ask())] == ["hi", "hi"]


def test_reading_the_certificates_is_shared():
    assert chat_agent._tls() is chat_agent._tls()


# Faults of the server


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Hang(), AgentTimeoutError("A", 0.05)),
        (Answer("late", after=60), AgentTimeoutError("A", 0.05)),
        (Refuse(), AgentConnectionError("A", "connection reset")),
        (Status(500, message="boom"), ServerFaultError("A", 500, "boom")),
        (Status(503, 3, "busy"), ServerFaultError("A", 503, "busy", 3.0)),
        (Status(599, message=""), ServerFaultError("A", 599)),
        (Status(401, message="who?"), RequestRefusedError("A", 401, "who?")),
        (Status(404, 1, "gone"), RequestRefusedError("A", 404, "gone", 1.0)),
        (Status(429, 2), RateLimitedError("A", 2.0)),
        (RateLimit(), RateLimitedError("A")),
        (RateLimit(20), RateLimitedError("A", 20.0)),
        (BrokenJson(), AgentResponseError("A", "it is not valid JSON in UTF-8")),
        (Drop(), AgentConnectionError("A", "connection closed before the answer was complete")),
    ],
    ids=repr,
)
def test_every_behaviour_is_a_named_error(behaviour, error):
    timeout = 0.05 if isinstance(error, AgentTimeoutError) else 30.0

    assert same(meet(behaviour, timeout=timeout), error)


def test_an_unknown_model_is_refused_for_good():
    error = meet(Answer("hi"), model="gpt-9")

    assert same(error, RequestRefusedError("A", 404, "The model 'gpt-9' does not exist"))


def test_a_retry_after_date_is_a_wait():
    due = datetime.now(UTC) + timedelta(hours=1)

    error = meet(RateLimit(due))

    assert 3590 < error.retry_after <= 3600


def test_a_wrong_clock_on_our_side_does_not_matter():
    sent, due = "Sun, 06 Nov 1994 12:00:00 GMT", "Sun, 06 Nov 1994 12:00:20 GMT"

    error = meet_raw(response({}, "503 Busy", Date=sent, Retry_After=due))

    assert same(error, ServerFaultError("A", 503, "", 20.0))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("302 Found", RequestRefusedError),
        ("304 Not Modified", RequestRefusedError),
        ("418 Teapot", RequestRefusedError),
        ("500 Oops", ServerFaultError),
        ("799 Beyond", RequestRefusedError),
    ],
)
def test_a_status_that_is_not_a_success_is_its_own_error(status, kind):
    error = meet_raw(response(b"", status))

    assert same(error, kind("A", int(status[:3])))


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:1/", "/v1/chat/completions", "http://[", "mailto:x", "http://x:y", "::"],
)
def test_a_redirect_is_refused_wherever_it_leads(location):
    error = meet_raw(response(b"", "307 Temporary Redirect", Location=location))

    assert same(error, RequestRefusedError("A", 307))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"\xff",
        b"[" * 100_000,
        [],
        {"error": {"message": None}},
    ],
)
def test_an_error_without_a_readable_explanation_is_its_status(body):
    assert same(meet_raw(response(body, "502 Bad Gateway")), ServerFaultError("A", 502))


def test_an_explanation_that_breaks_off_does_not_hide_the_status():
    cut = response({"error": {"message": "no"}}, "401 Unauthorized")[:-4]

    assert same(meet_raw(cut), RequestRefusedError("A", 401))


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("x" * 1000, "x" * 200),
        ("a\x00b\x1b[31mc\u202ed\ud800e", "ab[31mcde"),
        (" two\r\nlines\t", "two lines"),
    ],
)
def test_an_explanation_is_short_and_fit_to_print(message, why):
    error = meet_raw(response({"error": {"message": message}}, "500 Oops"))

    assert error.why == why


# What is not an answer

ODD_SHAPES = [
    None,
    True,
    7,
    "hi",
    [],
    {},
    {"choices": None},
    {"choices": []},
    {"choices": {}},
    {"choices": "hi"},
    {"choices": [None]},
    {"choices": [[]]},
    {"choices": [{}]},
    {"choices": [{"text": "hi"}]},
    {"choices": [{"message": None}]},
    {"choices": [{"message": "hi"}]},
    {"choices": [{"message": {}}]},
    {"choices": {"0": {"message": {"content": "hi"}}}},
    completion(None),
    completion(7),
    completion(["hi"]),
    completion({"text": "hi"}),
]


@pytest.mark.parametrize("document", ODD_SHAPES, ids=repr)
def test_json_of_another_shape_is_no_answer(document):
    error = meet_raw(response(document))

    why = "its JSON has no text at choices[0].message.content"
    assert same(error, AgentResponseError("A", why))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hi",
        b'{"choices": [',
        b'{"a": "\xff\xfe"}',
        b'"\xed\xa0\x80"',
        b"[" * 100_000,
        b"1" * 5000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_json_is_no_answer(body):
    error = meet_raw(response(body))

    assert same(error, AgentResponseError("A", "it is not valid JSON in UTF-8"))


def test_text_that_nobody_can_print_is_no_answer():
    error = meet_raw(response(completion("\ud800")))

    assert same(error, AgentResponseError("A", "its text is not valid Unicode"))


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "identity, gzip", "nonsense"])
@pytest.mark.parametrize("body", [b"\x1f\x8bnot gzip", gzip.compress(b"{}", mtime=0)])
def test_a_compressed_response_was_not_asked_for(encoding, body):
    error = meet_raw(response(body, Content_Encoding=encoding))

    why = "it is compressed, and was asked not to be"
    assert same(error, AgentResponseError("A", why))


@pytest.mark.parametrize(
    "noise",
    [
        random.Random(1).randbytes(1000),
        random.Random(2).randbytes(200_000),
        b"220 mail.example ESMTP ready\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"-ERR unknown command\r\n",
        b"hello\r\n\r\n",
        b"\x00",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
    ],
    ids=lambda noise: repr(noise[:20]),
)
def test_a_server_that_does_not_speak_http_sends_no_answer(noise):
    assert same(meet_raw(noise), AgentResponseError("A", "it is not valid HTTP"))


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"HT",
        b"HTTP/1.1 200 OK\r\nContent-",
        response(completion("hi"))[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_connection_that_closes_too_early_is_lost_and_not_nonsense(part):
    error = meet_raw(part)

    why = "connection closed before the answer was complete"
    assert same(error, AgentConnectionError("A", why))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("200 OK", AgentResponseError("A", "it is longer than 10,000,000 bytes")),
        ("503 Busy", ServerFaultError("A", 503)),
    ],
)
def test_an_endless_response_is_cut_off(status, error):
    async def pour(writer, _head):
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        while True:
            writer.write(b" " * 1_000_000)
            await writer.drain()

    assert same(meet_raw(pour), error)


def test_endless_hints_of_an_answer_are_cut_off():
    async def pour(writer, _head):
        hint = b"HTTP/1.1 103 Early Hints\r\nLink: <" + b"x" * 60_000 + b">\r\n\r\n"
        while True:
            writer.write(hint)
            await writer.drain()

    error = meet_raw(pour)

    assert same(error, AgentResponseError("A", "it is longer than 10,000,000 bytes"))


# Time


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"])
def test_a_server_that_trickles_cannot_stretch_the_timeout(head):
    async def trickle(writer, _head):
        writer.write(head or b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.005)

    assert same(meet_raw(trickle, timeout=0.05), AgentTimeoutError("A", 0.05))


def test_a_cancelled_call_stays_cancelled():
    async def main():
        async with FaultyServer({"m": [Hang()]}) as server:
            call = asyncio.create_task(ChatAgent("A", server.base_url, "m").run("hello"))
            await until(lambda: server.requests)
            call.cancel()
            await asyncio.wait([call])
            return call.cancelled()

    assert asyncio.run(main())


# Arguments


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"name": ""}, ValueError, "name must not be empty"),
        ({"name": None}, TypeError, "name must be a string, got None"),
        ({"model": ""}, ValueError, "model must not be empty"),
        ({"model": 4}, TypeError, "model must be a string, got 4"),
        ({"timeout": 0}, ValueError, "timeout must be .* got 0"),
        ({"timeout": float("inf")}, ValueError, "timeout must be .* got inf"),
        ({"timeout": None}, TypeError, "timeout must be a number, got None"),
        ({"base_url": None}, TypeError, "base_url must be a string, got a NoneType"),
        ({"base_url": ""}, ValueError, "base_url must be an http or https URL .* got ''"),
        ({"base_url": "  "}, ValueError, "base_url must be an http or https URL .* got ''"),
        ({"base_url": "http://ho st/v1"}, ValueError, "base_url .* got 'http://ho st/v1'"),
        ({"base_url": "127.0.0.1:80"}, ValueError, "base_url must be an http or https URL"),
        ({"base_url": "ftp://host/v1"}, ValueError, "base_url .* got 'ftp://host/v1'"),
        ({"base_url": "http:///v1"}, ValueError, "base_url .* got 'http:///v1'"),
        ({"base_url": "http://[::1/v1"}, ValueError, "base_url .* got"),
        ({"base_url": "http://\u2603/v1"}, ValueError, "base_url .* got"),
        ({"base_url": "http://host:0/v1"}, ValueError, "base_url must have a port .* got"),
        ({"base_url": "http://host:65536/v1"}, ValueError, "base_url must have a port .* got"),
        ({"base_url": "http://host:port/v1"}, ValueError, "base_url .* got"),
    ],
)
def test_an_argument_that_cannot_work_is_refused(changed, error, says):
    arguments = {"name": "A", "base_url": "http://host/v1", "model": "m", **changed}

    with pytest.raises(error, match=says):
        ChatAgent(**arguments)
