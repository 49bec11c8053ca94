"""Contention for one row: the published table, and the twin of the shipped `Backoff`."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace

import numpy as np
import pytest
from agreement import agrees, kolmogorov_smirnov

from resilience_lab.simulation import contention
from resilience_lab.simulation.write_contention import HOP, KINDS, SPREAD, run_trials

PUBLISHED = {  # for 100 clients: means and 95% intervals of the published program, calls and ms
    "full": ((796.3, 0.4), (4920, 32)),
    "equal": ((812.3, 0.5), (6637, 41)),
    "decorrelated": ((1002.5, 1.8), (4560, 40)),
    "none": ((1856.6, 3.5), (63_484, 230)),
    "no_backoff": ((2420.6, 1.9), (2025, 3)),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def shipped(clients, kind, trials, seed):
    """The same row, event by event, with a real `Backoff` for each client."""
    rng = random.Random(seed)
    backoff = replace(KINDS[kind], rng=rng)
    return np.array([one_trial(clients, backoff, rng) for _ in range(trials)]).T


def one_trial(clients, backoff, rng):
    def hop():
        return abs(rng.gauss(HOP, SPREAD))

    delays = [backoff.delays() for _ in range(clients)]
    events = [(hop(), client, "read", 0) for client in range(clients)]
    heapq.heapify(events)
    version = calls = 0
    while events:
        now, client, what, seen = heapq.heappop(events)
        if what == "read":
            heapq.heappush(events, (now + hop() + hop(), client, "write", version))
        elif what == "write":
            calls += 1
            answer = "accepted" if seen == version else "refused"
            version += seen == version
            heapq.heappush(events, (now + hop(), client, answer, seen))
        elif what == "refused":
            heapq.heappush(events, (now + next(delays[client]) + hop(), client, "read", seen))
    return calls, now


# The published numbers


@every_kind
def test_a_hundred_clients_make_as_many_calls_as_published_and_take_as_long(kind):
    ours = run_trials(100, kind, trials=400)

    for sample, (mean, half_width) in zip(ours, PUBLISHED[kind], strict=True):
        assert agrees(sample, mean, within=half_width / 1.96)


def test_jitter_cuts_the_calls_by_more_than_half():
    calls = contention(100, ("none", "full")).set_index("kind")["calls"]

    assert round(1 - calls["full"] / calls["none"], 2) == 0.57


def test_which_jitter_takes_the_fewest_calls_depends_on_the_number_of_clients():
    frame = contention((10, 100), ("full", "decorrelated"))

    fewest = frame.loc[frame.groupby("clients")["calls"].idxmin()]

    assert fewest["kind"].tolist() == ["decorrelated", "full"]


# The twin and the shipped policies


@every_kind
@pytest.mark.parametrize("clients", [2, 17])
def test_the_twin_and_the_shipped_backoff_agree_in_distribution(clients, kind):
    twin = run_trials(clients, kind, trials=2000, seed=1)
    real = shipped(clients, kind, trials=150, seed=2)

    for ours, theirs in zip(twin, real, strict=True):
        assert kolmogorov_smirnov(ours, theirs) < 1


def test_the_comparison_would_notice_a_base_delay_that_is_not_doubled(monkeypatch):
    real = shipped(17, "full", trials=150, seed=2)
    monkeypatch.setitem(KINDS, "full", replace(KINDS["full"], base_delay=5.0))

    calls, _times = run_trials(17, "full", trials=2000, seed=1)

    assert kolmogorov_smirnov(calls, real[0]) > 2


# The model


@every_kind
def test_one_client_makes_one_call_of_four_hops(kind):
    calls, times = run_trials(1, kind, trials=1000)

    assert set(calls) == {1}
    assert agrees(times, 4 * HOP, within=0)


def test_of_two_clients_only_one_is_ever_refused():
    calls, _times = run_trials(2, "no_backoff", trials=1000)

    assert set(calls) == {3}


@every_kind
def test_all_trials_are_counted_one_by_one(kind):
    calls, times = run_trials(20, kind, trials=50)

    row = contention(20, kind, trials=50)

    assert len(calls) == len(times) == 50
    assert calls.min() >= 20
    assert row["calls"][0] == calls.mean()
    assert row["time_ms"][0] == times.mean()


# The frame


def test_the_frame_has_a_row_for_each_number_of_clients_and_kind():
    frame = contention(clients=(3, 5), kinds=("full", "none"), trials=2)

    assert frame.columns.tolist() == ["clients", "kind", "calls", "time_ms"]
    assert frame[["clients", "kind"]].to_numpy().tolist() == [
        [3, "full"],
        [3, "none"],
        [5, "full"],
        [5, "none"],
    ]


def test_by_default_it_is_the_published_table():
    frame = contention(trials=1)

    assert frame["clients"].unique().tolist() == list(range(10, 200, 10))
    assert frame["kind"].unique().tolist() == list(KINDS)


def test_a_row_does_not_depend_on_the_others_but_on_the_seed():
    alone = contention(20, "equal", trials=5, seed=3)
    among = contention((10, 20), ("full", "equal"), trials=5, seed=3)
    other = contention(20, "equal", trials=5, seed=4)

    assert among.iloc[[3]].reset_index(drop=True).equals(alone)
    assert not other.equals(alone)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"clients": 0}, ValueError, "clients must be at least 1, got 0"),
        ({"clients": [1.5]}, TypeError, "clients must be a whole number, got 1.5"),
        ({"kinds": "fuller"}, ValueError, "kinds must be among none, full, .*; got 'fuller'"),
        ({"trials": 0}, ValueError, "trials must be at least 1, got 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, message):
    with pytest.raises(error, match=message):
        contention(**{"clients": 2, **arguments})
