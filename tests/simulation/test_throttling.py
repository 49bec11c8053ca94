"""Adaptive throttling: the law, and the published numbers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from resilience_lab.simulation.throttling import adaptive_throttle

LOADS = (300, 500, 1000)


def means_and_half_widths(offered, **arguments):
    """Sent per second for each load: means over ten seeds and half their 99% intervals."""
    runs = pd.concat(adaptive_throttle(offered, **arguments, seed=seed) for seed in range(10))
    sent = runs.groupby("offered")["sent"]
    return sent.mean().to_numpy(), 3.25 * sent.std().to_numpy() / math.sqrt(10)


# The published numbers. Each is one run of theirs, which scatters as one of ours does, and rounded.


@pytest.mark.parametrize(
    ("count_rejected", "published"), [(True, (200, 201, 199)), (False, (245, 316, 447))]
)
def test_what_is_sent_is_what_was_published(count_rejected, published):
    mean, half_width = means_and_half_widths(LOADS, count_rejected=count_rejected)

    theirs = half_width * math.sqrt(10) + 0.5
    assert (np.abs(mean - published) < np.hypot(half_width, theirs)).all()
    assert (half_width < 1).all()


# The law


@pytest.mark.parametrize("k", [1.2, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("capacity", [20.0, 100.0, 250.0])
def test_the_backend_sees_k_times_what_it_accepts_whatever_is_offered(k, capacity):
    frame = adaptive_throttle([4 * capacity, 10 * capacity, 40 * capacity], capacity, k)

    assert frame["sent"].to_numpy() == pytest.approx(k * frame["accepted"].to_numpy(), rel=0.02)


@pytest.mark.parametrize("offered", [250, 800, 3000])
def test_counting_only_what_was_sent_it_is_the_geometric_mean(offered):
    frame = adaptive_throttle(offered, 80, 2.5, count_rejected=False)

    assert frame["sent"].item() == pytest.approx(math.sqrt(offered * 2.5 * 80), rel=0.02)


def test_an_overloaded_backend_is_kept_busy():
    assert adaptive_throttle(LOADS)["accepted"].tolist() == [100, 100, 100]


def test_what_the_backend_can_bear_is_not_rejected():
    frame = adaptive_throttle(50)

    assert frame["sent"].item() == frame["accepted"].item() == pytest.approx(50, rel=0.05)


def test_up_to_k_times_the_capacity_all_is_sent():
    frame = adaptive_throttle(150)

    assert frame["sent"].item() == pytest.approx(150, rel=0.02)
    assert frame["accepted"].item() == 100


# The frame


def test_one_number_is_one_row_and_several_are_several():
    one, several = adaptive_throttle(500), adaptive_throttle(range(300, 600, 100))

    assert list(one.columns) == ["offered", "sent", "accepted"]
    assert one["offered"].tolist() == [500]
    assert several["offered"].tolist() == [300, 400, 500]


def test_a_row_does_not_depend_on_the_others():
    alone = adaptive_throttle(500, seed=7)
    among_others = adaptive_throttle(np.array([300, 500, 1000]), seed=7)

    pd.testing.assert_frame_equal(alone, among_others.iloc[[1]].reset_index(drop=True))


def test_another_seed_is_another_run():
    assert adaptive_throttle(500, seed=1)["sent"].item() != adaptive_throttle(500)["sent"].item()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"offered": [300, 0]}, ValueError, "offered must be a finite number > 0, got 0"),
        ({"offered": "much"}, TypeError, "offered must be a number, got 'much'"),
        ({"capacity": 0}, ValueError, "capacity must be a finite number > 0, got 0"),
        ({"k": 0.5}, ValueError, "k must be at least 1, got 0.5"),
        ({"count_rejected": None}, TypeError, "count_rejected must be True or False, got None"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        adaptive_throttle(**{"offered": 300, **arguments})
