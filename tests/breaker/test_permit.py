"""A permit and a cover stand on their own: what they need is given to them."""

from __future__ import annotations

import pytest

from resilience_lab import Outcome, Permit
from resilience_lab.breaker.protect import protect
from resilience_lab.ground.outcomes import judge_by


class Counter:
    """What gives out permits, and hears what became of them."""

    def __init__(self, **rules):
        self.judge = judge_by(**rules)
        self.settled = []

    def acquire(self):
        return Permit("counter", self.judge, lambda *settled: self.settled.append(settled))


@pytest.fixture
def counter():
    return Counter(failure_on=ConnectionError)


def test_a_permit_is_settled_once_with_what_its_judge_says(counter):
    refused, ill_used = ConnectionError(), KeyError()
    for end in [
        lambda permit: permit.success(),
        lambda permit: permit.returned("an answer"),
        lambda permit: permit.failure(refused),
        lambda permit: permit.failure(ill_used),
        lambda permit: permit.ignore(),
    ]:
        permit = counter.acquire()
        assert repr(permit) == "<Permit of 'counter', out>"
        end(permit)
        permit.failure(refused)
        assert repr(permit) == "<Permit of 'counter', settled>"

    assert counter.settled == [
        (Outcome.SUCCESS, None),
        (Outcome.SUCCESS, None),
        (Outcome.FAILURE, refused),
        (Outcome.NEUTRAL, ill_used),
        (Outcome.NEUTRAL, None),
    ]


def test_a_permit_goes_back_when_its_judge_raises():
    def broken(_value):
        raise ZeroDivisionError

    counter = Counter(classify=broken)
    refused = ConnectionError()

    with pytest.raises(ZeroDivisionError):
        counter.acquire().returned("an answer")
    with pytest.raises(ZeroDivisionError):
        counter.acquire().failure(refused)

    assert counter.settled == [(Outcome.NEUTRAL, None), (Outcome.NEUTRAL, refused)]


def test_whatever_gives_out_permits_can_protect_a_function(counter):
    def ask(question):
        """Asks."""
        return question.upper()

    asked = protect(ask, counter.acquire)

    assert asked("why") == "WHY"
    assert asked.__doc__ == "Asks."
    assert counter.settled == [(Outcome.SUCCESS, None)]


def test_a_function_without_a_permit_is_not_called():
    def none_left():
        raise LookupError("no permit")

    protected = protect(lambda: pytest.fail("it must not be called"), none_left)

    with pytest.raises(LookupError, match="no permit"):
        protected()
