"""One dead shard in ten: a breaker over all of them makes most of an outage out of a tenth.

Each call goes to one of many shards, and one shard is dead. A breaker that sees all calls cannot
tell them apart: when it opens it rejects the calls to the healthy shards too. After the break
nearly every probe meets a healthy one, so it closes, only to open again. (Marc Brooker, "Will
circuit breakers solve my problems?", 2022.)

*More* than the threshold opens the breaker: one dead shard in ten is a failure rate of 10%, and the
published figures (an availability of 29% with a threshold of 10%) are for a breaker that bears just
that. A `FailureRate` opens at its threshold, so it is given the next larger number.

The shipped breaker decides after each call. `BreakerTwin` decides the same, but looks for the next
moment of change in many calls at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from resilience_lab.breaker.trip_rules import RESOLUTION, FailureRate
from resilience_lab.ground.arguments import flag, fraction, positive, whole

CALLS, RATE = 400_000, 50.0
"""How many calls are made, and how many a second."""
WITHIN, MINIMUM_CALLS = 10.0, 20
"""Over how many seconds the breaker judges the calls, and how many it needs."""
RECOVERY_TIMEOUT = 5.0
"""How long it stays open, in seconds, until a probe."""


def shards(
    shards: int = 10, threshold: float = 0.1, per_shard: bool = False, seed: int = 0
) -> float:
    """Which fraction of the calls succeeds, if one of several shards is dead.

    `CALLS` calls come at random, `RATE` a second, each to any shard; to the dead one they fail.

    Parameters
    ----------
    shards
        How many shards, >= 1.
    threshold
        A breaker opens when *more* than this share of the calls within `WITHIN` seconds failed, of
        at least `MINIMUM_CALLS`; 0 < threshold <= 1. A probe after `RECOVERY_TIMEOUT` decides anew.
    per_shard
        Whether each shard has a breaker of its own, or one guards them all.
    seed
        An int >= 0; the same one gives the same result.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        For a number that is out of range.

    Notes
    -----
    Marc Brooker, "Will circuit breakers solve my problems?", 2022: 29% with a threshold of 10%.
    """
    whole("shards", shards, at_least=1)
    above = math.nextafter(fraction("threshold", threshold), 1.0)
    rule = FailureRate(above, within=WITHIN, minimum_calls=MINIMUM_CALLS)
    flag("per_shard", per_shard)
    rng = np.random.default_rng(whole("seed", seed, at_least=0))
    times = rng.exponential(1 / RATE, CALLS).cumsum()
    shard = rng.integers(shards, size=CALLS)
    guarded = [shard == one for one in range(shards)] if per_shard else [shard >= 0]
    succeeded = 0
    for calls in guarded:
        failed = shard[calls] == 0
        succeeded += np.sum(BreakerTwin(times[calls], failed, rule).admitted() & ~failed)
    return float(succeeded / CALLS)


class BreakerTwin:
    """What a breaker does with calls that are all known beforehand.

    Call for call, it is `CircuitBreaker(recovery_timeout=RECOVERY_TIMEOUT, success_threshold=1,
    trip=rule)`, where `rule` is a `FailureRate` within seconds. The calls are made at `times` (an
    array of seconds, ascending) and take no time; `failed` (booleans) says which fail if made.
    """

    def __init__(self, times: Any, failed: Any, rule: FailureRate) -> None:
        self._times = times
        self._failed = failed
        self._rule = rule
        self._within = positive("rule.within", rule.within)
        self._failures = np.append(0, failed.cumsum())  # before each call
        # The rule keeps results of about the same moment together: where the next such mark begins.
        self._next_mark = times.searchsorted(times + self._within / RESOLUTION).tolist()

    def admitted(self) -> Any:
        """Which of the calls are let through, as an array of booleans."""
        admitted = np.zeros(self._times.size, dtype=bool)
        closed, call = True, 0
        while call < admitted.size:
            last = self._opening(call) if closed else call  # in HALF_OPEN, one call decides
            admitted[call : last + 1] = True
            closed = not closed and not self._failed[last]
            after_break = self._times[last] + RECOVERY_TIMEOUT
            call = last + 1 if closed else self._times.searchsorted(after_break)
        return admitted

    def _opening(self, start: int) -> int:
        """The call that opens the breaker which closed before `start`; the last, if none does."""
        size = int(self._times.size)
        if self._failures[start] == self._failures[-1]:
            return size - 1  # nothing fails any more
        marks = [start]
        length = 64  # of what is looked at together: more and more, the longer nothing happens
        while start < size:
            calls = np.arange(start, min(start + length, size))
            while marks[-1] <= calls[-1]:
                marks.append(self._next_mark[marks[-1]])
            begun = np.array(marks[:-1])
            oldest = begun[(self._times[begun] + self._within).searchsorted(self._times[calls])]
            total = calls + 1 - oldest
            rate = (self._failures[calls + 1] - self._failures[oldest]) / total
            opens = (total >= self._rule.minimum_calls) & (rate >= self._rule.threshold)
            if opens.any():
                return int(calls[opens.argmax()])
            start += length
            length *= 2
        return size - 1
