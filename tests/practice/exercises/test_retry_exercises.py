"""The retry exercises: each typical mistake is named, correct solutions of any style pass."""

from __future__ import annotations

import asyncio

import pytest

from resilience_lab import retry_with_backoff
from resilience_lab.practice.exercises.retry import check_jitter, check_retry

STOPS = "stops at the first success"
COUNTS = "makes four calls for max_retries=3"
DOUBLES = "waits 1, 2 and 4 s for base_delay=1"
LAST = "raises the last error itself"
NO_WAIT = "does not wait after the last call"
CANCELLED = "ends at once when it is cancelled"


async def for_loop(func, max_retries, base_delay):
    for attempt in range(max_retries + 1):
        try:
            return await func()
        except Exception:
            if attempt == max_retries:
                raise
            await asyncio.sleep(base_delay * 2**attempt)
    return None


async def stub(func, max_retries, base_delay):
    return await func()


async def off_by_one(func, max_retries, base_delay):
    return await for_loop(func, max_retries - 1, base_delay)


async def linear(func, max_retries, base_delay):
    for attempt in range(max_retries + 1):
        try:
            return await func()
        except Exception:
            if attempt == max_retries:
                raise
            await asyncio.sleep(base_delay * (attempt + 1))
    return None


async def wraps(func, max_retries, base_delay):
    try:
        return await for_loop(func, max_retries, base_delay)
    except Exception as error:
        raise RuntimeError("gave up") from error


async def swallows(func, max_retries, base_delay):
    try:
        return await for_loop(func, max_retries, base_delay)
    except Exception:
        return None


async def waits_at_the_end(func, max_retries, base_delay):
    for attempt in range(max_retries + 1):
        try:
            return await func()
        except Exception as error:
            last = error
            await asyncio.sleep(base_delay * 2**attempt)
    raise last


async def catches_everything(func, max_retries, base_delay):
    for attempt in range(max_retries + 1):
        try:
            return await func()
        except Exception as error:
            last = error
            if attempt == max_retries:
                raise
        try:
            await asyncio.sleep(base_delay * 2**attempt)
        except BaseException:
            continue
    raise last


async def ends_quietly(func, max_retries, base_delay):
    try:
        return await for_loop(func, max_retries, base_delay)
    except asyncio.CancelledError:
        return None


async def for_ever(func, max_retries, base_delay):
    while True:
        try:
            return await func()
        except Exception:
            await asyncio.sleep(base_delay)


async def calls_twice(func, max_retries, base_delay):
    await for_loop(func, max_retries, base_delay)
    return await for_loop(func, max_retries, base_delay)


@pytest.mark.parametrize(
    ("retry", "missing"),
    [
        (for_loop, ()),
        (retry_with_backoff, ()),
        (stub, (STOPS, COUNTS, DOUBLES, CANCELLED)),
        (off_by_one, (COUNTS, DOUBLES)),
        (linear, (DOUBLES,)),
        (wraps, (LAST,)),
        (swallows, (LAST,)),
        (waits_at_the_end, (NO_WAIT,)),
        (catches_everything, (CANCELLED,)),
        (ends_quietly, (CANCELLED,)),
        (for_ever, (COUNTS, DOUBLES, LAST, NO_WAIT)),
        (calls_twice, (STOPS,)),
    ],
)
def test_what_is_missing_in_the_retry_is_named(retry, missing):
    assert check_retry(retry).missing == missing


def test_a_retry_that_returns_something_else_is_named():
    async def other(func, max_retries, base_delay):
        await for_loop(func, max_retries, base_delay)
        return "something else"

    assert check_retry(other).missing == (STOPS,)


SPREADS = "spreads the delays out"
WITHIN = "draws between 0 and the ceiling base * 2 ** n"
HALF = "waits half the ceiling on average"
CAPPED = "never waits longer than the cap"
AT_THE_CAP = "still spreads them out at the cap"
FINITE = "works for retry 5,000 too"


def full(n, base, cap, rng):
    return rng.uniform(0, min(cap, base * 2.0 ** min(n, 100)))


@pytest.mark.parametrize(
    ("delay", "missing"),
    [
        (full, ()),
        (lambda n, base, cap, rng: rng.random() * min(cap, base * 2**n), (FINITE,)),
        (lambda n, base, cap, rng: min(cap, base * 2**n), (SPREADS, HALF, AT_THE_CAP, FINITE)),
        (lambda n, base, cap, rng: full(n, base, cap, rng) / 2, (HALF,)),
        (lambda n, base, cap, rng: rng.uniform(0, base * 2 ** min(n, 1000)), (CAPPED, FINITE)),
        (
            lambda n, base, cap, rng: min(cap, rng.uniform(0, base * 2 ** min(n, 1000))),
            (AT_THE_CAP,),
        ),
        (lambda n, base, cap, rng: full(n + 1, base, cap, rng), (WITHIN, HALF)),
        (
            lambda n, base, cap, rng: rng.uniform(0, min(cap, base * 2.0**n)),
            (FINITE,),
        ),
    ],
)
def test_what_is_missing_in_the_jitter_is_named(delay, missing):
    assert check_jitter(delay).missing == missing
