"""A retry budget: retries may add at most a fixed share to the load, whatever the failure rate.

Three retries per call turn a total outage into four times the traffic, just when the service can
bear it least. A budget shared by all callers bounds that: each first call earns a fraction of a
token, each retry spends a whole one. (The idea: Finagle's RetryBudget, Twitter, 2014; the model:
Marc Brooker, "Fixing retries with token buckets and circuit breakers", 2022.)
"""

from __future__ import annotations

import threading

from resilience_lab.arguments import non_negative, positive

_TOKEN = 1_000_000  # counted in millionths, so that ten tenths are exactly one


class RetryBudget:
    """A bucket of tokens shared by any number of retries, tasks and threads.

    It starts full at `burst` tokens, which is also its cap (>= 1). Each first call adds `ratio`
    tokens (>= 0), each retry takes one, and it never falls below zero: over n first calls at most
    `burst + ratio * n` retries are granted.
    """

    def __init__(self, ratio: float = 0.1, burst: float = 10) -> None:
        self.ratio = non_negative("ratio", ratio)
        self.burst = positive("burst", burst)
        if burst < 1:
            raise ValueError(
                f"burst must be at least 1, or no retry is ever granted; got {burst!r}"
            )
        self._earned = _millionths(self.ratio)
        self._full = _millionths(self.burst)
        self._balance = self._full
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"RetryBudget(ratio={self.ratio:g}, burst={self.burst:g}, tokens={self.tokens:g})"

    @property
    def tokens(self) -> float:
        """How many tokens there are now."""
        return self._balance / _TOKEN

    def deposit(self) -> None:
        """A first call was made: add `ratio` tokens."""
        self._add(self._earned)

    def try_withdraw(self) -> bool:
        """Take one token for a retry; False, and nothing taken, if there is none."""
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
