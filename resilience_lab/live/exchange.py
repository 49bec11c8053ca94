"""One HTTP request as the server has it in hand, and all that a behaviour may do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TypeAlias

from resilience_lab.live.chat_format import (
    DONE,
    ChatRequest,
    asked,
    chunk,
    completion,
    document_of,
    error_body,
    usage_chunk,
    wants_stream,
    wants_usage,
)
from resilience_lab.live.lab_extra import lab_extra

with lab_extra("FaultyServer"):
    from tornado.web import RequestHandler

Play: TypeAlias = Callable[["Exchange"], Awaitable[None]]
"""What is done to a request: the `play` of a behaviour."""


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
    """One request, and what a behaviour may do about it.

    `choose` is given by the server: it says what is done to a request; None if there is no such
    model.
    """

    model: str
    streams = False
    _counts_tokens = False

    def initialize(self, choose: Callable[[ChatRequest], Play | None]) -> None:
        """Tornado's constructor."""
        self._choose = choose
        self._ended = asyncio.Event()

    def on_connection_close(self) -> None:
        """The client went away, or the server shuts down."""
        self._ended.set()

    async def post(self) -> None:
        """Play the next behaviour of the model that is asked for."""
        document = document_of(self.request.body)
        request = asked(document)
        if request is None:
            self.refuse(400, "The body is not a chat request")
            return
        self.model, self.streams = request.model, wants_stream(document)
        self._counts_tokens = wants_usage(document)
        play = self._choose(request)
        if play is None:
            self.refuse(404, f"The model {request.model!r} does not exist", "model_not_found")
            return
        await play(self)

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
