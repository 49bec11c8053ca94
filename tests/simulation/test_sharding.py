"""One breaker over many shards: the published figures, and the twin of the shipped breaker."""

from __future__ import annotations

import math

import numpy as np
import pytest

from resilience_lab import CircuitBreaker, CircuitOpenError, FailureRate, KeyedBreakers
from resilience_lab.simulation.sharding import (
    MINIMUM_CALLS,
    RATE,
    RECOVERY_TIMEOUT,
    WITHIN,
    BreakerTwin,
    shards,
)


def some_calls(count, number, seed):
    rng = np.random.default_rng(seed)
    return rng.exponential(1 / RATE, count).cumsum(), rng.integers(number, size=count)


def rule(threshold, within=WITHIN, minimum_calls=MINIMUM_CALLS):
    return FailureRate(threshold, within=within, minimum_calls=minimum_calls)


def shipped(times, shard, trip, clock, *, per_shard=False):
    """The same calls, each made through a real breaker: which are let through."""
    breakers = KeyedBreakers(
        lambda _: CircuitBreaker(
            recovery_timeout=RECOVERY_TIMEOUT, success_threshold=1, trip=trip, clock=clock
        )
    )
    admitted = []
    for moment, one in zip(times.tolist(), shard.tolist(), strict=True):
        clock.now = moment
        try:
            permit = breakers[one if per_shard else "all"].acquire()
        except CircuitOpenError:
            admitted.append(False)
            continue
        admitted.append(True)
        if one == 0:
            permit.failure(ConnectionError("dead"))
        else:
            permit.success()
    return np.array(admitted)


def mean_and_half_width(**arguments):
    """The mean over ten seeds, and half of its 99% confidence interval (Student's t)."""
    values = [shards(**arguments, seed=seed) for seed in range(10)]
    return np.mean(values), 3.25 * np.std(values, ddof=1) / math.sqrt(len(values))


# The published figures, which are rounded to a hundredth


def test_one_breaker_at_the_rate_of_one_dead_shard_lets_29_percent_succeed():
    mean, half_width = mean_and_half_width(threshold=0.1)

    assert abs(mean - 0.29) < half_width + 0.005
    assert half_width < 0.02


@pytest.mark.parametrize("arguments", [{"threshold": 0.2}, {"per_shard": True}])
def test_a_higher_threshold_or_a_breaker_a_shard_leaves_90_percent(arguments):
    mean, half_width = mean_and_half_width(**arguments)

    assert abs(mean - 0.9) < half_width + 0.005
    assert half_width < 0.005


def test_a_single_run_is_near_the_figure():
    assert shards() == pytest.approx(0.29, abs=0.03)


# And around them


def test_with_a_breaker_a_shard_the_threshold_does_not_matter():
    assert shards(per_shard=True, threshold=0.01) == pytest.approx(0.9, abs=0.003)


def test_the_lower_the_threshold_the_worse():
    available = [shards(threshold=threshold) for threshold in (0.05, 0.1, 0.12, 0.15, 0.3)]

    assert available == sorted(available)
    assert len(set(available)) == 5


@pytest.mark.parametrize("number", [2, 4, 25])
def test_out_of_reach_of_the_threshold_only_the_dead_shard_is_lost(number):
    assert shards(number, threshold=1.0) == pytest.approx(1 - 1 / number, abs=0.005)


def test_a_breaker_that_is_always_right_to_open_costs_nothing():
    assert shards(1) == 0.0


def test_the_same_seed_gives_the_same_figure_and_another_one_another():
    assert shards(seed=3) == shards(seed=3) != shards(seed=4)


# The twin and the shipped breaker


@pytest.mark.parametrize("threshold", [0.05, 0.1, math.nextafter(0.1, 1), 0.12, 0.15, 0.2, 0.5])
def test_call_for_call_the_twin_admits_what_the_shipped_breaker_admits(threshold, clock):
    times, shard = some_calls(20_000, 10, seed=1)
    trip = rule(threshold)

    twin = BreakerTwin(times, shard == 0, trip).admitted()

    assert np.array_equal(twin, shipped(times, shard, trip, clock))


@pytest.mark.parametrize(("within", "minimum_calls"), [(0.3, 3), (2.0, 100), (60.0, 1)])
def test_so_it_does_with_other_windows(within, minimum_calls, clock):
    times, shard = some_calls(20_000, 5, seed=2)
    trip = rule(0.25, within, minimum_calls)

    twin = BreakerTwin(times, shard == 0, trip).admitted()

    assert np.array_equal(twin, shipped(times, shard, trip, clock))
    assert 0 < twin.mean() < 1


def test_and_with_a_breaker_a_shard(clock):
    times, shard = some_calls(20_000, 10, seed=3)
    trip = rule(0.1)

    real = shipped(times, shard, trip, clock, per_shard=True)

    for one in range(10):
        calls = shard == one
        twin = BreakerTwin(times[calls], shard[calls] == 0, trip).admitted()
        assert np.array_equal(twin, real[calls])
        assert twin.all() == (one != 0)


def test_old_failures_open_it_at_a_success_when_older_successes_leave_the_window(clock):
    times = np.append(np.arange(40) * 0.1, [11.95, 12.5])
    shard = np.where((times > 2.9) & (times < 4), 0, 1)  # the latest ten of the forty
    trip = rule(0.4, minimum_calls=10)

    twin = BreakerTwin(times, shard == 0, trip).admitted()

    assert np.array_equal(twin, shipped(times, shard, trip, clock))
    assert twin[:-1].all()
    assert not twin[-1]


# Arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shards": 0}, ValueError, "shards must be at least 1, got 0"),
        ({"shards": 2.0}, TypeError, "shards must be a whole number, got 2.0"),
        ({"threshold": 10}, ValueError, "threshold must be a fraction"),
        ({"per_shard": 1}, TypeError, "per_shard must be True or False, got 1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        shards(**arguments)


def test_the_twin_is_only_for_windows_of_seconds():
    with pytest.raises(TypeError, match=r"rule\.within must be a number, got None"):
        BreakerTwin(np.arange(3.0), np.zeros(3, dtype=bool), FailureRate(0.5, last=10))
