"""A chat server that fails on purpose, over real sockets.

A scripted agent shows what a policy does; this shows that the faults are real: a connection that
hangs, is reset, or breaks off half way, with nothing mocked in between. It speaks the OpenAI-style
`POST /v1/chat/completions`, listens on 127.0.0.1 only, and plays one script per model.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast

from resilience_lab.ground.arguments import text
from resilience_lab.live.behaviours import Behaviour
from resilience_lab.live.chat_format import (
    DONE,
    ChatRequest,
    asked,
    chunk,
    completion,
    error_body,
    parsed,
    usage_chunk,
    wants_stream,
    wants_usage,
)
from resilience_lab.live.lab_extra import lab_extra

with lab_extra("FaultyServer"):
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application, RequestHandler


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
        application = Application(
            routes, default_handler_class=NoSuchPath, log_function=lambda _handler: None
        )
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


class JsonHandler(RequestHandler):
    """Answers in JSON, its errors too, for that is what the clients of such a server expect."""

    def reply(
        self, code: int, document: bytes, retry_after: float | datetime | None = None
    ) -> None:
        """Answer with a JSON `document`."""
        self.set_status(code)
        self.set_header("Content-Type", "application/json")
        if retry_after is not None:
            self.set_header("Retry-After", _retry_after_header(retry_after))
        self.finish(document)

    def refuse(self, code: int, why: str, name: str | None = None) -> None:
        """Answer with an error that is the client's."""
        self.reply(code, error_body(why, "invalid_request_error", name))

    def write_error(self, status_code: int, **_details: object) -> None:
        """Tornado's hook for what no handler answers, such as a method that there is not."""
        request = self.request
        self.refuse(status_code, f"Not allowed to {request.method} on {request.path}")


class NoSuchPath(JsonHandler):
    """Any path but the one."""

    def prepare(self) -> None:
        """Answers whatever the method."""
        self.refuse(404, f"Invalid URL ({self.request.method} {self.request.path})")


class Exchange(JsonHandler):
    """One request, and what a behaviour may do about it."""

    model: str
    streams = False
    _counts_tokens = False

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
        document = parsed(self.request.body)
        request = asked(document)
        if request is None:
            self.refuse(400, "The body is not a chat request")
            return
        self.model, self.streams = request.model, wants_stream(document)
        self._counts_tokens = wants_usage(document)
        behaviour = self._server.next_behaviour(request)
        if behaviour is None:
            self.refuse(404, f"The model {request.model!r} does not exist", "model_not_found")
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
            self.reply(200, completion(self.model, "".join(chunks)))
        elif await self.send_chunks(chunks, every):
            self.write(self._chunk({}, "stop"))
            if self._counts_tokens:
                self.write(usage_chunk(self.model))
            self.finish(DONE)

    async def send_chunks(self, chunks: Sequence[str], every: float = 0.0) -> bool:
        """Begin a stream and send `chunks`; whether the client stayed until then."""
        self.set_header("Content-Type", "text/event-stream")
        self.write(self._chunk({"role": "assistant", "content": ""}))
        await self.flush()
        for piece in chunks:
            if every and await self.ends_within(every):
                return False
            self.write(self._chunk({"content": piece}))
            await self.flush()
        return True

    def document(self, answer: str) -> bytes:
        """`answer` as the document, or as the one chunk, that would carry it."""
        if self.streams:
            return self._chunk({"content": answer})
        return completion(self.model, answer)

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        return chunk(self.model, delta, finish_reason, has_usage=self._counts_tokens)


def _retry_after_header(moment: float | datetime) -> str:
    if isinstance(moment, datetime):
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return f"{moment:.3f}".rstrip("0").rstrip(".")


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
