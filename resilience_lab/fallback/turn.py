"""One agent's turn in a chain: retry( breaker( timeout( agent.run )))."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, TypeAlias

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.deadline import TimeLimit
from resilience_lab.errors import CircuitOpenError, ResultRejectedError
from resilience_lab.events.events import logger
from resilience_lab.fallback.agents import Agent, answer_of
from resilience_lab.fallback.policy import ChainPolicy
from resilience_lab.ground.outcomes import State

TurnOutcome: TypeAlias = Literal["success", "failed", "timeout", "rejected", "skipped", "cancelled"]
Ending: TypeAlias = tuple[str, TurnOutcome, BaseException | None]
"""The answer, how the turn ended, and the error if it did not end well."""


class Turn:
    """One agent of a chain, asked one query. It is taken once, in a task of its own.

    Before that task is cancelled, the turn is `withdrawn`. A clean-up that raises takes the place
    of the cancellation that it belongs to; so it is known all the same, and neither the breaker nor
    the retry nor the chain takes it for a failure of the service. (`Task.cancelling` would not do:
    up to Python 3.12, a `TaskGroup` whose members fail may leave it raised.)
    """

    def __init__(
        self,
        policy: ChainPolicy,
        breaker: CircuitBreaker | None,
        agent: Agent,
        level: int,
        query: str,
    ) -> None:
        self.policy = policy
        self.breaker = breaker
        self.agent = agent
        self.level = level
        self.query = query
        self.retry = policy.retry and policy.retry.unless(
            self._is_over, earns=policy.retry.budget is not policy.budget
        )
        self.started = asyncio.get_running_loop().time()
        self.calls = 0
        self.paid = False  # with a token of the policy's budget
        self.error: Exception | None = None  # the last that the agent itself raised
        self.rejection: CircuitOpenError | None = None
        self.withdrawn = False

    async def take(self) -> Ending:
        """Ask the agent, and say what came of it; a cancellation is raised.

        An exit is for the query to raise: out of a task, it would end the event loop.
        """
        error: BaseException | None = None
        try:
            answer = await (self.retry.call(self._guarded) if self.retry else self._guarded())
        except Exception as raised:
            # If the breaker shut only after the agent had run, the agent's own error says more.
            error = raised if raised is not self.rejection or self.error is None else self.error
            return "", self.outcome(error), error
        except (KeyboardInterrupt, SystemExit) as raised:
            if self.withdrawn:  # no query is left to raise it
                raise
            error = raised
            return "", "cancelled", error
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

    def give_way(self, error: Exception) -> None:
        """Raise `CancelledError` in place of `error` if the turn was withdrawn meanwhile."""
        if self.withdrawn:
            words = "agent %r raised when it was cancelled: %r"
            logger.warning(words, self.agent.name, error, exc_info=error)
            raise asyncio.CancelledError from error

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
                self._was_rejected(error)
            raise

    async def _attempt(self) -> str:
        self.calls += 1
        try:
            async with TimeLimit(self.agent.name, self.policy.attempt_timeout):
                answer = await answer_of(self.agent, self.query)
            if self.policy.accept is not None and not self.policy.accept(answer):
                raise ResultRejectedError(answer)
        except Exception as error:
            self.give_way(error)  # already here, inside the breaker
            self.error = error
            raise
        return answer

    def _was_rejected(self, error: CircuitOpenError) -> None:
        self.rejection = error
        self._put_back_unless_called(self.calls)

    def _put_back_unless_called(self, calls: int) -> None:
        """Return the token of a retry that made no call of its own after the `calls` before it."""
        if self.retry is not None and self.calls == calls > 0:
            self.retry.put_back()

    def _is_over(self) -> bool:
        """Whether a retry is of no use: its answer is not waited for, or the breaker has opened."""
        if self.withdrawn:
            return True
        if self.breaker is None or self.breaker.observe_only:
            return False
        return self.rejection is not None or self.breaker.state is State.OPEN
