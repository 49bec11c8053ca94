"""A spike of load: the published counts, and the twin of the shipped policies."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import numpy as np
import pytest
from agreement import agrees, fisher

from resilience_lab import Retry
from resilience_lab.simulation import collapse, run_virtual
from resilience_lab.simulation.congestion_collapse import (
    HOP,
    SECONDS,
    SERVICE,
    SLOPE,
    STRATEGIES,
    TIMEOUT,
    draw_requests,
    play,
)

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


def collapsed(*args, **kwargs):
    """How many of the runs had no goodput at all in the last 20 seconds."""
    frame = collapse(*args, **kwargs)
    end = frame[frame["t"] >= 60]
    return int((end.groupby("run")["goodput"].sum() == 0).sum())


class Scripted(random.Random):
    """Draws what it is told to."""

    def __init__(self, values):
        super().__init__()
        self.values = iter(values)

    def uniform(self, _low, _high):
        return next(self.values)


def shipped(requests, strategy):
    """One run with the same luck: each request by a real `Retry`, its tries under a real timeout.

    The server does not hear of a client that has given up.
    """
    retry = STRATEGIES[strategy]
    concurrency = 0
    sends, answers = [], []

    async def ask(out, back):
        loop = asyncio.get_running_loop()
        answered = loop.create_future()
        sends.append(loop.time())

        def arrive():
            nonlocal concurrency
            concurrency += 1
            loop.call_later(SERVICE + SLOPE * concurrency, leave)

        def leave():
            nonlocal concurrency
            concurrency -= 1
            loop.call_later(back, lambda: answered.done() or answered.set_result(loop.time()))

        loop.call_later(out, arrive)
        async with asyncio.timeout(TIMEOUT):
            answers.append(await answered)

    def one_request(out, back, wait):
        backoff = replace(retry.backoff, rng=Scripted(wait.tolist()))
        hops = iter(zip(out.tolist(), back.tolist(), strict=True))
        return Retry(retry.max_retries, backoff).call(lambda: ask(*next(hops)))

    async def clients():
        loop = asyncio.get_running_loop()
        tasks = []
        rows = zip(requests.begin.tolist(), requests.out, requests.back, requests.wait, strict=True)
        for begin, *luck in rows:
            call = one_request(*luck)
            loop.call_at(begin, lambda call=call: tasks.append(asyncio.create_task(call)))
        await asyncio.sleep(SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(clients)
    return sends, answers


# The published numbers


@pytest.mark.parametrize(
    ("spike_width", "strategy", "published"),
    [
        (5.0, "no_backoff", 15),
        (5.0, "backoff_jitter", 0),
        (5.0, "single_try", 0),
        (8.0, "no_backoff", 30),
        (8.0, "backoff_jitter", 22),
        (8.0, "single_try", 0),
    ],
)
def test_as_many_runs_collapse_as_published(spike_width, strategy, published):
    assert fisher(collapsed(spike_width, strategy), published, size=30) > 0.01


def test_backoff_saves_what_a_short_spike_would_bring_down_but_not_after_a_long_one():
    assert collapsed(5.0, "no_backoff", runs=100) > 50
    assert collapsed(5.0, "backoff_jitter", runs=100) == 0
    assert collapsed(12.0, "backoff_jitter", runs=20) == 20


def test_whoever_tries_once_recovers_from_any_spike():
    assert collapsed(20.0, "single_try") == 0


def test_without_a_spike_nothing_happens():
    for strategy in STRATEGIES:
        assert collapsed(0.0, strategy) == 0


# The twin and the shipped policies


@every_strategy
def test_with_the_same_luck_second_by_second_it_is_what_the_shipped_policies_do(strategy):
    retry = STRATEGIES[strategy]
    requests = draw_requests(8.0, retry.backoff, runs=1, rng=np.random.default_rng(1))

    twin = [np.sort(times[times < SECONDS]) for times in play(requests, retry.max_retries)]
    real = [np.sort(times) for times in shipped(requests, strategy)]

    for ours, theirs in zip(twin, real, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9)


@every_strategy
def test_one_of_many_runs_goes_as_it_would_alone(strategy):
    retry = STRATEGIES[strategy]
    many = draw_requests(8.0, retry.backoff, runs=3, rng=np.random.default_rng(2))
    second = many.run == 1
    alone = replace(
        many,
        run=np.zeros(second.sum(), dtype=int),
        begin=many.begin[second],
        out=many.out[second],
        back=many.back[second],
        wait=many.wait[second],
    )

    for among, by_itself in zip(
        play(many, retry.max_retries), play(alone, retry.max_retries), strict=True
    ):
        assert among[second] == pytest.approx(by_itself, abs=1e-9)


# The model


def test_the_load_is_forty_a_second_and_eighty_in_the_spike():
    frame = collapse(10.0, "single_try", runs=100)

    offered = frame.groupby("t")["offered"].mean()

    assert agrees(offered[:20], 40, within=0)
    assert agrees(offered[20:30], 80, within=0)
    assert agrees(offered[30:], 40, within=0)


def test_hops_are_exponential_and_waits_grow_from_twenty_to_forty_seconds():
    backoff = STRATEGIES["backoff_jitter"].backoff
    requests = draw_requests(5.0, backoff, runs=10, rng=np.random.default_rng(3))

    for hops in (requests.out.ravel(), requests.back.ravel()):
        assert agrees(hops, HOP, within=0)
        assert agrees(hops > HOP, np.exp(-1), within=0)
    for waits, ceiling in zip(requests.wait.T, (20, 40), strict=False):
        assert agrees(waits, ceiling / 2, within=0)
        assert 0.99 * ceiling < waits.max() <= ceiling


def test_a_run_that_has_collapsed_gets_three_tries_a_request_and_answers_none():
    frame = collapse(12.0, "no_backoff")

    end = frame[frame["t"] >= 60]

    assert end["goodput"].sum() == 0
    assert agrees(end["offered"], 3 * 40, within=0)


# The frame


def test_the_frame_has_a_row_for_each_second_of_each_run():
    frame = collapse(runs=2)

    assert frame.columns.tolist() == ["run", "t", "offered", "goodput"]
    assert frame["run"].tolist() == [0] * SECONDS + [1] * SECONDS
    assert frame["t"].tolist() == 2 * list(range(SECONDS))


def test_the_strategies_meet_the_same_requests():
    before_the_spike = [
        frame[frame["t"] < 20].reset_index(drop=True)
        for frame in (collapse(strategy=strategy, runs=3) for strategy in STRATEGIES)
    ]

    assert before_the_spike[0].equals(before_the_spike[1])
    assert before_the_spike[0].equals(before_the_spike[2])


def test_the_seed_decides():
    assert collapse(runs=2, seed=5).equals(collapse(runs=2, seed=5))
    assert not collapse(runs=2, seed=5).equals(collapse(runs=2, seed=6))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"spike_width": -1}, ValueError, "spike_width must be a finite number >= 0, got -1"),
        ({"strategy": "hope"}, ValueError, "strategy must be one of no_backoff, .*; got 'hope'"),
        ({"runs": 0}, ValueError, "runs must be at least 1, got 0"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number, got 0.5"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        collapse(**arguments)
