"""Exponential backoff with jitter: how long to wait before each retry.

The ceiling of the delay before retry n (n = 0 first) doubles each time, up to a cap:

    v(n) = min(max_delay, base_delay * multiplier ** n)

Without jitter, clients that failed together retry together, and the herd returns at every power of
two. So each delay is drawn uniformly between two bounds, and a *kind of jitter* is nothing but the
choice of those bounds: see `JITTERS`. Formulas: Marc Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog, 2015 (full, equal, decorrelated).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from resilience_lab.ground.arguments import non_negative, positive, whole

Jitter: TypeAlias = Callable[[float, float, float], tuple[float, float]]
"""(ceiling v, base_delay, previous delay s) -> the bounds to draw from, before the cap."""


def _none(ceiling: float, _base: float, _previous: float) -> tuple[float, float]:
    return ceiling, ceiling


def _full(ceiling: float, _base: float, _previous: float) -> tuple[float, float]:
    return 0.0, ceiling


def _equal(ceiling: float, _base: float, _previous: float) -> tuple[float, float]:
    return ceiling / 2, ceiling


def _proportional(ceiling: float, _base: float, _previous: float) -> tuple[float, float]:
    return ceiling / 2, ceiling * 1.5


def _decorrelated(_ceiling: float, base: float, previous: float) -> tuple[float, float]:
    return base, 3 * previous


JITTERS: Mapping[str, Jitter] = MappingProxyType(
    {
        "none": _none,  # v
        "full": _full,  # U(0, v)
        "equal": _equal,  # v/2 + U(0, v/2)
        "proportional": _proportional,  # min(max_delay, v * U(0.5, 1.5))
        "decorrelated": _decorrelated,  # s <- min(max_delay, U(base_delay, 3 s)), s = base_delay
    }
)

_NUMBERS = {"base_delay": non_negative, "multiplier": positive, "max_delay": positive}


@dataclass(frozen=True)
class Backoff:
    """A recipe for delays: a value that any number of retries may share.

    The delay before retry n (0 is the first) is drawn from an interval that `jitter` chooses, below
    the ceiling v(n) = min(max_delay, base_delay * multiplier ** n).

    Parameters
    ----------
    base_delay
        The first ceiling in seconds, >= 0. Default 1.
    multiplier
        The factor by which the ceiling grows with each retry, >= 1. Default 2.
    max_delay
        The cap in seconds that no delay exceeds, > 0 and >= `base_delay`. Default 60.
    jitter
        The kind, a name in `JITTERS`: none, full, equal, proportional or decorrelated. Default
        full.
    rng
        The `random.Random` to draw from. By default the `random` module, which
        `run_virtual(seed=...)` seeds.

    Raises
    ------
    ValueError, TypeError
        For anything else.

    Notes
    -----
    With v = v(n) and U(a, b) uniform between a and b, the delay is

    - none: v
    - full: U(0, v)
    - equal: v/2 + U(0, v/2)
    - proportional: min(max_delay, v * U(0.5, 1.5)), what many clients call "plus or minus 50 %"
    - decorrelated: s = min(max_delay, U(base_delay, 3 s)), where s is the delay before, at first
      `base_delay`

    Full, equal, decorrelated: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
    Blog, 2015.

    Examples
    --------
    >>> from itertools import islice
    >>> list(islice(Backoff(1.0, jitter="none", max_delay=5).delays(), 4))
    [1.0, 2.0, 4.0, 5.0]
    >>> Backoff(1.0).bounds(2)
    (0.0, 4.0)
    """

    base_delay: float = 1.0
    multiplier: float = field(default=2.0, kw_only=True)
    max_delay: float = field(default=60.0, kw_only=True)
    jitter: str = field(default="full", kw_only=True)
    rng: random.Random | None = field(default=None, kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, check in _NUMBERS.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if self.multiplier < 1:
            raise ValueError(f"multiplier must be at least 1, got {self.multiplier!r}")
        if self.max_delay < self.base_delay:
            raise ValueError(
                f"max_delay must be at least base_delay ({self.base_delay!r}), "
                f"got {self.max_delay!r}"
            )
        if not isinstance(self.jitter, str) or self.jitter not in JITTERS:
            raise ValueError(f"jitter must be one of {', '.join(JITTERS)}; got {self.jitter!r}")
        if not (self.rng is None or isinstance(self.rng, random.Random)):
            raise TypeError(f"rng must be a random.Random or None, got {self.rng!r}")

    def delays(self) -> Iterator[float]:
        """The delays in seconds before retry 0, 1, 2 ..., without end.

        Returns
        -------
        A new iterator with a state of its own: one call's history never shows in another's.
        """
        interval = JITTERS[self.jitter]
        uniform = (self.rng or random).uniform
        delay = self.base_delay
        n = 0
        while True:
            low, high = interval(self._ceiling(n), self.base_delay, delay)
            # uniform() may round up past its upper end, so the interval bounds it once more.
            delay = min(self.max_delay, high, uniform(low, high))
            yield delay
            n += 1

    def bounds(self, n: int) -> tuple[float, float]:
        """The least and the greatest delay in seconds before one retry.

        Parameters
        ----------
        n
            The number of the retry, >= 0; 0 is the first.

        Returns
        -------
        Both bounds. For decorrelated jitter, whose delays depend on each other, over all histories.

        Raises
        ------
        ValueError, TypeError
            `n` is no whole number >= 0.
        """
        whole("n", n, at_least=0)
        if self.jitter == "decorrelated":
            return self.base_delay, self._decorrelated_ceiling(n)
        low, high = JITTERS[self.jitter](self._ceiling(n), self.base_delay, self.base_delay)
        return low, min(self.max_delay, high)

    def _ceiling(self, n: int) -> float:
        """v(n), finite for every n."""
        try:
            growth = self.multiplier**n
        except OverflowError:
            return self.max_delay if self.base_delay else 0.0
        return min(self.max_delay, self.base_delay * growth)

    def _decorrelated_ceiling(self, n: int) -> float:
        ceiling = self.base_delay
        for _ in range(n + 1):
            previous, ceiling = ceiling, min(self.max_delay, 3 * ceiling)
            if ceiling == previous:  # at the cap, or at zero: no longer grows
                break
        return ceiling
