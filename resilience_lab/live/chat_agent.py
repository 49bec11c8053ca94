"""An agent behind HTTP: any endpoint that speaks OpenAI's chat completions.

Its promise is that every way to fail has a name. A caller that retries must tell "wait a little"
from "try again" from "never", and a stack trace out of an HTTP library says none of these. The API
key goes into one header and nowhere else: no error, log record or event shows it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from functools import cache
from typing import TypeVar

from resilience_lab.agents import BaseAgent
from resilience_lab.arguments import positive, text
from resilience_lab.errors import (
    AgentConnectionError,
    AgentError,
    AgentResponseError,
    AgentTimeoutError,
    RateLimitedError,
    RequestRefusedError,
    ServerFaultError,
)
from resilience_lab.live.api_key import ApiKey, kept_from_logs
from resilience_lab.live.lab_extra import lab_extra
from resilience_lab.live.retry_after import parse_retry_after
from resilience_lab.live.wire import UnusableError, Wire

with lab_extra("ChatAgent"):
    import httpx
    from httpx_sse import EventSource

E = TypeVar("E", bound=BaseException)

_MOST_BYTES = 10_000_000  # of a response; a chat answer has some thousands
_LINGER = 1.0  # seconds in which a stream may end after its answer
_MOST_WORDS = 200  # characters of a server's explanation


class ChatAgent(BaseAgent):
    """Asks `model` at `base_url`, such as "http://127.0.0.1:8000/v1", within `timeout` seconds.

    `timeout` bounds the whole of `run`, so a server that trickles cannot stretch it. `api_key` is
    None for a server that needs none; one that comes back in an answer or explanation is redacted.
    One agent may serve several event loops. Raises `ValueError` or `TypeError` for arguments that
    cannot work, without showing the key or a URL that holds a password.
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
        self._url = _endpoint(base_url)
        self.base_url = base_url
        self.model = text("model", model)
        self._key = ApiKey(api_key)
        self.timeout = positive("timeout", timeout)

    async def run(self, query: str) -> str:
        """The model's answer to `query`.

        Raises `RateLimitedError` (429), `ServerFaultError` (5xx), `RequestRefusedError` (any other
        status that is not a success), `AgentConnectionError`, `AgentTimeoutError`, and
        `AgentResponseError` for what is not an answer.
        """
        async with aclosing(self._exchange(query, stream=False)) as outcomes:
            return await self._next(outcomes) or ""

    async def stream(self, query: str) -> AsyncGenerator[str, None]:
        """The model's answer to `query` in chunks, as the server sends them.

        Raises the same errors as `run`, before the first chunk or after it; a stream that ends
        without having been finished is an `AgentConnectionError`. `timeout` bounds the wait for
        each chunk. To close the generator early hangs up.
        """
        async with aclosing(self._exchange(query, stream=True)) as outcomes:
            while (chunk := await self._next(outcomes)) is not None:
                yield chunk

    async def _next(self, outcomes: AsyncGenerator[str | AgentError, None]) -> str | None:
        """The next of an exchange's outcomes; None if there is none. An error is raised."""
        # An HTTP client's frames hold the headers, and a traceback holds the frames. So the fault
        # arrives here as a value, is raised from here, and knows nothing of where it was found.
        outcome: str | AgentError | None
        try:
            with kept_from_logs(self._key):
                try:
                    async with asyncio.timeout(self.timeout):
                        outcome = await anext(outcomes, None)
                except TimeoutError:
                    outcome = AgentTimeoutError(self.name, self.timeout)
                if not isinstance(outcome, str):
                    await outcomes.aclose()
        except BaseException as error:  # a cancellation
            raise _without_past(error) from None
        if not isinstance(outcome, AgentError):
            return outcome
        try:
            raise outcome
        finally:
            del outcome  # or its traceback and this frame would keep each other alive

    async def _exchange(
        self, query: str, *, stream: bool
    ) -> AsyncGenerator[str | AgentError, None]:
        """The answer, whole or in chunks; and in the end the error, if there was one."""
        wire = Wire(_MOST_BYTES)
        request: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": query}],
        }
        if stream:
            request["stream"] = True
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",  # a few compressed bytes may unpack into gigabytes
            **self._key.headers(),
        }
        fault: AgentError
        try:
            async with (
                self._client() as client,
                client.stream(
                    "POST",
                    self._url,
                    content=json.dumps(request).encode(),
                    headers=headers,
                    extensions={"trace": wire.trace},
                ) as response,
                aclosing(self._judge(response)) as outcomes,
            ):
                async for outcome in outcomes:
                    yield outcome
                return
        except UnusableError as error:
            fault = AgentResponseError(self.name, str(error))
        # A proxy variable may hold an invalid URL; TLS that breaks later on is a bare OSError.
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            if isinstance(error, httpx.RemoteProtocolError) and not wire.was_dropped:
                fault = AgentResponseError(self.name, "it is not valid HTTP")
            else:
                fault = AgentConnectionError(self.name, _why_lost(error))
        yield fault

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=_tls(),
            timeout=None,  # noqa: S113 - the whole call has one
            follow_redirects=False,
            # A company's proxy cannot reach this machine's own servers.
            trust_env=not _is_loopback(self._url.host),
            event_hooks={"response": [_forget_location]},
        )

    async def _judge(self, response: httpx.Response) -> AsyncGenerator[str | AgentError, None]:
        """The answer, or what the status means. Raises `UnusableError` if it is neither."""
        status, headers = response.status_code, response.headers
        wait = parse_retry_after(headers.get("retry-after"), headers.get("date"))
        if status == 429:
            yield RateLimitedError(self.name, wait)
        elif response.is_server_error:
            yield ServerFaultError(self.name, status, await self._explanation(response), wait)
        elif not response.is_success:
            yield RequestRefusedError(self.name, status, await self._explanation(response), wait)
        elif headers.get("content-type", "").startswith("text/event-stream"):
            async for outcome in self._chunks(response):
                yield outcome
        else:  # also from a server that does not know how to stream
            yield self._key.redact_answer(await _answer(response))

    async def _chunks(self, response: httpx.Response) -> AsyncGenerator[str | AgentError, None]:
        """The pieces of a streamed answer; an error if it breaks off. Raises `UnusableError`."""
        _require_identity(response)
        redacting = self._key.redact_chunks()
        next(redacting)
        finished = False
        async with aclosing(EventSource(response).aiter_sse()) as events:
            async for event in events:
                match None if event.data == "[DONE]" else _parsed(event.data):
                    case {"error": {"message": str(message)}}:
                        raise UnusableError(f"it reports an error: {self._clean(message)}")
                    case {"choices": [{"delta": {"content": str(content)}} as choice, *_]}:
                        if chunk := redacting.send(_encodable(content)):
                            yield chunk
                        finished = choice.get("finish_reason") is not None
                    case None | {"choices": [{"finish_reason": str()}, *_]}:
                        finished = True
                if finished:
                    await _drain(events)
                    break
        if rest := redacting.send(None):
            yield rest
        if not finished:
            yield AgentConnectionError(self.name, "the stream ended before the answer was complete")

    async def _explanation(self, response: httpx.Response) -> str:
        """The server's own words, fit to print; "" if there are none, for the status is enough."""
        try:
            document = await _json(response)
        except (UnusableError, httpx.HTTPError):
            return ""
        match document:
            case {"error": {"message": str(message)}}:
                return self._clean(message)
        return ""

    def _clean(self, message: str) -> str:
        # Printable first: a key with a control character in it would not be found.
        return self._key.redact(_printable(message))[:_MOST_WORDS]


async def _answer(response: httpx.Response) -> str:
    match await _json(response):
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            return _encodable(content)
    raise UnusableError("its JSON has no text at choices[0].message.content")


async def _drain(events: AsyncIterator[object]) -> None:
    """Read what may come after the answer, for then nothing is left to be closed by others.

    A server that does not end here is not waited for.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            async for _ in events:
                pass


def _encodable(content: str) -> str:
    try:
        content.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can spell it, nobody can print it
        raise UnusableError("its text is not valid Unicode") from None
    return content


def _require_identity(response: httpx.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnusableError("it is compressed, and was asked not to be")


async def _json(response: httpx.Response) -> object:
    _require_identity(response)
    return _parsed(b"".join([chunk async for chunk in response.aiter_raw()]))


def _parsed(document: bytes | str) -> object:
    try:
        return json.loads(document.decode() if isinstance(document, bytes) else document)
    except (ValueError, RecursionError):
        raise UnusableError("it is not valid JSON in UTF-8") from None


async def _forget_location(response: httpx.Response) -> None:
    """Httpx resolves where a redirect leads even if it does not follow, and fails if it cannot."""
    response.headers.pop("location", None)


def _without_past(error: E) -> E:
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _printable(message: str) -> str:
    words = " ".join(message.split())
    return "".join(character for character in words if character.isprintable())


_LOST: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (socket.gaierror, "host not found"),
    (ssl.SSLError, "no secure connection (TLS)"),
    (httpx.RemoteProtocolError, "connection closed before the answer was complete"),
)


def _why_lost(error: BaseException) -> str:
    causes = list(_causes(error))
    for kind, why in _LOST:
        if any(isinstance(cause, kind) for cause in causes):
            return why
    return "connection failed"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, what led to it, and the members of groups: one per address that was tried."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__


def _endpoint(base_url: object) -> httpx.URL:
    if not isinstance(base_url, str):
        raise TypeError(f"base_url must be a string, got a {type(base_url).__name__}")
    if any(mark in base_url for mark in "@?#"):
        raise ValueError(
            "base_url must have no user, password, query or fragment: "
            "no '@', '?' or '#' (its value is not shown)"
        )
    url = _url(f"{base_url.rstrip('/')}/chat/completions")
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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@cache
def _tls() -> ssl.SSLContext:
    """Made once, for all agents: reading the certificates takes longer than a local call."""
    return httpx.create_ssl_context()
