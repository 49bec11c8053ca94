"""How long each break of a circuit breaker lasts, and how long a probe after it may take.

A fixed break asks a service that is down for a day as often as one that is down for a minute. A
growing one begins short, so that a hiccup costs little, and ends long.

A probe may take as long as the break was, by default. A service that is slower than that, but well,
must not be shut out for it: if every permit goes to the next caller before its probe has answered,
no answer ever counts, and the circuit stays half-open for good. A probe that succeeds too late is
stale, but it shows how long an answer takes. So the probes after it may take twice as long as it
took. A service that hangs never answers, and hence is given no more time than before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from resilience_lab.ground.arguments import positive
from resilience_lab.retry.backoff import Backoff


class Breaks:
    """Breaks of one length, or breaks that grow as a `Backoff` says, anew after each close.

    Parameters
    ----------
    recovery_timeout
        The length in seconds, > 0, or the `Backoff`.
    probe_timeout
        How long a probe after a break may hold its permit, in seconds, > 0. By default as long as
        the break (a jittered break may be close to nothing, so: as long as it could have been), or
        twice as long as a probe was seen to take.

    Raises
    ------
    ValueError, TypeError
        For a length that makes no sense.

    Examples
    --------
    >>> breaks = Breaks(Backoff(10, jitter="none", max_delay=25))
    >>> [breaks.take() for _ in range(3)]
    [(10.0, 10.0), (20.0, 20.0), (25.0, 25.0)]
    """

    def __init__(
        self, recovery_timeout: float | Backoff, probe_timeout: float | None = None
    ) -> None:
        if not isinstance(recovery_timeout, Backoff):
            recovery_timeout = positive("recovery_timeout", recovery_timeout)
        elif not recovery_timeout.base_delay:
            raise ValueError(
                f"recovery_timeout must have a base_delay > 0, got {recovery_timeout!r}"
            )
        self.recovery_timeout = recovery_timeout
        self.probe_timeout = (
            None if probe_timeout is None else positive("probe_timeout", probe_timeout)
        )
        self.start_over()

    def start_over(self) -> None:
        """The circuit is closed: the next break is a first one."""
        plan = self.recovery_timeout
        self._taken = 0
        self._lengths: Iterator[float] = (
            plan.delays() if isinstance(plan, Backoff) else repeat(plan)
        )

    def take(self) -> tuple[float, float]:
        """The next break, and the lease of the probes after it, in seconds."""
        length = longest = next(self._lengths)
        if isinstance(self.recovery_timeout, Backoff):
            longest = self.recovery_timeout.bounds(self._taken)[1]
        self._taken += 1
        return length, self.probe_timeout or longest

    def stretch(self, lease: float, seconds: float) -> float:
        """The lease of the next probes, when one took `seconds` and was too late."""
        return self.probe_timeout or max(lease, 2 * seconds)
