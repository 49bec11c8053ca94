"""One agent's turn in a chain: retry( breaker( timeout( agent.run )))."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from resilience_lab.agents import BaseAgent
from resilience_lab.breaker import State
from resilience_lab.deadline import deadline_at
from resilience_lab.errors import AgentTimeoutError, CircuitOpenError, ResultRejectedError

if TYPE_CHECKING:
    from resilience_lab.fallback import FallbackOrchestrator

TurnOutcome: TypeAlias = Literal["success", "failed", "timeout", "rejected", "skipped", "cancelled"]


class Turn:
    """One agent of a chain, asked one query. It is taken once."""

    def __init__(
        self, chain: FallbackOrchestrator, agent: BaseAgent, level: int, query: str
    ) -> None:
        self.agent = agent
        self.level = level
        self.query = query
        self.accept = chain.accept
        self.attempt_timeout = chain.attempt_timeout
        self.breaker = chain.breaker_of(agent)
        self.retry = chain.retry and chain.retry.unless(
            self._is_over, earns=chain.retry.budget is not chain.budget
        )
        self.started = asyncio.get_running_loop().time()
        self.calls = 0
        self.paid = False  # with a token of the chain's budget
        self.error: Exception | None = None  # the last that the agent itself raised
        self.rejection: CircuitOpenError | None = None

    async def take(self) -> tuple[str, TurnOutcome, Exception | None]:
        """The answer, how the turn ended, and the error if it did not end well."""
        error: Exception | None = None
        try:
            answer = await (self.retry.call(self._guarded) if self.retry else self._guarded())
        except Exception as raised:
            # If the breaker shut only after the agent had run, the agent's own error says more.
            error = self.error if raised is self.rejection and self.error else raised
            return "", self.outcome(error), error
        finally:
            # An error's traceback leads to these frames and so to this turn: no way back from here.
            error = self.error = self.rejection = None
        return answer, "success", None

    def outcome(self, error: Exception) -> TurnOutcome:
        """How a turn ended that ended with `error`."""
        if error is self.rejection:
            return "skipped"
        if isinstance(error, ResultRejectedError):
            return "rejected"
        return "timeout" if isinstance(error, TimeoutError) else "failed"

    def tasks(self) -> list[asyncio.Task[Any]]:
        """What the turn has begun, and leaves to others to end."""
        return []

    async def _guarded(self) -> str:
        if self.breaker is None:
            return await self._attempt()
        calls = self.calls
        try:
            return await self.breaker.call(self._attempt)
        except CircuitOpenError as error:
            if self.calls == calls:  # our breaker's own word, not an error of the agent's
                self.rejection = error
            raise

    async def _attempt(self) -> str:
        self.calls += 1
        try:
            async with time_limit(self.agent.name, self.attempt_timeout):
                answer = await self.agent.run(self.query)
            if self.accept is not None and not self.accept(answer):
                raise ResultRejectedError(answer)
        except Exception as error:
            self.error = error
            raise
        return answer

    def _is_over(self) -> bool:
        """Whether the breaker ends this turn: it rejected an attempt, or it has opened."""
        if self.breaker is None or self.breaker.observe_only:
            return False
        return self.rejection is not None or self.breaker.state is State.OPEN


@asynccontextmanager
async def time_limit(agent: str, seconds: float | None) -> AsyncIterator[None]:
    """Bound the block to `seconds`, or to the ambient deadline if that is sooner.

    Raises `AgentTimeoutError` when the time is up. A timeout of the block's own passes.
    """
    started = asyncio.get_running_loop().time()
    limits = [] if seconds is None else [started + seconds]
    due = deadline_at()
    end = min(limits if due is None else [*limits, due], default=None)
    try:
        async with asyncio.timeout_at(end) as timer:
            yield
    except TimeoutError as error:
        if end is None or not timer.expired():
            raise
        raise AgentTimeoutError(agent, end - started) from error
