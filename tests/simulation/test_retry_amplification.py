"""Retries at every layer, by the shipped policies."""

from __future__ import annotations

import pytest

from resilience_lab import RetryBudget
from resilience_lab.simulation.retry_amplification import amplification


@pytest.mark.parametrize(
    ("depth", "retries", "calls"),
    [
        (3, 3, 64),  # Site Reliability Engineering
        (5, 2, 243),  # Amazon Builders' Library
        (1, 3, 4),
        (4, 1, 16),
        (2, 9, 100),
        (7, 0, 1),
    ],
)
def test_each_layer_multiplies(depth, retries, calls):
    assert amplification(depth, retries) == calls == (retries + 1) ** depth


@pytest.mark.parametrize(("depth", "retries"), [(1, 3), (3, 3), (5, 2), (8, 1)])
@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.0])
def test_a_shared_budget_adds_its_ratio_and_no_more(depth, retries, ratio):
    assert amplification(depth, retries, ratio) == pytest.approx(1 + ratio, abs=1e-9)


def test_a_budget_that_pays_for_every_retry_holds_none_back():
    assert amplification(2, 1, budget=9) == 4


def test_what_a_budget_has_saved_up_does_not_show():
    assert amplification(3, 3, RetryBudget(0.1, burst=500)) == amplification(3, 3, 0.1)


def test_a_budget_that_is_given_is_not_touched():
    budget = RetryBudget(0.1, burst=50)

    amplification(3, 3, budget)

    assert budget.tokens == 50


def test_seeds_change_nothing():
    assert amplification(3, 2, 0.1, seed=1) == amplification(3, 2, 0.1, seed=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"depth": 0}, ValueError, "depth must be at least 1, got 0"),
        ({"depth": "three"}, TypeError, "depth must be a whole number, got 'three'"),
        ({"retries": -1}, ValueError, "retries must be at least 0, got -1"),
        ({"budget": -0.1}, ValueError, "budget must be a finite number >= 0, got -0.1"),
        ({"budget": "10%"}, TypeError, "budget must be a number, got '10%'"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number, got 0.5"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        amplification(**{"depth": 2, "retries": 1, **arguments})
