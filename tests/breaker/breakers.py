"""Breakers to test, in any state."""

from __future__ import annotations

import asyncio

from resilience_lab import CircuitBreaker

BREAK = 30.0


class BoomError(Exception):
    """What the protected service raises."""


async def answer():
    return "answer"


async def boom():
    raise BoomError


def fail(breaker, times=1):
    for _ in range(times):
        breaker.acquire().failure(BoomError())


def opened(clock, **options):
    """A breaker that has just opened, at the clock's time."""
    breaker = CircuitBreaker(2, BREAK, 2, clock=clock, **options)
    fail(breaker, 2)
    return breaker


def half_open(clock, **options):
    """A breaker in HALF_OPEN with no probe in flight, by way of one ignored probe."""
    breaker = opened(clock, **options)
    clock.now += BREAK
    breaker.acquire().ignore()
    return breaker


def snapshot(breaker):
    return (
        breaker.state,
        breaker.failure_count,
        breaker.success_count,
        breaker.last_failure_time,
        breaker.retry_after,
        breaker.isolated,
    )


SETTLEMENTS = ["success", "failure", "ignore", "cancelled"]


def settle(permit, how):
    match how:
        case "failure":
            permit.failure(BoomError())
        case "cancelled":
            permit.failure(asyncio.CancelledError())
        case _:
            getattr(permit, how)()
