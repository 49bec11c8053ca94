"""Ways to retry: the published numbers, the laws behind them, and the shipped policies in time."""

from __future__ import annotations

import asyncio
from itertools import cycle

import numpy as np
import pytest
from agreement import agrees

from resilience_lab import Backoff, Retry, RetryBudget
from resilience_lab.simulation import backoff_load, retry_strategies, run_virtual
from resilience_lab.simulation.strategies import (
    BACKOFF,
    HOP,
    RETRIES,
    STRATEGIES,
    draw_calls,
    in_time,
)

AT_ONCE = Backoff(0, jitter="none")
ROUNDING = 0.05  # of the published figures


def measured(*args, seeds, **kwargs):
    """success and load with each seed, by strategy: (strategy, column) -> array."""
    frames = [
        retry_strategies(*args, seed=seed, **kwargs).set_index("strategy") for seed in range(seeds)
    ]
    return {
        (strategy, column): np.array([frame[column][strategy] for frame in frames])
        for strategy in STRATEGIES
        for column in ("success", "load")
    }


def like_one_run(ours, published):
    """Whether a published run, rounded, may be another one of ours."""
    nearest = published + np.clip(np.mean(ours) - published, -ROUNDING, ROUNDING)
    return agrees(ours, nearest, within=np.std(ours, ddof=1))


def shipped(calls, failures, retry_of):
    """How many tries are made of each call, by real policies in virtual time.

    `retry_of` makes the `Retry` of a client, that all of its calls share.
    """
    retries = [retry_of() for _ in range(calls.client.max() + 1)]
    trips = cycle(calls.trips[:, 1].tolist())
    tries = [0] * len(failures)

    async def attempt(call):
        tries[call] += 1
        if tries[call] > failures[call]:
            return
        await asyncio.sleep(calls.trips[call, 0] if tries[call] == 1 else next(trips))
        raise ConnectionError("failed")

    async def clients():
        loop = asyncio.get_running_loop()
        tasks = []

        def begin(call):
            retry = retries[calls.client[call]]
            tasks.append(asyncio.create_task(retry.call(attempt, call)))

        for call, moment in enumerate(calls.begin.tolist()):
            loop.call_at(moment, begin, call)
        await asyncio.sleep(calls.begin[-1])
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks)
        for task in tasks:
            task.exception()

    run_virtual(clients)
    return tries


# The published numbers: fixing retries


@pytest.mark.parametrize(
    ("f", "success", "load"),
    [
        (0.2, (80, 99.8, 88.3, 80), (100, 125, 110.4, 100)),
        (1, (0, 0, 0, 0), (100, 400, 110.4, 100)),
    ],
)
def test_success_and_load_are_as_published(f, success, load):
    ours = measured(f, seeds=4)

    for strategy, *published in zip(STRATEGIES, success, load, strict=True):
        for column, theirs in zip(("success", "load"), published, strict=True):
            assert like_one_run(ours[strategy, column], theirs), (strategy, column)


@pytest.mark.parametrize(("clients", "published"), [(10, 110.3), (100, 113.6), (1000, 123.9)])
def test_many_clients_have_many_buckets(clients, published):
    ours = measured(0.2, clients=clients, rate=100 / clients, seeds=10)

    assert like_one_run(ours["token_bucket", "load"], published)


@pytest.mark.parametrize("f", [0.05, 0.3, 0.5, 0.75, 0.9])
def test_three_retries_keep_to_their_law(f):
    calls = draw_calls(clients=100, rate=10.0, duration=100.0, seed=0)
    failures = calls.failures(f)

    tries = STRATEGIES["three_retries"](calls, failures)

    assert agrees(tries > failures, 1 - f**4, within=0)
    assert agrees(tries, (1 - f**4) / (1 - f), within=0)


def test_a_bucket_and_a_breaker_let_all_retries_pass_while_few_calls_fail():
    rows = retry_strategies(0.01, duration=30).set_index("strategy")

    assert rows["success"]["token_bucket"] > 99.9
    assert rows["success"]["breaker"] > 99
    assert rows["load"]["token_bucket"] == pytest.approx(101, abs=0.5)


def test_if_everything_fails_a_bucket_spends_what_it_holds_and_then_a_tenth():
    calls = draw_calls(clients=1, rate=10.0, duration=100.0, seed=0)

    retries = np.sum(STRATEGIES["token_bucket"](calls, calls.failures(1)) - 1)

    assert retries == 5 + (calls.begin.size - 1) // 10


# The published numbers: what backoff is for


def test_only_a_serial_client_sheds_load_by_backoff_and_a_bucket_does_without():
    published = {"open": 1876, "open_backoff": 1888, "serial_backoff": 795, "token_bucket": 1113}

    frames = [backoff_load(seed=seed).set_index("clients")["calls"] for seed in range(8)]

    assert frames[0].index.tolist() == list(published)
    for clients, theirs in published.items():
        ours = np.array([frame[clients] for frame in frames])
        assert agrees(ours, theirs, within=np.std(ours, ddof=1)), clients


def test_if_nothing_fails_serial_clients_only_wait_for_the_network():
    calls = backoff_load(0, duration=20).set_index("clients")["calls"]

    assert calls["open"] == calls["open_backoff"] == calls["token_bucket"]
    assert 0.9 * calls["open"] < calls["serial_backoff"] < calls["open"]


# What is played in time, and the shipped policies


@pytest.fixture
def calls():
    return draw_calls(clients=5, rate=30.0, duration=8.0, seed=1)


@pytest.mark.parametrize("f", [0.15, 0.6, 1])
def test_call_by_call_a_bucket_grants_what_a_shipped_retry_with_a_budget_makes(calls, f):
    failures = calls.failures(f)

    tries = STRATEGIES["token_bucket"](calls, failures)

    real = shipped(calls, failures, lambda: Retry(1000, AT_ONCE, budget=RetryBudget(0.1, burst=5)))
    assert tries.tolist() == real


@pytest.mark.parametrize("backoff", [AT_ONCE, BACKOFF])
@pytest.mark.parametrize("retries", [0, RETRIES])
def test_backoff_changes_nothing_in_what_a_shipped_retry_makes_of_calls(calls, retries, backoff):
    failures = calls.failures(0.6)
    strategy = {0: "no_retries", RETRIES: "three_retries"}[retries]

    real = shipped(calls, failures, lambda: Retry(retries, backoff))

    assert STRATEGIES[strategy](calls, failures).tolist() == real


@pytest.mark.parametrize("f", [0.05, 0.09, 0.15, 1])
def test_call_by_call_the_breaker_judges_failures_per_first_call(calls, f):
    def plain():
        first_calls = failed = 0

        def begin():
            nonlocal first_calls
            first_calls += 1

        def may_retry():
            nonlocal failed
            failed += 1
            return failed / first_calls <= 0.1

        return begin, may_retry

    failures = calls.failures(f)

    tries = STRATEGIES["breaker"](calls, failures)

    assert tries.tolist() == in_time(plain, RETRIES)(calls, failures).tolist()
    assert (tries.sum() > tries.size) == (f < 1)


async def serial_client(begins, trips, tries, duration):
    """How many tries one client makes, whose calls are due at `begins`, one after the other."""
    loop = asyncio.get_running_loop()
    made = 0
    retry = Retry(RETRIES, BACKOFF)
    await asyncio.sleep(begins[0])
    for call, pause in enumerate(np.diff(begins)):
        due = loop.time() + pause
        if loop.time() >= duration:
            break
        left = iter(trips[call])

        async def attempt(last=tries[call], left=left):
            nonlocal made, tried
            made += 1
            tried += 1
            await asyncio.sleep(next(left))
            if tried < last:
                raise ConnectionError("failed")

        tried = 0
        await retry.call(attempt)
        await asyncio.sleep(due - loop.time())
    return made


def test_a_serial_client_is_a_shipped_retry_in_a_loop():
    duration, seed = 20.0, 3
    calls = draw_calls(clients=1, rate=10.0, duration=duration, seed=seed)
    tries = STRATEGIES["three_retries"](calls, calls.failures(0.5))

    made = run_virtual(serial_client, calls.begin, calls.trips, tries, duration)

    frame = backoff_load(0.5, duration=duration, clients=1, seed=seed).set_index("clients")
    assert frame["calls"]["serial_backoff"] == made / duration


# The calls


def test_each_client_calls_at_once_and_then_so_often_a_second():
    calls = draw_calls(clients=1000, rate=2.0, duration=10.0, seed=0)

    number = np.bincount(calls.client)
    first = [calls.begin[calls.client == client].min() for client in range(1000)]

    assert agrees(first, HOP, within=0)
    assert agrees(number, 1 + 2.0 * 10.0, within=0)
    assert (np.diff(calls.begin) >= 0).all()
    assert calls.begin.max() <= 10.0


def test_a_call_fails_so_often_in_a_row_with_a_power_of_the_rate():
    calls = draw_calls(clients=100, rate=10.0, duration=100.0, seed=0)

    for f in (0.1, 0.5, 0.9):
        failures = calls.failures(f)
        for k in (1, 2, 5):
            assert agrees(failures >= k, f**k, within=0)
    assert set(calls.failures(0)) == {0}
    assert set(calls.failures(1)) == {np.inf}


def test_a_call_that_fails_at_one_rate_fails_at_a_higher_one():
    calls = draw_calls(clients=10, rate=10.0, duration=10.0, seed=0)

    assert (calls.failures(0.3) <= calls.failures(0.4)).all()


# The frames


def test_the_frame_has_a_row_for_each_failure_rate_and_strategy():
    frame = retry_strategies([0, 0.5], duration=1.0, clients=2)

    assert frame.columns.tolist() == ["f", "strategy", "success", "load"]
    assert frame["f"].tolist() == 4 * [0] + 4 * [0.5]
    assert frame["strategy"].tolist() == 2 * list(STRATEGIES)


def test_a_row_does_not_depend_on_the_others_but_on_the_seed():
    alone = retry_strategies(0.3, duration=3.0, seed=1)
    among = retry_strategies((0.1, 0.3), duration=3.0, seed=1)

    assert among[4:].reset_index(drop=True).equals(alone)
    assert not retry_strategies(0.3, duration=3.0, seed=2).equals(alone)
    assert backoff_load(duration=3.0, seed=1).equals(backoff_load(duration=3.0, seed=1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"failure_rates": 1.5}, ValueError, "failure_rates must be at most 1, got 1.5"),
        ({"failure_rates": [0.1, -1.0]}, ValueError, "failure_rates must be .* >= 0, got -1.0"),
        ({"failure_rates": "half"}, TypeError, "failure_rates must be a number, got 'half'"),
        ({"duration": 0}, ValueError, "duration must be a finite number > 0, got 0"),
        ({"clients": 0}, ValueError, "clients must be at least 1, got 0"),
        ({"rate": -1}, ValueError, "rate must be a finite number >= 0, got -1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        retry_strategies(**{"failure_rates": 0.1, "duration": 0.1, **arguments})


def test_backoff_load_names_its_own_failure_rate():
    with pytest.raises(ValueError, match="failure_rate must be at most 1, got 2"):
        backoff_load(2)
