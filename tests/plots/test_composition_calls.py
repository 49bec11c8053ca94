"""The calls of a chain as bars: the data in the figure, not only that it draws."""

from __future__ import annotations

import pytest

from resilience_lab.plots.composition import FATES, composition_calls, composition_summary
from resilience_lab.plots.style import rows_of
from resilience_lab.widgets.nesting.scenario import Link, tell_composition


@pytest.fixture
def frame():
    links = [Link(("retry", "timeout"), 1), Link(("retry", "breaker"))]
    return tell_composition(links, "fails every third call", requests=4).to_frame()


def test_each_bar_is_as_long_as_its_calls_are_many(frame):
    axes = composition_calls(frame, "four users").axes[0]

    drawn = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert drawn == [list(frame[fate]) for fate in FATES]
    for row, layer in enumerate(rows_of(frame)):
        assert axes.containers[-1][row].get_x() + layer.cut_off == layer.calls
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "service 1\nunder retry( timeout )",
        "service 2\nunder retry( breaker )",
    ]
    assert axes.get_title(loc="left") == "four users"
    assert axes.yaxis_inverted()


def test_the_words_say_the_same(frame):
    words = composition_summary(rows_of(frame))

    assert words == (
        "service 1 under retry( timeout ): 4 calls (4 answered). "
        "service 2 under retry( breaker ): 5 calls (4 answered, 1 failed)."
    )
    beside = [text.get_text() for text in composition_calls(frame).axes[0].texts]
    assert beside == ["4 calls (4 answered)", "5 calls (4 answered, 1 failed)"]


def test_rejections_one_call_and_none_at_all_in_words():
    story = tell_composition([Link(("breaker", "timeout"))], "hangs", requests=5, apart=2.0)
    one = tell_composition([Link(("breaker",))], requests=1)
    cut_off_above = tell_composition([Link(("breaker",)), Link(("breaker",))], requests=5)

    assert composition_summary(story.layers) == (
        "service 1 under breaker( timeout ): 3 calls (3 cut off); 2 rejected on the way."
    )
    assert composition_summary(one.layers) == "service 1 under breaker: 1 call (1 failed)."
    assert "service 2 under breaker: 3 calls (3 failed)." in composition_summary(
        cut_off_above.layers
    )


def test_a_service_that_no_call_reaches_has_an_empty_bar(frame):
    nothing = frame.assign(**dict.fromkeys(["calls", *FATES], 0))

    axes = composition_calls(nothing).axes[0]

    assert [text.get_text() for text in axes.texts] == ["0 calls", "0 calls"]
    assert axes.get_xlim() == (0, 1.6)
