"""An agent's answer in chunks, under the same policies as a whole answer.

Before the first chunk a stream is like any other call: it may be retried, and another agent may be
asked instead. After it there is no way back, for the consumer has seen it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, nullcontext
from typing import Any

from resilience_lab.breaker.permit import Permit
from resilience_lab.deadline import TimeLimit
from resilience_lab.errors import CircuitOpenError
from resilience_lab.fallback.agents import Agent, BaseAgent, not_text
from resilience_lab.fallback.turn import Turn


class AgentStream:
    """An agent's stream, driven by a task of its own and read chunk by chunk.

    The task that begins a stream may not be the one that reads it to its end, as when it wins a
    race. But a generator belongs to one task from beginning to end: else a timeout that it opened
    in one task would strike another. The agent is asked for a chunk when the reader wants it, not
    before, and `patience` bounds that wait alone. `permit` is held until the stream ends; a stream
    closed early is neutral for its breaker. `give_way` is asked what an error means: see `Turn`.
    """

    def __init__(
        self,
        agent: Agent,
        begin: Callable[[], AsyncGenerator[str, None]],
        patience: float | None,
        permit: Permit | None,
        give_way: Callable[[Exception], None],
    ) -> None:
        self._agent = agent
        self._begin = begin
        self._patience = patience
        self._permit = permit or nullcontext()
        self._give_way = give_way
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
            try:
                async with aclosing(self._begin()) as chunks:
                    await self._serve(chunks)
            except Exception as error:
                self._give_way(error)
                raise

    async def _serve(self, chunks: AsyncGenerator[str, None]) -> None:
        while True:
            wanted = await self._wanted.get()
            async with TimeLimit(self._agent.name, self._patience):
                text = await self._next_text(chunks)
            if text is None:
                return
            wanted.set_result(text)

    async def _next_text(self, chunks: AsyncGenerator[object, None]) -> str | None:
        """The next chunk that has text in it (others show the reader nothing yet), or None."""
        async for chunk in chunks:
            if not isinstance(chunk, str):
                raise not_text(self._agent, "stream gave", chunk)
            if chunk:
                return chunk
        return None


class StreamTurn(Turn):
    """A turn that has succeeded as soon as there is a first chunk."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.stream: AgentStream | None = None
        if self.retry is not None:
            self.retry = self.retry.unjudged()  # `accept` judges whole answers

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
                self._was_rejected(error)
                raise
        calls = self.calls
        patience = self.policy.attempt_timeout
        self.stream = AgentStream(self.agent, self._begin, patience, permit, self.give_way)
        try:
            return await self.stream.next() or ""  # an empty stream is an empty answer
        except asyncio.CancelledError:
            self.stream.driver.cancel()
            self._put_back_unless_called(calls)
            raise
        except Exception as error:
            self.error = error
            raise

    def _begin(self) -> AsyncGenerator[str, None]:
        """The agent's own stream; if it has none, its whole answer as the only chunk."""
        self.calls += 1
        agent: Any = self.agent
        stream = getattr(agent, "stream", None)
        if stream is None:
            return BaseAgent.stream(agent, self.query)
        chunks = stream(self.query) if callable(stream) else stream
        if not isinstance(chunks, AsyncGenerator):
            complaint = f"{agent!r}.stream must be an async generator function, got"
            raise not_text(agent, complaint, chunks)
        return chunks
