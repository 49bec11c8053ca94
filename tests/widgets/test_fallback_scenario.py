"""Stories of a chain: the real orchestrator against what arithmetic says it must do."""

from __future__ import annotations

import pytest

from resilience_lab.errors import AgentTimeoutError, RateLimitedError
from resilience_lab.events import AgentFinished, QueryReceived
from resilience_lab.widgets.fallback.scenario import BEHAVIOURS, AgentSpec, tell_fallback


def flaky(name, p, **details):
    return AgentSpec(name, "flaky", p, **details)


def test_an_agent_that_answers_answers_everything():
    story = tell_fallback([AgentSpec("a", latency=0.5, cost=2.0)], queries=10)

    assert story.availability == story.formula == 1.0
    assert story.latency(0.0) == story.latency(1.0) == pytest.approx(0.5)
    assert story.mean_cost == 2.0
    assert story.outcomes == {(0, "success"): 10}


@pytest.mark.parametrize(
    ("behaviour", "outcome", "duration"),
    [("fails", "failed", 0.5), ("times out", "timeout", 2.0), ("rate-limited", "failed", 0.0)],
)
def test_an_agent_that_never_answers_leads_to_the_next(behaviour, outcome, duration):
    chain = [AgentSpec("bad", behaviour, latency=0.5), AgentSpec("good", latency=1.0)]

    story = tell_fallback(chain, queries=5)

    assert story.availabilities == (0.0, 1.0)
    assert story.availability == story.formula == 1.0
    for query in story.queries:
        assert [turn.outcome for turn in query.turns] == [outcome, "success"]
        assert query.turns[0].duration == pytest.approx(duration)
        assert query.ending.elapsed == pytest.approx(duration + 1.0)
        assert query.ending.agent == "good"


def test_a_chain_in_which_nobody_answers():
    story = tell_fallback([AgentSpec("a", "fails"), AgentSpec("b", "rate-limited")], queries=3)

    assert story.availability == story.formula == 0.0
    assert not any(query.answered for query in story.queries)
    assert isinstance(story.queries[0].turns[1].error, RateLimitedError)


@pytest.mark.parametrize("latency", [1.9, 2.0, 2.1])
def test_an_answer_must_come_before_the_timeout(latency):
    story = tell_fallback([AgentSpec("slow", latency=latency)], queries=50, attempt_timeout=2.0)

    assert story.availability == story.formula == (1.0 if latency < 2.0 else 0.0)


def test_what_nobody_waited_for_is_paid_and_refusals_are_free():
    chain = [
        AgentSpec("slow", latency=9.0, cost=3.0),
        AgentSpec("broken", "fails", cost=100.0),
        AgentSpec("busy", "rate-limited", cost=100.0),
        AgentSpec("good", cost=0.5),
    ]

    assert tell_fallback(chain, queries=4).mean_cost == 3.5


def test_the_formula_holds_while_failures_are_independent():
    chain = [flaky("a", 0.4), flaky("b", 0.3)]

    story = tell_fallback(chain, queries=4000)

    assert story.formula == pytest.approx(1 - 0.4 * 0.3)
    deviation = (0.88 * 0.12 / 4000) ** 0.5
    assert abs(story.availability - story.formula) < 4 * deviation


def test_a_shared_fate_leaves_the_chain_as_good_as_its_best_agent():
    chain = [flaky("a", 0.4), flaky("b", 0.3)]

    story = tell_fallback(chain, queries=4000, correlation=1.0)

    assert abs(story.availability - 0.7) < 4 * (0.7 * 0.3 / 4000) ** 0.5
    assert story.outcomes[1, "failed"] / story.outcomes[0, "failed"] == pytest.approx(
        0.75, abs=0.04
    )


def test_correlation_does_not_change_how_often_one_agent_fails():
    for correlation in (0.0, 0.5, 1.0):
        story = tell_fallback([flaky("a", 0.4)], queries=4000, correlation=correlation)
        assert abs(story.availability - 0.6) < 4 * (0.6 * 0.4 / 4000) ** 0.5


def test_what_a_change_does_not_concern_draws_as_before():
    def fates(chain, **settings):
        story = tell_fallback(chain, queries=100, **settings)
        return [query.turns[0].outcome for query in story.queries]

    alone = fates([flaky("a", 0.4)])

    assert fates([flaky("a", 0.4), flaky("b", 0.3)]) == alone
    assert fates([flaky("a", 0.4)]) == alone
    assert fates([flaky("a", 0.4)], seed=2) != alone


def test_a_breaker_skips_a_dead_agent():
    chain = [AgentSpec("dead", "times out"), AgentSpec("good", latency=0.5)]

    without, story = tell_fallback(chain), tell_fallback(chain, breakers=True)

    assert story.outcomes[0, "skipped"] > 400
    assert story.availability == 1.0
    assert without.latency(0.5) == pytest.approx(2.5)
    assert story.latency(0.5) == pytest.approx(0.5)


def test_time_passes_even_if_every_agent_is_skipped_at_once():
    story = tell_fallback([AgentSpec("dead", "rate-limited")], queries=100, breakers=True)

    assert story.outcomes == {(0, "failed"): 6, (0, "skipped"): 94}  # 3 to open, then probes


def test_each_query_keeps_what_the_orchestrator_said_of_it():
    story = tell_fallback([AgentSpec("dead", "times out"), AgentSpec("good")], queries=7)

    for number, query in enumerate(story.queries, start=1):
        received, first, *_ = query.events
        assert isinstance(received, QueryReceived)
        assert received.query == f"query {number}"
        assert isinstance(first, AgentFinished)
        assert isinstance(first.error, AgentTimeoutError)


def test_the_errors_do_not_hold_on_to_the_run():
    story = tell_fallback([AgentSpec("dead", "times out"), AgentSpec("down", "fails")], queries=2)

    for query in story.queries:
        errors = [query.ending.error, *(turn.error for turn in query.turns)]
        for error in errors:
            assert error.__traceback__ is error.__cause__ is error.__context__ is None


def test_latency_is_the_least_that_the_share_stays_within():
    chain = [flaky("a", 0.5, latency=0.0), AgentSpec("b", latency=1.0)]
    story = tell_fallback(chain, queries=100)
    within = story.outcomes[0, "success"] / 100

    assert story.latency(within) == 0.0
    assert story.latency(within + 0.01) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"name": ""}, "name must not be empty"),
        ({"behaviour": "sulks"}, f"behaviour must be one of {', '.join(BEHAVIOURS)}; got 'sulks'"),
        ({"p": 1.5}, "p must be at most 1, got 1.5"),
        ({"p": -0.5}, "p must be a finite number >= 0, got -0.5"),
        ({"latency": float("inf")}, "latency must be a finite number >= 0, got inf"),
        ({"cost": -1}, "cost must be a finite number >= 0, got -1"),
    ],
)
def test_an_agent_that_makes_no_sense_is_refused(details, message):
    with pytest.raises(ValueError, match=message):
        AgentSpec(**{"name": "a", **details})


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"agents": []}, ValueError, r"agents must hold at least one agent, got \[\]"),
        ({"agents": ["a"]}, TypeError, "agents must be AgentSpecs, got 'a'"),
        ({"agents": [AgentSpec("a")] * 2}, ValueError, "agent names must differ .* got 'a' twice"),
        ({"queries": 0}, ValueError, "queries must be at least 1, got 0"),
        ({"attempt_timeout": 0}, ValueError, "attempt_timeout must be a finite number > 0, got 0"),
        ({"correlation": 2}, ValueError, "correlation must be at most 1, got 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        tell_fallback(**{"agents": [AgentSpec("a")], **settings})
