"""A chat server that fails on purpose, over real sockets.

A scripted agent shows what a policy does; this shows that the faults are real: a connection that
hangs, is reset, or breaks off half way, with nothing mocked in between. It speaks the OpenAI-style
`POST /v1/chat/completions`, listens on 127.0.0.1 only, and plays one script per model.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import struct
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast

from resilience_lab.arguments import non_negative, text, whole
from resilience_lab.live.lab_extra import lab_extra

with lab_extra("FaultyServer"):
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application, RequestHandler


class Behaviour(ABC):
    """What the server does to one request. A behaviour checks its own arguments."""

    @abstractmethod
    async def play(self, exchange: Exchange) -> None:
        """Answer the exchange, or fail to."""


@dataclass(frozen=True)
class Answer(Behaviour):
    """A good answer, `after` seconds (>= 0)."""

    text: str
    after: float = 0.0

    def __post_init__(self) -> None:
        _require_string("text", self.text)
        non_negative("after", self.after)

    async def play(self, exchange: Exchange) -> None:
        if self.after and await exchange.ends_within(self.after):
            return
        await exchange.answer(re.findall(r"\s*\S+\s*$|\s*\S+", self.text) or [self.text])


@dataclass(frozen=True)
class Stream(Behaviour):
    """A good answer in `chunks`, `every` so many seconds (>= 0); cut off after `cut_after` of them.

    A request that does not ask for a stream is answered whole, or cut off half way.
    """

    chunks: Sequence[str]
    every: float = 0.0
    cut_after: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.chunks, str) or not isinstance(self.chunks, Sequence):
            raise TypeError(f"chunks must be a list of strings, got {self.chunks!r}")
        for chunk in self.chunks:
            _require_string("chunks: a chunk", chunk)
        non_negative("every", self.every)
        if self.cut_after is not None:
            whole("cut_after", self.cut_after, at_least=0)

    async def play(self, exchange: Exchange) -> None:
        if self.cut_after is None:
            await exchange.answer(self.chunks, self.every)
        elif exchange.streams:
            await exchange.send_chunks(self.chunks[: self.cut_after], self.every)
            exchange.detach().close()
        else:
            await Drop().play(exchange)


@dataclass(frozen=True)
class Hang(Behaviour):
    """Accepts the request and never answers: the fault that only a timeout can find."""

    async def play(self, exchange: Exchange) -> None:
        await exchange.ends_within(None)


@dataclass(frozen=True)
class Refuse(Behaviour):
    """Resets the connection without one byte of answer."""

    async def play(self, exchange: Exchange) -> None:
        stream = exchange.detach()
        # To linger for zero seconds is to send a reset (RST) where a close would say goodbye (FIN).
        # The two numbers are short on Windows and int everywhere else.
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        stream.close()


@dataclass(frozen=True)
class Status(Behaviour):
    """An HTTP error `code` (400 to 599), with a `message` of the server's own.

    `retry_after` becomes the `Retry-After` header: seconds, or an aware datetime.
    """

    code: int
    retry_after: float | datetime | None = None
    message: str = "this fault is scripted"

    def __post_init__(self) -> None:
        if whole("code", self.code, at_least=400) > 599:
            raise ValueError(f"code must be at most 599, got {self.code!r}")
        _require_moment("retry_after", self.retry_after)
        _require_string("message", self.message)

    async def play(self, exchange: Exchange) -> None:
        kind = "server_error" if self.code >= 500 else "invalid_request_error"
        exchange.reply(self.code, _error(self.message, kind), self.retry_after)


@dataclass(frozen=True)
class RateLimit(Behaviour):
    """Too many requests (429). `retry_after` is a number of seconds or an aware datetime."""

    retry_after: float | datetime | None = None

    def __post_init__(self) -> None:
        _require_moment("retry_after", self.retry_after)

    async def play(self, exchange: Exchange) -> None:
        document = _error("Rate limit reached", "requests", "rate_limit_exceeded")
        exchange.reply(429, document, self.retry_after)


@dataclass(frozen=True)
class BrokenJson(Behaviour):
    """A whole HTTP answer whose JSON stops in the middle."""

    async def play(self, exchange: Exchange) -> None:
        exchange.reply(200, _first_half(_completion(exchange.model, "never seen")))


@dataclass(frozen=True)
class Drop(Behaviour):
    """Promises an answer of some length, sends half of it and closes the connection."""

    async def play(self, exchange: Exchange) -> None:
        document = _completion(exchange.model, "never seen")
        exchange.set_header("Content-Type", "application/json")
        exchange.set_header("Content-Length", len(document))
        exchange.write(_first_half(document))
        await exchange.flush()
        exchange.detach().close()


@dataclass(frozen=True)
class ChatRequest:
    """What the server was asked. It keeps no header, so no API key."""

    model: str
    message: str
    """The last message of the user's."""


class FaultyServer:
    """Serves `script` on a free port of 127.0.0.1, on the running event loop.

        async with FaultyServer({"gpt-4": [RateLimit(20), Answer("hi")]}) as server:
            agent = ChatAgent("GPT-4", server.base_url, "gpt-4")

    `script` maps a model to its behaviours, one a request; the last one is repeated for ever.
    Any other model is not found (404). `requests` holds what was asked. Leaving the block ends
    every request, hanging or not. Raises `ValueError` or `TypeError` for a script that cannot be
    played.
    """

    def __init__(self, script: Mapping[str, Sequence[Behaviour]]) -> None:
        self._script = _checked(script)
        self._asked: Counter[str] = Counter()
        self._playing: set[asyncio.Task[Any]] = set()
        self._http: HTTPServer | None = None
        self._port = 0
        self.requests: list[ChatRequest] = []

    @property
    def base_url(self) -> str:
        """What an OpenAI-style client takes as its base URL, as long as the server runs."""
        self._running()
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> FaultyServer:
        if self._http is not None:
            raise RuntimeError("the server is running already")
        routes = [("/v1/chat/completions", Exchange, {"server": self})]
        # Faults are what this server is for: tornado would log each one as a warning.
        application = Application(routes, log_function=lambda _handler: None)
        sockets = bind_sockets(0, "127.0.0.1", socket.AF_INET)
        self._port = sockets[0].getsockname()[1]
        self._http = HTTPServer(application)
        self._http.add_sockets(sockets)
        return self

    async def __aexit__(self, *_error: object) -> None:
        http, self._http = self._running(), None
        http.stop()
        await http.close_all_connections()
        await asyncio.gather(*self._playing, return_exceptions=True)

    def _running(self) -> HTTPServer:
        if self._http is None:
            raise RuntimeError("the server is not running: use it in `async with`")
        return self._http

    def next_behaviour(self, request: ChatRequest) -> Behaviour | None:
        """Enter `request` in the record; None if there is no such model."""
        self.requests.append(request)
        behaviours = self._script.get(request.model)
        if behaviours is None:
            return None
        turn = self._asked[request.model]
        self._asked[request.model] += 1
        return behaviours[min(turn, len(behaviours) - 1)]

    def wait_for_me(self) -> None:
        """Called by a task that must have ended when the server is gone."""
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._playing.add(task)
        task.add_done_callback(self._playing.discard)


class Exchange(RequestHandler):
    """One request, and what a behaviour may do about it."""

    model: str
    streams = False

    def initialize(self, server: FaultyServer) -> None:
        """Tornado's constructor."""
        self._server = server
        self._ended = asyncio.Event()

    def on_connection_close(self) -> None:
        """The client went away, or the server shuts down."""
        self._ended.set()

    async def post(self) -> None:
        """Play the next behaviour of the model that is asked for."""
        self._server.wait_for_me()
        document = _parsed(self.request.body)
        request = _asked(document)
        if request is None:
            self.reply(400, _error("The body is not a chat request", "invalid_request_error"))
            return
        self.model, self.streams = request.model, _wants_stream(document)
        behaviour = self._server.next_behaviour(request)
        if behaviour is None:
            why = f"The model {request.model!r} does not exist"
            self.reply(404, _error(why, "invalid_request_error", "model_not_found"))
            return
        await behaviour.play(self)

    async def ends_within(self, seconds: float | None) -> bool:
        """Wait so long (None: for ever) for the client to go away; whether it did."""
        try:
            async with asyncio.timeout(seconds):
                return await self._ended.wait()
        except TimeoutError:
            return False

    async def answer(self, chunks: Sequence[str], every: float = 0.0) -> None:
        """Give a good answer, in `chunks` if that is what was asked for."""
        if not self.streams:
            self.reply(200, _completion(self.model, "".join(chunks)))
        elif await self.send_chunks(chunks, every):
            self.write(_event(self.model, {}, "stop") + b"data: [DONE]\n\n")
            self.finish()

    async def send_chunks(self, chunks: Sequence[str], every: float) -> bool:
        """Begin a stream and send `chunks`; whether the client stayed until then."""
        self.set_header("Content-Type", "text/event-stream")
        self.write(_event(self.model, {"role": "assistant", "content": ""}))
        await self.flush()
        for chunk in chunks:
            if every and await self.ends_within(every):
                return False
            self.write(_event(self.model, {"content": chunk}))
            await self.flush()
        return True

    def reply(
        self, code: int, document: bytes, retry_after: float | datetime | None = None
    ) -> None:
        """Answer with a JSON `document`."""
        self.set_status(code)
        self.set_header("Content-Type", "application/json")
        if retry_after is not None:
            self.set_header("Retry-After", _retry_after_header(retry_after))
        self.finish(document)


def _completion(model: str, answer: str) -> bytes:
    message = {"role": "assistant", "content": answer}
    document = {
        "id": "chatcmpl-faulty",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }
    return json.dumps(document).encode()


def _event(model: str, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    """One server-sent event of a streamed answer."""
    document = {
        "id": "chatcmpl-faulty",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }
    return f"data: {json.dumps(document)}\n\n".encode()


def _error(message: str, kind: str, code: str | None = None) -> bytes:
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json.dumps({"error": error}).encode()


def _first_half(document: bytes) -> bytes:
    return document[: len(document) // 2]


def _retry_after_header(moment: float | datetime) -> str:
    if isinstance(moment, datetime):
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return f"{moment:.3f}".rstrip("0").rstrip(".")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _asked(document: object) -> ChatRequest | None:
    match document:
        case {"model": str(model), "messages": [*messages]}:
            said = [message for message in map(_users_words, messages) if message is not None]
            return ChatRequest(model, said[-1]) if said else None
    return None


def _wants_stream(document: object) -> bool:
    match document:
        case {"stream": True}:
            return True
    return False


def _users_words(message: object) -> str | None:
    match message:
        case {"role": "user", "content": str(words)}:
            return words
    return None


def _checked(script: object) -> dict[str, tuple[Behaviour, ...]]:
    if not isinstance(script, Mapping):
        raise TypeError(f"script must map model names to lists of behaviours, got {script!r}")
    return {text("script: a model", model): _line_up(model, script[model]) for model in script}


def _line_up(model: str, behaviours: object) -> tuple[Behaviour, ...]:
    if not isinstance(behaviours, list | tuple):
        raise TypeError(f"script: {model!r} must have a list of behaviours, got {behaviours!r}")
    if not behaviours:
        raise ValueError(f"script: {model!r} must have at least one behaviour, got none")
    for behaviour in behaviours:
        if not isinstance(behaviour, Behaviour):
            raise TypeError(f"script: {model!r} must have behaviours, got {behaviour!r}")
    return tuple(behaviours)


def _require_string(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")


def _require_moment(name: str, value: object) -> None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} must have a time zone if it is a datetime, got {value!r}")
    elif value is not None:
        non_negative(name, value)
