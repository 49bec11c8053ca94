"""Breaks that grow: a re-opening without a close in between takes the next delay."""

from __future__ import annotations

import random

import pytest

from resilience_lab import Backoff, CircuitBreaker, CircuitOpenError


def fail(breaker):
    breaker.acquire().failure(ConnectionError())


def lengths(breaker, clock, openings):
    """How long each of the next breaks is, if every probe fails."""
    found = []
    for _ in range(openings):
        fail(breaker)
        found.append(breaker.retry_after)
        clock.now += breaker.retry_after
    return found


def growing(clock, **options):
    backoff = Backoff(1, max_delay=8, jitter="none")
    return CircuitBreaker(1, backoff, 1, clock=clock, **options)


def test_each_reopening_takes_the_next_delay_up_to_the_cap(clock):
    assert lengths(growing(clock), clock, 6) == [1, 2, 4, 8, 8, 8]


def test_the_break_is_over_exactly_then(clock):
    breaker = growing(clock)
    fail(breaker)
    clock.now = 1.0
    fail(breaker)

    clock.now = 2.999
    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    clock.now = 3.0
    breaker.acquire()


def test_a_close_starts_over(clock):
    breaker = growing(clock)
    lengths(breaker, clock, 3)
    breaker.acquire().success()

    assert breaker.state == "CLOSED"
    assert lengths(breaker, clock, 2) == [1, 2]


def test_a_reset_starts_over(clock):
    breaker = growing(clock)
    lengths(breaker, clock, 3)
    breaker.isolate()
    breaker.reset()

    assert lengths(breaker, clock, 2) == [1, 2]


def test_a_fixed_break_stays_as_it_is(clock):
    assert lengths(CircuitBreaker(1, 30, clock=clock), clock, 3) == [30, 30, 30]


def test_a_probe_keeps_its_permit_as_long_as_the_break_was(clock):
    breaker = growing(clock)
    lengths(breaker, clock, 3)

    breaker.acquire()

    assert breaker.retry_after == 4


def test_a_probe_timeout_of_ones_own_wins(clock):
    breaker = growing(clock, probe_timeout=7)
    lengths(breaker, clock, 2)

    breaker.acquire()

    assert breaker.retry_after == 7


def test_after_a_jittered_break_the_lease_is_the_longest_it_could_have_been(clock):
    backoff = Backoff(10, jitter="full", rng=random.Random(1))
    breaker = CircuitBreaker(1, backoff, clock=clock)

    drawn = lengths(breaker, clock, 3)
    assert all(length <= ceiling for length, ceiling in zip(drawn, (10, 20, 40), strict=True))
    assert drawn != [10, 20, 40]
    breaker.acquire()

    assert breaker.retry_after == 40


def test_a_break_has_to_be_more_than_nothing():
    with pytest.raises(
        ValueError, match="recovery_timeout must have a base_delay > 0, got Backoff"
    ):
        CircuitBreaker(1, Backoff(0))
    with pytest.raises(ValueError, match="recovery_timeout must be a finite number > 0, got 0"):
        CircuitBreaker(1, 0)
    with pytest.raises(TypeError, match="recovery_timeout must be a number, got 'long'"):
        CircuitBreaker(1, "long")
    with pytest.raises(ValueError, match="probe_timeout must be a finite number > 0, got 0"):
        CircuitBreaker(1, Backoff(1), probe_timeout=0)
