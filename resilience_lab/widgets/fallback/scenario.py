"""A chain of agents under many queries: how often it answers, how fast, and at what cost.

The textbook says that a chain of agents with availabilities a_1, a_2 ... is unavailable only when
all of them are:

    availability = 1 - (1 - a_1) * (1 - a_2) * ...

That takes for granted that the agents fail independently of each other, and that each of them is
asked when its turn comes. Here agents may share their fate, and breakers may skip them, so that one
can see how much of the formula is left. The chain is the shipped `FallbackOrchestrator`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf, prod
from typing import cast

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.errors import AgentConnectionError, AllAgentsFailedError, RateLimitedError
from resilience_lab.events.events import AgentFinished, Event, QueryAnswered, QueryFailed
from resilience_lab.events.recorder import Recorder
from resilience_lab.fallback.agents import Scene, ScriptedAgent
from resilience_lab.fallback.orchestrator import FallbackOrchestrator
from resilience_lab.ground.arguments import non_negative, positive, text, whole
from resilience_lab.virtual_time.run import run_virtual

BEHAVIOURS = ("answers", "fails", "times out", "rate-limited", "flaky")
"""What an agent can be like. Only a flaky one leaves anything to chance."""

PAUSE = 1.0
"""Seconds between the end of a query and the next one: one caller asks them all."""

_PAID = ("success", "timeout")  # outcomes of a turn


@dataclass(frozen=True)
class AgentSpec:
    """One agent of a chain, in numbers.

    Parameters
    ----------
    name
        What the agent is called; not empty.
    behaviour
        One of `BEHAVIOURS`: "answers", "fails", "times out", "rate-limited", "flaky".
    p
        The probability that a flaky agent fails, 0 to 1, each time anew; the others ignore it.
    latency
        Seconds that an answer or a failure takes, >= 0. A rate limit is told at once, and an agent
        that times out never answers.
    cost
        What one answer costs, >= 0. Refusals and failures are free, but an answer that comes after
        the timeout is paid all the same.

    Raises
    ------
    ValueError, TypeError
        For anything else.
    """

    name: str
    behaviour: str = "answers"
    p: float = 0.5
    latency: float = 1.0
    cost: float = 0.0

    def __post_init__(self) -> None:
        text("name", self.name)
        if self.behaviour not in BEHAVIOURS:
            raise ValueError(
                f"behaviour must be one of {', '.join(BEHAVIOURS)}; got {self.behaviour!r}"
            )
        non_negative("p", self.p, at_most=1)
        non_negative("latency", self.latency)
        non_negative("cost", self.cost)

    @property
    def failure_probability(self) -> float:
        """How likely one call is to fail, if one waits for ever."""
        if self.behaviour == "flaky":
            return self.p
        return 0.0 if self.behaviour == "answers" else 1.0

    def availability(self, attempt_timeout: float) -> float:
        """How likely one call is to be answered in less than `attempt_timeout` seconds."""
        return 1 - self.failure_probability if self.latency < attempt_timeout else 0.0

    def play(self, draw: float) -> ScriptedAgent:
        """The agent for one call, which goes wrong if `draw` (0 to 1) is below its probability."""
        return ScriptedAgent(self.name, [self._scene(failing=draw < self.failure_probability)])

    def _scene(self, *, failing: bool) -> tuple[float, Scene]:
        if not failing:
            return self.latency, f"answer from {self.name}"
        if self.behaviour == "times out":
            return inf, "never"
        if self.behaviour == "rate-limited":
            return 0.0, RateLimitedError(self.name)
        return self.latency, AgentConnectionError(self.name, "connection reset")


@dataclass(frozen=True, slots=True)
class ToldQuery:
    """One query to the chain: `events` is what the orchestrator reported of it."""

    events: tuple[Event, ...]
    cost: float

    @property
    def turns(self) -> list[AgentFinished]:
        """The agents' turns, from the primary on."""
        return [event for event in self.events if isinstance(event, AgentFinished)]

    @property
    def ending(self) -> QueryAnswered | QueryFailed:
        """The last event."""
        return cast("QueryAnswered | QueryFailed", self.events[-1])

    @property
    def answered(self) -> bool:
        """Whether there was an answer."""
        return isinstance(self.ending, QueryAnswered)


@dataclass(frozen=True)
class FallbackStory:
    """What became of all queries to a chain of `agents`."""

    agents: tuple[AgentSpec, ...]
    queries: tuple[ToldQuery, ...]
    availabilities: tuple[float, ...]
    """How likely each agent is to answer in time when it is called."""

    @property
    def formula(self) -> float:
        """The chain's availability if its agents fail independently and none is skipped."""
        return 1 - prod(1 - availability for availability in self.availabilities)

    @property
    def availability(self) -> float:
        """The share of queries that were answered."""
        return sum(query.answered for query in self.queries) / len(self.queries)

    @property
    def mean_cost(self) -> float:
        """Of one query, answered or not."""
        return sum(query.cost for query in self.queries) / len(self.queries)

    def latency(self, share: float) -> float:
        """The least number of seconds within which at least `share` of the queries ended."""
        ordered = sorted(query.ending.elapsed for query in self.queries)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

    @property
    def outcomes(self) -> Counter[tuple[int, str]]:
        """How often the turn of the agent at a level ended in some way, by level and outcome."""
        turns = (turn for query in self.queries for turn in query.turns)
        return Counter((turn.level, turn.outcome) for turn in turns)


def tell_fallback(
    agents: Sequence[AgentSpec],
    *,
    queries: int = 500,
    attempt_timeout: float = 2.0,
    breakers: bool = False,
    correlation: float = 0.0,
    seed: int = 11,
) -> FallbackStory:
    """Ask a chain of agents many queries, one after the other, in virtual time.

    Parameters
    ----------
    agents
        The primary first; at least one.
    queries
        How many, >= 1.
    attempt_timeout
        Seconds after which an attempt ends, > 0.
    breakers
        Whether each agent has a `CircuitBreaker` with its default settings.
    correlation
        The probability, 0 to 1, that an agent takes the draw that all agents of this query share
        instead of its own, which leaves how likely each one is to fail as it was.
    seed
        The same one gives the same story; agents that a change does not concern draw as before.

    Returns
    -------
    FallbackStory
        What became of all queries.

    Raises
    ------
    ValueError, TypeError
        For arguments that make no sense, such as no agents at all.

    Examples
    --------
    >>> story = tell_fallback([AgentSpec("gpt4", "fails"), AgentSpec("local")], queries=3)
    >>> story.availability, story.formula
    (1.0, 1.0)
    """
    chain = _checked(agents)
    whole("queries", queries, at_least=1)
    non_negative("correlation", correlation, at_most=1)
    fates = _fates(len(chain), queries, correlation, seed)
    timeout = positive("attempt_timeout", attempt_timeout)
    told = run_virtual(_ask_all, chain, fates, timeout, breakers)
    return FallbackStory(chain, told, tuple(agent.availability(timeout) for agent in chain))


def _checked(agents: Sequence[AgentSpec]) -> tuple[AgentSpec, ...]:
    if not agents:
        raise ValueError(f"agents must hold at least one agent, got {agents!r}")
    for agent in agents:
        if not isinstance(agent, AgentSpec):
            raise TypeError(f"agents must be AgentSpecs, got {agent!r}")
    return tuple(agents)


async def _ask_all(
    chain: tuple[AgentSpec, ...],
    fates: Iterable[Sequence[float]],
    attempt_timeout: float,
    breakers: bool,
) -> tuple[ToldQuery, ...]:
    """A query for each of the `fates`, which has a draw for each agent."""
    recorder = Recorder()
    orchestrator = FallbackOrchestrator(
        attempt_timeout=attempt_timeout,
        breaker=(lambda agent: CircuitBreaker(name=agent.name)) if breakers else None,
        on_event=recorder,
    )
    told: list[ToldQuery] = []
    errors: dict[str, BaseException] = {}
    for number, draws in enumerate(fates, start=1):
        primary, *fallbacks = map(AgentSpec.play, chain, draws)
        with suppress(AllAgentsFailedError):
            await orchestrator.execute_with_fallback(f"query {number}", primary, fallbacks)
        told.append(_told_query(chain, recorder, errors))
        recorder.clear()
        await asyncio.sleep(PAUSE)
    return tuple(told)


def _fates(agents: int, queries: int, correlation: float, seed: int) -> Iterator[list[float]]:
    """For each query, a number from 0 to 1 for each agent."""
    shared = random.Random(f"{seed}")  # noqa: S311 - nothing secret
    streams = [random.Random(f"{seed} level {level}") for level in range(agents)]  # noqa: S311
    for _ in range(queries):
        fate = shared.random()
        # Each stream is drawn from twice, whatever comes of it, so that another correlation
        # leaves the other draws as they were.
        own = [(stream.random(), stream.random()) for stream in streams]
        yield [fate if choice < correlation else draw for choice, draw in own]


def _told_query(
    chain: tuple[AgentSpec, ...], recorder: Recorder, errors: dict[str, BaseException]
) -> ToldQuery:
    events = tuple(_with_one_of(errors, event) for event in recorder)
    paid = (
        chain[event.level].cost
        for event in events
        if isinstance(event, AgentFinished) and event.outcome in _PAID
    )
    return ToldQuery(events, sum(paid))


def _with_one_of(errors: dict[str, BaseException], event: Event) -> Event:
    """`event` with that error of `errors` that reads as its own, which is dropped.

    An error's traceback holds the frames of the run, and these hold the error. By the thousand,
    such knots would keep the garbage collector busy for longer than the queries take.
    """
    if not isinstance(event, AgentFinished | QueryFailed) or event.error is None:
        return event
    error = event.error
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return replace(event, error=errors.setdefault(str(error), error))
