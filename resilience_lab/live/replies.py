"""What a chat reply says: its text, or why it has none.

A status of 200 promises little. The reply may call a tool, refuse, be cut by a filter, or report an
error that found no other way out, and each server words that in a way of its own. To take any of
these for an empty answer is the worst mistake of all: it looks like a success, so nothing is
retried and no other agent is asked. One reader serves whole replies and streams, so that the same
reply has the same name in both.
"""

from __future__ import annotations

import json
from typing import Any

_KEEP_ALIVES = {"ping", "heartbeat", "keepalive", "keep-alive"}  # names of events that say nothing
_NO_REASON = {"", "null", "none"}  # how servers spell that a chunk is not the last
_TOOL_CALLS = {"tool_calls", "function_call", "tool_use"}
_FAILURES = {"error", "abort", "aborted", "cancelled", "insufficient_system_resource"}
_LENGTH = {"length", "max_tokens", "model_length"}
_ASIDES = {"thinking", "redacted_thinking", "reasoning", "reference"}  # parts beside the answer
_WORDED = ("message", "msg", "detail", "error", "errors", "reason", "description")
_DEEPEST = 5  # levels of an error in which its words are looked for
_SPENT = {
    "insufficient_quota",
    "exceeded_current_quota_error",
    "billing_hard_limit_reached",
    "billing_not_active",
}


class UnusableError(Exception):
    """What came is not an answer: `why`, and the server's own `words`, not yet fit to print."""

    def __init__(self, why: str, words: str = "") -> None:
        super().__init__(why, words)
        self.why = why
        self.words = words


class Reply:
    """Reads one reply: a whole one, whose text is at `place` "message", or chunks with "delta"s.

    `read` and `read_event` give the text of the next piece, `check` raises `UnusableError` as soon
    as no answer can come of it, and `close` does so after the last piece. `ended` tells that the
    server has announced the end; text that comes after that is still read.
    """

    def __init__(self, place: str) -> None:
        self.ended = False
        self._place = place
        self._has_text = False  # an empty text is one
        self._has_words = False
        self._refusal = ""
        self._fault: UnusableError | None = None
        self._is_cut = False
        self._is_done = False

    def read_event(self, kind: str, data: str) -> str:
        """The text of one server-sent event. What follows "[DONE]" says nothing any more."""
        kind, data = kind.lower(), data.strip()
        if self._is_done or kind in _KEEP_ALIVES:
            return ""
        if kind == "error":
            raise UnusableError("it reports an error", _words_of_data(data))
        if data == "[DONE]":
            self._is_done = self.ended = True
            return ""
        return self.read(parsed(data)) if data else ""

    def read(self, document: object) -> str:
        """The text of one JSON document; "" if it has none. Raises if it reports an error."""
        words = error_in(document)
        if words is not None:
            raise UnusableError("it reports an error", words)
        choice = _first_choice(document)
        places = (choice.get(place) for place in (self._place, "message"))
        said: dict[str, Any] = next((it for it in places if isinstance(it, dict)), {})
        text = self._text(said.get("content"))
        self._refuse(said.get("refusal"))
        if called := said.get("tool_calls") or said.get("function_call"):
            self._fault = self._fault or _tool_call(called)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason.strip().lower() not in _NO_REASON:
            self._end(reason.strip().lower())
        return text

    def check(self) -> None:
        """Raise if no answer can come of what has come so far."""
        if self.ended and self._refusal:
            raise UnusableError("it is a refusal", self._refusal)
        if self._fault is not None:
            raise self._fault

    def close(self) -> None:
        """Raise if no answer has come."""
        self.ended = True
        self.check()
        if not self._has_text:
            raise self._no_text()
        if self._is_cut and not self._has_words:
            raise UnusableError("it reached its length limit before its first word")

    def _text(self, content: object) -> str:
        match content:
            case None:
                return ""
            case str():
                texts = [content]
            case list():
                texts = [text for text in map(self._part, content) if text is not None]
            case _:
                raise self._no_text()
        self._has_text = self._has_text or bool(texts)
        self._has_words = self._has_words or any(texts)
        return _encodable("".join(texts))

    def _part(self, part: object) -> str | None:
        """The text of one part of a list; None if it is none but stands beside the text."""
        if not isinstance(part, dict):
            raise self._no_text()
        match part.get("type", "text"):
            case "text" | "output_text" if isinstance(part.get("text"), str):
                return str(part["text"])
            case "refusal":
                self._refuse(part.get("refusal"))
                return None
            case str(kind) if kind in _ASIDES:
                return None
            case str(kind) if kind not in ("text", "output_text"):
                raise UnusableError("it has a part that is not text", kind)
        raise self._no_text()

    def _refuse(self, words: object) -> None:
        if isinstance(words, str):
            self._refusal += words

    def _end(self, reason: str) -> None:
        self.ended = True
        self._is_cut = reason in _LENGTH
        fault = None
        if reason in _TOOL_CALLS:
            fault = _tool_call(None)
        elif reason in _FAILURES:
            fault = UnusableError("it broke off with finish_reason", reason)
        elif reason == "refusal":
            fault = UnusableError("it is a refusal")
        elif reason.startswith(("content_filter", "safety")):
            fault = UnusableError("a content filter cut it off")
        self._fault = self._fault or fault

    def _no_text(self) -> UnusableError:
        return UnusableError(f"its JSON has no text at choices[0].{self._place}.content")


def parsed(document: bytes | str) -> object:
    """`document` as JSON, with or without a byte order mark. Raises `UnusableError`."""
    try:
        if isinstance(document, bytes):
            document = document.decode("utf-8-sig")
        return json.loads(document)
    except (ValueError, RecursionError):
        raise UnusableError("it is not valid JSON in UTF-8") from None


def error_in(document: object) -> str | None:
    """The words of the error that `document` reports, "" if it has none; None without an error.

    An `error` counts wherever it stands. The looser shapes, such as `{"detail": ...}`, count only
    where there is no choice.
    """
    match document:
        case [dict() as first, *_]:  # an error comes in a list from some
            return error_in(first)
        case {"object": "error"} | {"type": "error"}:
            return _words(document)
        case {**fields}:
            pass
        case _:
            return None
    choice = _first_choice(document)
    for error in (fields.get("error"), fields.get("errors"), choice.get("error")):
        if any(error.values()) if isinstance(error, dict) else error:
            return _words(error)
    loose = (fields.get(key) for key in ("detail", "message", "msg"))
    return None if choice else next(filter(None, map(_loose_words, loose)), None)


def explanation(document: object) -> str:
    """The words of a document that came with an error status, in whatever shape; "" without any."""
    return document if isinstance(document, str) else error_in(document) or ""


def is_out_of_quota(document: object) -> bool:
    """Whether `document` is the error of an account that has nothing left: no wait brings more."""
    match document:
        case {"error": dict() as error}:
            return is_out_of_quota(error)
        case {**fields}:
            names = (fields.get(key) for key in ("error", "code", "type"))
            return any(isinstance(name, str) and name in _SPENT for name in names)
    return False


def _words_of_data(data: str) -> str:
    try:
        document = parsed(data)
    except UnusableError:
        return data
    return error_in(document) or _words(document)


def _loose_words(value: object) -> str:
    # A message may also be one of a conversation, as an object, from a server of another kind.
    return "" if isinstance(value, dict) and "role" in value else _words(value)


def _words(value: object, depth: int = _DEEPEST) -> str:
    """What an error says in words; its fields, if it has no message at all."""
    if not depth or isinstance(value, str):
        return value if isinstance(value, str) else ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_words(item, depth - 1) for item in value)))
    if not isinstance(value, dict):
        return ""
    for key in _WORDED:
        if found := _words(value.get(key), depth - 1):
            return found
    if value.get("message") == "":
        return ""
    fields = ((k, v) for k, v in value.items() if isinstance(v, str | int | float))
    return ", ".join(f"{name}: {field}" for name, field in fields)


def _tool_call(called: object) -> UnusableError:
    match called:
        case [{"function": {"name": str(name)}}, *_] | {"name": str(name)}:
            return UnusableError("it is a tool call, not text", name)
    return UnusableError("it is a tool call, not text")


def _first_choice(document: object) -> dict[str, Any]:
    match document:
        case {"choices": [dict() as choice, *_]}:
            return choice
    return {}


def _encodable(content: str) -> str:
    try:
        content.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can spell it, nothing can print it
        raise UnusableError("its text is not valid Unicode") from None
    return content
