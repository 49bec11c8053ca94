"""`hint` and `Hints`: every behaviour has three, and they come one by one."""

from __future__ import annotations

import pytest

from resilience_lab.practice.contracts.breaker import BREAKER
from resilience_lab.practice.contracts.fallback import FALLBACK
from resilience_lab.practice.contracts.retry import RETRY
from resilience_lab.practice.exam.report import Report
from resilience_lab.practice.interview.hint_texts import WHERE_AND_HOW
from resilience_lab.practice.interview.hints import hint, hints

CLAUSES = [*BREAKER, *RETRY, *FALLBACK]
SUCCESS, BLOCKS = (
    "starts counting anew after a success",
    "rejects every call during the break",
)


def report(*missing):
    """A report on a breaker that lacks these."""
    failed = tuple(clause.judged("something else") for clause in BREAKER if clause.name in missing)
    return Report("circuit breaker", (), failed)


def items(widget):
    return widget.told.html.count("<li")


def test_every_behaviour_of_the_three_graders_has_hints_and_nothing_else_has():
    assert set(WHERE_AND_HOW) == {clause.name for clause in CLAUSES}


def test_where_two_behaviours_have_one_name_they_have_the_same_hint():
    hints_by_name = {clause.name: clause.hint for clause in CLAUSES}

    assert all(clause.hint == hints_by_name[clause.name] for clause in CLAUSES)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.name)
def test_the_three_hints_differ_and_the_second_is_the_one_of_the_report(clause):
    told = [hint(clause.name, level) for level in (1, 2, 3)]

    assert hint(clause.name) == told[0]
    assert told[1] == clause.hint
    assert len(set(told)) == 3
    assert all(len(text) > 10 for text in told)


def test_a_notebook_shows_a_hint_line_by_line():
    assert "\n" in hint(SUCCESS, 3)
    assert repr(hint(SUCCESS, 3)) == str(hint(SUCCESS, 3))


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        (("flies",), ValueError, "behaviour must be one that a report names, got 'flies'"),
        (("",), ValueError, "behaviour must not be empty"),
        ((7,), TypeError, "behaviour must be a string, got 7"),
        ((SUCCESS, 0), ValueError, "level must be at least 1, got 0"),
        ((SUCCESS, 4), ValueError, "level must be at most 3, got 4"),
        ((SUCCESS, "2"), TypeError, "level must be a whole number, got '2'"),
    ],
)
def test_what_there_is_no_hint_for_is_refused_by_name(arguments, error, complaint):
    with pytest.raises(error, match=complaint):
        hint(*arguments)


def test_hints_are_for_a_report():
    with pytest.raises(TypeError, match="report must be a Report, got 'CircuitBreaker'"):
        hints("CircuitBreaker")


def test_a_press_reveals_one_hint_more():
    widget = hints(report(SUCCESS))
    assert (widget.told.html, widget.more.description) == ("", "Hint 1 of 3")

    widget.more.click()
    assert items(widget) == 1
    assert hint(SUCCESS) in widget.told.html
    assert widget.more.description == "Hint 2 of 3"

    widget.more.click()
    widget.more.click()
    assert items(widget) == 3
    assert (widget.more.description, widget.more.disabled) == ("No more", True)


def test_each_behaviour_keeps_its_own_count():
    widget = hints(report(SUCCESS, BLOCKS))
    widget.choice.value = BLOCKS
    widget.more.click()

    widget.choice.value = SUCCESS
    assert (items(widget), widget.more.description) == (0, "Hint 1 of 3")
    widget.choice.value = BLOCKS
    assert (items(widget), widget.more.description) == (1, "Hint 2 of 3")


def test_only_what_is_missing_can_be_chosen():
    assert list(hints(report(SUCCESS, BLOCKS)).choice.options) == [SUCCESS, BLOCKS]


def test_where_nothing_is_missing_there_is_no_button_to_press():
    widget = hints(report())

    assert widget.more.disabled
    assert widget.choice.disabled
    assert widget.told.text == "Nothing is missing."


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ((), "Nothing is missing, so there is nothing to hint at."),
        ((SUCCESS,), "Hints for one missing behaviour, 3 for each."),
        ((SUCCESS, BLOCKS), "Hints for 2 missing behaviours, 3 for each."),
    ],
)
def test_its_text_counts_them_whatever_is_chosen(missing, told):
    widget = hints(report(*missing))
    before = widget._repr_mimebundle_()["text/plain"]

    widget.choice.value = widget.missing[-1] if missing else None

    assert before.startswith(told)
    assert widget._repr_mimebundle_()["text/plain"] == before


def test_code_is_escaped_before_it_becomes_html():
    name = "opens after failure_threshold failures in a row"
    widget = hints(report(name))
    for _ in range(3):
        widget.more.click()

    assert "&gt;= self.failure_threshold" in widget.told.html
