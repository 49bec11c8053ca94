"""An outage that does not end: the published numbers, and the twin of the shipped policies."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pandas as pd
import pytest

from resilience_lab import Backoff, Retry, RetryBudget
from resilience_lab.simulation import run_virtual
from resilience_lab.simulation.metastability import CAPACITY, OUTAGE_AT, TIMEOUT, metastable


def recovers(*args, **kwargs):
    return metastable(*args, **kwargs).attrs["recovered"]


def shipped(load, outage, retries, bucket, duration):
    """The same application, each request by the real `Retry` in a task of its own."""
    sends, answers = [], []
    free = 0.0
    back = OUTAGE_AT + outage

    async def query():
        nonlocal free
        loop = asyncio.get_running_loop()
        sent = loop.time()
        sends.append(sent)
        arrived = back if OUTAGE_AT <= sent < back else sent
        free = done = max(free, arrived) + 1 / CAPACITY
        async with asyncio.timeout(TIMEOUT):
            await asyncio.sleep(done - sent)
        answers.append(done)

    async def application():
        loop = asyncio.get_running_loop()
        retry = Retry(retries, Backoff(0, jitter="none"), budget=bucket)
        requests = []

        def begin():
            requests.append(asyncio.create_task(retry.call(query)))

        for number in range(math.ceil(load * duration)):
            loop.call_at(number / load, begin)
        await asyncio.sleep(duration)
        await asyncio.gather(*requests, return_exceptions=True)

    run_virtual(application)
    seconds = np.arange(duration + 1)
    return pd.DataFrame(
        {
            "t": seconds[:-1],
            "sent": np.histogram(np.add(sends, 1e-9), seconds)[0],
            "goodput": np.histogram(np.add(answers, 1e-9), seconds)[0],
        }
    )


# The published numbers


@pytest.mark.parametrize("load", [50, 100, 140, 145])
def test_under_half_the_capacity_it_recovers(load):
    assert recovers(load)


@pytest.mark.parametrize("load", [150, 155, 200, 280])
def test_from_half_the_capacity_on_it_does_not(load):
    assert not recovers(load)


def test_a_short_outage_passes_and_a_longer_one_does_not():
    assert recovers(280, outage=1)
    assert not recovers(280, outage=2)


def test_without_retries_it_recovers():
    assert recovers(280, retries=0)


def test_a_budget_saves_it_if_there_is_room_for_its_retries():
    assert not recovers(280, budget=0.1)  # 308 a second
    assert recovers(250, budget=0.1)  # 275
    assert recovers(280, budget=0.05)  # 294


def test_fewer_than_twenty_retries_a_second_save_it_as_the_paper_says():
    assert recovers(280, retry_limit=19)
    assert not recovers(280, retry_limit=20)


# And the law behind them


@pytest.mark.parametrize("retries", [1, 2, 3, 4])
def test_what_it_bears_in_the_end_is_capacity_over_the_number_of_calls(retries):
    limit = CAPACITY / (retries + 1)

    assert recovers(0.99 * limit, retries=retries)
    assert not recovers(limit, retries=retries)


@pytest.mark.parametrize("ratio", [0.0, 0.02, 0.2, 0.5])
def test_with_a_budget_it_bears_capacity_over_one_plus_its_ratio(ratio):
    limit = CAPACITY / (1 + ratio)

    assert recovers(0.99 * limit, budget=ratio)
    assert not recovers(1.01 * limit, budget=ratio)


def test_while_it_fails_every_query_is_sent_twice_and_none_is_answered():
    end = metastable(280).tail(100)

    assert set(end["sent"]) == {560}
    assert set(end["goodput"]) == {0}


def test_before_the_outage_and_once_it_recovered_all_is_well():
    frame = metastable(280, retries=0)
    well = frame[(frame["t"] < OUTAGE_AT) | (frame["t"] > 170)]

    assert list(frame.columns) == ["t", "sent", "goodput"]
    assert frame["t"].tolist() == list(range(300))
    assert set(well["sent"]) == set(well["goodput"]) == {280}


def test_a_queue_that_gets_shorter_will_be_gone_though_nobody_is_answered_yet():
    shorter, longer = metastable(280, budget=0.05), metastable(280, budget=0.05, duration=600)

    assert shorter.attrs["recovered"]
    assert shorter["goodput"].iloc[-1] == 0
    assert longer.attrs["recovered"]
    assert longer["goodput"].iloc[-1] == 280


def test_what_is_sent_in_the_outage_is_answered_after_it_or_not_at_all():
    frame = metastable(100, outage=5, retries=0)

    assert set(frame["sent"]) == {100}
    assert frame.loc[frame["t"].between(OUTAGE_AT, OUTAGE_AT + 4), "goodput"].sum() == 0
    assert recovers(100, outage=5, retries=0)


def test_a_request_in_a_long_while_never_waits():
    frame = metastable(0.25, outage=0, duration=20)

    assert frame["goodput"].sum() == 5
    assert frame.attrs["recovered"]


# The twin and the shipped policies


@pytest.mark.parametrize(
    ("load", "outage", "retries", "ratio"),
    [
        (277.3, 0.7, 1, None),
        (283.7, 3.3, 1, None),
        (151.1, 2.6, 3, None),
        (97.3, 4.1, 2, None),
        (233.9, 3.7, 0, None),
        (257.9, 3.1, 1, 0.1),
        (281.3, 2.3, 3, 0.25),
        (241.7, 0.0, 2, 0.0),
        (280, 1, 1, None),  # one answer comes at the very moment of its timeout
        (280, 2, 1, None),
        (280, 2, 2, 0.1),
    ],
)
def test_second_by_second_it_is_what_the_shipped_policies_do(load, outage, retries, ratio):
    bucket = None if ratio is None else RetryBudget(ratio)

    real = shipped(load, outage, retries, bucket, 22)

    twin = metastable(load, outage, retries, ratio, duration=22)
    assert twin.to_dict("list") == real.to_dict("list")


def test_a_limit_is_a_budget_that_earns_so_much_a_second():
    bucket = RetryBudget(17 / 281.3, burst=17)

    real = shipped(281.3, 3.3, 1, bucket, 22)

    twin = metastable(281.3, 3.3, retry_limit=17, duration=22)
    assert twin.to_dict("list") == real.to_dict("list")


# Arguments


def test_seeds_change_nothing_and_part_of_a_second_is_a_second():
    assert metastable(200, duration=29.5, seed=7).equals(metastable(200, duration=30))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"load": 0}, ValueError, "load must be a finite number > 0, got 0"),
        ({"load": "many"}, TypeError, "load must be a number, got 'many'"),
        ({"outage": -1}, ValueError, "outage must be a finite number >= 0, got -1"),
        ({"retries": 1.5}, TypeError, "retries must be a whole number, got 1.5"),
        ({"retries": -1}, ValueError, "retries must be at least 0, got -1"),
        ({"budget": -0.1}, ValueError, "budget must be a finite number >= 0, got -0.1"),
        ({"retry_limit": -5}, ValueError, "retry_limit must be a finite number >= 0, got -5"),
        (
            {"budget": 0.1, "retry_limit": 20},
            ValueError,
            "give budget or retry_limit, not both; got 0.1 and 20",
        ),
        ({"duration": 0}, ValueError, "duration must be a finite number > 0, got 0"),
        ({"duration": 20}, ValueError, r"duration must be over 20 \(the outage's end\), got 20"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        metastable(**{"load": 100, **arguments})
