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
from typing import Any, cast

from resilience_lab.ground.arguments import text
from resilience_lab.live.behaviours import Behaviour
from resilience_lab.live.chat_format import ChatRequest
from resilience_lab.live.exchange import Exchange, NoSuchPath, Play
from resilience_lab.live.lab_extra import lab_extra

with lab_extra("FaultyServer"):
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application


class FaultyServer:
    """Serves `script` on a free port of 127.0.0.1, on the running event loop.

    Use it in `async with`. Leaving the block ends every request, hanging or not. A model that is
    not in the script is not found (404). `requests` holds what was asked.

    Parameters
    ----------
    script
        Maps a model's name to its behaviours, one a request; the last one is repeated for ever.

    Raises
    ------
    ValueError, TypeError
        For a script that cannot be played.

    Examples
    --------
    >>> from resilience_lab.live import Answer, ChatAgent, RateLimit
    >>> async def main():
    ...     async with FaultyServer({"gpt-4": [Answer("hello"), RateLimit(20)]}) as server:
    ...         agent = ChatAgent("GPT-4", server.base_url, "gpt-4")
    ...         return await agent.run("Say hello")
    >>> asyncio.run(main())
    'hello'
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
        routes = [("/v1/chat/completions", Exchange, {"choose": self._choose})]
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

    def _choose(self, request: ChatRequest) -> Play | None:
        """What is done to `request`, which is recorded; None if there is no such model."""
        self.requests.append(request)
        behaviours = self._script.get(request.model)
        if behaviours is None:
            return None
        turn = self._asked[request.model]
        self._asked[request.model] += 1
        playing = cast("asyncio.Task[Any]", asyncio.current_task())
        self._playing.add(playing)  # it must have ended when the server is gone
        playing.add_done_callback(self._playing.discard)
        return behaviours[min(turn, len(behaviours) - 1)].play


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
