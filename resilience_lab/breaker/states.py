"""The three states of a circuit breaker, and what is counted in each: the picture in `breaker.py`.

Every stay in a state is a *generation*, one object of this module. Each has the same few answers:
its `state`, its `successes` as a probe would count them, how far it has come (`progress`), and how
long a caller has to wait (`retry_after`). Who changes from one to the next is the breaker alone,
and always under its lock.
"""

from __future__ import annotations

import math
from typing import Generic, TypeAlias, TypeVar

from resilience_lab.breaker.trip_rules import Tally
from resilience_lab.ground.outcomes import State

G = TypeVar("G")


class Closed:
    """A generation in which everybody may call, until the trip rule has counted enough."""

    __slots__ = ("absorb", "alert", "tally")
    state = State.CLOSED
    successes = 0
    since = math.nan  # nobody asks how long a call took

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.alert = tally.alert
        self.absorb = tally.absorb

    @property
    def ticket(self) -> Closed | None:
        """Here all calls are alike, so the generation itself is the ticket of each."""
        return self

    @property
    def generation(self) -> Closed:
        return self

    def progress(self, now: float) -> tuple[int, int]:
        """How many failures count at `now`, and how many it takes to open."""
        return self.tally.progress(now)

    def retry_after(self, _now: float, _max_calls: int) -> float:
        return 0.0


class ClosedTimed(Closed):
    """The same under a rule that asks how long a call took: so each has a ticket of its own."""

    __slots__ = ()
    ticket = None


class Open:
    """A generation in which nobody may call, `until` a moment (never, if isolated)."""

    __slots__ = ("failures", "lease", "threshold", "until")
    state = State.OPEN
    ticket = None
    successes = 0

    def __init__(self, progress: tuple[int, int], until: float, lease: float) -> None:
        self.failures, self.threshold = progress
        self.until = until
        self.lease = lease

    def progress(self, _now: float) -> tuple[int, int]:
        return self.failures, self.threshold

    def retry_after(self, now: float, _max_calls: int) -> float:
        return _wait(now, self.until)


class HalfOpen:
    """A generation in which a few may probe, each for the seconds of its `lease`."""

    __slots__ = ("failures", "lease", "probes", "successes", "threshold")
    state = State.HALF_OPEN
    ticket = None

    def __init__(self, after: Open) -> None:
        self.failures = after.failures
        self.threshold = after.threshold
        self.lease = after.lease
        self.successes = 0
        self.probes: dict[Probe, float] = {}  # in flight, oldest first: when each lease ends

    def progress(self, _now: float) -> tuple[int, int]:
        return self.failures, self.threshold

    def admit(self, now: float) -> Probe:
        """A permit for one more probe."""
        probe = Probe(self, now)
        self.probes[probe] = now + self.lease
        return probe

    # A garbage collection may close a probe's coroutine at any line, and so give back its permit.
    # Only copies made in one step are looped over.

    def expire(self, now: float) -> list[Probe]:
        """Take the permits of probes whose lease is over; their results will be stale."""
        late = [probe for probe in list(self.probes) if now >= self.probes.get(probe, math.inf)]
        return [probe for probe in late if probe.hand_in()]

    def retry_after(self, now: float, max_calls: int) -> float:
        ends = list(self.probes.values())
        return 0.0 if len(ends) < max_calls else _wait(now, min(ends))


class _Own(Generic[G]):
    """A ticket that is one call's own: the generation that let it in, and when."""

    __slots__ = ("generation", "since")
    alert = True

    def __init__(self, generation: G, since: float) -> None:
        self.generation = generation
        self.since = since

    def absorb(self) -> bool:
        return False


class Call(_Own[Closed]):
    """The ticket of a call in CLOSED whose time is taken."""

    __slots__ = ()


class Probe(_Own[HalfOpen]):
    """The ticket of a call in HALF_OPEN."""

    __slots__ = ()

    def hand_in(self) -> bool:
        """Give the permit back; False if it was taken away before."""
        return self.generation.probes.pop(self, None) is not None


class Guest(_Own[Open | HalfOpen]):
    """The ticket of a call that was only let through. Its result is told, and does not count."""

    __slots__ = ()


Generation: TypeAlias = Closed | Open | HalfOpen
Ticket: TypeAlias = Closed | Call | Probe | Guest


def _wait(now: float, until: float) -> float:
    """Seconds from `now` to `until`, rounded so that `now + _wait(now, until) >= until`."""
    wait = max(0.0, until - now)
    while now + wait < until:
        wait = math.nextafter(wait, math.inf)
    return wait
