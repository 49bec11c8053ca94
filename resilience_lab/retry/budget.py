"""A retry budget: retries may add at most a fixed share to the load, whatever the failure rate.

Three retries per call turn a total outage into four times the traffic, just when the service can
bear it least. A budget shared by all callers bounds that: each first call earns a fraction of a
token, each retry spends a whole one. (The idea: Finagle's RetryBudget, Twitter, 2014; the model:
Marc Brooker, "Fixing retries with token buckets and circuit breakers", 2022.)
"""

from __future__ import annotations

import threading

from resilience_lab.ground.arguments import non_negative, positive
from resilience_lab.ground.sharing import Shared

_TOKEN = 1_000_000  # counted in millionths, so that ten tenths are exactly one


class RetryBudget(Shared):
    """A bucket of tokens shared by any number of retries, tasks and threads.

    It starts full, each first call adds `ratio` tokens, each retry takes one, and it never falls
    below zero: over n first calls at most `burst + ratio * n` retries are granted.

    Parameters
    ----------
    ratio
        Tokens that a first call adds, >= 0: retries may add this share to the load. Default 0.1.
    burst
        Tokens at the start, and the most that can be saved up, >= 1. Default 10.

    Raises
    ------
    ValueError, TypeError
        For numbers that make no sense.

    Notes
    -----
    The idea: Finagle's RetryBudget, Twitter, 2014. The model: Marc Brooker, "Fixing retries with
    token buckets and circuit breakers", 2022.

    Examples
    --------
    >>> budget = RetryBudget(ratio=0.5, burst=1)
    >>> budget.try_withdraw(), budget.try_withdraw()
    (True, False)
    >>> budget.deposit()
    >>> budget
    RetryBudget(ratio=0.5, burst=1, tokens=0.5)
    """

    def __init__(self, ratio: float = 0.1, burst: float = 10) -> None:
        self._ratio = non_negative("ratio", ratio)
        self._burst = positive("burst", burst)
        if burst < 1:
            raise ValueError(
                f"burst must be at least 1, or no retry is ever granted; got {burst!r}"
            )
        self._earned = _millionths(self._ratio)
        self._full = _millionths(self._burst)
        self._balance = self._full
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RetryBudget(ratio={self.ratio:g}, burst={self.burst:g}, tokens={self.tokens:g})"

    @property
    def ratio(self) -> float:
        """How many tokens each first call adds."""
        return self._ratio

    @property
    def burst(self) -> float:
        """How many tokens there are at most, and at the start."""
        return self._burst

    @property
    def tokens(self) -> float:
        """How many tokens there are now."""
        return self._balance / _TOKEN

    def deposit(self) -> None:
        """A first call was made: add `ratio` tokens."""
        self._add(self._earned)

    def try_withdraw(self) -> bool:
        """Take one token for a retry.

        Returns
        -------
        Whether there was one. If not, nothing is taken and the retry must not be made.
        """
        with self._lock:
            if self._balance < _TOKEN:
                return False
            self._balance -= _TOKEN
            return True

    def put_back(self) -> None:
        """Return the token of a retry that was not made after all."""
        self._add(_TOKEN)

    def _add(self, amount: int) -> None:
        with self._lock:
            self._balance = min(self._full, self._balance + amount)


def _millionths(tokens: float) -> int:
    return int(tokens) * _TOKEN + round(tokens % 1 * _TOKEN)  # exact however large
