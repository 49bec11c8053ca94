"""A listener that tells what happens in plain lines, as on a whiteboard.

It knows only events. Nothing is printed that no policy reported.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable

from resilience_lab.errors import (
    AgentAnswerError,
    CircuitOpenError,
    RateLimitedError,
    ResultRejectedError,
)
from resilience_lab.events.events import (
    AgentFinished,
    CallFinished,
    CallRejected,
    CallWouldBeRejected,
    Event,
    LeaseExpired,
    QueryAnswered,
    QueryFailed,
    QueryReceived,
    RetryGaveUp,
    RetryScheduled,
    RetrySucceeded,
    Section,
    StateChanged,
)
from resilience_lab.ground.arguments import function
from resilience_lab.ground.outcomes import Outcome, State

_MEANING = {
    State.OPEN: "blocking requests",
    State.HALF_OPEN: "testing recovery",
    State.CLOSED: "back to normal",
}


class Transcript:
    """Prints the events it hears: give it to any policy as `on_event`.

    Attempts on a breaker are numbered from 1 in each `Section`.

    Parameters
    ----------
    write
        Is called with each line, by default `print`.

    Raises
    ------
    TypeError
        `write` is not callable.

    Examples
    --------
    >>> from resilience_lab import Backoff, Retry, ScriptedAgent, run_virtual
    >>> agent = ScriptedAgent("GPT-4", [ConnectionError("connection reset"), "an answer"])
    >>> retry = Retry(3, Backoff(1.0, jitter="none"), on_event=Transcript())
    >>> run_virtual(retry.call, agent.run, "a question")
    Attempt 1: Failed → Retry in 1.0s
    Attempt 2: Success! ✅
    'an answer'
    """

    def __init__(self, write: Callable[[str], object] = print) -> None:
        if write is None:
            raise TypeError("write must be callable, got None")
        self._write = function("write", write)
        self._attempts = 0
        self._last = 0.0  # when the last event happened
        self._gap = False  # whether the next line begins a new paragraph
        self._begun = False

    def __call__(self, event: Event) -> None:
        self._tell(event)
        self._last = event.time

    def _line(self, line: str) -> None:
        if self._gap:
            self._write("")
            self._gap = False
        self._write(line)

    def _tell(self, event: Event) -> None:
        match event:
            case Section():
                self._begin(event.title)
            case CallFinished() | CallRejected():
                self._attempts += 1
                self._line(f"Attempt {self._attempts}: {_verdict(event)}")
            case CallWouldBeRejected(state=state):
                self._line(f">>> Only observing - would have blocked (circuit is {_lower(state)})")
            case LeaseExpired(held=held):
                self._line(f">>> No answer from a probe for {held:g} s - its permit is free again")
            case StateChanged():
                self._change(event)
            case RetryScheduled(call=call, delay=delay):
                self._line(f"Attempt {call}: Failed → Retry in {delay:.1f}s")
            case RetrySucceeded(call=call):
                self._line(f"Attempt {call}: Success! ✅")
            case RetryGaveUp(calls=calls, reason=reason):
                self._line(f"Attempt {calls}: Failed → Gave up: {reason} ❌")
            case QueryReceived(query=query):
                self._line(f'Query: "{query}"')
                self._gap = True
            case AgentFinished(level=level, agent=agent):
                role = f"Fallback {level}" if level else "Primary"
                self._line(f"{role} ({agent}): {_verdict(event)}")
            case QueryAnswered(result=result, agent=agent, level=level):
                self._gap = True
                self._line(f'Result: "{result}"')
                self._line(f"Agent used: {agent} (fallback level {level})")
                self._gap = True
            case QueryFailed(error=error):
                self._gap = True
                self._line(f"No result: {_sentence(error)}")
                self._gap = True

    def _begin(self, title: str) -> None:
        if self._begun:
            self._gap = True
            self._line("---")
            self._gap = True
        self._begun = True
        self._attempts = 0
        self._line(f"=== {title} ===")
        self._gap = True

    def _change(self, event: StateChanged) -> None:
        passed = event.time - self._last
        if event.after == State.HALF_OPEN and passed > 0:
            self._gap = True
            self._line(f"[{passed:g} second{'' if passed == 1 else 's'} later...]")
        by_hand = event.reason.endswith("by hand")
        meaning = event.reason if by_hand else _MEANING[State(event.after)]
        self._line(f">>> Circuit {event.after} - {meaning}")
        self._gap = True


def _verdict(event: CallFinished | CallRejected | AgentFinished) -> str:
    match event:
        case CallRejected(state=state):
            return f"⛔ BLOCKED (circuit is {_lower(state)})"
        case AgentFinished(outcome="cancelled"):
            return "⚪ CANCELLED"
        case AgentFinished(outcome="skipped"):
            return f"⛔ SKIPPED ({_reason(event.error)})"
        case CallFinished(outcome=Outcome.NEUTRAL):
            return f"⚪ IGNORED ({_reason(event.error)})"
        case CallFinished(outcome=Outcome.FAILURE, state=State.CLOSED):
            return f"❌ FAILED (failures: {event.count}/{event.threshold})"
        case CallFinished(outcome=Outcome.SUCCESS, state=State.HALF_OPEN):
            return f"✅ SUCCESS (successes: {event.count}/{event.threshold} in half-open)"
        case CallFinished(outcome=Outcome.SUCCESS) | AgentFinished(outcome="success"):
            return "✅ SUCCESS"
        case _:
            return f"❌ FAILED ({_reason(event.error)})"


def _lower(state: str) -> str:
    return state.lower().replace("_", "-")


def _sentence(error: BaseException) -> str:
    """What ended a query, in the error's own words if it has any."""
    if isinstance(error, CancelledError):
        return "cancelled"
    if isinstance(error, GeneratorExit):
        return "the reader left before the end"
    try:
        words = str(error)
    except Exception:
        words = ""
    return words or type(error).__name__


def _reason(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, RateLimitedError):
        return "rate limit"
    if isinstance(error, CircuitOpenError):
        return "circuit is open"
    if isinstance(error, ResultRejectedError):
        return "answer refused"
    if isinstance(error, AgentAnswerError):
        return "no text"
    return "no error" if error is None else type(error).__name__
