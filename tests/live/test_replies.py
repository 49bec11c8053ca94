"""What a reply says has one name, however it was asked for and however it comes.

Each reply is met in four ways: asked whole or as a stream, and answered as JSON or in events.
"""

from __future__ import annotations

import asyncio
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reply_helpers import ask, both, event, events, meet, piece, read, whole, why
from socket_helpers import response

from resilience_lab.errors import RateLimitedError, RequestRefusedError, ServerFaultError
from resilience_lab.live import chat_agent
from resilience_lab.live.replies import (
    Reply,
    UnusableError,
    error_in,
    explanation,
    is_out_of_quota,
    parsed,
)

KEY = "sk-live-0123456789"


# Answers


@pytest.mark.parametrize(
    "reply",
    [
        events(piece("The answer"), piece(" is 42", "stop")),
        events(piece("The ", ""), piece("answer is", ""), piece(" 42", "stop")),
        events(piece("The ", "null"), piece("answer is 42", "None"), piece({}, "stop")),
        events(piece("The answer"), piece(" is 42")),
        events(piece("The answer is 42", "stop"), end=b""),
        events(piece("The answer", "stop"), piece(" is 42", "stop")),
        events(piece({"content": [{"type": "text", "text": "The answer"}]}), piece(" is 42")),
        events(event({"choices": [{"message": {"content": "The answer is 42"}}]})),
        events(piece({"role": "assistant", "content": None}), piece("The answer is 42", "length")),
        whole("The answer is 42"),
        whole("The answer is 42", None),
        whole({"content": "The answer is 42", "refusal": None, "tool_calls": []}),
        whole(
            {
                "content": [
                    {"type": "text", "text": "The "},
                    {"type": "text", "text": "answer is 42"},
                ]
            }
        ),
        whole({"content": [{"text": "The answer "}, {"type": "output_text", "text": "is 42"}]}),
        whole({"content": [{"type": "thinking", "thinking": "hm"}, {"text": "The answer is 42"}]}),
        response({"error": None, "choices": [{"message": {"content": "The answer is 42"}}]}),
        response(
            {"error": {"message": None}, "choices": [{"message": {"content": "The answer is 42"}}]}
        ),
    ],
)
def test_an_answer_is_all_of_its_text_whether_it_comes_whole_or_in_pieces(reply):
    assert both(reply) == ("The answer is 42", "The answer is 42")


@pytest.mark.parametrize("reply", [whole(""), events(piece("", "stop")), events(piece(""))])
def test_an_empty_text_is_an_answer(reply):
    assert both(reply) == ("", "")


def test_a_stream_is_not_asked_for_unless_it_is_wanted():
    bodies = []

    async def note(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [line for line in head.lower().splitlines() if line.startswith(b"content-len")]
        bodies.append(json.loads(await reader.readexactly(int(length.split(b":")[1]))))
        writer.write(whole("hi"))
        writer.close()

    async def main():
        async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
            base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            await ask(base_url)
            await read(base_url)

    asyncio.run(main())

    assert [body["stream"] for body in bodies] == [False, True]


# What is no answer


@pytest.mark.parametrize(
    ("message", "reason", "says"),
    [
        ({"tool_calls": [{"index": 0}]}, "tool_calls", "it is a tool call, not text"),
        (
            {"tool_calls": [{"function": {"name": "weather"}}]},
            None,
            "it is a tool call, not text: weather",
        ),
        ({"function_call": {"name": "weather"}}, "stop", "it is a tool call, not text: weather"),
        ({"content": "Let me see"}, "tool_calls", "it is a tool call, not text"),
        ({"content": ""}, "function_call", "it is a tool call, not text"),
        ({"refusal": "I will not."}, "stop", "it is a refusal: I will not."),
        ({"content": "", "refusal": "No."}, None, "it is a refusal: No."),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, "stop", "it is a refusal: No."),
        ({"content": ""}, "refusal", "it is a refusal"),
        ({}, "content_filter", "a content filter cut it off"),
        ({"content": "The first half"}, "content_filter", "a content filter cut it off"),
        ({"content": ""}, "content_filter: RECITATION", "a content filter cut it off"),
        ({"content": ""}, "SAFETY", "a content filter cut it off"),
        ({"content": "The ans"}, "error", "it broke off with finish_reason: error"),
        ({"content": "The ans"}, "abort", "it broke off with finish_reason: abort"),
        ({"content": ""}, "length", "it reached its length limit before its first word"),
        (
            {"content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "stop",
            "it has a part that is not text: image_url",
        ),
    ],
)
def test_what_is_no_text_answer_is_named_and_never_an_empty_success(message, reason, says):
    assert why(whole(message, reason)) == says
    assert why(events(piece(message, reason))) == says


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"content": None},
        {"reasoning_content": "hm"},
        {"content": []},
        {"content": 7},
        {"content": {"text": "hi"}},
        {"content": ["hi"]},
        {"content": [{"type": "text"}]},
        {"content": [{"type": 7, "text": "hi"}]},
        {"content": [{"type": "thinking", "thinking": "hm"}]},
    ],
)
def test_a_reply_without_text_is_no_answer(message):
    says = "its JSON has no text at choices[0].{}.content"

    assert why(whole(message)) == says.format("message")
    assert why(events(piece(message, "stop"))) == says.format("delta")


@pytest.mark.parametrize("stream", [events(), events(event({"usage": {}})), events(event(None))])
def test_a_stream_that_is_done_without_a_word_is_no_answer(stream):
    assert why(stream) == "its JSON has no text at choices[0].delta.content"


def test_a_refusal_in_pieces_is_told_whole():
    pieces = [piece({"refusal": "I will"}), piece({"refusal": " not."}), piece({}, "stop")]

    assert why(events(*pieces)) == "it is a refusal: I will not."


def test_what_came_before_a_fault_has_been_shown():
    chunks, error = meet(events(piece("The ans", "error")), read)

    assert chunks == ["The ans"]
    assert error.why == "it broke off with finish_reason: error"


# Errors inside a success

ERRORS = [
    ({"error": "CUDA out of memory"}, "CUDA out of memory"),
    ({"error": {"message": "overloaded"}}, "overloaded"),
    ({"error": {"message": "overloaded", "code": 502}, "choices": []}, "overloaded"),
    ({"error": {"code": 502, "type": "upstream"}}, "code: 502, type: upstream"),
    ({"error": {"message": {"detail": "nested"}}}, "nested"),
    ({"error": {"message": None, "code": 502}}, "code: 502"),
    ({"error": ["first", {"message": "second"}]}, "first; second"),
    ({"errors": [{"message": "no such model"}]}, "no such model"),
    ([{"error": {"message": "in a list"}}], "in a list"),
    ({"object": "error", "message": "model not loaded"}, "model not loaded"),
    ({"type": "error", "error": {"message": "overloaded"}}, "overloaded"),
    ({"detail": "Not authenticated"}, "Not authenticated"),
    ({"detail": [{"loc": ["body"], "msg": "field required"}]}, "field required"),
    ({"message": "Forbidden"}, "Forbidden"),
    ({"error": {"a": {"b": 1}}}, ""),
    ({"error": True}, ""),
    ({"error": 502}, ""),
]


@pytest.mark.parametrize(("document", "words"), ERRORS)
def test_an_error_inside_a_success_is_told_in_the_servers_own_words(document, words):
    says = f"it reports an error: {words}".removesuffix(": ")

    assert why(response(document)) == says
    assert why(events(piece("The ans"), event(document))) == says


def test_an_error_in_a_choice_is_one_as_well():
    error = {"code": 502, "message": "upstream died"}

    assert why(whole("The ans", "error", error=error)) == "it reports an error: upstream died"
    stream = events(piece("The ans"), piece({}, "error", error=error))
    assert why(stream) == "it reports an error: upstream died"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("CUDA out of memory", "CUDA out of memory"),
        ('"CUDA out of memory"', "CUDA out of memory"),
        ('{"message": "out of memory"}', "out of memory"),
        ('{"error": {"message": "out of memory"}}', "out of memory"),
        ('{"code": 500}', "code: 500"),
        ("null", ""),
        ("", ""),
    ],
)
def test_an_event_named_error_is_an_error_whatever_its_data(data, words):
    stream = events(piece("The ans"), f"event: error\ndata: {data}\n\n".encode())

    assert why(stream) == f"it reports an error: {words}".removesuffix(": ")


def test_an_error_that_comes_after_the_end_was_announced_is_still_one():
    stream = events(piece("The answer", "stop"), event({"error": "lost the rest"}))

    assert why(stream) == "it reports an error: lost the rest"


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        ["error"],
        {},
        {"error": None},
        {"error": ""},
        {"error": {}},
        {"error": {"message": None, "code": 0}},
        {"errors": []},
        {"detail": 7},
        {"message": {"role": "assistant", "content": "hi"}},
        {"choices": [{"delta": {}}], "message": "all is well"},
    ],
)
def test_not_every_mention_of_an_error_is_one(document):
    assert error_in(document) is None


def test_words_are_not_looked_for_without_end():
    error = "deep"
    for _ in range(900):
        error = {"error": error}

    assert error_in(error) == ""


def test_the_servers_words_are_short_fit_to_print_and_without_the_key():
    words = f"bad\x00 key\n{KEY} \u202e" + "x" * 1000
    says = "bad key [API key] " + "x" * 182

    for document in ({"error": words}, {"detail": [{"msg": words}]}, {"error": {"code": words}}):
        told = why(response(document), api_key=KEY)
        assert told.removeprefix("it reports an error: ").removeprefix("code: ") in says
        assert len(told) <= len("it reports an error: ") + 200
    assert why(whole({"refusal": words}), api_key=KEY) == f"it is a refusal: {says}"
    call = {"tool_calls": [{"function": {"name": words}}]}
    assert why(whole(call), api_key=KEY) == f"it is a tool call, not text: {says}"


def test_what_a_key_might_have_begun_with_is_not_lost_with_the_stream():
    chunks, error = meet(events(piece("of words"), event({"error": "down"})), read, api_key=KEY)

    assert "".join(chunks) == "of words"
    assert error.why == "it reports an error: down"


# Errors with a status


@pytest.mark.parametrize(
    ("document", "words"),
    [*ERRORS, ("plain words", "plain words"), ({}, ""), ({"error": {"message": ""}}, "")],
)
def test_a_status_is_told_in_the_servers_own_words_too(document, words):
    asked, streamed = both(response(document, "503 Busy"))

    assert (asked.args, streamed.args) == (("A", 503, words, None),) * 2


def test_a_status_may_be_explained_in_plain_text():
    plain = response(b"upstream timed out\n", "504 Slow", Content_Type="text/plain; charset=x")

    assert meet(plain, ask).why == "upstream timed out"


@pytest.mark.parametrize("status", [408, 409, 425, 500, 503, 529])
def test_a_status_that_passes_says_so(status):
    for error in both(response({"error": {"message": "later"}}, f"{status} Later")):
        assert type(error) is ServerFaultError
        assert (error.status, error.why) == (status, "later")


def test_a_rate_limit_has_the_servers_words():
    limited = response({"error": {"message": "10 a minute"}}, "429 Slow", Retry_After="20")

    for error in both(limited):
        assert type(error) is RateLimitedError
        assert str(error) == "agent 'A' is rate limited (10 a minute); retry after 20 s"
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "check billing", "code": "insufficient_quota"}},
        {"error": {"message": "check billing", "type": "insufficient_quota", "code": None}},
        {"error": {"message": "check billing", "type": "exceeded_current_quota_error"}},
        {"object": "error", "message": "check billing", "code": "billing_hard_limit_reached"},
        {"error": "insufficient_quota", "message": "check billing"},
    ],
)
def test_an_account_with_nothing_left_is_not_rate_limited(error):
    for refused in both(response(error, "429 Too Many Requests", Retry_After="1")):
        assert type(refused) is RequestRefusedError
        assert (refused.status, refused.retry_after) == (429, None)  # no wait would help
        assert refused.why in ("check billing", "insufficient_quota")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": {"code": ["insufficient_quota"]}}'])
def test_any_other_429_is_a_rate_limit(body):
    assert type(meet(response(body, "429 Slow"), ask)) is RateLimitedError


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (500, ServerFaultError)])
def test_a_status_whose_explanation_never_ends_is_still_told(monkeypatch, status, kind):
    monkeypatch.setattr(chat_agent, "_LINGER", 0.02)

    async def hang(writer, _head):
        writer.write(f"HTTP/1.1 {status} Oops\r\nContent-Length: 99\r\n\r\n{{".encode())
        await writer.drain()
        while not writer.is_closing():  # until the client has hung up
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.001)

    asked, streamed = meet(hang, ask), meet(hang, read)[1]

    assert (type(asked), type(streamed)) == (kind, kind)


# How it is written


def test_text_that_nobody_can_print_is_no_answer():
    assert why(events(piece("\ud800"))) == "its text is not valid Unicode"


def test_parsing_knows_json_only():
    with pytest.raises(UnusableError) as error:
        parsed("{oops")

    assert error.value.why == "it is not valid JSON in UTF-8"


def test_reading_goes_on_after_the_announced_end():
    reply = Reply("delta")

    first = reply.read({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})
    second = reply.read({"choices": [{"delta": {"content": "b"}}]})
    reply.close()

    assert (first, second, reply.ended) == ("a", "b", True)


WORDS = ["choices", "message", "delta", "content", "type", "text", "error", "detail", "refusal"]
KEYS = st.sampled_from(
    [*WORDS, "object", "code", "tool_calls", "function", "name", "finish_reason"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*WORDS, "stop"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner))


@given(JSON, st.lists(JSON, max_size=2), st.sampled_from(["message", "delta"]))
def test_any_json_is_text_or_a_named_error(first, said, place):
    documents = [first, *({"choices": [{place: each, "finish_reason": each}]} for each in said)]
    reply, text = Reply(place), ""

    try:
        for document in documents:
            text += reply.read(document)
            reply.check()
        reply.close()
    except UnusableError as error:
        assert error.why
        assert isinstance(error.words, str)
    else:
        text.encode()
    assert isinstance(explanation(first), str)
    assert is_out_of_quota(first) in (True, False)
