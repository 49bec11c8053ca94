"""A chain of agents: ask the best one first, and fall back when it cannot answer.

Graceful degradation with provenance: the result says which agent gave it, at which level of
fallback, and what became of every agent that was asked before. Around one agent the policies nest

    retry( breaker( timeout( agent.run )))

so each attempt has its own timeout, the breaker sees every attempt, and the retry stops as soon as
the breaker has opened: there is a next agent, so waiting for this one is time lost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TypedDict, TypeVar

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.errors import StreamInterruptedError
from resilience_lab.events.events import Listener
from resilience_lab.fallback.agents import Agent, BaseAgent
from resilience_lab.fallback.policy import ChainPolicy
from resilience_lab.fallback.query import Attempt, Query
from resilience_lab.fallback.streaming import StreamTurn
from resilience_lab.fallback.turn import Turn
from resilience_lab.ground.arguments import function
from resilience_lab.ground.outcomes import ErrorFilter
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry

T = TypeVar("T", bound=Turn)


class FallbackResult(TypedDict):
    """An answer and where it comes from: a plain dict.

    `attempts` has one entry per agent that had its turn, in order: see `Attempt`.
    """

    result: str
    """The answer."""
    agent_used: str
    """The name of the agent that gave it."""
    fallback_level: int
    """0 is the primary agent."""
    attempts: list[Attempt]
    elapsed: float
    """Seconds from the query to the answer."""


class FallbackOrchestrator:
    """Asks agents in order until one answers.

    An agent's breaker is made on first use and kept in `breakers`, under the agent's name: one
    orchestrator should serve many queries. An agent whose breaker is open is skipped, without being
    called or waited for. A refused answer and a skipped agent always lead on to the next agent. An
    answer that is no text, as of an agent that forgot its `return`, is an `AgentAnswerError`.

    Parameters
    ----------
    attempt_timeout
        Seconds that one attempt may take, > 0, cut to the ambient deadline. None for no limit of
        its own.
    hedge_after
        Seconds, >= 0, after which an agent that has not answered is no longer waited for alone: the
        next one is asked too, the first accepted answer wins, and the others are cancelled, which
        is neutral for their breakers. None for one agent at a time.
    retry
        The `Retry` around each agent. None for one attempt each.
    budget
        A `RetryBudget` that bounds what fallbacks and hedges add: each query adds its share, and
        each agent that is called after the first one takes a token. Given to `retry` and to other
        chains, too, it bounds all of that together.
    breaker
        `breaker(agent)` makes the `CircuitBreaker` of an agent. None for no breakers.
    fallback_on
        After which errors the next agent is asked: a type, a tuple of types, or a predicate. Any
        other error goes to the caller at once.
    accept
        `accept(answer)` may refuse an answer, which then counts as a failure of that attempt.
    on_event
        Hears of each query, each agent's turn, and the end.
    name
        The source of the events.

    Raises
    ------
    ValueError, TypeError
        For an argument that makes no sense.

    Notes
    -----
    Hedging is from Jeffrey Dean and Luiz Andre Barroso, "The Tail at Scale", 2013. The winner waits
    at most a hundredth of a second for the others' clean-up, and never up to the deadline: one that
    takes longer goes on in the background. Only a cancelled query waits for all that it began.

    Examples
    --------
    >>> from resilience_lab import ScriptedAgent, run_virtual
    >>> primary = ScriptedAgent("GPT-4", [ConnectionError("connection reset")])
    >>> local = ScriptedAgent("Local", ["an answer"])
    >>> orchestrator = FallbackOrchestrator(attempt_timeout=10)
    >>> answer = run_virtual(orchestrator.execute_with_fallback, "a question", primary, [local])
    >>> answer["result"], answer["agent_used"], answer["fallback_level"]
    ('an answer', 'Local', 1)
    >>> [(attempt["agent"], attempt["outcome"]) for attempt in answer["attempts"]]
    [('GPT-4', 'failed'), ('Local', 'success')]
    """

    def __init__(
        self,
        *,
        attempt_timeout: float | None = None,
        hedge_after: float | None = None,
        retry: Retry | None = None,
        budget: RetryBudget | None = None,
        breaker: Callable[[Agent], CircuitBreaker]
        | Callable[[BaseAgent], CircuitBreaker]
        | None = None,
        fallback_on: ErrorFilter = Exception,
        accept: Callable[[str], bool] | None = None,
        on_event: Listener | None = None,
        name: str = "fallback",
    ) -> None:
        if isinstance(breaker, CircuitBreaker):
            raise TypeError(f"breaker must be a function that makes one per agent, got {breaker!r}")
        self._make_breaker = function("breaker", breaker)
        self.breakers: dict[str, CircuitBreaker] = {}
        self.policy = ChainPolicy(
            attempt_timeout=attempt_timeout,
            hedge_after=hedge_after,
            retry=retry,
            budget=budget,
            fallback_on=fallback_on,
            accept=accept,
            on_event=on_event,
            name=name,
        )

    async def execute_with_fallback(
        self, query: str, primary_agent: Agent, fallback_agents: Sequence[Agent]
    ) -> FallbackResult:
        """The answer of the first agent that gives one.

        A cancellation ends the whole chain, whatever the agent makes of it: it returns when the
        agents have cleaned up, or when it is cancelled again and again.

        Parameters
        ----------
        query
            What each agent is asked.
        primary_agent
            The agent to ask first.
        fallback_agents
            The agents to ask after it, in order.

        Raises
        ------
        AllAgentsFailedError
            No agent has answered. It holds every agent's error, in order.
        DeadlineExceededError
            The ambient deadline leaves no time for the next agent.
        ValueError, TypeError
            Two agents have the same name, or an argument is of the wrong kind.
        """
        async with self._ask(query, primary_agent, fallback_agents, Turn) as asked:
            turn, answer = await asked.first_answer()
            elapsed = asked.answered(turn, answer)
        return FallbackResult(
            result=answer,
            agent_used=turn.agent.name,
            fallback_level=turn.level,
            attempts=asked.attempts,
            elapsed=elapsed,
        )

    async def stream_with_fallback(
        self, query: str, primary_agent: Agent, fallback_agents: Sequence[Agent]
    ) -> AsyncGenerator[str, None]:
        """The answer in chunks, of the first agent that gives one.

        Until the first chunk everything is as in `execute_with_fallback`, except that `accept`,
        which judges whole answers, is not asked. After it there is no fallback, since the consumer
        has seen it. `attempt_timeout` bounds the wait for each chunk; the time that the consumer
        takes is its own. A consumer that stops early should close the generator
        (`contextlib.aclosing`): the agent is then cancelled, which is neutral for its breaker.

        Parameters
        ----------
        query
            What each agent is asked.
        primary_agent, fallback_agents
            Who is asked, in order. One without a `stream` gives its whole answer as one chunk.

        Raises
        ------
        StreamInterruptedError
            The stream broke off. It holds the agent and what came so far.
        AllAgentsFailedError, DeadlineExceededError, ValueError, TypeError
            As `execute_with_fallback` does.

        Examples
        --------
        >>> from resilience_lab import ScriptedAgent, run_virtual
        >>> primary = ScriptedAgent("GPT-4", [TimeoutError()])
        >>> local = ScriptedAgent("Local", [["Once ", "upon ", "a time"]])
        >>> async def main():
        ...     orchestrator = FallbackOrchestrator()
        ...     chunks = orchestrator.stream_with_fallback("a story", primary, [local])
        ...     return [chunk async for chunk in chunks]
        >>> run_virtual(main)
        ['Once ', 'upon ', 'a time']
        """
        async with self._ask(query, primary_agent, fallback_agents, StreamTurn) as asked:
            turn, first = await asked.first_answer()
            said: list[str] = []
            chunk: str | None = first
            while chunk:
                said.append(chunk)
                yield chunk
                try:
                    chunk = await turn.next()
                except Exception as error:
                    asked.enter(turn, turn.outcome(error), error)
                    raise StreamInterruptedError(turn.agent.name, "".join(said)) from error
            asked.answered(turn, "".join(said))

    def breaker_of(self, agent: Agent) -> CircuitBreaker | None:
        """The breaker kept for `agent`, made on first use; None if there is no factory."""
        if self._make_breaker is None:
            return None
        if agent.name not in self.breakers:
            made = self._make_breaker(agent)
            if not isinstance(made, CircuitBreaker):
                raise TypeError(f"breaker must make a CircuitBreaker for each agent, got {made!r}")
            self.breakers[agent.name] = made
        return self.breakers[agent.name]

    def _ask(
        self, query: str, primary: Agent, fallbacks: Sequence[Agent], kind: type[T]
    ) -> Query[T]:
        if not isinstance(query, str):
            raise TypeError(f"query must be a string, got {query!r}")
        chain = _chain(primary, fallbacks)

        def turn_of(agent: Agent, level: int) -> T:
            return kind(self.policy, self.breaker_of(agent), agent, level, query)

        return Query(self.policy, query, chain, turn_of)


def _chain(primary: Agent, fallbacks: Sequence[Agent]) -> tuple[Agent, ...]:
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
