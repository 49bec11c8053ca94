"""The official client must not be able to tell the faulty server from the real API."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest

from resilience_lab.live import (
    Answer,
    BrokenJson,
    Drop,
    FaultyServer,
    Hang,
    RateLimit,
    Refuse,
    Status,
    Stream,
)

WORDS = ["Once ", "upon ", "a time"]
TEXT_PARTS = [{"type": "text", "text": "Tell me "}, {"type": "text", "text": "a story"}]
ASK = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}

FAULTS = [
    (Hang(), openai.APITimeoutError),
    (Refuse(), openai.APIConnectionError),
    (Drop(), openai.APIConnectionError),
    (Stream(WORDS, cut_after=1), openai.APIConnectionError),
    (BrokenJson(), json.JSONDecodeError),
    (RateLimit(20), openai.RateLimitError),
    (Status(400), openai.BadRequestError),
    (Status(401), openai.AuthenticationError),
    (Status(403), openai.PermissionDeniedError),
    (Status(404), openai.NotFoundError),
    (Status(408), openai.APIStatusError),
    (Status(409), openai.ConflictError),
    (Status(422), openai.UnprocessableEntityError),
    (Status(429), openai.RateLimitError),
    (Status(500), openai.InternalServerError),
    (Status(503, 3), openai.InternalServerError),
]


async def ask(client, **options):
    reply = await client.chat.completions.create(**{**ASK, **options})
    return reply.choices[0].message.content


async def read(client, **options):
    stream = await client.chat.completions.create(**{**ASK, **options}, stream=True)
    choices = [chunk.choices[0] async for chunk in stream if chunk.choices]
    assert choices[-1].finish_reason == "stop"
    return "".join(choice.delta.content or "" for choice in choices)


def meet(behaviour, way, timeout=30.0, **options):
    """What the client makes of it, and the requests that the server counted."""

    async def main():
        async with FaultyServer({"m": [behaviour]}) as server:
            client = openai.AsyncOpenAI(
                base_url=server.base_url, api_key="k-1", max_retries=0, timeout=timeout
            )
            async with client:
                try:
                    return await way(client, **options), server.requests
                except Exception as error:
                    return error, server.requests

    return asyncio.run(main())


@pytest.mark.parametrize("way", [ask, read])
@pytest.mark.parametrize("text", ["Once upon a time", "", "über 😀\n\nline"])
def test_an_answer_is_its_text(way, text):
    assert meet(Answer(text), way)[0] == text


@pytest.mark.parametrize("way", [ask, read])
def test_chunks_make_the_same_answer_as_the_whole(way):
    assert meet(Stream(WORDS), way)[0] == "Once upon a time"


@pytest.mark.parametrize("way", [ask, read])
@pytest.mark.parametrize(("behaviour", "kind"), FAULTS, ids=repr)
def test_each_fault_has_the_name_that_the_client_has_for_it(behaviour, kind, way):
    error, requests = meet(behaviour, way, timeout=0.2 if behaviour == Hang() else 30.0)

    assert type(error) is kind
    assert len(requests) == 1


@pytest.mark.parametrize("way", [ask, read])
def test_a_status_tells_the_client_all_it_asks_for(way):
    error, _ = meet(RateLimit(20), way)

    assert (error.status_code, error.code, error.type) == (429, "rate_limit_exceeded", "requests")
    assert error.body["message"] == "Rate limit reached"
    assert error.response.headers["retry-after"] == "20"


@pytest.mark.parametrize("way", [ask, read])
def test_an_unknown_model_is_not_found(way):
    error, _ = meet(Answer("hi"), way, model="gpt-9")

    assert type(error) is openai.NotFoundError
    assert error.code == "model_not_found"


@pytest.mark.parametrize("way", [ask, read])
@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([{"role": "user", "content": TEXT_PARTS}], "Tell me a story"),
        ([{"role": "system", "content": "Be brief"}], "Be brief"),
        ([{"role": "developer", "content": "Be brief"}, *ASK["messages"]], "hello"),
    ],
)
def test_every_kind_of_message_arrives(way, messages, said):
    answer, [request] = meet(Answer("hi"), way, messages=messages)

    assert (answer, request.message) == ("hi", said)


def test_a_stream_ends_with_its_usage_if_that_is_asked_for():
    async def chunks(client):
        options = {"stream": True, "stream_options": {"include_usage": True}}
        return [chunk async for chunk in await client.chat.completions.create(**ASK, **options)]

    *rest, last = meet(Stream(WORDS), chunks)[0]

    assert (last.choices, last.usage.total_tokens) == ([], 0)
    assert {chunk.usage for chunk in rest} == {None}


def test_a_stream_shows_what_came_before_it_was_cut():
    said = []

    async def chunks(client):
        async for chunk in await client.chat.completions.create(**ASK, stream=True):
            said.append(chunk.choices[0].delta.content)

    meet(Stream(WORDS, cut_after=2), chunks)

    assert said == ["", "Once ", "upon "]


def test_what_the_server_does_not_have_is_not_found():
    async def models(client):
        return await client.models.list()

    error, _ = meet(Answer("hi"), models)

    assert type(error) is openai.NotFoundError
    assert error.body["message"] == "Invalid URL (GET /v1/models)"


def test_a_request_that_is_none_is_a_bad_one():
    error, requests = meet(Answer("hi"), ask, messages=[])

    assert type(error) is openai.BadRequestError
    assert requests == []


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_the_client_retries_what_passes(status):
    async def main():
        async with FaultyServer({"m": [Status(status, retry_after=0.001), Answer("hi")]}) as server:
            client = openai.AsyncOpenAI(base_url=server.base_url, api_key="k-1", max_retries=1)
            async with client:
                return await ask(client), len(server.requests)

    assert asyncio.run(main()) == ("hi", 2)
