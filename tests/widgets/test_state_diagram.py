"""The state diagram: what it says in words, and what it marks."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from resilience_lab.widgets.state_diagram import state_diagram, states


def draw(state, change=None, failures=3, successes=2):
    return state_diagram(
        state,
        change,
        failure_threshold=failures,
        recovery_timeout=30.0,
        success_threshold=successes,
    )


@pytest.mark.parametrize("state", ["CLOSED", "OPEN", "HALF_OPEN"])
def test_the_state_is_marked_by_word_and_border(state):
    svg = draw(state)

    assert ET.fromstring(svg).attrib["aria-label"] == f"Circuit breaker, now {state}"
    assert re.findall(r'font-weight="bold">(\w+)<', svg) == [state]
    assert svg.count("▲ now") == svg.count('stroke-width="5"') == 1


def test_the_last_change_is_marked_and_spoken():
    svg = draw("OPEN", ("HALF_OPEN", "OPEN"))

    label = ET.fromstring(svg).attrib["aria-label"]
    assert label == "Circuit breaker, now OPEN; last change: HALF_OPEN to OPEN"
    assert re.search(r'font-weight="bold"[^>]*>1 failure<', svg)
    assert svg.count('stroke="currentColor" stroke-width="4"') == 1


def test_a_change_by_hand_marks_no_arrow():
    assert 'stroke="currentColor" stroke-width="4"' not in draw("CLOSED", ("OPEN", "CLOSED"))


def test_the_arrows_carry_the_settings():
    assert ">3 failures in a row<" in draw("CLOSED")
    assert ">1 failure in a row<" in draw("CLOSED", failures=1)
    assert ">2 successes<" in draw("CLOSED")
    assert ">1 success<" in draw("CLOSED", successes=1)
    assert ">a call after 30 s<" in draw("CLOSED")


def test_the_states_alone_mark_none_of_them():
    body = states({("CLOSED", "OPEN"): "too many < failures"})

    assert re.findall(r">(CLOSED|OPEN|HALF_OPEN)<", body) == ["CLOSED", "OPEN", "HALF_OPEN"]
    assert "too many &lt; failures" in body
    assert "▲ now" not in body
