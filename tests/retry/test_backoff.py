"""Promises, section 4: `Backoff` and `JITTERS`."""

from __future__ import annotations

import doctest
import inspect
import itertools
import math
import random
import statistics
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lab import JITTERS, Backoff

KINDS = sorted(JITTERS)
JITTERED = [kind for kind in KINDS if kind != "none"]


def first(backoff, n):
    return list(itertools.islice(backoff.delays(), n))


@st.composite
def backoffs(draw):
    base = draw(st.floats(0, 1e6))
    return Backoff(
        base,
        multiplier=draw(st.floats(1, 1e6)),
        max_delay=draw(st.floats(max(base, 1e-9), 1e9)),
        jitter=draw(st.sampled_from(KINDS)),
        rng=random.Random(draw(st.integers())),
    )


@given(backoffs(), st.integers(1, 50))
def test_promise_4_2_no_delay_exceeds_the_cap_or_its_bounds(backoff, n):
    for i, delay in enumerate(first(backoff, n)):
        low, high = backoff.bounds(i)
        assert 0 <= low <= delay <= high <= backoff.max_delay


@given(backoffs(), st.sampled_from([10_000, 10**9]))
def test_promise_4_2_bounds_are_finite_however_late(backoff, n):
    assert all(math.isfinite(bound) for bound in backoff.bounds(n))


@pytest.mark.parametrize("kind", KINDS)
def test_promise_4_2_the_ten_thousandth_delay_is_finite(kind):
    backoff = Backoff(1, max_delay=20, jitter=kind, rng=random.Random(1))

    delays = first(backoff, 10_001)

    assert all(0 <= delay <= 20 for delay in delays)


@pytest.mark.parametrize("kind", JITTERED)
def test_promise_4_2_jittered_kinds_stay_jittered_at_the_cap(kind):
    backoff = Backoff(1, max_delay=20, jitter=kind, rng=random.Random(1))

    late = first(backoff, 2000)[1000:]

    assert len(set(late)) > 300


def test_promise_4_2_none_doubles_up_to_the_cap():
    assert first(Backoff(1, jitter="none", max_delay=10), 6) == [1, 2, 4, 8, 10, 10]
    assert first(Backoff(0.5, multiplier=3, jitter="none"), 4) == [0.5, 1.5, 4.5, 13.5]


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        ("none", [(1, 1), (2, 2), (4, 4), (5, 5)]),
        ("full", [(0, 1), (0, 2), (0, 4), (0, 5)]),
        ("equal", [(0.5, 1), (1, 2), (2, 4), (2.5, 5)]),
        ("proportional", [(0.5, 1.5), (1, 3), (2, 5), (2.5, 5)]),
        ("decorrelated", [(1, 3), (1, 5), (1, 5), (1, 5)]),
    ],
)
def test_promise_4_2_the_bounds_of_each_kind(kind, bounds):
    backoff = Backoff(1, max_delay=5, jitter=kind)

    assert [backoff.bounds(n) for n in range(4)] == bounds


@pytest.mark.parametrize(
    ("kind", "mean", "spread"),
    [
        ("none", 8.0, 0.0),
        ("full", 4.0, 8 / math.sqrt(12)),
        ("equal", 6.0, 4 / math.sqrt(12)),
        ("proportional", 8.0, 8 / math.sqrt(12)),
    ],
)
def test_promise_4_2_each_kind_has_the_mean_and_spread_of_its_formula(kind, mean, spread):
    backoff = Backoff(1, jitter=kind, rng=random.Random(1))

    fourth = [first(backoff, 4)[3] for _ in range(20_000)]

    assert statistics.fmean(fourth) == pytest.approx(mean, rel=0.01)
    assert statistics.pstdev(fourth) == pytest.approx(spread, rel=0.02)


def test_promise_4_2_decorrelated_depends_on_the_delay_before():
    class Highest(random.Random):
        def uniform(self, a, b):
            return b

    backoff = Backoff(2, max_delay=100, jitter="decorrelated", rng=Highest())

    assert first(backoff, 5) == [6, 18, 54, 100, 100]


@pytest.mark.parametrize("kind", KINDS)
def test_each_iterator_has_its_own_state(kind):
    backoff = Backoff(1, jitter=kind)
    abandoned = backoff.delays()
    for _ in range(20):
        next(abandoned)

    assert next(backoff.delays()) <= backoff.bounds(0)[1]


def test_a_seeded_generator_repeats_itself():
    def sample():
        return first(Backoff(rng=random.Random(42)), 5)

    assert sample() == sample()
    assert sample() == [random.Random(42).uniform(0, 1), *sample()[1:]]


def test_without_a_generator_the_random_module_is_used():
    random.seed(3)
    observed = first(Backoff(), 3)
    random.seed(3)

    assert observed == [random.uniform(0, v) for v in (1, 2, 4)]


@pytest.mark.parametrize("kind", KINDS)
def test_promise_4_2_no_base_is_no_delay_however_late(kind):
    assert Backoff(0, jitter=kind).bounds(10_000) == (0.0, 0.0)


def test_all_but_the_first_argument_are_named():
    with pytest.raises(TypeError, match="positional argument"):
        Backoff(1, 2)
    parameters = [*inspect.signature(Backoff).parameters.values()]

    assert {parameter.kind for parameter in parameters[1:]} == {inspect.Parameter.KEYWORD_ONLY}


def test_its_generator_is_no_part_of_its_value():
    assert Backoff(rng=random.Random(1)) == Backoff()
    assert repr(Backoff(rng=random.Random(1))) == repr(Backoff())


def test_it_is_a_frozen_value():
    assert Backoff(1) == Backoff(1.0)
    assert hash(Backoff()) == hash(Backoff())
    with pytest.raises(AttributeError):
        Backoff().base_delay = 2


def test_jitters_maps_the_names_to_functions_and_cannot_be_changed():
    assert set(JITTERS) == {"none", "full", "equal", "proportional", "decorrelated"}
    assert JITTERS["equal"](8.0, 1.0, 1.0) == JITTERS["equal"](8.0, 1.0, 1.0) == (4.0, 8.0)
    with pytest.raises(TypeError):
        JITTERS["mine"] = JITTERS["full"]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("base_delay", -1),
        ("base_delay", math.nan),
        ("base_delay", math.inf),
        ("base_delay", "1"),
        ("base_delay", None),
        ("base_delay", True),
        ("multiplier", 0.5),
        ("multiplier", 0),
        ("multiplier", -2),
        ("multiplier", math.inf),
        ("max_delay", 0),
        ("max_delay", 0.5),
        ("max_delay", -1),
        ("max_delay", math.inf),
        ("max_delay", math.nan),
        ("jitter", "ful"),
        ("jitter", None),
        ("jitter", ["full"]),
        ("rng", random),
        ("rng", 7),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(argument, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        Backoff(**{argument: value})

    assert argument in str(refusal.value)
    assert repr(value) in str(refusal.value)


@pytest.mark.parametrize("n", [-1, 1.5, "0", True])
def test_bounds_refuses_what_is_no_retry_number(n):
    with pytest.raises((ValueError, TypeError), match="n must be"):
        Backoff().bounds(n)


def test_its_examples_work():
    assert doctest.testmod(sys.modules[Backoff.__module__]).failed == 0
