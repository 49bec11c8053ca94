"""What was published, beside the single run of ours that a notebook shows."""

from __future__ import annotations

import pytest

from resilience_lab.simulation import (
    backoff_load,
    collapse,
    contention,
    published,
    retry_strategies,
    shards,
)


@pytest.mark.parametrize(("column", "tolerance"), [("calls", 0.01), ("time_ms", 0.04)])
def test_contention_is_within_a_few_per_cent(column, tolerance):
    ours = contention().query("clients == 100").set_index("kind")[column]

    theirs = dict(zip(published.CONTENTION["kind"], published.CONTENTION[column], strict=True))

    assert ours.to_dict() == pytest.approx(theirs, rel=tolerance)


def test_success_and_load_of_each_strategy_are_within_a_percentage_point():
    frame = retry_strategies([0.2, 1.0]).set_index(["strategy", "f"])

    for strategy, theirs in published.STRATEGIES.items():
        ours = frame.loc[strategy, ["success", "load"]].to_numpy().ravel()

        assert ours == pytest.approx(theirs, abs=1), strategy


@pytest.mark.parametrize(("clients", "theirs"), published.BUCKETS.items())
def test_the_load_of_many_buckets_is_within_a_percentage_point(clients, theirs):
    frame = retry_strategies(0.2, clients=clients, rate=100 / clients).set_index("strategy")

    assert frame["load"]["token_bucket"] == pytest.approx(theirs, abs=1)


def test_the_load_of_those_who_back_off_is_within_two_per_cent():
    ours = backoff_load(0.5).set_index("clients")["calls"]

    assert ours.to_dict() == pytest.approx(published.BACKOFF_LOAD, rel=0.02)


@pytest.mark.parametrize(("seconds", "theirs"), published.COLLAPSES.items())
def test_as_many_runs_collapse_give_or_take_chance(seconds, theirs):
    strategies = ("no_backoff", "backoff_jitter", "single_try")
    frames = [collapse(seconds, strategy) for strategy in strategies]

    late = [frame[frame["t"] >= 60].groupby("run")["goodput"].sum() for frame in frames]

    assert [int((goodput == 0).sum()) for goodput in late] == pytest.approx(theirs, abs=6)


def test_the_share_that_succeeds_under_each_guard_is_within_a_percentage_point():
    ours = {
        "one, above 10%": shards(threshold=0.1),
        "one, above 20%": shards(threshold=0.2),
        "one for each": shards(threshold=0.1, per_shard=True),
    }

    assert ours == pytest.approx(published.SHARDS, abs=0.01)
