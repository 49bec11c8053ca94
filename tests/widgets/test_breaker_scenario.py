"""Stories of a breaker: the same actions, the same end, whatever happened in between."""

from __future__ import annotations

import pytest

from resilience_lab.widgets.breaker.scenario import ACTIONS, tell_story

OUTAGE = ["fail"] * 3 + ["wait 10 s"] * 3


def test_three_failures_and_a_break():
    story = tell_story([*OUTAGE, "succeed", "succeed"])

    assert story.now == 30.0
    assert story.breaker.state == "CLOSED"
    assert story.lines == [
        "Attempt 1: ❌ FAILED (failures: 1/3)",
        "Attempt 2: ❌ FAILED (failures: 2/3)",
        "Attempt 3: ❌ FAILED (failures: 3/3)",
        ">>> Circuit OPEN - blocking requests",
        "",
        "[30 seconds later...]",
        ">>> Circuit HALF_OPEN - testing recovery",
        "",
        "Attempt 4: ✅ SUCCESS (successes: 1/2 in half-open)",
        "Attempt 5: ✅ SUCCESS (successes: 2/2 in half-open)",
        ">>> Circuit CLOSED - back to normal",
    ]


def test_the_same_actions_under_another_setting():
    assert tell_story(["fail"]).breaker.state == "CLOSED"
    assert tell_story(["fail"], failure_threshold=1).breaker.state == "OPEN"


def test_a_late_answer_from_before_the_trip_is_stale():
    story = tell_story(["hang", *["fail"] * 3, "late answer"])

    assert story.breaker.state == "OPEN"
    assert story.lines[-1] == "(a late answer: stale, it changes nothing)"


def test_a_late_answer_that_is_in_time_counts():
    story = tell_story([*OUTAGE, "hang", "wait 1 s", "late answer"])

    assert story.breaker.success_count == 1


def test_a_hung_probe_is_replaced_after_its_lease():
    story = tell_story([*OUTAGE, "hang", *["wait 10 s"] * 3, "succeed", "late answer"])

    assert story.breaker.success_count == 1
    assert ">>> No answer from a probe for 30 s - its permit is free again" in story.lines


def test_a_blocked_call_cannot_hang():
    assert tell_story([*["fail"] * 3, "hang"]).hanging == []


def test_without_a_hanging_call_there_is_no_late_answer():
    assert tell_story(["late answer"]).lines == ["(no call is hanging)"]


def test_the_last_change_is_remembered():
    assert tell_story(["fail", "cancel"]).last_change is None
    assert tell_story(OUTAGE).last_change.after == "OPEN"


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_is_possible_at_any_time(action):
    for before in ([], ["fail"] * 3, [*OUTAGE, "hang"], [*OUTAGE, "succeed"]):
        tell_story([*before, action, action])


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"actions must be among succeed, .*; got 'sleep'"):
        tell_story(["sleep"])
    with pytest.raises(ValueError, match="failure_threshold"):
        tell_story([], failure_threshold=0)
