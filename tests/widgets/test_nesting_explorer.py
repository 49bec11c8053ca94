"""`ChainExplorer`, driven by values as a browser would."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from base64 import b64decode

import pytest

from resilience_lab.widgets.nesting.explorer import ChainExplorer
from resilience_lab.widgets.nesting.scenario import BEHAVIOURS, NESTINGS, Link, tell_composition


def picture(explorer):
    return ET.fromstring(explorer.flow.value)


def texts(explorer):
    return [element.text for element in picture(explorer).iter("text")]


def test_it_begins_with_the_textbook_case():
    explorer = ChainExplorer()

    assert explorer.story.amplification == 64
    assert "320 calls reached service 3: 64 for each request." in explorer.findings.text
    assert "At most, by the tries alone: 4 * 4 * 4 = 64." in explorer.findings.text
    assert ">service 3</th><td>320</td><td>0</td><td>320</td><td>0</td><td>0</td>" in (
        explorer.numbers.value
    )


def test_it_says_what_cannot_be_set():
    details = ChainExplorer().children[0].children[-1]

    assert (
        "Retries wait 1, 2, 4 ... s. A breaker opens after 3 failures in a row, for 10 s."
        in details.children[0].value
    )


def test_the_timeout_can_be_set_only_where_it_is_used():
    explorer = ChainExplorer(Link(), Link())
    assert explorer.sliders["timeout"].disabled

    explorer.rows[1].nesting.value = ("retry", "timeout")
    assert not explorer.sliders["timeout"].disabled
    explorer.services.value = 1

    assert explorer.sliders["timeout"].disabled


def test_the_deadlines_say_how_long_they_are():
    labels = [label for label, _ in ChainExplorer().deadline.options]

    assert labels == ["300 s", "60 s", "30 s", "8 s", "3 s"]


def test_the_picture_speaks_and_its_bars_are_as_long_as_the_calls_are_many():
    explorer = ChainExplorer(Link(), Link(("breaker", "timeout")))
    explorer.behaviour.value = "hangs"
    explorer.sliders["apart"].value = 2.0

    first, second = explorer.story.layers
    assert (first.failed, second.cut_off, second.rejected) == (9, 4, 5)
    assert picture(explorer).attrib["role"] == "img"
    assert explorer.summary() == f"ChainExplorer: {picture(explorer).attrib['aria-label']}"
    for words in ("5 requests", "✖ 9", "✂ 4", "✂ cut off", "breaker( timeout ) ⛔ 5 rejected"):
        assert words in texts(explorer)
    widths = [float(bar.attrib["width"]) for bar in picture(explorer).iter("rect")][:-3]
    one = widths[0] / 5
    assert [round(width / one) for width in widths[1:]] == [0, 9, 0, 0, 0, 4]


def test_every_control_counts():
    explorer = ChainExplorer()

    explorer.services.value = 2
    explorer.rows[0].nesting.value = ("timeout", "retry")
    explorer.rows[0].retries.value = 1
    explorer.rows[1].nesting.value = ("breaker", "retry", "timeout")
    explorer.rows[1].retries.value = 2
    explorer.behaviour.value = "is slow"
    explorer.sliders["requests"].value = 7
    explorer.sliders["apart"].value = 0.5
    explorer.sliders["timeout"].value = 4.0
    explorer.deadline.value = 30.0
    explorer.budget.value = True

    links = [Link(("timeout", "retry"), 1), Link(("breaker", "retry", "timeout"), 2)]
    assert explorer.links == links
    assert explorer.story == tell_composition(
        links, "is slow", requests=7, apart=0.5, timeout=4.0, deadline=30.0, budget=True
    )


def test_only_the_links_that_are_there_are_shown():
    explorer = ChainExplorer()

    explorer.services.value = 1

    assert [row.layout.display for row in explorer.rows] == [None, "none", "none"]
    assert "At most, by the tries alone: 4." in explorer.findings.text


def test_retries_can_be_set_only_where_there_is_a_retry():
    row = ChainExplorer(Link(("breaker",))).rows[0]
    assert row.retries.disabled

    row.nesting.value = ("breaker", "retry")

    assert not row.retries.disabled


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_every_option_can_be_shown(behaviour):
    explorer = ChainExplorer(Link())
    explorer.behaviour.value = behaviour

    for nesting in NESTINGS:
        explorer.rows[0].nesting.value = nesting
        for _, seconds in explorer.deadline.options:
            explorer.deadline.value = seconds
            assert explorer.problem.text == ""
            assert picture(explorer).attrib["aria-label"]


def test_settings_beyond_the_sliders_are_kept():
    assert ChainExplorer(Link(("retry",), 5)).story.amplification == 6


def test_one_is_told_as_one():
    explorer = ChainExplorer(Link(()))

    explorer.sliders["requests"].value = 1

    assert explorer.summary().startswith("ChainExplorer: 1 request: 0 answered")
    assert "1 call reached service 1: 1 for each request." in explorer.findings.text
    assert "1 request" in texts(explorer)


def test_more_than_three_links_are_refused():
    with pytest.raises(ValueError, match="links must be at most 3, got 4"):
        ChainExplorer(*[Link()] * 4)


def test_its_words_and_picture_do_without_a_kernel():
    bundle = ChainExplorer(Link(("retry", "breaker")))._repr_mimebundle_()

    assert bundle["text/plain"] == (
        "ChainExplorer: 5 requests: 0 answered, the longest wait 3.2 s. "
        "3 calls reached service 1: 0.6 for each request. At most, by the tries alone: 4. "
        "service 1 under retry( breaker ): 3 calls (3 failed); 5 rejected on the way."
    )
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG")
