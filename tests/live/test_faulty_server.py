from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import warnings
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from socket_helpers import other_tasks, until

from resilience_lab.live import (
    Answer,
    BrokenJson,
    Drop,
    FaultyServer,
    Hang,
    RateLimit,
    Refuse,
    Status,
)

ASK = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
EVERY_BEHAVIOUR = [
    Answer("hi"),
    Answer("late", after=60),
    Hang(),
    Refuse(),
    Status(503),
    RateLimit(),
    BrokenJson(),
    Drop(),
]


def post(server, document=ASK, **options):
    """One request over a connection of its own, so that nothing is left open."""
    if not isinstance(document, bytes):
        options["json"] = document
    else:
        options["content"] = document
    url = f"{server.base_url}/chat/completions"

    async def send():
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return await client.post(url, **options)

    return send()


def ask_once(behaviour, document=ASK):
    async def main():
        async with FaultyServer({"m": [behaviour]}) as server:
            return await post(server, document)

    return asyncio.run(main())


# What each behaviour sends


@pytest.mark.parametrize("after", [0.0, 0.01])
def test_an_answer_is_a_chat_completion(after):
    reply = ask_once(Answer("hi", after))

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    document = reply.json()
    assert (document["object"], document["model"]) == ("chat.completion", "m")
    assert document["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi"},
            "finish_reason": "stop",
        }
    ]


@pytest.mark.parametrize(("code", "kind"), [(401, "invalid_request_error"), (503, "server_error")])
def test_a_status_comes_with_an_error_in_openai_style(code, kind):
    reply = ask_once(Status(code, message="out of order"))

    assert reply.status_code == code
    error = {"message": "out of order", "type": kind, "param": None, "code": None}
    assert reply.json() == {"error": error}
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (None, None),
        (0, "0"),
        (20, "20"),
        (100, "100"),
        (0.25, "0.25"),
        (datetime(2030, 1, 1, 12, tzinfo=UTC), "Tue, 01 Jan 2030 12:00:00 GMT"),
        (
            datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))),
            "Tue, 01 Jan 2030 10:00:00 GMT",
        ),
    ],
)
@pytest.mark.parametrize("make", [RateLimit, lambda moment: Status(503, moment)])
def test_retry_after_is_seconds_or_an_http_date(make, retry_after, header):
    assert ask_once(make(retry_after)).headers.get("retry-after") == header


def test_a_rate_limit_is_429():
    reply = ask_once(RateLimit())

    assert reply.status_code == 429
    assert reply.json()["error"]["code"] == "rate_limit_exceeded"


def test_broken_json_is_a_whole_response_that_no_parser_takes():
    reply = ask_once(BrokenJson())

    assert reply.status_code == 200
    with pytest.raises(ValueError, match=r"JSON|Unterminated|Expecting"):
        reply.json()


def test_a_drop_ends_half_way_through_the_body():
    with pytest.raises(httpx.RemoteProtocolError, match=r"received \d+ bytes, expected \d+"):
        ask_once(Drop())


def test_a_refusal_is_a_reset_without_one_byte():
    async def main():
        async with FaultyServer({"m": [Refuse()]}) as server:
            url = httpx.URL(server.base_url)
            reader, writer = await asyncio.open_connection(url.host, url.port)
            body = httpx.Request("POST", url, json=ASK).content
            fields = f"Host: {url.host}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(f"POST {url.path}/chat/completions HTTP/1.1\r\n{fields}".encode() + body)
            try:
                with pytest.raises(ConnectionResetError):
                    await reader.read(1)
            finally:
                writer.close()

    asyncio.run(main())


# Streams


def events_of(behaviour, **more):
    lines = ask_once(behaviour, {**ASK, "stream": True, **more}).text.split("\n\n")
    assert lines.pop() == ""
    return [line.removeprefix("data: ") for line in lines]


def test_a_stream_tells_its_tokens_if_that_is_asked_for():
    *chunks, tokens, done = events_of(Answer("hi"), stream_options={"include_usage": True})

    assert [json.loads(chunk)["usage"] for chunk in chunks] == [None, None, None]
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert (json.loads(tokens)["choices"], json.loads(tokens)["usage"]) == ([], usage)
    assert done == "[DONE]"


@pytest.mark.parametrize("more", [{}, {"stream_options": None}, {"stream_options": {}}])
def test_a_stream_tells_no_tokens_unless_that_is_asked_for(more):
    *chunks, done = events_of(Answer("hi"), **more)

    assert [set(json.loads(chunk)) & {"usage"} for chunk in chunks] == [set(), set(), set()]
    assert done == "[DONE]"


def test_a_streams_broken_json_is_in_a_whole_response_too():
    role, broken = events_of(BrokenJson())

    assert json.loads(role)["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(broken)


def test_a_stream_is_dropped_in_the_middle_of_an_event():
    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        events_of(Drop())


# The script


def test_behaviours_are_played_in_order_per_model_and_the_last_is_repeated():
    async def main():
        script = {"m": [Status(500), Answer("hi")], "n": (Status(401),)}
        async with FaultyServer(script) as server:
            models = ["m", "n", "m", "n", "m"]
            return [(await post(server, {**ASK, "model": m})).status_code for m in models]

    assert asyncio.run(main()) == [500, 401, 200, 401, 200]


def test_an_unknown_model_is_not_found():
    reply = ask_once(Answer("hi"), {**ASK, "model": "gpt-9"})

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"
    assert "'gpt-9'" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\xff",
        b"[" * 100_000,
        [],
        {},
        {"model": "m"},
        {**ASK, "model": 4},
        {**ASK, "messages": "hello"},
        {**ASK, "messages": []},
        {**ASK, "messages": ["hello"]},
        {**ASK, "messages": [{"role": "user", "content": None}]},
        {**ASK, "messages": [{"role": "user"}]},
        {**ASK, "messages": [{"role": "user", "content": []}]},
        {**ASK, "messages": [{"role": "user", "content": ["hello"]}]},
        {**ASK, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
        {**ASK, "messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]},
        {**ASK, "messages": [{"role": "nobody", "content": "hello"}]},
        {**ASK, "messages": [{"role": "nobody", "content": [{"type": "text", "text": "a"}]}]},
        {**ASK, "messages": [{"content": "hello"}]},
        {**ASK, "messages": [*ASK["messages"], None]},
    ],
)
def test_a_body_that_is_not_a_chat_request_is_a_bad_request(body):
    async def main():
        async with FaultyServer({"m": [Answer("hi")]}) as server:
            return await post(server, body), server.requests

    reply, requests = asyncio.run(main())

    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert requests == []


def test_the_record_holds_the_model_and_the_last_words_of_the_user_and_nothing_else():
    talk = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "well"},
    ]

    async def main():
        async with FaultyServer({"m": [Answer("hi")]}) as server:
            await post(server, {**ASK, "messages": talk}, headers={"Authorization": "Bearer k-1"})
            await post(server, {**ASK, "model": "unknown"})
            return server

    server = asyncio.run(main())

    asked = [vars(request) for request in server.requests]
    first, second = ("m", "second"), ("unknown", "hello")
    assert asked == [{"model": m, "message": said} for m, said in (first, second)]
    assert "k-1" not in repr(vars(server))


PARTS = [
    {"type": "text", "text": "What "},
    {"type": "image_url", "image_url": {"url": "data:,"}},
    {"type": "text", "text": "is this?"},
]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([{"role": "user", "content": PARTS}], "What is this?"),
        ([{"role": "user", "content": PARTS[1:2]}], ""),
        ([{"role": "user", "content": ""}], ""),
        ([{"role": "system", "content": "be brief"}], "be brief"),
        ([{"role": "developer", "content": [PARTS[0]]}], "What "),
        (
            [
                {"role": "user", "content": "hello"},
                {"role": "assistant", "content": None, "tool_calls": [{}]},
                {"role": "tool", "tool_call_id": "1", "content": "42"},
            ],
            "hello",
        ),
        ([{"role": "assistant"}], ""),
    ],
)
def test_whatever_the_real_api_takes_is_a_chat_request(messages, said):
    async def main():
        async with FaultyServer({"m": [Answer("hi")]}) as server:
            reply = await post(server, {**ASK, "messages": messages})
            return reply.status_code, [request.message for request in server.requests]

    assert asyncio.run(main()) == (200, [said])


@pytest.mark.parametrize(
    ("method", "path", "code", "says"),
    [
        ("GET", "/models", 404, "Invalid URL (GET /v1/models)"),
        ("POST", "/embeddings", 404, "Invalid URL (POST /v1/embeddings)"),
        ("PUT", "/chat/completions/", 404, "Invalid URL (PUT /v1/chat/completions/)"),
        ("GET", "/chat/completions", 405, "Not allowed to GET on /v1/chat/completions"),
    ],
)
def test_what_is_not_there_is_an_error_in_json(method, path, code, says):
    async def main():
        async with FaultyServer({"m": [Answer("hi")]}) as server:
            async with httpx.AsyncClient(trust_env=False) as client:
                return await client.request(method, server.base_url + path)

    reply = asyncio.run(main())

    assert (reply.status_code, reply.headers["content-type"]) == (code, "application/json")
    error = {"message": says, "type": "invalid_request_error", "param": None, "code": None}
    assert reply.json() == {"error": error}


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        ([Hang()], TypeError, r"script must map .* got \[Hang\(\)\]"),
        ({4: [Hang()]}, TypeError, "script: a model must be a string, got 4"),
        ({"": [Hang()]}, ValueError, "script: a model must not be empty"),
        ({"m": Hang()}, TypeError, r"script: 'm' must have a list .* got Hang\(\)"),
        ({"m": []}, ValueError, "script: 'm' must have at least one behaviour, got none"),
        ({"m": [Hang]}, TypeError, "script: 'm' must have behaviours, got <class .*Hang"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(script, error, says):
    with pytest.raises(error, match=says):
        FaultyServer(script)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Answer(None), TypeError, "text must be a string, got None"),
        (lambda: Answer("hi", after=-1), ValueError, "after must be .* got -1"),
        (lambda: Answer("hi", after="1"), TypeError, "after must be a number, got '1'"),
        (lambda: Status("500"), TypeError, "code must be a whole number, got '500'"),
        (lambda: Status(200), ValueError, "code must be at least 400, got 200"),
        (lambda: Status(600), ValueError, "code must be at most 599, got 600"),
        (lambda: Status(500, message=5), TypeError, "message must be a string, got 5"),
        (lambda: Status(500, -1), ValueError, "retry_after must be .* got -1"),
        (lambda: RateLimit(float("nan")), ValueError, "retry_after must be .* got nan"),
        (lambda: RateLimit("20"), TypeError, "retry_after must be a number, got '20'"),
        (lambda: RateLimit(datetime(2030, 1, 1)), ValueError, "retry_after must have a time zone"),
    ],
)
def test_a_behaviour_checks_itself(make, error, says):
    with pytest.raises(error, match=says):
        make()


# Housekeeping


def test_it_listens_on_this_machine_only():
    async def main():
        async with FaultyServer({}) as server:
            [listener] = server._http._sockets.values()
            assert server.base_url == f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
            return listener.getsockname()[0]

    assert asyncio.run(main()) == "127.0.0.1"


def test_it_has_no_address_unless_it_runs():
    server = FaultyServer({"m": [Hang()]})

    with pytest.raises(RuntimeError, match="the server is not running"):
        _ = server.base_url


def test_it_cannot_be_started_twice_at_once_but_again():
    async def main():
        server = FaultyServer({"m": [Answer("first"), Answer("second")]})
        async with server:
            with pytest.raises(RuntimeError, match="running already"):
                await server.__aenter__()
            await post(server)
        async with server:
            return (await post(server)).json()["choices"][0]["message"]["content"]

    assert asyncio.run(main()) == "second"


@pytest.mark.parametrize("behaviour", EVERY_BEHAVIOUR, ids=lambda b: type(b).__name__)
def test_shutdown_ends_every_request_and_leaves_nothing_behind(behaviour, caplog):
    caplog.set_level(logging.DEBUG)

    async def main():
        asyncio.get_running_loop().slow_callback_duration = 60  # a slow machine is no noise
        async with asyncio.timeout(60):
            async with FaultyServer({"m": [behaviour]}) as server:
                port = httpx.URL(server.base_url).port
                requests = [asyncio.create_task(post(server)) for _ in range(3)]
                await until(lambda: len(server.requests) == 3)
            assert not server._playing
            await asyncio.wait(requests)
            for request in requests:
                request.exception()
            assert not other_tasks()
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", port))

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(main(), debug=True)
        gc.collect()
    noise = [record for record in caplog.records if record.levelno > logging.INFO]
    assert noise == []
    assert not [record for record in caplog.records if record.name.startswith("tornado")]


def test_shutdown_does_not_wait_for_a_request_that_was_never_finished():
    async def main():
        async with FaultyServer({"m": [Hang()]}) as server:
            url = httpx.URL(server.base_url)
            idle, partial = [await asyncio.open_connection(url.host, url.port) for _ in range(2)]
            partial[1].write(b"POST /v1/chat/compl")
            await partial[1].drain()
        assert await idle[0].read() == b""
        for _, writer in (idle, partial):
            writer.close()
        await asyncio.sleep(0)
        assert not other_tasks()

    asyncio.run(main())


@pytest.mark.parametrize("behaviour", [Hang(), Answer("late", after=60)])
def test_a_request_ends_when_its_client_goes_away(behaviour):
    async def main():
        async with FaultyServer({"m": [behaviour]}) as server:
            request = asyncio.create_task(post(server))
            await until(lambda: server._playing)
            request.cancel()
            await until(lambda: not server._playing)

    asyncio.run(main())
