"""What a breaker lets be read, what of it can be set, and that it is not copied."""

from __future__ import annotations

import copy
import doctest
import pickle
import sys

import pytest
from breakers import BREAK, fail, opened

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    ConsecutiveFailures,
    FailureRate,
    KeyedBreakers,
    Recorder,
    SlowCallRate,
    State,
    any_of,
)
from resilience_lab.events import CallFinished


def test_failure_count_is_that_of_a_time_window_just_now(clock):
    breaker = CircuitBreaker(trip=FailureRate(0.9, within=10, minimum_calls=5), clock=clock)
    fail(breaker, 2)
    clock.now = 5.0
    fail(breaker, 1)

    counts = {}
    for moment in (5.0, 10.0, 10.5, 15.0, 15.5, 3600.0):
        clock.now = moment
        counts[moment] = breaker.failure_count

    assert counts == {5.0: 3, 10.0: 3, 10.5: 1, 15.0: 1, 15.5: 0, 3600.0: 0}
    clock.now = 5.0  # reading has changed nothing
    assert breaker.failure_count == 3


def test_failure_count_of_several_rules_is_that_of_the_nearest_just_now(clock):
    rule = any_of(ConsecutiveFailures(9), FailureRate(0.5, within=10, minimum_calls=4))
    breaker = CircuitBreaker(trip=rule, clock=clock)
    fail(breaker, 1)

    assert (breaker.failure_count, breaker.failure_threshold) == (1, 2)
    clock.now = 3600.0
    assert (breaker.failure_count, breaker.failure_threshold) == (1, 9)


def test_failure_count_goes_on_over_failed_probes(clock):
    breaker = opened(clock)
    counts = []
    for _ in range(3):
        clock.now += BREAK
        breaker.acquire().success()
        counts.append((breaker.state, breaker.failure_count))
        fail(breaker)
        counts.append((breaker.state, breaker.failure_count))

    assert [count for _, count in counts] == [2, 3, 3, 4, 4, 5]
    assert {state for state, _ in counts} == {"HALF_OPEN", "OPEN"}


def test_a_failed_probe_tells_listeners_that_count(clock):
    recorder = Recorder()
    breaker = opened(clock, on_event=recorder)
    clock.now += BREAK
    fail(breaker)

    told = [event for event in recorder if isinstance(event, CallFinished)]
    assert [(event.count, event.threshold) for event in told] == [(1, 2), (2, 2), (3, 2)]


@pytest.mark.parametrize(
    ("options", "threshold"),
    [
        ({}, 3),
        ({"failure_threshold": 7}, 7),
        ({"trip": ConsecutiveFailures(5)}, 5),
        ({"trip": FailureRate(0.5, last=20)}, 5),
        ({"trip": FailureRate(0.5, within=20, minimum_calls=100)}, 50),
        ({"trip": SlowCallRate(1, 2, last=4)}, 4),
        ({"trip": any_of(ConsecutiveFailures(5), FailureRate(0.5, last=20))}, 5),
    ],
)
def test_failure_threshold_is_that_of_the_rule(clock, options, threshold):
    breaker = CircuitBreaker(**options, clock=clock)

    assert breaker.failure_threshold == threshold
    breaker.isolate()
    assert breaker.failure_threshold == threshold


def test_failure_threshold_stays_while_it_is_open_and_probed(clock):
    breaker = opened(clock)
    clock.now += BREAK
    breaker.acquire()

    assert (breaker.state, breaker.failure_threshold) == ("HALF_OPEN", 2)


READ_ONLY = {
    "failure_threshold": 9,
    "recovery_timeout": 9.0,
    "trip": ConsecutiveFailures(9),
    "state": State.OPEN,
    "failure_count": 9,
    "success_count": 9,
    "would_reject_count": 9,
    "last_failure_time": 9.0,
    "isolated": True,
    "retry_after": 9.0,
}


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_would_have_no_effect_cannot_be_set(clock, name):
    breaker = CircuitBreaker(clock=clock)
    before = getattr(breaker, name)

    with pytest.raises(AttributeError):
        setattr(breaker, name, READ_ONLY[name])

    assert getattr(breaker, name) == before


def test_what_can_be_set_has_its_effect(clock):
    recorder = Recorder()
    breaker = opened(clock, on_event=recorder)
    breaker.success_threshold, breaker.half_open_max_calls, breaker.name = 1, 2, "renamed"
    clock.now = BREAK

    probes = [breaker.acquire(), breaker.acquire()]
    assert repr(probes[0]) == "<Permit of 'renamed', out>"
    probes[0].success()

    assert breaker.state == "CLOSED"
    assert recorder[-1].source == "renamed"
    breaker.isolate()
    breaker.observe_only = True
    breaker.acquire()
    assert breaker.would_reject_count == 1


def test_a_setting_is_what_was_given(clock):
    backoff = Backoff(2)
    breaker = CircuitBreaker(recovery_timeout=backoff, clock=clock)

    assert breaker.recovery_timeout is backoff
    assert CircuitBreaker(4, 7).recovery_timeout == 7.0
    assert CircuitBreaker(4).trip == ConsecutiveFailures(4)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_promise_3_16_a_breaker_is_not_copied(duplicate):
    breaker = CircuitBreaker(name="gpt4")
    for holder in (breaker, [breaker], breaker.acquire()):
        if duplicate is copy.copy and holder is not breaker:
            continue  # shares the breaker, which is what one wants
        with pytest.raises(
            TypeError, match=r"<CircuitBreaker 'gpt4' .*> cannot be copied or pickled"
        ):
            duplicate(holder)


@pytest.mark.parametrize("argument", ["on_event", "classify", "clock", "failure_on"])
def test_a_generator_function_is_no_listener_and_no_rule(argument):
    def generate(_value=None):
        yield True

    with pytest.raises(TypeError, match=f"{argument} must be "):
        CircuitBreaker(**{argument: generate})


@pytest.mark.parametrize("module", [CircuitBreaker.__module__, KeyedBreakers.__module__])
def test_the_examples_in_the_docstrings_are_true(module):
    assert doctest.testmod(sys.modules[module]).failed == 0
