"""When a closed circuit opens: the decision, apart from the state machine.

A rule is a value that any number of breakers may share. A breaker asks it for a fresh `Tally` each
time it closes, and tells that tally every result; the answer is a reason to open, or none.

Counting failures *in a row* is simple and right for a service that is either up or down. But with
one call in three failing, three in a row come late, and with a thousand calls a second they come by
chance. So busy services are judged by a *rate*, over the last calls or the last seconds.
(Both kinds of window: resilience4j, "CircuitBreaker", documentation, 2017.)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from resilience_lab.ground.arguments import fraction, positive, whole
from resilience_lab.ground.clock import at_hand

RESOLUTION = 100
"""Into how many parts a window of seconds is divided."""


class Tally(ABC):
    """What one stay in CLOSED has counted.

    Attributes
    ----------
    count
        How many failures, or slow calls, count now.
    needed
        How many it would take to open.
    alert
        While it is false, a success changes nothing at all.
    """

    count = 0
    needed: int
    alert = True

    def progress(self, now: float) -> tuple[int, int]:
        """`count` and `needed` as of `now`, when time alone may have changed them."""
        return self.count, self.needed

    def absorb(self) -> bool:
        """Count a success in passing, outside the lock; False if it has to be noted instead."""
        return False

    @abstractmethod
    def note(self, *, failed: bool, seconds: float, now: float) -> str | None:
        """Count one result. Called under the breaker's lock, so it is arithmetic and nothing else.

        Parameters
        ----------
        failed
            Whether the call failed; neutral outcomes are not counted.
        seconds
            How long the call took; NaN unless the rule is `timed`.
        now
            The time in seconds, on the breaker's clock.

        Returns
        -------
        The reason to open, in words, or None.
        """


class TripRule(ABC):
    """Decides when a closed circuit opens, and what else than a failure speaks against a probe.

    A rule of your own makes a `Tally` of your own; the breaker then asks it about each result.
    """

    timed = False
    """Whether it asks how long a call took, so that a breaker has to look at the clock for it."""

    @abstractmethod
    def tally(self, clock: Callable[[], float]) -> Tally:
        """A fresh count, for one stay in CLOSED, on the breaker's `clock`."""

    def is_bad(self, *, failed: bool, seconds: float) -> bool:
        """Whether a call that ended like this speaks against the service."""
        return failed


@dataclass(frozen=True)
class ConsecutiveFailures(TripRule):
    """Opens after `threshold` failures in a row, however far apart in time they are.

    Parameters
    ----------
    threshold
        How many, >= 1. Default 3.

    Examples
    --------
    >>> from resilience_lab import CircuitBreaker
    >>> CircuitBreaker(trip=ConsecutiveFailures(5)).failure_threshold
    5
    """

    threshold: int = 3

    def __post_init__(self) -> None:
        whole("threshold", self.threshold, at_least=1)

    def tally(self, clock: Callable[[], float]) -> Tally:
        return _InARow(self.threshold)


class _InARow(Tally):
    def __init__(self, threshold: int) -> None:
        self.needed = threshold
        self.alert = False

    def note(self, *, failed: bool, seconds: float, now: float) -> str | None:
        self.count = self.count + 1 if failed else 0
        self.alert = failed
        return "too many failures" if self.count >= self.needed else None


@dataclass(frozen=True)
class _Rate(TripRule):
    """Opens when at least `threshold` of the calls in a window were bad: see its two kinds."""

    threshold: float
    last: int | None = field(default=None, kw_only=True)
    within: float | None = field(default=None, kw_only=True)
    minimum_calls: int | None = field(default=None, kw_only=True)

    bad_word = ""

    def __post_init__(self) -> None:
        fraction("threshold", self.threshold)
        if (self.last is None) == (self.within is None):
            raise ValueError(
                f"give last (calls) or within (seconds), one of them; "
                f"got last={self.last!r}, within={self.within!r}"
            )
        if self.within is not None:
            positive("within", self.within)
        window = math.inf if self.last is None else whole("last", self.last, at_least=1)
        if self.minimum_calls is None:
            object.__setattr__(self, "minimum_calls", int(min(10, window)))
        elif whole("minimum_calls", self.minimum_calls, at_least=1) > window:
            raise ValueError(
                f"minimum_calls must not be more than last ({self.last!r}), "
                f"or the rate is never judged; got {self.minimum_calls!r}"
            )

    def tally(self, clock: Callable[[], float]) -> Tally:
        minimum = self.minimum_calls or 1
        if self.last is not None:
            return _LastCalls(self, minimum, self.last)
        return _LastSeconds(self, minimum, self.within or math.inf, clock)


@dataclass(frozen=True)
class FailureRate(_Rate):
    """Opens when at least a fraction of the calls in a window failed.

    It is judged after every result, since a success may complete the minimum, and since time alone
    may take older successes out of the window. Neutral outcomes are not calls.

    Parameters
    ----------
    threshold
        The fraction, 0 < `threshold` <= 1.
    last
        The window is this number of calls, >= 1. Give `last` or `within`.
    within
        The window is this number of seconds, > 0.
    minimum_calls
        Nothing is judged on fewer calls, >= 1. Default 10, or `last` if that is less.

    Raises
    ------
    ValueError, TypeError
        For a rule that could never be judged.

    Notes
    -----
    A call costs the same however large the window. Over calls, the memory grows with the failures
    in the window. Over seconds, results that come within a hundredth of the window are kept
    together and forgotten together: never late, and at most that hundredth too early. Both kinds of
    window: resilience4j, "CircuitBreaker", documentation, 2017.

    Examples
    --------
    >>> from resilience_lab import CircuitBreaker
    >>> breaker = CircuitBreaker(trip=FailureRate(0.5, last=4, minimum_calls=4), clock=lambda: 0.0)
    >>> for outcome in "success", "failure", "success", "failure":
    ...     permit = breaker.acquire()
    ...     permit.success() if outcome == "success" else permit.failure(ConnectionError())
    >>> breaker
    <CircuitBreaker 'circuit' OPEN, failures: 2>
    """

    bad_word = "failed"


@dataclass(frozen=True)
class SlowCallRate(_Rate):
    """Opens when at least a fraction of the calls in a window were slow.

    A service that hangs does not fail: it takes its callers with it. A slow failure is slow; a fast
    failure is a call like any other. A slow probe opens the circuit again, though it succeeded.

    Parameters
    ----------
    threshold, last, within, minimum_calls
        As in `FailureRate`.
    slower_than
        A call that takes longer than this is slow, in seconds, > 0.

    Raises
    ------
    ValueError, TypeError
        For a rule that could never be judged.

    Examples
    --------
    >>> from resilience_lab import CircuitBreaker
    >>> rule = SlowCallRate(0.5, slower_than=2.0, within=60)
    >>> CircuitBreaker(trip=rule).trip.minimum_calls
    10
    """

    slower_than: float

    timed = True
    bad_word = "were slow"

    def __post_init__(self) -> None:
        positive("slower_than", self.slower_than)
        super().__post_init__()

    def is_bad(self, *, failed: bool, seconds: float) -> bool:
        return seconds > self.slower_than


class _Windowed(Tally):
    """The part that both windows share: the verdict."""

    total = 0

    def __init__(self, rule: _Rate, minimum: int) -> None:
        self._rule = rule
        self._minimum = minimum

    @abstractmethod
    def add(self, *, bad: bool, now: float) -> None:
        """Count a result in `total` and `count`, and forget what has left the window."""

    def note(self, *, failed: bool, seconds: float, now: float) -> str | None:
        rule = self._rule
        self.add(bad=rule.is_bad(failed=failed, seconds=seconds), now=now)
        if self.total < self._minimum or self.count / self.total < rule.threshold:
            return None
        return f"{self.count} of {self.total} calls {rule.bad_word}"

    @property
    def needed(self) -> int:  # type: ignore[override]
        return self.needed_of(self.total)

    def needed_of(self, total: int) -> int:
        """How many bad ones it takes among `total` calls."""
        calls = max(total, self._minimum)
        most = math.ceil(calls * self._rule.threshold)  # one too many, if the product rounded up
        return most - 1 if (most - 1) / calls >= self._rule.threshold else most


class _LastCalls(_Windowed):
    """Calls are numbered, so a window over calls is the numbers of those that were bad."""

    def __init__(self, rule: _Rate, minimum: int, last: int) -> None:
        super().__init__(rule, minimum)
        self._last = last
        self._number = 0  # of the latest call
        self._calm_until = math.inf
        self._bad: deque[int] = deque()

    def absorb(self) -> bool:
        # A thread that comes between these lines may lose a success, which errs towards caution.
        if self._number >= self._calm_until:
            return False
        self._number += 1
        return True

    def add(self, *, bad: bool, now: float) -> None:
        self._number += 1
        if bad:
            self._bad.append(self._number)
        while self._bad and self._bad[0] <= self._number - self._last:
            self._bad.popleft()
        self.count = len(self._bad)
        self.total = min(self._number, self._last)
        if not self._bad:
            self._calm_until = math.inf
        elif self.total < self._minimum:
            self._calm_until = self._minimum - 1  # then a success completes the minimum
        else:
            self._calm_until = self._bad[0] + self._last - 1  # then one leaves the window


@dataclass(slots=True)
class _Mark:
    """Results of about the same moment."""

    closes: float
    """Until when more are added to them."""
    until: float
    """When they leave the window."""
    before: int
    """How many results came before them."""
    bad: int = 0


class _LastSeconds(_Windowed):
    def __init__(
        self, rule: _Rate, minimum: int, within: float, clock: Callable[[], float]
    ) -> None:
        super().__init__(rule, minimum)
        self._within = within
        self._clock = self._quick_clock = clock
        self._number = 0
        self._calm_number = math.inf
        self._calm_until = -math.inf
        self._marks: deque[_Mark] = deque()

    def absorb(self) -> bool:
        if self._number >= self._calm_number or self._quick_clock() >= self._calm_until:
            return False
        self._number += 1
        return True

    def add(self, *, bad: bool, now: float) -> None:
        marks = self._marks
        while marks and marks[0].until < now:
            self.count -= marks.popleft().bad
        if not marks or now >= marks[-1].closes:
            closes = now + self._within / RESOLUTION
            marks.append(_Mark(closes, now + self._within, self._number))
            self._quick_clock = at_hand(self._clock)
        self._number += 1
        if bad:
            self.count += 1
            marks[-1].bad += 1
        self.total = self._number - marks[0].before
        # A success tells nothing new until it completes the minimum or something leaves the window.
        judged = not self.count or self.total >= self._minimum
        self._calm_number = math.inf if judged else marks[0].before + self._minimum - 1
        self._calm_until = min(marks[0].until, marks[-1].closes)

    def progress(self, now: float) -> tuple[int, int]:
        inside = [mark for mark in self._marks if mark.until >= now]
        total = self._number - inside[0].before if inside else 0
        return sum(mark.bad for mark in inside), self.needed_of(total)


def any_of(*rules: TripRule) -> TripRule:
    """A rule that opens when any of `rules` would.

    Parameters
    ----------
    *rules
        At least one `TripRule`.

    Raises
    ------
    ValueError, TypeError
        There is none, or one of them is no rule.

    Examples
    --------
    >>> rule = any_of(ConsecutiveFailures(5), SlowCallRate(0.5, slower_than=2.0, last=20))
    >>> rule.timed
    True
    """
    for number, rule in enumerate(rules):
        if not isinstance(rule, TripRule):
            raise TypeError(f"rules[{number}] must be a trip rule, got {rule!r}")
    if not rules:
        raise ValueError("rules must hold at least one rule, got none")
    return _AnyOf(rules)


@dataclass(frozen=True)
class _AnyOf(TripRule):
    rules: tuple[TripRule, ...]

    @property
    def timed(self) -> bool:  # type: ignore[override]
        return any(rule.timed for rule in self.rules)

    def tally(self, clock: Callable[[], float]) -> Tally:
        return _Together([rule.tally(clock) for rule in self.rules])

    def is_bad(self, *, failed: bool, seconds: float) -> bool:
        return any(rule.is_bad(failed=failed, seconds=seconds) for rule in self.rules)


class _Together(Tally):
    def __init__(self, tallies: list[Tally]) -> None:
        self._tallies = tallies
        self._tell()

    def note(self, *, failed: bool, seconds: float, now: float) -> str | None:
        verdicts = [
            tally.note(failed=failed, seconds=seconds, now=now) for tally in self._tallies
        ]  # every one of them: each has to hear of every result
        self._tell()
        return next((reason for reason in verdicts if reason), None)

    def progress(self, now: float) -> tuple[int, int]:
        """Speaks for the tally that is nearest to opening."""
        each = [tally.progress(now) for tally in self._tallies]
        return max(each, key=lambda progress: progress[0] / progress[1])

    def _tell(self) -> None:
        self.alert = any(tally.alert for tally in self._tallies)
