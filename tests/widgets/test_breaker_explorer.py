"""`BreakerExplorer`, driven by clicks and values as a browser would."""

from __future__ import annotations

from base64 import b64decode

from resilience_lab.widgets.base import Explorer
from resilience_lab.widgets.breaker import BreakerExplorer


def click(explorer, *names):
    for name in names:
        explorer.buttons[name].click()


def test_each_button_is_the_next_thing_that_happens():
    explorer = BreakerExplorer()

    click(explorer, "fail", "fail", "succeed", "fail", "fail", "fail", "wait 10 s")

    assert explorer.story.breaker.state == "OPEN"
    assert "now OPEN; last change: CLOSED to OPEN" in explorer.diagram.value
    assert "state OPEN · failures 3/3" in explorer.counters.text
    assert "next probe in 20 s" in explorer.counters.text
    assert "Attempt 6: ❌ FAILED (failures: 3/3)" in explorer.transcript.value


def test_a_slider_plays_the_same_actions_under_another_setting():
    explorer = BreakerExplorer("fail", "fail")
    assert explorer.story.breaker.state == "CLOSED"

    explorer.sliders["failure_threshold"].value = 2

    assert explorer.story.breaker.state == "OPEN"
    assert "2 failures in a row" in explorer.diagram.value


def test_every_slider_is_a_setting_of_the_breaker():
    explorer = BreakerExplorer()

    for name, control in explorer.sliders.items():
        for value in (control.min, control.max):
            control.value = value
            assert getattr(explorer.story.breaker, name) == value
        assert control.description


def test_undo_and_restart():
    explorer = BreakerExplorer("fail", "fail", "fail")

    explorer.undo.click()
    assert explorer.actions == ["fail", "fail"]
    assert explorer.story.breaker.state == "CLOSED"
    explorer.restart.click()
    explorer.undo.click()

    assert explorer.actions == []
    assert "No call so far." in explorer.transcript.value


def test_its_words_and_picture_do_without_a_kernel():
    bundle = BreakerExplorer("fail", "wait 1 s", "hang")._repr_mimebundle_()

    assert bundle["text/plain"] == (
        "BreakerExplorer after 3 actions. "
        "1 s · state CLOSED · failures 1/3 · successes 0/2 · hanging calls 1 · probes at once 1"
    )
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_the_transcript_has_room_for_all_its_lines_from_the_beginning():
    explorer = BreakerExplorer()

    assert '<pre class="lab-transcript" style="--lines: 14">' in explorer.transcript.value


def test_a_long_transcript_keeps_its_end_in_view():
    explorer = BreakerExplorer(*["succeed"] * 100)

    assert explorer.transcript.value.count("SUCCESS") == 14
    assert "Attempt 100" in explorer.transcript.value


def test_a_problem_in_a_callback_is_shown_and_goes_away_again():
    explorer = BreakerExplorer()
    explorer.actions.append("<b>explode</b>")

    click(explorer, "fail")
    assert "got '<b>explode" in explorer.problem.text  # a text: the browser escapes it
    explorer.restart.click()

    assert explorer.problem.text == ""


def test_an_explorer_that_draws_nothing_has_an_empty_picture():
    assert Explorer()._repr_mimebundle_()["text/plain"] == "Explorer"
