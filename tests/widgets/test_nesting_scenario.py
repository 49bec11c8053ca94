"""Stories of services under policies: the shipped policies against what arithmetic says."""

from __future__ import annotations

import gc
from dataclasses import asdict
from math import factorial, inf, prod

import pytest

from resilience_lab.widgets.nesting.scenario import (
    BEHAVIOURS,
    BREAK,
    FAILURES,
    LATENCY,
    NESTINGS,
    OUTAGE,
    PATIENCE,
    SLOW,
    Link,
    tell_composition,
    written,
)

RETRY = Link(("retry",))
BARE = Link(())


def calls(story):
    return [layer.calls for layer in story.layers]


@pytest.mark.parametrize("retries", [(3,), (3, 3), (3, 3, 3), (0, 2, 1), (0, 0)])
def test_each_layer_multiplies_the_calls_below_it(retries):
    links = [Link(("retry",), number) for number in retries]

    story = tell_composition(links, requests=4)

    assert story.amplification == prod(link.tries for link in links)
    for number, layer in enumerate(story.layers, start=1):
        assert layer.calls == layer.failed == 4 * prod(n + 1 for n in retries[:number])


def test_retries_without_a_retry_in_the_nesting_do_not_count():
    assert Link((), 9).tries == Link(("timeout", "breaker"), 9).tries == 1
    assert calls(tell_composition([Link((), 9)], requests=4)) == [4]


def test_a_service_that_answers_is_called_once():
    story = tell_composition([RETRY] * 3, "answers", requests=4)

    assert calls(story) == [4, 4, 4]
    assert story.answered == (True,) * 4
    assert story.waits == pytest.approx([LATENCY] * 4)


def test_of_the_same_failures_a_breaker_within_the_retry_counts_each_try():
    within = tell_composition([Link(("retry", "breaker"))], requests=4, apart=0.0)
    outside = tell_composition([Link(("breaker", "retry"))], requests=4, apart=0.0)

    assert calls(within) == [4]  # all in flight when it opens
    assert calls(outside) == [16]


def test_one_user_after_the_other_meets_a_breaker_that_is_open():
    story = tell_composition([Link(("retry", "breaker"))], requests=6, apart=4.0)

    assert (FAILURES, BREAK) == (3, 10.0)
    # Tries at 0, 1.1 and 3.2 s open it, and the fourth is rejected. So are the next three users.
    # At 16 s the break is over: one probe, another break, the probe's retry and the last user.
    assert calls(story) == [4]
    assert story.layers[0].rejected == 6
    assert story.waits == pytest.approx((7.3, 0.0, 0.0, 0.0, 1.1, 0.0))


def test_a_breaker_outside_a_retry_that_succeeds_in_the_end_sees_no_failure():
    link = Link(("breaker", "retry"))

    story = tell_composition([link], "fails every third call", requests=9, apart=5.0)

    assert story.answered == (True,) * 9
    assert (story.layers[0].failed, story.layers[0].rejected) == (4, 0)


def test_a_timeout_around_the_breaker_is_no_failure_for_it():
    around = tell_composition([Link(("timeout", "breaker"))], "hangs", requests=8, apart=2.0)
    within = tell_composition([Link(("breaker", "timeout"))], "hangs", requests=8, apart=2.0)

    assert [(layer.cut_off, layer.rejected) for layer in around.layers] == [(8, 0)]
    # The third timeout at 6 s opens it, until the last of the eight.
    assert [(layer.cut_off, layer.rejected) for layer in within.layers] == [(3, 5)]
    assert around.waits == (2.0,) * 8


def test_a_timeout_cuts_off_everything_below_it():
    links = [Link(("timeout",)), RETRY, RETRY]

    story = tell_composition(links, requests=1, timeout=3.0)

    # Tries of the lowest at 0 and 1.1 s; the next is due at 3.2.
    assert calls(story) == [1, 1, 2]
    assert [layer.cut_off for layer in story.layers] == [1, 1, 0]
    assert story.waits == (3.0,)


def test_timeouts_add_up_and_a_deadline_bounds_them():
    link = Link(("retry", "timeout"), 2)

    unbounded = tell_composition([link], "hangs", requests=1, timeout=30.0)
    bounded = tell_composition([link], "hangs", requests=1, timeout=30.0, deadline=8.0)

    assert (calls(unbounded), unbounded.waits) == ([3], (93.0,))  # and the waits between
    assert (calls(bounded), bounded.waits) == ([1], (8.0,))


def test_whoever_waits_for_what_hangs_leaves_in_the_end():
    story = tell_composition([BARE, BARE], "hangs", requests=2)

    assert story.waits == (PATIENCE,) * 2
    assert [layer.cut_off for layer in story.layers] == [2, 2]


@pytest.mark.parametrize("requests", [1, 10, 30])
def test_a_budget_bounds_the_retries_of_all_layers_together(requests):
    story = tell_composition([RETRY] * 3, requests=requests, budget=True)

    assert requests < calls(story)[-1] <= requests + 1 + 0.1 * requests


def test_a_retry_close_to_the_failure_repeats_least():
    assert calls(tell_composition([RETRY, BARE, BARE])) == [20, 20, 20]
    assert calls(tell_composition([BARE, BARE, RETRY])) == [5, 5, 20]


def test_a_budget_ends_retries_that_would_have_outlived_an_outage():
    without = tell_composition([RETRY] * 3, "fails at first")
    with_budget = tell_composition([RETRY] * 3, "fails at first", budget=True)

    assert (sum(without.answered), calls(without)[-1]) == (5, 26)
    assert max(without.waits) == pytest.approx(11.7)
    assert (sum(with_budget.answered), calls(with_budget)[-1]) == (0, 6)


def test_under_a_timeout_that_is_no_longer_a_retry_never_has_its_turn():
    assert calls(tell_composition([Link(("retry", "timeout"))] * 3, "hangs")) == [20, 20, 20]


def test_retries_above_it_make_the_order_matter_more():
    assert calls(tell_composition([RETRY, RETRY, Link(("retry", "breaker"))])) == [5, 5, 3]
    assert calls(tell_composition([RETRY, RETRY, Link(("breaker", "retry"))])) == [5, 12, 28]


def test_an_outage_at_first_is_over_in_time():
    story = tell_composition([BARE], "fails at first", requests=12)

    assert OUTAGE == 10.0
    assert story.answered == (False,) * 10 + (True,) * 2


def test_a_slow_service_is_slow():
    assert tell_composition([BARE], "is slow").waits == (SLOW,) * 5


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("nesting", NESTINGS)
def test_every_call_ends_in_one_way_and_every_story_is_the_same_again(behaviour, nesting):
    links = [Link(nesting), Link(nesting, 1)]

    story = tell_composition(links, behaviour, requests=3)

    assert story == tell_composition(links, behaviour, requests=3)
    for layer in story.layers:
        assert layer.calls == layer.answered + layer.failed + layer.cut_off
        assert layer.link == written(nesting)


def test_every_nesting_is_there_once():
    assert (
        len(set(NESTINGS)) == len(NESTINGS) == sum(factorial(3) // factorial(n) for n in range(4))
    )
    assert [written(nesting) for nesting in ((), ("retry",), ("retry", "breaker", "timeout"))] == [
        "nothing",
        "retry",
        "retry( breaker( timeout ))",
    ]


def test_as_a_frame():
    story = tell_composition([Link(("retry", "breaker")), BARE])

    frame = story.to_frame()

    assert frame.to_dict("records") == [asdict(layer) for layer in story.layers]


def test_the_errors_of_a_story_are_not_kept():
    gc.collect()
    gc.disable()
    try:
        tell_composition([RETRY] * 3)
        few = gc.collect()
    finally:
        gc.enable()

    assert few < 320  # calls that failed; with each error's frames, there would be thousands


@pytest.mark.parametrize(
    ("nesting", "retries", "error", "message"),
    [
        (("retry", "retry"), 3, ValueError, r"nesting must be .*; got \('retry', 'retry'\)"),
        (("cache",), 3, ValueError, "nesting must be a tuple of some of retry, breaker, timeout"),
        ("retry", 3, ValueError, "got 'retry'"),
        (("retry",), -1, ValueError, "retries must be at least 0, got -1"),
        (("retry",), 1.5, TypeError, "retries must be a whole number, got 1.5"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(nesting, retries, error, message):
    with pytest.raises(error, match=message):
        Link(nesting, retries)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"links": []}, ValueError, r"links must hold at least one link, got \[\]"),
        ({"links": ["retry"]}, TypeError, "links must be Links, got 'retry'"),
        ({"behaviour": "sulks"}, ValueError, "behaviour must be one of .*; got 'sulks'"),
        ({"requests": 0}, ValueError, "requests must be at least 1, got 0"),
        ({"apart": -1}, ValueError, "apart must be a finite number >= 0, got -1"),
        ({"timeout": 0}, ValueError, "timeout must be a finite number > 0, got 0"),
        ({"deadline": inf}, ValueError, "deadline must be a finite number >= 0, got inf"),
        ({"budget": 0.1}, TypeError, "budget must be True or False, got 0.1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        tell_composition(**{"links": [RETRY], **settings})
