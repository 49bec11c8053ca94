"""One query on its way down a chain: who is asked when, and the ledger of what came of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, TypedDict, TypeVar

from resilience_lab.deadline import deadline_error, time_remaining
from resilience_lab.errors import AllAgentsFailedError, CircuitOpenError
from resilience_lab.events.events import (
    AgentFinished,
    Event,
    QueryAnswered,
    QueryFailed,
    QueryReceived,
    emit,
)
from resilience_lab.fallback.agents import Agent
from resilience_lab.fallback.policy import ChainPolicy
from resilience_lab.fallback.tasks import wind_up
from resilience_lab.fallback.turn import Ending, Turn, TurnOutcome

T = TypeVar("T", bound=Turn)

GRACE = 0.01
"""Seconds that a result in hand waits for the turns that it makes needless to end."""


class Attempt(TypedDict):
    """What became of one agent's turn: a plain dict."""

    agent: str
    """Its name."""
    level: int
    """0 is the primary agent."""
    outcome: TurnOutcome
    """success, failed, timeout, rejected, skipped (its breaker was open) or cancelled."""
    error: Exception | None
    """What it failed with; the last error, if it was retried."""
    calls: int
    """How often the agent was called; 0 if it was skipped."""
    started: float
    """Seconds after the query was received."""
    duration: float
    """Seconds, the waits between retries included."""


class Query(Generic[T]):
    """Asks one agent after the other; hedged, the next one too while the last has not answered.

    `turn_of(agent, level)` makes each agent's turn. `async with` makes sure that every turn is told
    to end with the query, and that the listener hears of its end: a cancellation is one, too.

    A cancelled query returns when all its turns have ended. But a result, an answer or an error, is
    not held back by the clean-up of other agents: they have `GRACE`, and never more than half of
    the time up to the deadline. What takes longer goes on in the background, in the ledger as
    cancelled and neutral for its breaker, until it is done or the timeout of its attempt strikes.
    """

    def __init__(
        self,
        policy: ChainPolicy,
        text: str,
        chain: Sequence[Agent],
        turn_of: Callable[[Agent, int], T],
    ) -> None:
        self._policy = policy
        self._text = text
        self._chain = chain
        self._turn_of = turn_of
        self._now = asyncio.get_running_loop().time
        self._received = self._now()
        self._turns: list[T] = []  # of all agents asked so far, in order
        self._running: dict[asyncio.Task[Ending], T] = {}
        self._ledger: dict[int, Attempt] = {}
        self._note: str | None = None

    async def __aenter__(self) -> Query[T]:
        names = tuple(agent.name for agent in self._chain)
        self._tell(QueryReceived, self._received, self._text, names)
        if self._policy.budget is not None:
            self._policy.budget.deposit()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            await self._end_turns(within=_grace() if isinstance(error, Exception) else None)
        finally:
            if error is not None:
                now = self._now()
                self._tell(QueryFailed, now, error, now - self._received)

    @property
    def attempts(self) -> list[Attempt]:
        """What became of every agent asked, in the order of the chain."""
        return [self._ledger[level] for level in sorted(self._ledger)]

    async def first_answer(self) -> tuple[T, str]:
        """The turn that was first to bring an answer, which is still to be entered; and the answer.

        Raises `AllAgentsFailedError`, `DeadlineExceededError`, or what must not fall back.
        """
        won = await self._race()
        if won is None:
            raise self._all_failed()
        await self._end_turns(but=won[0], within=_grace())
        return won

    def answered(self, turn: T, answer: str) -> float:
        """`turn` has given its whole `answer`. Returns how many seconds the query took."""
        self.enter(turn, "success")
        now = self._now()
        elapsed = now - self._received
        self._tell(QueryAnswered, now, answer, turn.agent.name, turn.level, elapsed)
        return elapsed

    def enter(self, turn: T, outcome: TurnOutcome, error: BaseException | None = None) -> None:
        """Enter the end of `turn` in the ledger, and tell the listener."""
        budget = self._policy.budget
        if budget is not None and turn.paid and not turn.calls:
            budget.put_back()
        attempt = self._ledger[turn.level] = Attempt(
            agent=turn.agent.name,
            level=turn.level,
            outcome=outcome,
            error=error if isinstance(error, Exception) else None,
            calls=turn.calls,
            started=turn.started - self._received,
            duration=self._now() - turn.started,
        )
        self._tell(AgentFinished, self._now(), **attempt)

    def _tell(self, event: Callable[..., Event], time: float, *what: Any, **fields: Any) -> None:
        listener = self._policy.on_event
        if listener is not None:  # an event that is not heard is not made
            emit(listener, event(time, self._policy.name, *what, **fields))

    async def _end_turns(self, *, within: float | None, but: T | None = None) -> None:
        """Cancel all turns that are not entered yet, save one, and enter them.

        Returns when they have ended, or after `within` seconds.
        """
        over = [turn for turn in self._turns if turn.level not in self._ledger and turn is not but]
        if not over:
            return
        tasks = {turn.level: task for task, turn in self._running.items()}
        self._running.clear()
        begun = [task for turn in over for task in turn.tasks()]
        for turn in over:
            turn.withdrawn = True
        try:
            await wind_up([*tasks.values(), *begun], within=within)
        finally:
            for turn in over:
                _, outcome, error = _ending(tasks.get(turn.level))
                # An answer that came too late to be needed is no success, and no failure either.
                self.enter(turn, "cancelled" if outcome == "success" else outcome, error)

    async def _race(self) -> tuple[T, str] | None:
        """The first answer; None if no agent has one. Without hedging, one runs at a time."""
        patience = math.inf if self._policy.hedge_after is None else self._policy.hedge_after
        due = self._now()  # when the next agent is asked, if no answer has come by then
        while True:
            if self._now() >= due or not self._running:
                turn = self._next_turn()
                if turn is not None:
                    self._running[asyncio.create_task(turn.take())] = turn
                elif not self._running:
                    return None
                due = math.inf if turn is None else self._now() + patience
            wait = None if due == math.inf else due - self._now()
            done, _ = await asyncio.wait(
                self._running, timeout=wait, return_when=asyncio.FIRST_COMPLETED
            )
            ended = sorted(done, key=lambda task: self._running[task].level)
            for task in ended:  # first, for an answer in hand outweighs all that others raise
                answer, outcome, _ = _ending(task)
                if outcome == "success":
                    return self._running.pop(task), answer
            for task in ended:
                turn = self._running.pop(task)
                self._fall_back(turn, *task.result()[1:])
                if not turn.calls:  # skipped, so the one after it is due in its place
                    due = self._now()

    def _fall_back(self, turn: T, outcome: TurnOutcome, error: BaseException | None) -> None:
        """Enter a turn without an answer. Raises its error if the next agent must not be asked."""
        self.enter(turn, outcome, error)
        if error is None or outcome in ("rejected", "skipped"):
            return
        if not (isinstance(error, Exception) and self._policy.falls_back(error)):
            raise error

    def _next_turn(self) -> T | None:
        """The next agent's turn; None if there is none, or no token for it."""
        self._check_deadline()
        self._note = None
        level = len(self._turns)
        if level == len(self._chain):
            return None
        turn = self._turn_of(self._chain[level], level)
        budget = self._policy.budget
        # The first agent that is called is what a query takes; each further one is extra load.
        if budget is not None and any(earlier.calls for earlier in self._turns):
            turn.paid = budget.try_withdraw()
            if not turn.paid:
                self._note = f"the budget is spent: {turn.agent.name!r} was not asked"
                return None
        self._turns.append(turn)
        return turn

    def _check_deadline(self) -> None:
        late = deadline_error()
        if late is not None:
            raise late from (self.attempts[-1]["error"] if self._ledger else None)

    def _all_failed(self) -> AllAgentsFailedError:
        attempts = self.attempts
        errors = [attempt["error"] for attempt in attempts if attempt["error"] is not None]
        waits = [error.retry_after for error in errors if isinstance(error, CircuitOpenError)]
        skipped = all(attempt["outcome"] == "skipped" for attempt in attempts)
        failed = AllAgentsFailedError(errors, attempts, min(waits) if skipped else None)
        if self._note is not None:
            failed.add_note(self._note)
        return failed


def _grace() -> float:
    left = time_remaining()
    return min(GRACE, left / 2) if left else GRACE


def _ending(task: asyncio.Task[Ending] | None) -> Ending:
    """What a turn came to, if its `task` has ended by itself; else it was cancelled."""
    if task is None or not task.done() or task.cancelled() or task.exception() is not None:
        return "", "cancelled", None
    return task.result()
