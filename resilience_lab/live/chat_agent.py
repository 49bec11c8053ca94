"""An agent behind HTTP: any endpoint that speaks OpenAI's chat completions.

Its promise is that every way to fail has a name. A caller that retries must tell "wait a little"
from "try again" from "never", and a stack trace out of an HTTP library says none of these. The API
key goes into one header and nowhere else: no error, log record or event shows it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from functools import cache
from typing import TypeVar

from resilience_lab.errors import (
    AgentConnectionError,
    AgentError,
    AgentResponseError,
    AgentTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    ServerFaultError,
)
from resilience_lab.fallback.agents import BaseAgent
from resilience_lab.ground.arguments import positive, text
from resilience_lab.live.api_key import ApiKey, kept_from_logs
from resilience_lab.live.connection import LOST, LostError, open_client, why_lost
from resilience_lab.live.event_stream import events_of
from resilience_lab.live.lab_extra import lab_extra
from resilience_lab.live.replies import Reply, UnusableError, explanation, is_out_of_quota, parsed
from resilience_lab.live.retry_after import parse_retry_after
from resilience_lab.live.wire import Wire

with lab_extra("ChatAgent"):
    import httpx

E = TypeVar("E", bound=BaseException)

_MOST_BYTES = 10_000_000  # of a response; a chat answer has some thousands
_LINGER = 1.0  # seconds in which a stream may end after its answer
_MOST_WORDS = 200  # characters of a server's explanation
_PASSING = {408, 409, 425}  # timeout, conflict, too early: of the client's kind, but they pass


class ChatAgent(BaseAgent):
    """Asks a model behind an OpenAI-style endpoint. One agent may serve several event loops.

    Parameters
    ----------
    name
        Tells the agent from the others of a chain.
    base_url
        Where the server is, such as "http://127.0.0.1:8000/v1".
    model
        The name of the model, as the server knows it.
    api_key
        The server's key, or None for a server that needs none. It is never shown: a key that comes
        back in an answer or an explanation is redacted.
    timeout
        Seconds, > 0. It bounds the whole of `run`, so a server that trickles cannot stretch it, and
        in `stream` the wait for each chunk.

    Raises
    ------
    ValueError, TypeError
        For arguments that cannot work, without showing the key or a URL that holds a password.

    Examples
    --------
    >>> from resilience_lab.live import FaultyServer, Stream
    >>> async def main():
    ...     async with FaultyServer({"gpt-4": [Stream(["Once ", "upon ", "a time"])]}) as server:
    ...         agent = ChatAgent("GPT-4", server.base_url, "gpt-4", api_key="secret")
    ...         return [chunk async for chunk in agent.stream("a story")]
    >>> asyncio.run(main())
    ['Once ', 'upon ', 'a time']
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        model: str,
        api_key: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        super().__init__(text("name", name))
        if not isinstance(base_url, str):
            raise TypeError(f"base_url must be a string, got a {type(base_url).__name__}")
        self.base_url = base_url.strip()
        self._url = _endpoint(self.base_url)
        self.model = text("model", model)
        self._key = ApiKey(api_key)
        self.timeout = positive("timeout", timeout)

    async def run(self, query: str) -> str:
        """The model's answer to `query`; what comes in chunks nevertheless is joined.

        Raises
        ------
        RateLimitedError
            HTTP status 429.
        ServerFaultError
            Status 5xx, and 408, 409 and 425, which pass as well.
        RequestRefusedError
            Any other status that is not a success, and 429 if the account has nothing left.
        AgentConnectionError, AgentTimeoutError
            The server could not be reached, or was too slow.
        AgentResponseError
            What came is not an answer: an error in spite of a success, a refusal, a tool call, a
            text that a content filter cut off. (A text cut off by a length limit is one.)
        """
        patience = _Patience(self.timeout)
        async with aclosing(_joined(self._exchange(query, patience, stream=False))) as pieces:
            return await self._next(pieces, patience) or ""

    async def stream(self, query: str) -> AsyncGenerator[str, None]:
        """The model's answer to `query` in chunks, as the server sends them.

        Raises the same errors as `run`, before the first chunk or after it; a stream that ends
        without having been finished is an `AgentConnectionError`. To close the generator early
        hangs up.
        """
        patience = _Patience(self.timeout)
        async with aclosing(self._exchange(query, patience, stream=True)) as pieces:
            while (chunk := await self._next(pieces, patience)) is not None:
                yield chunk

    async def _next(
        self, pieces: AsyncGenerator[str | AgentError, None], patience: _Patience
    ) -> str | None:
        """The next piece of an answer; None after the last. A piece that is an error is raised."""
        # An HTTP client's frames hold the headers, and a traceback holds the frames. So the fault
        # arrives here as a value, is raised from here, and knows nothing of where it was found.
        piece: str | AgentError | None
        try:
            with kept_from_logs(self._key):
                try:
                    async with patience.begin():
                        piece = await anext(pieces, None)
                except TimeoutError:
                    piece = AgentTimeoutError(self.name, self.timeout)
                if not isinstance(piece, str):
                    await pieces.aclose()
        except BaseException as error:  # a cancellation
            raise _without_past(error) from None
        if not isinstance(piece, AgentError):
            return piece
        try:
            raise piece
        finally:
            del piece  # or its traceback and this frame would keep each other alive

    async def _exchange(
        self, query: str, patience: _Patience, *, stream: bool
    ) -> AsyncGenerator[str | AgentError, None]:
        """The answer, whole or in chunks, its last piece the error, if there was one."""
        wire = Wire(_MOST_BYTES)
        request = {
            "model": self.model,
            "messages": [{"role": "user", "content": query}],
            "stream": stream,
        }
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # a few compressed bytes may unpack into gigabytes
            **self._key.headers(),
        }
        redacting = self._key.redact_chunks()
        next(redacting)
        fault: AgentError | None = None
        try:
            async with (
                open_client(self._url.host, _tls()) as client,
                client.stream(
                    "POST",
                    self._url,
                    content=json.dumps(request).encode(),
                    headers=headers,
                    extensions={"trace": wire.trace},
                ) as response,
            ):
                fault = await self._judge(response, patience)
                if fault is None:
                    async with aclosing(_texts(response, patience)) as texts:
                        async for text in texts:
                            if chunk := redacting.send(text):
                                yield chunk
        except UnusableError as error:
            words = self._clean(error.words)
            fault = AgentResponseError(self.name, f"{error.why}: {words}" if words else error.why)
        except LOST as error:
            if isinstance(error, httpx.RemoteProtocolError) and not wire.was_dropped:
                fault = AgentResponseError(self.name, "it is not valid HTTP")
            else:
                fault = AgentConnectionError(self.name, why_lost(error))
        if rest := redacting.send(None):
            yield rest
        if fault is not None:
            yield fault

    async def _judge(self, response: httpx.Response, patience: _Patience) -> AgentError | None:
        """What the status means if it is not a success."""
        if response.is_success:
            return None
        status, headers = response.status_code, response.headers
        wait = parse_retry_after(headers.get("retry-after"), headers.get("date"))
        document = await _explanation(response, patience)
        why = self._clean(explanation(document))
        if status == 429:
            if is_out_of_quota(document):
                return RequestRefusedError(self.name, status, why)
            return RateLimitedError(self.name, wait, why)
        if response.is_server_error or status in _PASSING:
            return ServerFaultError(self.name, status, why, wait)
        return RequestRefusedError(self.name, status, why, wait)

    def _clean(self, words: str) -> str:
        """`words` of the server's, fit to print."""
        # Printable first: a key with a control character in it would not be found.
        return self._key.redact(_printable(words))[:_MOST_WORDS]


class _Patience:
    """How long one call waits: `seconds` from each time that it asks for a piece."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = 0.0

    def begin(self) -> asyncio.Timeout:
        """Bounds one wait."""
        self._due = asyncio.get_running_loop().time() + self._seconds
        return asyncio.timeout_at(self._due)

    def linger(self) -> float:
        """The moment until when to wait for more after the end: always before patience is out."""
        now = asyncio.get_running_loop().time()
        return min(now + _LINGER, self._due - self._seconds / 10)


async def _joined(
    pieces: AsyncGenerator[str | AgentError, None],
) -> AsyncGenerator[str | AgentError, None]:
    """The whole answer, or the error."""
    texts, fault = [], None
    async with aclosing(pieces):
        async for piece in pieces:
            if isinstance(piece, AgentError):
                fault = piece
            else:
                texts.append(piece)
    yield fault or "".join(texts)


async def _texts(response: httpx.Response, patience: _Patience) -> AsyncGenerator[str, None]:
    """The answer, in chunks if it comes in chunks. Raises `UnusableError` if there is none."""
    _require_identity(response)
    if _media_type(response) == "text/event-stream":
        async with aclosing(_chunks(response, patience)) as chunks:
            async for chunk in chunks:
                yield chunk
    else:  # also from a server that does not know how to stream
        reply = Reply("message")
        text = reply.read(await _json(response))
        reply.close()
        yield text


async def _chunks(response: httpx.Response, patience: _Patience) -> AsyncGenerator[str, None]:
    """The pieces of a streamed answer. Raises `LostError` or `UnusableError`."""
    reply = Reply("delta")
    until: float | None = None  # when the answer is complete, the server may linger for a moment
    async with events_of(response) as events:
        while True:
            try:
                async with asyncio.timeout_at(until):
                    event = await anext(events, None)
            except (UnusableError, *LOST):
                if until is None:
                    raise
                break
            if event is None:
                break
            if chunk := reply.read_event(event.event, event.data):
                yield chunk
            reply.check()
            if reply.ended and (chunk or until is None):
                until = patience.linger()
    if not reply.ended:
        raise LostError("the stream ended before the answer was complete")
    reply.close()


async def _explanation(response: httpx.Response, patience: _Patience) -> object:
    """The document that comes with a status; None if none can be read, for the status is enough."""
    with suppress(UnusableError, *LOST):
        async with asyncio.timeout_at(patience.linger()):
            _require_identity(response)
            if _media_type(response) == "text/plain":
                return (await _body(response)).decode(errors="replace")
            return await _json(response)
    return None


def _require_identity(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnusableError("it is compressed, and was asked not to be")


def _media_type(response: httpx.Response) -> str:
    kind: str = response.headers.get("content-type", "")
    return kind.partition(";")[0].strip().lower()


async def _json(response: httpx.Response) -> object:
    return parsed(await _body(response))


async def _body(response: httpx.Response) -> bytes:
    return b"".join([chunk async for chunk in response.aiter_raw()])


def _without_past(error: E) -> E:
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _printable(message: str) -> str:
    words = " ".join(message.split())
    return "".join(character for character in words if character.isprintable())


def _endpoint(base_url: str) -> httpx.URL:
    if any(mark in base_url for mark in "@?#"):
        raise ValueError(
            "base_url must have no user, password, query or fragment: "
            "no '@', '?' or '#' (its value is not shown)"
        )
    is_broken = any(map(str.isspace, base_url))
    url = None if is_broken else _url(f"{base_url.rstrip('/')}/chat/completions")
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"base_url must be an http or https URL with a host, got {base_url!r}")
    if url.port is not None and not 0 < url.port < 65536:
        raise ValueError(f"base_url must have a port from 1 to 65535, got {base_url!r}")
    return url


def _url(address: str) -> httpx.URL | None:
    try:
        return httpx.URL(address)
    except httpx.InvalidURL:
        return None


@cache
def _tls() -> ssl.SSLContext:
    """Made once, for all agents: reading the certificates takes longer than a local call."""
    return httpx.create_ssl_context()
