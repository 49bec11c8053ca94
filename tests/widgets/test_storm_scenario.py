"""One outage under several policies: what the service sees, exactly, since time is virtual."""

from __future__ import annotations

import random

import pytest

from resilience_lab.widgets.storm.scenario import DURATION, Outage, Tactics, tell_storm

PLAIN = Tactics(jitter="none")
SPREAD = Tactics(jitter="full")


def test_without_jitter_the_herd_comes_back_in_waves():
    story = tell_storm(Outage(clients=60, capacity=20, seconds=8), PLAIN)
    calm = tell_storm(Outage(clients=60, capacity=20, seconds=0), PLAIN)

    extra = [t for t, calls in enumerate(story.offered) if calls - calm.offered[t] >= 55]

    # All fail at 10 s, and come back after 1, 2, 4 and 8 s more: at 25 s the service is up.
    assert extra == [10, 11, 13, 17, 25]
    assert story.peak == story.offered[25] > 60


def test_jitter_spreads_what_comes_after_the_outage():
    plain, spread = (tell_storm(tactics=tactics) for tactics in (PLAIN, SPREAD))

    assert spread.peak < plain.peak / 1.5
    assert spread.success > plain.success
    assert spread.calm_after < plain.calm_after


def test_a_budget_and_a_breaker_hold_the_calls_back():
    plain = tell_storm(tactics=SPREAD)
    budget = tell_storm(tactics=Tactics(jitter="full", budget=True))
    breaker = tell_storm(tactics=Tactics(jitter="full", breaker=True))

    assert budget.calls <= plain.wanted * 1.1 + 10
    assert breaker.calls < budget.calls < plain.calls
    assert sum(breaker.offered[11:18]) == 1  # one probe after a break of five seconds


def test_where_capacity_is_short_retries_keep_the_storm_alive():
    short = Outage(capacity=12)
    retries, none = tell_storm(short, SPREAD), tell_storm(short, Tactics(0))

    assert retries.calm_after is None
    assert none.success > 0.7 > 0.3 > retries.success
    assert none.calm_after == 0  # some seconds bring more than it can answer, but it keeps up


def test_calls_are_turned_away_in_the_outage_and_where_there_are_too_many():
    story = tell_storm(Outage(seconds=8), PLAIN)

    assert story.refused[:10] == (0,) * 10
    assert story.refused[10:18] == story.offered[10:18]
    assert story.refused[25] > 0  # the herd
    taken_on = story.calls - sum(story.refused)
    assert 0 <= taken_on - sum(story.answered) <= story.outage.capacity  # the rest is too late


@pytest.mark.parametrize(
    ("capacity", "tactics", "success", "calm"),
    [
        (80, SPREAD, 0.98, 0),
        (25, SPREAD, 0.96, 5),
        (18, SPREAD, 0.87, 16),
        (18, PLAIN, 0.88, 24),
        (15, SPREAD, 0.59, None),
        (15, PLAIN, 0.80, None),
        (12, Tactics(3, "full"), 0.72, 13),
        (12, Tactics(4, "full"), 0.41, None),
        (40, SPREAD, 0.98, 0),
        (40, Tactics(jitter="full", budget=True), 0.72, 0),
        (25, Tactics(breaker=True), 0.66, 0),
    ],
)
def test_what_notebook_05_says_of_the_explorer_is_so(capacity, tactics, success, calm):
    story = tell_storm(Outage(capacity=capacity), tactics)

    assert (round(story.success, 2), story.calm_after) == (success, calm)


def test_without_an_outage_nothing_is_lost():
    story = tell_storm(Outage(seconds=0), Tactics(0))

    assert story.wanted == 100 * DURATION / 10
    assert sum(story.offered) == story.wanted
    assert story.calm_after == 0
    assert story.success > 0.99  # what comes in the last second is answered after it


def test_the_clients_call_at_the_same_moments_whatever_the_tactics():
    before = [tell_storm(tactics=tactics, seed=3).offered[:10] for tactics in (PLAIN, SPREAD)]

    assert before[0] == before[1]
    assert tell_storm(seed=3) == tell_storm(seed=3)
    assert tell_storm(seed=3) != tell_storm(seed=4)


def test_the_random_module_is_left_alone():
    random.seed(1)
    expected = random.random()
    random.seed(1)

    tell_storm(tactics=SPREAD)

    assert random.random() == expected


def test_an_outage_that_ends_in_the_middle_of_a_second_is_over_from_the_next_one_on():
    story = tell_storm(Outage(seconds=7.5), PLAIN)

    assert story.peak == max(story.offered[18:])


def test_the_frame_has_a_row_for_each_second():
    story = tell_storm(tactics=SPREAD)
    frame = story.to_frame()

    assert list(frame.columns) == ["t", "offered", "answered", "tactics"]
    assert frame["t"].tolist() == list(range(DURATION))
    assert frame["offered"].sum() == story.calls
    assert frame["answered"].sum() == round(story.success * story.wanted)
    assert set(frame["tactics"]) == {"5 retries, full jitter"}


@pytest.mark.parametrize(
    ("tactics", "words"),
    [
        (Tactics(0, budget=True), "no retries"),
        (Tactics(0, breaker=True), "no retries, a breaker"),
        (Tactics(), "5 retries, no jitter"),
        (Tactics(2, "equal", True, True), "2 retries, equal jitter, a budget, a breaker"),
    ],
)
def test_tactics_are_told_in_words(tactics, words):
    assert str(tactics) == words


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Outage(clients=0), "clients"),
        (lambda: Outage(capacity=0), "capacity"),
        (lambda: Outage(seconds=30.5), "seconds must be at most 30, got 30.5"),
        (lambda: Outage(seconds=-1), "seconds"),
        (lambda: Tactics(retries=-1), "retries"),
        (lambda: Tactics(jitter="some"), "jitter must be one of none, full,"),
        (lambda: Tactics(budget=1), "budget"),
        (lambda: Tactics(breaker=None), "breaker"),
        (lambda: tell_storm(seed=-1), "seed"),
    ],
)
def test_what_cannot_be_is_refused(make, word):
    with pytest.raises((ValueError, TypeError), match=word):
        make()
