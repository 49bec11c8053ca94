"""A listener that tells the story of a run in plain lines, as one would on a whiteboard.

It knows only events. Nothing is printed that no policy reported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod

from resilience_lab.arguments import function
from resilience_lab.breaker import State
from resilience_lab.errors import CircuitOpenError, RateLimitedError
from resilience_lab.events import (
    AgentFinished,
    CallFailed,
    CallIgnored,
    CallRejected,
    CallSucceeded,
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

_MEANING = {
    State.OPEN: "blocking requests",
    State.HALF_OPEN: "testing recovery",
    State.CLOSED: "back to normal",
}


class Transcript:
    """Prints the events it hears: give it to any policy as `on_event`.

    `write` gets each line, by default `print`. Attempts on a breaker are numbered from 1 in each
    `Section`.
    """

    def __init__(self, write: Callable[[str], object] = print) -> None:
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

    def _number(self) -> int:
        self._attempts += 1
        return self._attempts

    @singledispatchmethod
    def _tell(self, event: Event) -> None:
        """Events without a line of their own are part of another event's line."""

    @_tell.register
    def _(self, event: Section) -> None:
        if self._begun:
            self._gap = True
            self._line("---")
            self._gap = True
        self._begun = True
        self._attempts = 0
        self._line(f"=== {event.title} ===")
        self._gap = True

    # A circuit breaker

    @_tell.register
    def _(self, event: CallSucceeded) -> None:
        progress = f" (successes: {event.successes}/{event.threshold} in half-open)"
        probing = event.state == State.HALF_OPEN
        self._line(f"Attempt {self._number()}: ✅ SUCCESS{progress if probing else ''}")

    @_tell.register
    def _(self, event: CallFailed) -> None:
        progress = f"failures: {event.failures}/{event.threshold}"
        if event.state == State.HALF_OPEN:
            progress = "probe in half-open"
        self._line(f"Attempt {self._number()}: ❌ FAILED ({progress})")

    @_tell.register
    def _(self, event: CallIgnored) -> None:
        self._line(f"Attempt {self._number()}: ➖ IGNORED ({_reason(event.error)})")

    @_tell.register
    def _(self, event: CallRejected) -> None:
        state = event.state.lower().replace("_", "-")
        self._line(f"Attempt {self._number()}: ⛔ BLOCKED (circuit is {state})")

    @_tell.register
    def _(self, event: LeaseExpired) -> None:
        self._line(
            f">>> Probe gave no answer for {event.held:g} seconds - its permit is free again"
        )

    @_tell.register
    def _(self, event: StateChanged) -> None:
        passed = event.time - self._last
        if event.after == State.HALF_OPEN and passed > 0:
            self._gap = True
            self._line(f"[{passed:g} second{'' if passed == 1 else 's'} later...]")
        by_hand = event.reason.endswith("by hand")
        meaning = event.reason if by_hand else _MEANING[State(event.after)]
        self._line(f">>> Circuit {event.after} - {meaning}")
        self._gap = True

    # A retry

    @_tell.register
    def _(self, event: RetryScheduled) -> None:
        self._line(f"Attempt {event.call}: Failed → Retry in {event.delay:.1f}s")

    @_tell.register
    def _(self, event: RetrySucceeded) -> None:
        self._line(f"Attempt {event.call}: Success! ✅")

    @_tell.register
    def _(self, event: RetryGaveUp) -> None:
        self._line(f"Attempt {event.calls}: Failed → Gave up: {event.reason} ❌")

    # A chain of agents

    @_tell.register
    def _(self, event: QueryReceived) -> None:
        self._line(f'Query: "{event.query}"')
        self._gap = True

    @_tell.register
    def _(self, event: AgentFinished) -> None:
        role = f"Fallback {event.level}" if event.level else "Primary"
        verdict = {
            "success": "✅ SUCCESS",
            "skipped": f"⛔ SKIPPED ({_reason(event.error)})",
        }.get(event.outcome, f"❌ FAILED ({_reason(event.error)})")
        self._line(f"{role} ({event.agent}): {verdict}")

    @_tell.register
    def _(self, event: QueryAnswered) -> None:
        self._gap = True
        self._line(f'Result: "{event.result}"')
        self._line(f"Agent used: {event.agent} (fallback level {event.level})")
        self._gap = True

    @_tell.register
    def _(self, event: QueryFailed) -> None:
        self._gap = True
        self._line(f"No result: {event.error}")
        self._gap = True


def _reason(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, RateLimitedError):
        return "rate limit"
    if isinstance(error, CircuitOpenError):
        return "circuit is open"
    return "no error" if error is None else type(error).__name__
