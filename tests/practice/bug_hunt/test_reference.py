"""The model solution passes the strong suite, and does what only its comments promise."""

from __future__ import annotations

import asyncio
import inspect
import math

import pytest
import strong_suite

from resilience_lab.practice.bug_hunt import reference
from resilience_lab.practice.bug_hunt.own_tests import own_tests
from resilience_lab.simulation import run_virtual


@pytest.mark.parametrize("test", own_tests(strong_suite), ids=lambda test: test.name)
def test_it_passes_what_a_good_candidate_would_test(test):
    run_virtual(lambda: test.run(vars(reference)))


async def fails(error):
    raise error


async def test_a_rejection_says_when_to_come_back():
    breaker = reference.CircuitBreaker(failure_threshold=1)
    with pytest.raises(ConnectionError):
        await breaker.call(fails, ConnectionError())
    await asyncio.sleep(18)

    with pytest.raises(reference.CircuitOpenError, match=r"open; try again in 12\.0 s") as caught:
        await breaker.call(fails, ConnectionError())
    assert caught.value.retry_after == 12.0


async def test_a_hint_longer_than_the_cap_is_not_waited_for():
    error = ConnectionError("come back in an hour")
    error.retry_after = 3600
    began = asyncio.get_running_loop().time()

    with pytest.raises(ConnectionError) as caught:
        await reference.retry_with_backoff(lambda: fails(error))
    assert caught.value is error
    assert asyncio.get_running_loop().time() == began


@pytest.mark.parametrize("hint", [None, math.nan, -5, "soon"])
async def test_a_hint_that_is_no_time_is_ignored(hint):
    error = ConnectionError("down")
    error.retry_after = hint
    func = strong_suite.Flaky(error)

    await reference.retry_with_backoff(func)

    assert func.waits == [1.0]


async def test_full_jitter_spreads_the_waits_from_nothing_to_the_whole_delay():
    waits = []
    for _ in range(200):
        func = strong_suite.Flaky(ConnectionError())
        await reference.retry_with_backoff(func, base_delay=8.0, jitter=1.0)
        waits += func.waits

    assert 0 <= min(waits) < 1
    assert 7 < max(waits) <= 8


def test_it_is_short_enough_to_be_written_in_an_hour():
    lines = [line.strip() for line in inspect.getsource(reference).splitlines()]

    assert sum(bool(line) and not line.startswith(("#", '"""')) for line in lines) < 150
    assert "resilience_lab" not in inspect.getsource(reference)
