"""Who may retry: what each rule adds to the load, and what it saves.

Many clients call a service that fails each call with the same probability, whatever its load. Each
has a rule of its own by which it retries, and no client knows of the others. (Marc Brooker, "Fixing
retries with token buckets and circuit breakers", 2022; "What is backoff for?", 2022; the models:
"retry_sim", in mbrooker/simulator_example on GitHub.)

Chance decides beforehand how often each call would fail, if it were tried again and again. So all
rules meet the same luck, and only the rules that look at other calls have to be played in time.
Those ask the shipped `RetryBudget` and `FailureRate`, failure by failure.

The breaker of the paper stands before *retries* only, judges all calls since the beginning, and has
no break: it lets a retry pass if its failure rate is low enough just now. So it is a trip rule and
nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import cycle, islice
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from resilience_lab.breaker.trip_rules import FailureRate
from resilience_lab.ground.arguments import non_negative, positive, whole
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.budget import RetryBudget

HOP = 0.01
"""The mean of one way over the network, in seconds, exponentially distributed."""
RETRIES = 3
"""How often a call is retried at most, where that is the rule."""

BACKOFF = Backoff(0.1, jitter="none")
"""How long those wait who back off."""

Rule: TypeAlias = tuple[Callable[[], object], Callable[[], bool]]
"""What a client does when it makes a first call, and how it decides on a retry."""


def token_bucket() -> Rule:
    """Each first call earns a tenth of a token, each retry takes one; the bucket holds five."""
    budget = RetryBudget(0.1, burst=5)
    return budget.deposit, budget.try_withdraw


def breaker() -> Rule:
    """No retry while there are more than a tenth as many failures, of any try, as first calls.

    A `FailureRate` is of all results. If a first call counts as a success when it begins, failures
    / calls > 1/10 means failures / (failures + calls) > 1/11.
    """
    rule = FailureRate(math.nextafter(1 / 11, 1), last=10**12, minimum_calls=1)
    tally = rule.tally(lambda: 0.0)

    def may_retry() -> bool:
        return tally.note(failed=True, seconds=0.0, now=0.0) is None

    # In a window without end a success never leads to a trip, so it is always just absorbed.
    return tally.absorb, may_retry


def retry_strategies(
    failure_rates: float | Sequence[float],
    duration: float = 100.0,
    clients: int = 100,
    rate: float = 10.0,
    seed: int = 0,
) -> pd.DataFrame:
    """What four ways to retry make of a service that fails each call with the same probability.

    Parameters
    ----------
    failure_rates
        That probability, from 0 to 1; one number or several.
    duration
        Seconds that are played, > 0.
    clients
        How many clients, >= 1. Each makes a first call at once.
    rate
        How many first calls a client makes a second after that, at random, > 0.
    seed
        An int >= 0; with the same one all rows meet the same calls, whatever rows there are.

    Returns
    -------
    DataFrame
        One row for each failure rate and strategy. Columns: f (the failure rate), strategy
        (no_retries, three_retries, token_bucket, breaker: see the functions of these names),
        success and load: the calls that succeeded in the end and the tries made, in % of the first.

    Notes
    -----
    Marc Brooker, "Fixing retries with token buckets and circuit breakers", 2022. No backoff.

    Examples
    --------
    >>> retry_strategies(1.0, duration=5, clients=2)["load"].iloc[:2].tolist()
    [100.0, 400.0]
    """
    calls = draw_calls(clients, rate, duration, seed)
    rows = []
    for f in np.ravel(failure_rates).tolist():
        failures = calls.failures(non_negative("failure_rates", f, at_most=1))
        for strategy, play in STRATEGIES.items():
            tries = play(calls, failures)
            rows.append((f, strategy, 100 * np.mean(tries > failures), 100 * np.mean(tries)))
    return pd.DataFrame(rows, columns=["f", "strategy", "success", "load"])


def backoff_load(
    failure_rate: float = 0.5,
    duration: float = 60.0,
    clients: int = 100,
    rate: float = 10.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Which clients shed load by `BACKOFF`, if a service fails each call with the same probability.

    *Open* clients begin their calls whatever becomes of the earlier ones: backoff moves their
    retries to another time, and that is all. A *serial* client begins the next call when it is due
    and the last one is done: waits keep it from calling. Or there is a `token_bucket`.

    Parameters
    ----------
    failure_rate
        That probability, from 0 to 1.
    duration, clients, rate, seed
        As in `retry_strategies`.

    Returns
    -------
    DataFrame
        Columns: clients (open, open_backoff, serial_backoff, token_bucket) and calls, the tries
        made a second.

    Notes
    -----
    Marc Brooker, "What is backoff for?", 2022.

    Examples
    --------
    >>> calls = backoff_load(0.5, duration=5, clients=5).set_index("clients")["calls"]
    >>> bool(calls["open"] == calls["open_backoff"] > calls["serial_backoff"])
    True
    """
    calls = draw_calls(clients, rate, duration, seed)
    failures = calls.failures(non_negative("failure_rate", failure_rate, at_most=1))
    tries = at_most(RETRIES)(calls, failures)
    totals = {
        "open": tries.sum(),
        "open_backoff": tries.sum(),
        "serial_backoff": tries[_still_made(calls, tries, duration)].sum(),
        "token_bucket": STRATEGIES["token_bucket"](calls, failures).sum(),
    }
    rows = [(name, total / duration) for name, total in totals.items()]
    return pd.DataFrame(rows, columns=["clients", "calls"])


# Calls, and what chance has in store for them


@dataclass(frozen=True)
class Calls:
    """First calls in the order of time; arrays with an item for each."""

    client: Any
    """Who makes it: 0, 1 ..."""
    begin: Any
    """When, in seconds."""
    trips: Any
    """Seconds to the service and back; a column for each try."""
    luck: Any
    """Exponentially distributed: how long it would fail."""

    def failures(self, f: float) -> Any:
        """How often in a row each call would fail at the rate f: k times or more with f**k."""
        if f == 0:
            return np.zeros(self.luck.size)
        with np.errstate(divide="ignore"):
            return np.floor(self.luck / abs(math.log(f)))


def draw_calls(clients: int, rate: float, duration: float, seed: int) -> Calls:
    """The first calls of all clients: one at once, then a Poisson process each."""
    whole("clients", clients, at_least=1)
    positive("rate", rate)
    positive("duration", duration)
    rng = np.random.default_rng(whole("seed", seed, at_least=0))
    first = np.minimum(rng.exponential(HOP, clients), duration)
    more = np.repeat(np.arange(clients), rng.poisson(rate * (duration - first)))
    client = np.append(np.arange(clients), more)
    begin = np.append(first, rng.uniform(first[more], duration))
    order = begin.argsort()
    trips = rng.gamma(2, HOP, (begin.size, 1 + RETRIES))
    return Calls(client[order], begin[order], trips, rng.exponential(size=begin.size))


# Strategies: how many tries are made of each call


Play: TypeAlias = Callable[[Calls, Any], Any]


def at_most(retries: int) -> Play:
    """Up to `retries` of them for each call, which depend on nothing else."""
    return lambda _calls, failures: np.minimum(failures, retries) + 1


def in_time(rule: Callable[[], Rule], retries: float) -> Play:
    """At most `retries` of them, if the client's rule lets them pass: all is played in time."""

    def play(calls: Calls, failures: Any) -> Any:
        rules = [rule() for _ in range(calls.client.max() + 1)]
        begin, may_retry = zip(*rules, strict=True)
        client = calls.client.tolist()
        trips = cycle(calls.trips[:, 1].tolist())
        tries = [1] * len(client)
        failing: list[tuple[float, int]] = []  # retries that will fail: when, and of which call

        def fail(now: float, call: int) -> None:
            if may_retry[client[call]]() and tries[call] <= retries:
                tries[call] += 1
                if tries[call] <= failures[call]:
                    heappush(failing, (now + next(trips), call))

        for now, call, begins in _first_tries(calls, failures):
            while failing and failing[0][0] < now:
                fail(*heappop(failing))
            if begins:
                begin[client[call]]()
            else:
                fail(now, call)
        while failing:
            fail(*heappop(failing))
        return np.array(tries)

    return play


def _first_tries(calls: Calls, failures: Any) -> Iterator[tuple[float, int, bool]]:
    """In the order of time: when, which call, and whether it begins or fails for the first time."""
    fails = np.flatnonzero(failures)
    times = np.append(calls.begin, calls.begin[fails] + calls.trips[fails, 0])
    order = times.argsort()
    call = np.append(np.arange(calls.begin.size), fails)[order]
    begins = order < calls.begin.size
    return zip(times[order].tolist(), call.tolist(), begins.tolist(), strict=True)


STRATEGIES: dict[str, Play] = {
    "no_retries": at_most(0),
    "three_retries": at_most(RETRIES),
    "token_bucket": in_time(token_bucket, math.inf),
    "breaker": in_time(breaker, RETRIES),
}


def _still_made(calls: Calls, tries: Any, duration: float) -> Any:
    """Which of the calls there is time for, if each client makes one after the other."""
    waits = [0.0, *islice(BACKOFF.delays(), RETRIES)]
    made = np.arange(1 + RETRIES) < tries[:, None]
    takes = np.sum((calls.trips + waits) * made, axis=1)
    begin = np.empty_like(calls.begin)
    for client in range(calls.client.max() + 1):
        own = np.flatnonzero(calls.client == client)
        pauses = np.maximum(np.diff(calls.begin[own]), takes[own[:-1]])
        begin[own] = calls.begin[own[0]] + np.append(0, pauses.cumsum())
    return begin < duration
