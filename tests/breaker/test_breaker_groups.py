"""Exception groups: a failure if anything in them is."""

from __future__ import annotations

import asyncio

import pytest
from breakers import BoomError

from resilience_lab import CircuitBreaker


@pytest.mark.parametrize(
    "failure_on",
    [
        ConnectionError,
        (TimeoutError, ConnectionError),
        lambda error: isinstance(error, ConnectionError),
        ExceptionGroup,
        lambda error: isinstance(error, ExceptionGroup) and len(error.exceptions) == 2,
    ],
)
def test_promise_3_14_a_group_is_a_failure_if_anything_in_it_is(clock, failure_on):
    breaker = CircuitBreaker(9, failure_on=failure_on, clock=clock)

    breaker.acquire().failure(ExceptionGroup("two", [KeyError(), ConnectionResetError()]))
    assert breaker.failure_count == 1
    deep = ExceptionGroup(
        "deep", [KeyError(), ExceptionGroup("in", [ConnectionError(), OSError()])]
    )
    breaker.acquire().failure(deep)
    assert breaker.failure_count == 2


@pytest.mark.parametrize("failure_on", [ConnectionError, (ConnectionError, TimeoutError)])
def test_promise_3_14_a_group_of_other_errors_is_neutral(clock, failure_on):
    breaker = CircuitBreaker(failure_on=failure_on, clock=clock)

    breaker.acquire().failure(
        ExceptionGroup("other", [KeyError(), ExceptionGroup("", [OSError()])])
    )

    assert breaker.failure_count == 0


def test_promise_3_14_a_predicate_is_asked_about_the_group_before_its_members(clock):
    asked = []
    breaker = CircuitBreaker(failure_on=asked.append, clock=clock)
    inner = ExceptionGroup("inner", [KeyError(1), KeyError(2)])
    outer = ExceptionGroup("outer", [inner, KeyError(3)])

    breaker.acquire().failure(outer)

    assert asked == [outer, inner, *inner.exceptions, outer.exceptions[1]]
    assert breaker.failure_count == 0


def test_promise_3_14_a_group_with_a_cancellation_is_neutral_whatever_else_it_holds(clock):
    breaker = CircuitBreaker(failure_on=BaseException, clock=clock)

    breaker.acquire().failure(BaseExceptionGroup("", [asyncio.CancelledError(), BoomError()]))

    assert breaker.failure_count == 0


def test_promise_3_14_a_group_may_be_nested_deeper_than_the_stack(clock):
    error = ConnectionError()
    for _ in range(5000):
        error = ExceptionGroup("", [error])
    breaker = CircuitBreaker(failure_on=ConnectionError, clock=clock)

    breaker.acquire().failure(error)

    assert breaker.failure_count == 1
    while isinstance(error, ExceptionGroup):  # taken apart by hand: its end recurses, too
        error = error.exceptions[0]
