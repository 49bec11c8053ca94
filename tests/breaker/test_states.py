"""The three states by themselves: time goes in, and the state that follows comes out."""

from __future__ import annotations

import math

import pytest

from resilience_lab import ConsecutiveFailures, Outcome, SlowCallRate
from resilience_lab.breaker.break_lengths import Breaks
from resilience_lab.breaker.states import Open, Plan

NEEDED = 2
BREAK = 30.0


def plan(trip=None, **times):
    trip = trip or ConsecutiveFailures(2)
    return Plan(trip, Breaks(BREAK, **times), clock=lambda: pytest.fail("a state reads no clock"))


def opened(rules, now=0.0):
    return rules.opened((2, 2), now, "too many failures")


def half_open(rules):
    return opened(rules).arrive(BREAK)


# CLOSED


def test_closed_lets_everybody_in_on_one_ticket():
    closed = plan().closed("new")

    assert closed.arrive(1e9) is closed
    assert closed.let_in(0.0, 1) is closed.let_in(5.0, 1) is closed.ticket
    assert closed.retry_after(0.0, 1) == 0.0


def test_closed_takes_failures_in_a_row_and_is_followed_by_open():
    closed = plan().closed("new")
    ticket = closed.let_in(0.0, 1)

    assert closed.take(ticket, Outcome.FAILURE, 1.0, NEEDED) is closed
    assert closed.take(ticket, Outcome.NEUTRAL, 2.0, NEEDED) is closed
    assert closed.progress(2.0) == (1, 2)
    after = closed.take(ticket, Outcome.FAILURE, 3.0, NEEDED)

    assert (after.state, after.reason) == ("OPEN", "too many failures")
    assert (after.until, after.progress(3.0)) == (3.0 + BREAK, (2, 2))


def test_closed_takes_the_time_of_each_call_if_the_rule_asks_for_it():
    closed = plan(SlowCallRate(1.0, slower_than=2, last=1)).closed("new")
    quick, slow = closed.let_in(0.0, 1), closed.let_in(0.0, 1)

    assert closed.ticket is None
    assert closed.take(quick, Outcome.SUCCESS, 2.0, NEEDED) is closed
    assert closed.take(slow, Outcome.SUCCESS, 2.5, NEEDED).state == "OPEN"


# OPEN


def test_open_lets_nobody_in_and_at_the_end_of_its_break_a_call_meets_half_open():
    circuit = opened(plan(), now=10.0)

    assert circuit.let_in(39.9, 1) is None
    assert circuit.arrive(39.9) is circuit
    assert circuit.retry_after(39.0, 1) == 1.0
    after = circuit.arrive(40.0)

    assert (after.state, after.reason) == ("HALF_OPEN", "the break is over")
    assert after.progress(40.0) == (2, 2)


def test_open_takes_no_result_for_it_has_let_nobody_in():
    rules = plan()
    closed = rules.closed("new")
    late = closed.let_in(0.0, 1)

    assert opened(rules).take(late, Outcome.SUCCESS, 1.0, NEEDED) is None


def test_isolated_is_an_open_that_no_time_ends():
    isolated = Open(plan(), (0, 2), math.inf, 0.0, "isolated by hand")

    assert isolated.isolated
    assert not opened(plan()).isolated
    assert isolated.arrive(1e300) is isolated


# HALF_OPEN


def test_half_open_lets_in_as_many_probes_as_may_be_in_flight():
    circuit = half_open(plan())

    assert circuit.let_in(30.0, 2) is not None
    assert circuit.let_in(31.0, 2) is not None
    assert circuit.let_in(32.0, 2) is None
    assert circuit.retry_after(32.0, 2) == 28.0  # when the first lease ends


def test_half_open_is_followed_by_closed_once_enough_probes_succeeded():
    circuit = half_open(plan())

    assert circuit.take(circuit.let_in(30.0, 1), Outcome.NEUTRAL, 30.5, NEEDED) is circuit
    assert circuit.take(circuit.let_in(30.5, 1), Outcome.SUCCESS, 31.0, NEEDED) is circuit
    after = circuit.take(circuit.let_in(31.0, 1), Outcome.SUCCESS, 32.0, NEEDED)

    assert (after.state, after.reason) == ("CLOSED", "the probes succeeded")
    assert after.progress(32.0) == (0, 2)


@pytest.mark.parametrize(
    ("outcome", "ended", "reason"),
    [
        (Outcome.FAILURE, 31.0, "a probe failed"),
        (Outcome.FAILURE, 40.0, "a probe failed"),
        (Outcome.SUCCESS, 40.0, "a probe was slow"),
    ],
)
def test_half_open_is_followed_by_open_after_one_bad_probe(outcome, ended, reason):
    circuit = half_open(plan(SlowCallRate(1.0, slower_than=2, last=1)))

    after = circuit.take(circuit.let_in(30.0, 1), outcome, ended, NEEDED)

    assert (after.state, after.reason, after.until) == ("OPEN", reason, ended + BREAK)


def test_half_open_takes_no_result_of_a_probe_whose_permit_it_took_back_but_learns_from_it():
    circuit = half_open(plan())
    slow = circuit.let_in(30.0, 1)

    assert list(circuit.expire(59.9)) == []
    assert list(circuit.expire(60.0)) == [slow]
    next_one = circuit.let_in(60.0, 1)
    assert circuit.take(slow, Outcome.SUCCESS, 70.0, NEEDED) is None

    assert circuit.lease == 80.0  # twice as long as that probe took
    assert circuit.take(next_one, Outcome.SUCCESS, 71.0, NEEDED) is circuit
    assert circuit.successes == 1


# All


def test_a_result_from_another_stay_is_stale_in_every_state():
    rules = plan()
    before = rules.closed("new")
    ticket = before.let_in(0.0, 1)

    for later in (rules.closed("reset by hand"), opened(rules), half_open(rules)):
        progress = later.progress(0.0)
        assert later.take(ticket, Outcome.FAILURE, 1.0, NEEDED) is None
        assert later.progress(1.0) == progress
