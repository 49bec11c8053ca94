"""What a chat server may do to a request: answer it, or fail in one of the ways that servers have.

Each behaviour is a small frozen value that checks its own arguments, so a script that cannot be
played is refused when it is written.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from resilience_lab.ground.arguments import non_negative, whole
from resilience_lab.live.chat_format import error_body

if TYPE_CHECKING:
    from resilience_lab.live.exchange import Exchange


class Behaviour(ABC):
    """What the server does to one request. A behaviour checks its own arguments."""

    @abstractmethod
    async def play(self, exchange: Exchange) -> None:
        """Answer the exchange, or fail to."""


@dataclass(frozen=True)
class Answer(Behaviour):
    """A good answer.

    Parameters
    ----------
    text
        What it says.
    after
        Seconds before it is sent, >= 0.

    Raises
    ------
    ValueError, TypeError
        For an argument that makes no sense; the same holds of all behaviours.
    """

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
    """A good answer in chunks. A request that does not ask for a stream gets it whole.

    Parameters
    ----------
    chunks
        The pieces of the answer, in order.
    every
        Seconds before each chunk, >= 0.
    cut_after
        How many chunks are sent before the connection breaks, >= 0: a whole answer breaks off half
        way then. None for an answer that is finished.
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
    """An HTTP error.

    Parameters
    ----------
    code
        The status, 400 to 599.
    retry_after
        Becomes the `Retry-After` header: seconds, >= 0, or a datetime with a time zone. None for
        no such header.
    message
        The server's own explanation.
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
        exchange.reply(self.code, error_body(self.message, kind), self.retry_after)


@dataclass(frozen=True)
class RateLimit(Behaviour):
    """Too many requests (429).

    Parameters
    ----------
    retry_after
        Becomes the `Retry-After` header: seconds, >= 0, or a datetime with a time zone. None for
        no such header.
    """

    retry_after: float | datetime | None = None

    def __post_init__(self) -> None:
        _require_moment("retry_after", self.retry_after)

    async def play(self, exchange: Exchange) -> None:
        document = error_body("Rate limit reached", "requests", "rate_limit_exceeded")
        exchange.reply(429, document, self.retry_after)


@dataclass(frozen=True)
class BrokenJson(Behaviour):
    """A whole HTTP answer, or a whole stream, whose JSON stops in the middle."""

    async def play(self, exchange: Exchange) -> None:
        document = exchange.document("never seen")
        if not exchange.streams:
            exchange.reply(200, _first_half(document))
            return
        await exchange.send_chunks([])
        exchange.write(_first_half(document) + b"\n\n")
        exchange.finish()


@dataclass(frozen=True)
class Drop(Behaviour):
    """Promises an answer, sends half of it, before its first word, and closes the connection."""

    async def play(self, exchange: Exchange) -> None:
        document = exchange.document("never seen")
        if exchange.streams:
            await exchange.send_chunks([])
        else:
            exchange.set_header("Content-Type", "application/json")
            exchange.set_header("Content-Length", len(document))
        exchange.write(_first_half(document))
        await exchange.flush()
        exchange.detach().close()


def _first_half(document: bytes) -> bytes:
    return document[: len(document) // 2]


def _require_string(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")


def _require_moment(name: str, value: object) -> None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{name} must have a time zone if it is a datetime, got {value!r}")
    elif value is not None:
        non_negative(name, value)
