"""Events: the one source that every plot, widget, transcript and check reads.

Each policy tells its `on_event` listener what it did, in small frozen values: the `time` in seconds
on its clock, the name of the `source`, and what happened. A listener is any plain function of one
event. It hears of a change only after the change stands, and if it raises, the error is logged and
the call goes on: watching must never break what is watched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from resilience_lab.ground.outcomes import Outcome

logger = logging.getLogger("resilience_lab")


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a policy: the base class of all events.

    Examples
    --------
    >>> from resilience_lab import Retry, ScriptedAgent, run_virtual
    >>> agent = ScriptedAgent("GPT-4", [(2.5, "an answer")])
    >>> run_virtual(Retry(on_event=print).call, agent.run, "a question")
    RetrySucceeded(time=2.5, source='retry', call=1, elapsed=2.5)
    'an answer'
    """

    time: float
    """Seconds on the policy's clock."""
    source: str
    """The policy's name."""


Listener: TypeAlias = Callable[[Any], object]
"""A function of one event: what policies take as `on_event`."""


def emit(listener: Listener | None, event: Event) -> None:
    """Tell `listener`, if there is one. What it raises is logged, not raised.

    Even a `CancelledError` (from a future that it looked at) is the listener's own affair. Only
    Ctrl-C and an exit pass.
    """
    if listener is None:
        return
    try:
        listener(event)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:
        logger.exception("listener %r raised on %r; the call is not affected", listener, event)


@dataclass(frozen=True, slots=True)
class Section(Event):
    """A heading for the reader of a transcript: the part called `title` begins."""

    title: str


# A circuit breaker.


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The breaker went from state `before` to `after`; `reason` says why, in a few words."""

    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallFinished(Event):
    """A call admitted in `state` ended with `outcome`, and with `error` if it raised.

    `count` of `threshold` is how far that brings the breaker: a failure towards opening, a success
    in HALF_OPEN towards closing. A call that would have been rejected in `state`, but for a breaker
    that only observes, brings it nowhere.
    """

    state: str
    outcome: Outcome
    error: BaseException | None
    count: int
    threshold: int


@dataclass(frozen=True, slots=True)
class CallRejected(Event):
    """The breaker blocked a call; a probe may be admitted in `retry_after` seconds."""

    state: str
    retry_after: float


@dataclass(frozen=True, slots=True)
class CallWouldBeRejected(Event):
    """A breaker that only observes let a call through that it would have blocked."""

    state: str
    retry_after: float


@dataclass(frozen=True, slots=True)
class LeaseExpired(Event):
    """A probe held its permit for `held` seconds without a result and lost it."""

    held: float


# A retry.


@dataclass(frozen=True, slots=True)
class RetryScheduled(Event):
    """Call number `call` failed with `error`; the next one follows after `delay` seconds."""

    call: int
    error: BaseException
    delay: float


@dataclass(frozen=True, slots=True)
class RetrySucceeded(Event):
    """Call number `call` succeeded, `elapsed` seconds after the first began."""

    call: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class RetryGaveUp(Event):
    """After `calls` calls and `elapsed` seconds the last `error` goes to the caller: `reason`."""

    calls: int
    elapsed: float
    error: BaseException
    reason: str


# A chain of agents.


@dataclass(frozen=True, slots=True)
class QueryReceived(Event):
    """A chain of `agents` (their names, in order) was asked `query`."""

    query: str
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentFinished(Event):
    """One agent's turn is over: success, failed, timeout, rejected, skipped or cancelled.

    `started` is in seconds after the query was received, `duration` in seconds, `calls` how many
    times the agent ran.
    """

    agent: str
    level: int
    outcome: str
    error: BaseException | None
    calls: int
    started: float
    duration: float


@dataclass(frozen=True, slots=True)
class QueryAnswered(Event):
    """The chain answered with `result`, by `agent` at fallback `level`, in `elapsed` seconds."""

    result: str
    agent: str
    level: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class QueryFailed(Event):
    """The chain gave up with `error` after `elapsed` seconds."""

    error: BaseException
    elapsed: float


# Any callable that a `Recorder` watches.


@dataclass(frozen=True, slots=True)
class AttemptStarted(Event):
    """Attempt number `attempt` on a watched callable began."""

    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptFinished(Event):
    """Attempt number `attempt`, begun at `started`, ended: success, failed or cancelled."""

    attempt: int
    started: float
    outcome: str
    error: BaseException | None
