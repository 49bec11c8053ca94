"""The controls as Python sees them; what a browser makes of them is seen in `tests/browser`."""

from __future__ import annotations

import pytest

from resilience_lab.widgets.controls import Choice, Status, slider


def test_a_slider_of_whole_numbers():
    control = slider("retries", 3, 0, 10)

    assert (control.value, control.min, control.max, control.step) == (3, 0, 10, 1)
    assert isinstance(control.value, int)
    assert (control.description, control.unit, control.disabled) == ("retries", "", False)


def test_a_slider_of_fractions_has_the_unit_that_stands_in_its_label():
    control = slider("break (s)", 2, 0.5, 30.0, 0.5)

    assert isinstance(control.value, float)
    assert (control.value, control.min, control.step, control.unit) == (2.0, 0.5, 0.5, "s")


def test_brackets_that_belong_to_a_word_are_no_unit():
    assert slider("P(fails)", 0.5, 0.0, 1.0, 0.05).unit == ""


def test_a_slider_keeps_to_its_ends():
    control = slider("retries", 3, 1, 10)

    control.value = 99
    assert control.value == 10
    control.value = -1
    assert control.value == 1


def test_a_slider_tells_of_a_change():
    control, heard = slider("retries", 3, 1, 10), []
    control.observe(lambda change: heard.append(change["new"]), names="value")

    control.value = 4

    assert heard == [4]


def test_a_choice_begins_without_an_answer_and_tells_of_one():
    choice, heard = Choice("State?", ["OPEN", "CLOSED"]), []
    choice.observe(lambda change: heard.append(change["new"]), names="value")
    assert choice.value is None

    choice.value = "OPEN"

    assert heard == ["OPEN"]
    assert (choice.question, choice.options) == ("State?", ["OPEN", "CLOSED"])


def test_a_choice_may_begin_with_an_answer_and_be_settled():
    choice = Choice("State?", ("OPEN", "CLOSED"), "CLOSED", disabled=True)

    assert (choice.value, choice.disabled) == ("CLOSED", True)


@pytest.mark.parametrize("value", ["HALF", ""])
def test_a_choice_takes_only_one_of_its_options(value):
    choice = Choice("State?", ["OPEN", "CLOSED"])

    with pytest.raises(ValueError, match=f"value must be one of .*got '{value}'"):
        choice.value = value
    with pytest.raises(ValueError, match="value must be one of"):
        Choice("State?", ["OPEN", "CLOSED"], value)


@pytest.mark.parametrize("options", [[], ["a", "a"]])
def test_a_choice_needs_options_that_differ(options):
    with pytest.raises(ValueError, match="options must be different texts, at least one, got"):
        Choice("Which?", options)


def test_a_choice_needs_words():
    with pytest.raises(ValueError, match="question must not be empty"):
        Choice("", ["a", "b"])
    with pytest.raises(TypeError, match="options must be a string, got 1"):
        Choice("Which?", [1, 2])


def test_a_status_says_a_text_or_html():
    status = Status()
    assert (status.text, status.html) == ("", "")

    status.text = "<b>1 & 2</b>"
    status.html = "<b>3</b>"

    assert (status.text, status.html) == ("<b>1 & 2</b>", "<b>3</b>")
    assert Status("here").text == "here"


def test_the_controls_need_no_network():
    for control in (slider("retries", 3, 1, 10), Choice("Which?", ["a"]), Status()):
        shipped = control._esm + control._css
        assert "export default" in control._esm
        assert "://" not in shipped
