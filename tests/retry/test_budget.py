"""Promises, section 4.6: `RetryBudget`."""

from __future__ import annotations

import asyncio
import copy
import doctest
import math
import pickle
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience_lab import Backoff, Retry, RetryBudget


async def boom():
    raise ConnectionError


async def test_promise_4_6_ten_thousand_failing_calls_get_1010_retries():
    budget = RetryBudget(ratio=0.1, burst=10)
    calls = 0

    async def counted():
        nonlocal calls
        calls += 1
        raise ConnectionError

    retries = [Retry(3, Backoff(0), budget=budget) for _ in range(10)]
    for i in range(10_000):
        with pytest.raises(ConnectionError):
            await retries[i % 10].call(counted)

    assert abs(calls - 10_000 - 1010) <= 1


async def test_promise_4_6_many_tasks_share_it():
    budget = RetryBudget(ratio=0, burst=5)
    retry = Retry(3, Backoff(1, jitter="none"), budget=budget)
    calls = 0

    async def counted():
        nonlocal calls
        calls += 1
        raise ConnectionError

    await asyncio.gather(*(retry.call(counted) for _ in range(100)), return_exceptions=True)

    assert calls == 105
    assert budget.tokens == 0


def test_promise_4_6_it_starts_full_and_is_capped_at_burst():
    budget = RetryBudget(ratio=0.5, burst=3)
    assert budget.tokens == 3

    for _ in range(10):
        budget.deposit()

    assert budget.tokens == 3
    assert [budget.try_withdraw() for _ in range(5)] == [True, True, True, False, False]
    assert budget.tokens == 0


def test_promise_4_6_ten_tenths_are_one_token():
    budget = RetryBudget(ratio=0.1, burst=1)
    budget.try_withdraw()

    for _ in range(9):
        budget.deposit()
    assert not budget.try_withdraw()
    budget.deposit()

    assert budget.try_withdraw()


@given(st.floats(0, 5), st.integers(1, 50), st.lists(st.booleans(), max_size=200))
def test_promise_4_6_never_below_zero_and_never_more_than_the_law_allows(ratio, burst, steps):
    budget = RetryBudget(ratio, burst)
    first_calls = granted = 0

    for is_first_call in steps:
        if is_first_call:
            budget.deposit()
            first_calls += 1
        else:
            granted += budget.try_withdraw()
        assert 0 <= budget.tokens <= burst

    assert granted <= burst + ratio * first_calls + 1e-3


async def test_cancelling_a_wait_puts_the_token_back():
    budget = RetryBudget(ratio=0, burst=2)
    task = asyncio.create_task(Retry(3, Backoff(5, jitter="none"), budget=budget).call(boom))
    await asyncio.sleep(1)
    assert budget.tokens == 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert budget.tokens == 2


def test_huge_budgets_are_exact_too():
    assert RetryBudget(1e305, 1e305).tokens == 1e305


def test_threads_lose_no_token():
    budget = RetryBudget(ratio=0, burst=4000)

    def withdraw():
        for _ in range(1000):
            assert budget.try_withdraw()

    threads = [threading.Thread(target=withdraw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert budget.tokens == 0


def test_its_repr_shows_the_balance():
    assert repr(RetryBudget()) == "RetryBudget(ratio=0.1, burst=10, tokens=10)"


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("ratio", -0.1),
        ("ratio", math.nan),
        ("ratio", "10%"),
        ("burst", 0),
        ("burst", 0.5),
        ("burst", -1),
        ("burst", math.inf),
        ("burst", None),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(argument, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        RetryBudget(**{argument: value})

    assert argument in str(refusal.value)
    assert repr(value) in str(refusal.value)


@pytest.mark.parametrize(("name", "value"), [("ratio", 5), ("burst", 50), ("tokens", 7)])
def test_what_would_have_no_effect_cannot_be_set(name, value):
    budget = RetryBudget(0.5, burst=3)
    before = getattr(budget, name)

    with pytest.raises(AttributeError):
        setattr(budget, name, value)

    assert getattr(budget, name) == before


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_is_shared_and_not_copied(copying):
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        copying(RetryBudget())


def test_its_examples_work():
    assert doctest.testmod(sys.modules[RetryBudget.__module__]).failed == 0
