"""A chain of agents: ask the best one first, and fall back when it cannot answer.

Graceful degradation with provenance: the result says which agent gave it, at which level of
fallback, and what became of every agent that was asked before. Around one agent the policies nest

    retry( breaker( timeout( agent.run )))

so each attempt has its own timeout, the breaker sees every attempt, and the retry stops as soon as
the breaker has opened: there is a next agent, so waiting for this one is time lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias, TypedDict

from resilience_lab.agents import BaseAgent
from resilience_lab.arguments import function, positive, text
from resilience_lab.breaker import CircuitBreaker, State
from resilience_lab.deadline import deadline_at, time_remaining
from resilience_lab.errors import (
    AgentTimeoutError,
    AllAgentsFailedError,
    CircuitOpenError,
    DeadlineExceededError,
    ResultRejectedError,
)
from resilience_lab.events import (
    AgentFinished,
    Listener,
    QueryAnswered,
    QueryFailed,
    QueryReceived,
    emit,
)
from resilience_lab.outcomes import ErrorFilter, matcher
from resilience_lab.retry import Retry

TurnOutcome: TypeAlias = Literal["success", "failed", "timeout", "rejected", "skipped"]


class Attempt(TypedDict):
    """What became of one agent's turn."""

    agent: str
    level: int
    outcome: TurnOutcome
    error: Exception | None
    calls: int
    """How often `run` was called; 0 if the agent was skipped."""
    started: float
    """Seconds after the query was received."""
    duration: float
    """Seconds, the waits between retries included."""


class FallbackResult(TypedDict):
    """The answer and where it comes from: a plain dict."""

    result: str
    agent_used: str
    fallback_level: int
    """0 is the primary agent."""
    attempts: list[Attempt]
    elapsed: float
    """Seconds from the query to the answer."""


class FallbackOrchestrator:
    """Asks agents in order until one answers.

    `attempt_timeout` bounds each attempt in seconds (cut to the ambient deadline). `retry` is the
    `Retry` for one agent's turn. `breaker(agent)` makes the `CircuitBreaker` of an agent; it is
    made once per agent name and kept in `breakers`, so one orchestrator should serve many queries.
    An agent whose breaker is open is skipped without being called or waited for. `accept(answer)`
    may refuse an answer, which then counts as a failure of that attempt. `fallback_on` says after
    which errors the next agent is asked; any other goes to the caller at once. A refused answer and
    a skipped agent always lead on.
    """

    def __init__(
        self,
        *,
        attempt_timeout: float | None = None,
        retry: Retry | None = None,
        breaker: Callable[[BaseAgent], CircuitBreaker] | None = None,
        fallback_on: ErrorFilter = Exception,
        accept: Callable[[str], bool] | None = None,
        on_event: Listener | None = None,
        name: str = "fallback",
    ) -> None:
        self.attempt_timeout = (
            None if attempt_timeout is None else positive("attempt_timeout", attempt_timeout)
        )
        if not (retry is None or isinstance(retry, Retry)):
            raise TypeError(f"retry must be a Retry or None, got {retry!r}")
        self.retry = retry
        if isinstance(breaker, CircuitBreaker):
            raise TypeError(f"breaker must be a function that makes one per agent, got {breaker!r}")
        self._make_breaker = function("breaker", breaker)
        self.breakers: dict[str, CircuitBreaker] = {}
        self._falls_back = matcher("fallback_on", fallback_on)
        self.accept = function("accept", accept)
        self.on_event = function("on_event", on_event)
        self.name = text("name", name)

    async def execute_with_fallback(
        self, query: str, primary_agent: BaseAgent, fallback_agents: Sequence[BaseAgent]
    ) -> FallbackResult:
        """The answer of the first agent that gives one.

        Raises `AllAgentsFailedError` with every agent's error if none does, `DeadlineExceededError`
        when the ambient deadline leaves no time for the next, `ValueError` if two agents have the
        same name. A cancellation ends the whole chain.
        """
        if not isinstance(query, str):
            raise TypeError(f"query must be a string, got {query!r}")
        chain = _chain(primary_agent, fallback_agents)
        now = asyncio.get_running_loop().time
        received = now()
        names = tuple(agent.name for agent in chain)
        emit(self.on_event, QueryReceived(received, self.name, query, names))
        attempts: list[Attempt] = []
        try:
            for level, agent in enumerate(chain):
                _check_deadline(received, attempts)
                answer = await self._take_turn(agent, level, query, received, attempts)
                if attempts[-1]["outcome"] == "success":
                    end = now()
                    event = QueryAnswered(end, self.name, answer, agent.name, level, end - received)
                    emit(self.on_event, event)
                    return FallbackResult(
                        result=answer,
                        agent_used=agent.name,
                        fallback_level=level,
                        attempts=attempts,
                        elapsed=end - received,
                    )
            _check_deadline(received, attempts)
            raise _all_failed(attempts)
        except BaseException as error:  # a cancellation is an end, too
            emit(self.on_event, QueryFailed(now(), self.name, error, now() - received))
            raise

    async def _take_turn(
        self, agent: BaseAgent, level: int, query: str, received: float, attempts: list[Attempt]
    ) -> str:
        """Ask one agent and enter its turn in `attempts`. Raises only what must not fall back."""
        now = asyncio.get_running_loop().time
        started = now()
        turn = _Turn(self, agent, query)
        answer, outcome, error = await turn.take()
        attempt = Attempt(
            agent=agent.name,
            level=level,
            outcome=outcome,
            error=error,
            calls=turn.calls,
            started=started - received,
            duration=now() - started,
        )
        attempts.append(attempt)
        emit(self.on_event, AgentFinished(now(), self.name, **attempt))
        if outcome in ("failed", "timeout") and error and not self._falls_back(error):
            raise error
        return answer

    def breaker_of(self, agent: BaseAgent) -> CircuitBreaker | None:
        """The breaker kept for `agent`, made on first use; None if there is no factory."""
        if self._make_breaker is None:
            return None
        if agent.name not in self.breakers:
            made = self._make_breaker(agent)
            if not isinstance(made, CircuitBreaker):
                raise TypeError(f"breaker must make a CircuitBreaker for each agent, got {made!r}")
            self.breakers[agent.name] = made
        return self.breakers[agent.name]


class _Turn:
    """One agent's turn: retry( breaker( timeout( agent.run )))."""

    def __init__(self, chain: FallbackOrchestrator, agent: BaseAgent, query: str) -> None:
        self.agent = agent
        self.query = query
        self.accept = chain.accept
        self.attempt_timeout = chain.attempt_timeout
        self.breaker = chain.breaker_of(agent)
        self.retry = chain.retry and chain.retry.unless(self._is_over)
        self.calls = 0
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
            return "", self._outcome(error), error
        finally:
            # An error's traceback leads to these frames and so to this turn: no way back from here.
            error = self.error = self.rejection = None
        return answer, "success", None

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
            answer = await self._within_time()
            if self.accept is not None and not self.accept(answer):
                raise ResultRejectedError(answer)
        except Exception as error:
            self.error = error
            raise
        return answer

    async def _within_time(self) -> str:
        started = asyncio.get_running_loop().time()
        limits = [] if self.attempt_timeout is None else [started + self.attempt_timeout]
        due = deadline_at()
        end = min(limits if due is None else [*limits, due], default=None)
        try:
            async with asyncio.timeout_at(end) as timer:
                return await self.agent.run(self.query)
        except TimeoutError as error:
            if end is None or not timer.expired():
                raise  # a timeout of the agent's own
            raise AgentTimeoutError(self.agent.name, end - started) from error

    def _is_over(self) -> bool:
        """Whether the breaker ends this turn: it rejected an attempt, or it has opened."""
        return self.rejection is not None or (
            self.breaker is not None and self.breaker.state is State.OPEN
        )

    def _outcome(self, error: Exception) -> TurnOutcome:
        if error is self.rejection:
            return "skipped"
        if isinstance(error, ResultRejectedError):
            return "rejected"
        return "timeout" if isinstance(error, TimeoutError) else "failed"


def _chain(primary: BaseAgent, fallbacks: Sequence[BaseAgent]) -> tuple[BaseAgent, ...]:
    if isinstance(fallbacks, str | bytes) or not isinstance(fallbacks, Iterable):
        raise TypeError(f"fallback_agents must be a list of agents, got {fallbacks!r}")
    chain = (primary, *fallbacks)
    for level, agent in enumerate(chain):
        named = isinstance(getattr(agent, "name", None), str)
        if isinstance(agent, type) or not (named and callable(getattr(agent, "run", None))):
            argument = f"fallback_agents[{level - 1}]" if level else "primary_agent"
            raise TypeError(f"{argument} must have a name and a run method, got {agent!r}")
    names = [agent.name for agent in chain]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"agent names must differ within a chain, got {name!r} twice")
    return chain


def _check_deadline(received: float, attempts: list[Attempt]) -> None:
    if time_remaining() == 0:
        last = attempts[-1]["error"] if attempts else None
        raise DeadlineExceededError(asyncio.get_running_loop().time() - received) from last


def _all_failed(attempts: list[Attempt]) -> AllAgentsFailedError:
    errors = [attempt["error"] for attempt in attempts if attempt["error"] is not None]
    waits = [error.retry_after for error in errors if isinstance(error, CircuitOpenError)]
    skipped = all(attempt["outcome"] == "skipped" for attempt in attempts)
    return AllAgentsFailedError(errors, attempts, min(waits) if skipped else None)
