"""The three states of a circuit breaker. The picture is the code:

    CLOSED --- failure_threshold failures in a row ---> OPEN
    OPEN --- a call arrives after recovery_timeout ---> HALF_OPEN, and that call is a probe
    HALF_OPEN --- success_threshold probes succeed ---> CLOSED
    HALF_OPEN --- any probe fails --------------------> OPEN, for another break

Every stay in a state is a *generation*: one object of `Closed`, `Open` or `HalfOpen`. All three
have the same verbs: a call may `arrive`, it is `let_in` or not, and its result is `take`n. What
they return is the generation that follows, so each arrow of the picture is one line below.

A call keeps the generation that let it in. When its result comes back and another generation is
there, the result is *stale*: it tells of a time that is over, so it changes nothing and frees
nothing. That one rule deals with slow calls that return after the trip, after the recovery, or
after a reset.

There is no lock here, no clock and no listener: the time is passed in, under the breaker's lock.
"""

# ruff: noqa: ARG002 - the states share the signatures of their verbs, and not all need all of it
from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from resilience_lab.breaker.break_lengths import Breaks
from resilience_lab.breaker.trip_rules import TripRule
from resilience_lab.ground.outcomes import Outcome, State


@dataclass(frozen=True, slots=True)
class Plan:
    """What the arrows depend on: when to open, how long a break lasts. Also makes what is new."""

    trip: TripRule
    breaks: Breaks
    clock: Callable[[], float]  # for tallies of a window in seconds

    def closed(self, reason: str) -> Closed:
        """A fresh CLOSED, in which nothing has been counted."""
        self.breaks.start_over()
        return Closed(self, reason)

    def opened(self, progress: tuple[int, int], now: float, reason: str) -> Open:
        """An OPEN for the next break, in seconds from `now`."""
        length, lease = self.breaks.take()
        return Open(self, progress, now + length, lease, reason)


class Generation(ABC):
    """One stay in a state: the verbs that all three states have, and what they are without."""

    __slots__ = ("plan", "reason")
    state: ClassVar[State]
    isolated = False
    successes = 0

    def __init__(self, plan: Plan, reason: str) -> None:
        self.plan = plan
        self.reason = reason  # why it began

    @property
    def ticket(self) -> Ticket | None:
        """The ticket of every call, if all are alike, so that nobody has to be asked for one."""
        return None

    def arrive(self, now: float) -> Generation:
        """A call comes: the generation that it meets."""
        return self

    def expire(self, now: float) -> Sequence[Ticket]:
        """The tickets of probes that have taken too long; their results will be stale."""
        return ()

    @abstractmethod
    def let_in(self, now: float, max_probes: int) -> Ticket | None:
        """A ticket for one call; None if it is rejected."""

    @abstractmethod
    def take(self, ticket: Ticket, outcome: Outcome, now: float, needed: int) -> Generation | None:
        """Take the result of one call: the generation after it, or None if the result is stale.

        `needed` is the number of successful probes that close the circuit.
        """

    @abstractmethod
    def progress(self, now: float) -> tuple[int, int]:
        """How many failures count at `now`, and how many it takes to open."""

    @abstractmethod
    def retry_after(self, now: float, max_probes: int) -> float:
        """Seconds until a call may be let in."""


class Closed(Generation):
    """Everybody may call, until the trip rule has counted enough."""

    __slots__ = ("absorb", "alert", "tally", "timed")
    state = State.CLOSED

    def __init__(self, plan: Plan, reason: str) -> None:
        super().__init__(plan, reason)
        self.timed = plan.trip.timed
        self.tally = plan.trip.tally(plan.clock)
        self.alert = self.tally.alert
        self.absorb = self.tally.absorb

    # All calls are alike, so the generation is the ticket of each: but if the trip rule asks how
    # long a call took, each has a ticket of its own.

    counts = True
    since = math.nan

    @property
    def generation(self) -> Generation:
        return self

    @property
    def ticket(self) -> Ticket | None:
        return None if self.timed else self

    def let_in(self, now: float, max_probes: int) -> Ticket:
        return Call(self, now) if self.timed else self

    def take(self, ticket: Ticket, outcome: Outcome, now: float, needed: int) -> Generation | None:
        if ticket.generation is not self:
            return None
        if outcome is Outcome.NEUTRAL:
            return self
        failed = outcome is Outcome.FAILURE
        reason = self.tally.note(failed=failed, seconds=now - ticket.since, now=now)
        self.alert = self.tally.alert
        return self.plan.opened(self.progress(now), now, reason) if reason else self

    def progress(self, now: float) -> tuple[int, int]:
        return self.tally.progress(now)

    def retry_after(self, now: float, max_probes: int) -> float:
        return 0.0


class Open(Generation):
    """Nobody may call, `until` a moment: never, if it was isolated."""

    __slots__ = ("failures", "lease", "threshold", "until")
    state = State.OPEN

    def __init__(
        self, plan: Plan, progress: tuple[int, int], until: float, lease: float, reason: str
    ) -> None:
        super().__init__(plan, reason)
        self.failures, self.threshold = progress
        self.until = until
        self.lease = lease  # of the probes after it, in seconds

    @property
    def isolated(self) -> bool:  # type: ignore[override]
        return math.isinf(self.until)

    def arrive(self, now: float) -> Generation:
        return HalfOpen(self) if now >= self.until else self

    def let_in(self, now: float, max_probes: int) -> None:
        return None

    def take(self, ticket: Ticket, outcome: Outcome, now: float, needed: int) -> None:
        return None  # it has let nobody in, so every result is stale

    def progress(self, now: float) -> tuple[int, int]:
        return self.failures, self.threshold

    def retry_after(self, now: float, max_probes: int) -> float:
        return _wait(now, self.until)


class HalfOpen(Generation):
    """A few may probe, each for the seconds of its `lease`."""

    __slots__ = ("failures", "lease", "probes", "successes", "threshold")
    state = State.HALF_OPEN

    def __init__(self, after: Open) -> None:
        super().__init__(after.plan, "the break is over")
        self.failures = after.failures
        self.threshold = after.threshold
        self.lease = after.lease
        self.successes = 0
        self.probes: dict[Ticket, float] = {}  # in flight, oldest first: when each lease ends

    # A garbage collection may close a probe's coroutine at any line, and so give back its permit.
    # Only copies made in one step are looped over.

    def expire(self, now: float) -> Sequence[Ticket]:
        late = [probe for probe in list(self.probes) if now >= self.probes.get(probe, math.inf)]
        return [probe for probe in late if self.probes.pop(probe, None) is not None]

    def let_in(self, now: float, max_probes: int) -> Ticket | None:
        if len(self.probes) >= max_probes:
            return None
        probe = Call(self, now)
        self.probes[probe] = now + self.lease
        return probe

    def take(self, ticket: Ticket, outcome: Outcome, now: float, needed: int) -> Generation | None:
        if ticket.generation is not self:
            return None
        seconds = now - ticket.since
        if self.probes.pop(ticket, None) is None:  # its permit has gone to another: stale, too
            if outcome is Outcome.SUCCESS:
                self.lease = self.plan.breaks.stretch(self.lease, seconds)
            return None
        if outcome is Outcome.NEUTRAL:
            return self
        failed = outcome is Outcome.FAILURE
        if failed or self.plan.trip.is_bad(failed=failed, seconds=seconds):
            self.failures += failed
            reason = "a probe failed" if failed else "a probe was slow"
            return self.plan.opened(self.progress(now), now, reason)
        self.successes += 1
        return self.plan.closed("the probes succeeded") if self.successes >= needed else self

    def progress(self, now: float) -> tuple[int, int]:
        return self.failures, self.threshold

    def retry_after(self, now: float, max_probes: int) -> float:
        ends = list(self.probes.values())
        return 0.0 if len(ends) < max_probes else _wait(now, min(ends))


class Call:
    """The ticket of one call alone: which generation let it in, and when."""

    __slots__ = ("generation", "since")
    alert = True
    counts = True

    def __init__(self, generation: Generation, since: float) -> None:
        self.generation = generation
        self.since = since

    def absorb(self) -> bool:
        """A result is never counted in passing: it frees a probe's permit, or its time counts."""
        return False


class Guest(Call):
    """The ticket of a call that is only observed. Its result is told, and does not count."""

    __slots__ = ()
    counts = False


Ticket: TypeAlias = Closed | Call


def _wait(now: float, until: float) -> float:
    """Seconds from `now` to `until`, rounded so that `now + _wait(now, until) >= until`."""
    wait = max(0.0, until - now)
    while now + wait < until:
        wait = math.nextafter(wait, math.inf)
    return wait
