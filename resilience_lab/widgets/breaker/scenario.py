"""A breaker's life as a list of actions, played from the start whenever it is looked at.

The story is a pure function of its actions and settings. So one may change a threshold and see how
the *same* calls would have ended, or take the last action back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.breaker.permit import Permit
from resilience_lab.errors import CircuitOpenError
from resilience_lab.events.events import Listener, StateChanged
from resilience_lab.events.recorder import Recorder
from resilience_lab.events.transcript import Transcript


@dataclass
class BreakerStory:
    """Where a story stands: the breaker, the clock, and what was heard on the way."""

    breaker: CircuitBreaker
    recorder: Recorder = field(default_factory=Recorder)
    lines: list[str] = field(default_factory=list)
    """The transcript."""
    now: float = 0.0
    """Seconds since the story began."""
    hanging: list[Permit] = field(default_factory=list)
    """Permits of calls that have not come back, oldest first."""

    @property
    def last_change(self) -> StateChanged | None:
        """The latest change of state, if there was one."""
        changes = [event for event in self.recorder if isinstance(event, StateChanged)]
        return changes[-1] if changes else None

    def call(self, settle: Callable[[Permit], object]) -> None:
        """A call arrives; if it is let in, `settle` says what becomes of it."""
        with suppress(CircuitOpenError):
            settle(self.breaker.acquire())

    def late_answer(self) -> None:
        """The call that has hung longest succeeds after all."""
        if not self.hanging:
            self.lines.append("(no call is hanging)")
            return
        heard = len(self.recorder)
        self.hanging.pop(0).success()
        if len(self.recorder) == heard:
            self.lines.append("(a late answer: stale, it changes nothing)")

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds


ACTIONS: dict[str, Callable[[BreakerStory], None]] = {
    "succeed": lambda story: story.call(Permit.success),
    "fail": lambda story: story.call(lambda permit: permit.failure(ConnectionError("down"))),
    "cancel": lambda story: story.call(Permit.ignore),
    "hang": lambda story: story.call(story.hanging.append),
    "late answer": BreakerStory.late_answer,
    "wait 1 s": lambda story: story.wait(1.0),
    "wait 10 s": lambda story: story.wait(10.0),
}
"""What can happen next, by name."""


def tell_story(
    actions: Sequence[str],
    *,
    failure_threshold: int = 3,
    recovery_timeout: float = 30.0,
    success_threshold: int = 2,
    half_open_max_calls: int = 1,
    probe_timeout: float | None = None,
) -> BreakerStory:
    """Play actions on a new breaker, whose clock moves only when they say so.

    Parameters
    ----------
    actions
        Names in `ACTIONS`, in order.
    failure_threshold, recovery_timeout, success_threshold, half_open_max_calls, probe_timeout
        Settings of the `CircuitBreaker`.

    Returns
    -------
    BreakerStory

    Raises
    ------
    ValueError, TypeError
        For an action that there is not, and as `CircuitBreaker` does for settings.

    Examples
    --------
    >>> tell_story(["fail", "fail"], failure_threshold=2).breaker.state
    <State.OPEN: 'OPEN'>
    """
    if unknown := [action for action in actions if action not in ACTIONS]:
        raise ValueError(f"actions must be among {', '.join(ACTIONS)}; got {unknown[0]!r}")
    listeners: list[Listener] = []
    story = BreakerStory(
        CircuitBreaker(
            failure_threshold,
            recovery_timeout,
            success_threshold,
            half_open_max_calls=half_open_max_calls,
            probe_timeout=probe_timeout,
            clock=lambda: story.now,
            on_event=lambda event: [listener(event) for listener in listeners],
        )
    )
    listeners += [story.recorder, Transcript(story.lines.append)]
    for action in actions:
        ACTIONS[action](story)
    return story
