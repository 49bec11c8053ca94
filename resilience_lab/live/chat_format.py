"""The OpenAI-style chat format as a server sees it: what it is asked, and what it sends back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

DONE = b"data: [DONE]\n\n"
_ROLES = {"system", "developer", "user", "assistant", "tool", "function"}
_NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@dataclass(frozen=True)
class ChatRequest:
    """What the server was asked. It keeps no header, so no API key."""

    model: str
    message: str
    """The last message of the user's; the last of all if none is the user's."""


def document_of(body: bytes) -> object:
    """`body` as JSON; None if it is not."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def asked(document: object) -> ChatRequest | None:
    """What a request asks; None if it is not a chat request."""
    match document:
        case {"model": str(model), "messages": [_, *_] as messages}:
            said = [words for words in map(_spoken, messages) if words is not None]
            if len(said) == len(messages):
                users = [words for role, words in said if role == "user"]
                return ChatRequest(model, (users or [said[-1][1]])[-1])
    return None


def wants_stream(document: object) -> bool:
    """Whether the answer is to come in chunks."""
    match document:
        case {"stream": True}:
            return True
    return False


def wants_usage(document: object) -> bool:
    """Whether a stream is to end with the number of its tokens."""
    match document:
        case {"stream": True, "stream_options": {"include_usage": True}}:
            return True
    return False


def completion(model: str, answer: str) -> bytes:
    """A whole answer. It says that it took no tokens."""
    message = {"role": "assistant", "content": answer}
    document = {
        "id": "chatcmpl-faulty",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _NO_TOKENS,
    }
    return json.dumps(document).encode()


def chunk(
    model: str, delta: dict[str, str], finish_reason: str | None = None, *, has_usage: bool = False
) -> bytes:
    """One server-sent event of a streamed answer. Where usage is asked for, each has the field."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _event(model, [choice], {"usage": None} if has_usage else {})


def usage_chunk(model: str) -> bytes:
    """The event that tells, after the answer, how many tokens it took."""
    return _event(model, [], {"usage": _NO_TOKENS})


def _event(model: str, choices: list[dict[str, Any]], more: dict[str, Any]) -> bytes:
    document = {
        "id": "chatcmpl-faulty",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": choices,
        **more,
    }
    return f"data: {json.dumps(document)}\n\n".encode()


def error_body(message: str, kind: str, code: str | None = None) -> bytes:
    """What comes with an error status."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json.dumps({"error": error}).encode()


def _spoken(message: object) -> tuple[str, str] | None:
    """The role and the words of one message; None if it is not a message."""
    match message:
        case {"role": str(role), "content": str(words)} if role in _ROLES:
            return role, words
        case {"role": str(role), "content": [_, *_] as parts} if role in _ROLES:
            texts = [text for text in map(_text, parts) if text is not None]
            return (role, "".join(texts)) if len(texts) == len(parts) else None
        case {"role": "assistant", **rest} if rest.get("content") is None:  # it called a tool
            return "assistant", ""
    return None


def _text(part: object) -> str | None:
    """The text of a content part, "" if it is an image or a sound; None if it is not a part."""
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "text"}:
            return None
        case {"type": str()}:
            return ""
    return None
