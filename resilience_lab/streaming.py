"""An agent's answer in chunks, under the same policies as a whole answer.

Before the first chunk a stream is like any other call: it may be retried, and another agent may be
asked instead. After it there is no way back, for the consumer has seen it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from typing import Any

from resilience_lab.agents import BaseAgent
from resilience_lab.errors import CircuitOpenError
from resilience_lab.permit import Permit
from resilience_lab.turn import Turn, time_limit


class Stream:
    """An agent's stream, driven by a task of its own and read chunk by chunk.

    Whoever begins a stream may not be the one who reads it to its end, as when it wins a race. But
    a generator belongs to one task from beginning to end: else a timeout that it opened in one task
    would strike another. The agent is asked for a chunk when the reader wants it, not before, and
    `patience` bounds that wait alone. `permit` is held until the stream ends; a stream closed early
    is neutral for its breaker.
    """

    def __init__(
        self,
        agent: str,
        begin: Callable[[], AsyncGenerator[str, None]],
        patience: float | None,
        permit: Permit | None,
    ) -> None:
        self._agent = agent
        self._begin = begin
        self._patience = patience
        self._permit = permit or nullcontext()
        self._wanted: asyncio.Queue[asyncio.Future[str]] = asyncio.Queue()
        self.driver = asyncio.create_task(self._drive())
        if permit is not None:  # which a task that is cancelled before its first step never enters
            self.driver.add_done_callback(lambda _: permit.ignore())

    async def next(self) -> str | None:
        """The next chunk; None after the last. Raises what the agent raises, or a timeout."""
        chunk: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._wanted.put_nowait(chunk)
        either: list[asyncio.Future[Any]] = [chunk, self.driver]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return chunk.result() if chunk.done() else self.driver.result()

    async def _drive(self) -> None:
        with self._permit:
            async with aclosing(self._begin()) as chunks:
                while True:
                    wanted = await self._wanted.get()
                    async with time_limit(self._agent, self._patience):
                        # What has no text shows the reader nothing yet.
                        while not (chunk := await anext(chunks, _END)):
                            pass
                    if chunk is _END:
                        return
                    wanted.set_result(chunk)


class StreamTurn(Turn):
    """A turn that has succeeded as soon as there is a first chunk."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.stream: Stream | None = None
        if self.retry is not None:
            self.retry.accept = None  # it judges whole answers

    async def next(self) -> str | None:
        """The next chunk; None after the last."""
        return None if self.stream is None else await self.stream.next()

    def tasks(self) -> list[asyncio.Task[Any]]:
        return [] if self.stream is None else [self.stream.driver]

    async def _guarded(self) -> str:
        permit = None
        if self.breaker is not None:
            try:
                permit = self.breaker.acquire()
            except CircuitOpenError as error:
                self.rejection = error
                raise
        calls = self.calls
        self.stream = Stream(self.agent.name, self._begin, self.attempt_timeout, permit)
        try:
            return await self.stream.next() or ""  # an empty stream is an empty answer
        except asyncio.CancelledError:
            self.stream.driver.cancel()
            if self.retry is not None and self.calls == calls > 0:
                self.retry.put_back()  # a retry that did not come to be made
            raise
        except Exception as error:
            self.error = error
            raise

    def _begin(self) -> AsyncGenerator[str, None]:
        """The agent's own stream; if it has none, its whole answer as the only chunk."""
        self.calls += 1
        agent, stream = self.agent, getattr(self.agent, "stream", None)
        chunks = BaseAgent.stream(agent, self.query) if stream is None else stream(self.query)
        if not isinstance(chunks, AsyncGenerator):
            raise TypeError(f"{agent!r}.stream must be an async generator function, got {chunks!r}")
        return chunks


_END = "the end of the stream"  # told from a chunk that reads the same by its identity
