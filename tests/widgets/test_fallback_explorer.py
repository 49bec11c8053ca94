"""`FallbackExplorer`, driven by values as a browser would."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from base64 import b64decode

import pytest

from resilience_lab.widgets.fallback import FallbackExplorer
from resilience_lab.widgets.fallback.scenario import AgentSpec, tell_fallback

CERTAIN = (AgentSpec("first", "times out"), AgentSpec("second", latency=0.5, cost=2.0))


def label(explorer):
    return ET.fromstring(explorer.waterfall.value).attrib["aria-label"]


def test_a_query_is_told_turn_by_turn():
    explorer = FallbackExplorer(*CERTAIN, AgentSpec("third"))

    assert label(explorer) == (
        "Query 1: first: timeout, 2 s; second: success, 0.5 s; third: not asked; "
        "answered at level 1, 2.5 s"
    )
    texts = [element.text for element in ET.fromstring(explorer.waterfall.value).iter("text")]
    assert "■ timeout, 2 s" in texts
    assert "not asked" in texts


def test_a_query_that_takes_no_time_and_has_no_answer():
    explorer = FallbackExplorer(AgentSpec("busy", "rate-limited"))

    assert label(explorer) == "Query 1: busy: failed, 0 s; no answer, 0 s"


def test_the_numbers_stand_beside_the_formula():
    explorer = FallbackExplorer(*CERTAIN)

    assert "500 queries: 100.0% answered." in explorer.findings.text
    assert (
        "Formula, 1 - product(1 - a): 1 - (1 - 0.00)(1 - 1.00) = 100.0%." in explorer.findings.text
    )
    assert "Latency: p50 2.5 s, p95 2.5 s." in explorer.findings.text
    assert "Mean cost of a query: 2.00." in explorer.findings.text
    assert '">second</th><td>1.00</td><td>500</td><td>500</td><td>0</td>' in explorer.numbers.value


def test_every_control_of_an_agent_counts():
    explorer = FallbackExplorer(AgentSpec("a"))
    row = explorer.rows[0]
    assert row.p.disabled

    row.behaviour.value = "flaky"
    assert not row.p.disabled
    row.p.value = 0.2
    row.latency.value = 0.3
    row.cost.value = 1.5

    wanted = AgentSpec("a", "flaky", 0.2, latency=0.3, cost=1.5)
    assert explorer.story.agents == (wanted,)
    assert explorer.story.availability == tell_fallback([wanted]).availability


def test_more_agents_get_a_row_each():
    explorer = FallbackExplorer(*CERTAIN)

    explorer.sliders["agents"].value = 4

    assert [agent.name for agent in explorer.story.agents][2:] == ["agent 3", "agent 4"]
    assert [row.layout.display for row in explorer.rows] == [None] * 4 + ["none"]


def test_a_shorter_timeout_makes_a_slow_agent_useless():
    explorer = FallbackExplorer(AgentSpec("slow", latency=1.0))
    assert explorer.story.availability == 1.0

    explorer.sliders["attempt_timeout"].value = 1.0

    assert explorer.story.availability == explorer.story.formula == 0.0


def test_the_formula_is_only_vouched_for_where_it_holds():
    explorer = FallbackExplorer()
    assert "It holds at correlation 0 and without breakers, as here" in explorer.findings.text
    independent = explorer.story.availability

    explorer.sliders["correlation"].value = 1.0
    assert "Here at correlation 1.00 agents fail together." in explorer.findings.text
    assert explorer.story.availability < independent
    explorer.breakers.value = True
    assert "fail together, and an open breaker skips its agent." in explorer.findings.text
    explorer.sliders["correlation"].value = 0.0

    assert "Here an open breaker skips its agent." in explorer.findings.text


def test_a_skipped_agent_is_seen_as_such():
    explorer = FallbackExplorer(*CERTAIN)
    explorer.breakers.value = True

    explorer.query.value = 4

    assert "first: skipped, 0 s" in label(explorer)
    assert "▶ skipped, 0 s" in explorer.waterfall.value


def test_zero_agents_cannot_be_chosen():
    explorer = FallbackExplorer()

    explorer.sliders["agents"].value = 0

    assert explorer.sliders["agents"].value == len(explorer.story.agents) == 1


def test_text_of_an_agent_is_escaped():
    explorer = FallbackExplorer(AgentSpec("<script>alert('a long name')</script>"))

    for widget in (explorer.rows[0].children[0], explorer.waterfall, explorer.numbers):
        assert "&lt;script&gt;" in widget.value
        assert "<script" not in widget.value
    assert "&lt;script&gt;alert…" in explorer.waterfall.value


def test_settings_beyond_the_sliders_are_kept():
    slow = AgentSpec("slow", latency=8.0, cost=25.0)

    assert FallbackExplorer(slow).story.agents == (slow,)


def test_more_than_five_agents_are_refused():
    with pytest.raises(ValueError, match="agents must be at most 5, got 6"):
        FallbackExplorer(*(AgentSpec(str(n)) for n in range(6)))


def test_its_words_and_picture_do_without_a_kernel():
    bundle = FallbackExplorer(*CERTAIN)._repr_mimebundle_()

    assert bundle["text/plain"] == (
        "FallbackExplorer: first, second. 500 queries: 100.0% answered. "
        "Formula, 1 - product(1 - a): 1 - (1 - 0.00)(1 - 1.00) = 100.0%. "
        "It holds at correlation 0 and without breakers, as here: the rest is chance. "
        "Latency: p50 2.5 s, p95 2.5 s. Mean cost of a query: 2.00. "
        "Query 1: first: timeout, 2 s; second: success, 0.5 s. "
        "The query: answered at level 1, 2.5 s."
    )
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG")
