"""Sampled delays: the twin of the shipped `Backoff`, and the means that they must have."""

from __future__ import annotations

import importlib.util
import math
import random
import subprocess
import sys

import numpy as np
import pytest
from agreement import kolmogorov_smirnov

from resilience_lab import JITTERS, Backoff, simulation
from resilience_lab.simulation import delay_table, expected_delay, sample_delays
from resilience_lab.simulation.delays import draw

RETRIES = 6
RECIPES = [Backoff(0.5, multiplier=3, max_delay=10, jitter=kind) for kind in JITTERS]
ROOMY = [Backoff(1, max_delay=1000, jitter=kind) for kind in JITTERS]  # the cap is out of reach
every_recipe = pytest.mark.parametrize(
    "backoff", RECIPES + ROOMY, ids=lambda b: f"{b.jitter}-{b.max_delay:g}"
)


def by_retry(frame):
    return frame["delay"].to_numpy().reshape(-1, frame["sample"].nunique())


def shipped(backoff, calls, seed):
    """The delays of `calls` iterators of the real object, one row a retry."""
    rng = random.Random(seed)
    recipe = Backoff(
        backoff.base_delay,
        multiplier=backoff.multiplier,
        max_delay=backoff.max_delay,
        jitter=backoff.jitter,
        rng=rng,
    )
    iterators = [recipe.delays() for _ in range(calls)]
    return np.array([[next(delays) for delays in iterators] for _ in range(RETRIES)])


@every_recipe
def test_the_twin_and_the_shipped_backoff_draw_from_one_distribution(backoff):
    twin = by_retry(sample_delays(backoff, RETRIES, 20_000, seed=1))
    real = shipped(backoff, 5_000, seed=2)

    for ours, theirs in zip(twin, real, strict=True):
        assert kolmogorov_smirnov(ours, theirs) < 1


@every_recipe
def test_they_also_agree_on_the_total_which_depends_on_each_history(backoff):
    twin = by_retry(sample_delays(backoff, RETRIES, 20_000, seed=3))
    real = shipped(backoff, 5_000, seed=4)

    assert kolmogorov_smirnov(twin.sum(axis=0), real.sum(axis=0)) < 1


def test_the_comparison_would_notice_a_wrong_kind():
    full = by_retry(sample_delays(Backoff(jitter="full"), RETRIES, 20_000))[0]
    equal = shipped(Backoff(jitter="equal"), 5_000, seed=5)[0]

    assert kolmogorov_smirnov(full, equal) > 10


@every_recipe
def test_calls_at_different_retries_are_drawn_together(backoff):
    real = shipped(backoff, 5_000, seed=7)
    retry = np.tile(np.arange(1, RETRIES), 4_000)
    previous = real[retry - 1, np.random.default_rng(8).integers(5_000, size=retry.size)]

    delays = draw(backoff, retry, previous, np.random.default_rng(9))

    for n in range(1, RETRIES):
        assert kolmogorov_smirnov(delays[retry == n], real[n]) < 1


@every_recipe
def test_every_sample_lies_within_the_bounds(backoff):
    for n, delays in enumerate(by_retry(sample_delays(backoff, RETRIES))):
        low, high = backoff.bounds(n)
        assert low <= delays.min()
        assert delays.max() <= high


@every_recipe
def test_the_samples_have_the_expected_mean(backoff):
    for n, delays in enumerate(by_retry(sample_delays(backoff, RETRIES, seed=6))):
        error = delays.std() / math.sqrt(delays.size)
        assert abs(delays.mean() - expected_delay(backoff, n)) <= 4 * error + 1e-12


def test_the_frame():
    frame = sample_delays(Backoff(2, jitter="none"), 2, samples=3)

    assert list(frame.columns) == ["jitter", "sample", "retry", "delay"]
    assert frame["jitter"].tolist() == ["none"] * 6
    assert frame["sample"].tolist() == [0, 1, 2] * 2
    assert frame["retry"].tolist() == [0, 0, 0, 1, 1, 1]
    assert frame["delay"].tolist() == [2, 2, 2, 4, 4, 4]


def test_no_retries_are_no_rows():
    assert sample_delays(Backoff(), 0).empty
    assert delay_table(Backoff(), 0).empty


def test_the_seed_decides_and_the_backoff_keeps_its_own_generator():
    rng = random.Random(1)
    backoff = Backoff(rng=rng)
    before = rng.getstate()

    first, again, other = (sample_delays(backoff, 2, 100, seed=seed) for seed in (7, 7, 8))

    assert first.equals(again)
    assert not first.equals(other)
    assert rng.getstate() == before


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((-1,), "retries"), ((1, 0), "samples"), ((1, 1, -1), "seed"), ((1, 1.5), "samples")],
)
def test_bad_numbers_are_refused_by_name(arguments, name):
    with pytest.raises((ValueError, TypeError), match=name):
        sample_delays(Backoff(), *arguments)


@pytest.mark.parametrize(
    ("kind", "share"), [("none", 1), ("full", 1 / 2), ("equal", 3 / 4), ("proportional", 1)]
)
def test_means_below_the_cap_are_shares_of_the_ceiling(kind, share):
    backoff = Backoff(1, max_delay=1000, jitter=kind)

    assert [expected_delay(backoff, n) for n in range(4)] == [share * 2**n for n in range(4)]


def test_the_cap_takes_from_proportional_jitter_what_it_would_draw_above():
    backoff = Backoff(8, max_delay=10, jitter="proportional")

    # min(10, U(4, 12)): three quarters of the draws from U(4, 10), a quarter at 10.
    assert expected_delay(backoff, 0) == pytest.approx(0.75 * 7 + 0.25 * 10)
    # min(10, U(5, 15)): half from U(5, 10), half at 10.
    assert expected_delay(backoff, 1) == pytest.approx(0.5 * 7.5 + 0.5 * 10)


def test_decorrelated_means_below_the_cap_follow_the_recursion():
    backoff = Backoff(1, max_delay=3.0**8, jitter="decorrelated")
    mean = 1.0

    for n in range(8):
        mean = (1 + 3 * mean) / 2  # the mean of U(base, 3 s) is linear in s
        assert expected_delay(backoff, n) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("cap", [3.0, 4.5, 7.0, 8.99])
def test_decorrelated_means_at_the_cap_match_the_integral_done_by_hand(cap):
    """s(0) is U(1, 3), and E[min(cap, U(1, 3 s))] is integrated over it in closed form."""
    kink = cap / 3
    linear = (kink - 1) / 2 + 3 * (kink**2 - 1) / 4
    bent = cap * (3 - kink) - (cap - 1) ** 2 / 6 * math.log(8 / (cap - 1))

    found = expected_delay(Backoff(1, max_delay=cap, jitter="decorrelated"), 1)

    assert found == pytest.approx((linear + bent) / 2, rel=1e-6)


def test_decorrelated_means_scale_with_the_unit_of_time():
    seconds = Backoff(1, max_delay=10, jitter="decorrelated")
    milliseconds = Backoff(1000, max_delay=10_000, jitter="decorrelated")

    assert expected_delay(milliseconds, 4) == pytest.approx(1000 * expected_delay(seconds, 4))


@pytest.mark.parametrize("kind", JITTERS)
def test_without_a_base_delay_there_is_nothing_to_wait_for(kind):
    backoff = Backoff(0, jitter=kind)

    assert expected_delay(backoff, 3) == 0
    assert not sample_delays(backoff, 2, 10)["delay"].any()


def test_decorrelated_delays_at_the_cap_from_the_start():
    assert expected_delay(Backoff(5, max_delay=5, jitter="decorrelated"), 2) == 5


def test_the_table_holds_the_closed_forms():
    backoff = Backoff(1, max_delay=3, jitter="full")

    table = delay_table(backoff, 3)

    assert list(table.columns) == ["jitter", "retry", "low", "high", "expected", "cap"]
    assert table.to_numpy().tolist() == [
        ["full", 0, 0.0, 1.0, 0.5, 3.0],
        ["full", 1, 0.0, 2.0, 1.0, 3.0],
        ["full", 2, 0.0, 3.0, 1.5, 3.0],
    ]


def test_virtual_time_alone_loads_no_numpy():
    code = (
        "import sys; from resilience_lab.simulation import run_virtual; "
        "print(sorted({'numpy', 'pandas'} & set(sys.modules)))"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("name", simulation.__all__)
def test_a_name_is_a_function_and_no_module_of_that_name_can_hide_it(name):
    assert callable(getattr(simulation, name))
    assert importlib.util.find_spec(f"resilience_lab.simulation.{name}") is None


def test_the_names_come_when_they_are_asked_for(monkeypatch):
    monkeypatch.delitem(vars(simulation), "sample_delays")

    assert simulation.sample_delays is sample_delays
    assert set(simulation.__all__) <= set(dir(simulation))
    with pytest.raises(AttributeError, match=r"'resilience_lab.simulation' has no attribute 'x'"):
        _ = simulation.x
