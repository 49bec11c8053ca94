"""The minutes of a part of the course are those of what is read, answered and written in it."""

from __future__ import annotations

import pytest

from resilience_lab.practice.last_hour.minutes import (
    course_cells,
    minutes,
    promised,
    reading,
    sittings,
)
from resilience_lab.practice.questions.bank import known_predictions, quiz_questions


def text(*source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "source": list(source)}


def code(source: str) -> dict[str, object]:
    return {"cell_type": "code", "source": source}


def test_two_hundred_words_are_a_minute_and_marks_are_no_words():
    assert reading("word " * 200) == 1.0
    assert minutes([text("**word** " * 100), text("| `word` - # " * 100)]) == 1.0


def test_fifteen_lines_of_code_are_a_minute_and_empty_lines_are_none():
    assert minutes([code("x = 1\n\n" * 15)]) == 1.0


def test_a_prediction_is_half_a_minute_and_its_reason_is_read():
    known = next(iter(known_predictions().values()))
    told = f"❔ No guess. It is: {known.answer}. {known.why}"

    spent = minutes([code(f"predict({known.ask!r})")])

    assert spent == pytest.approx(0.5 + len(told.split()) / 200 + 1 / 15)


def test_each_question_of_a_quiz_is_half_a_minute():
    count = len(quiz_questions("00_start_here"))

    assert minutes([code("start_here()")]) == pytest.approx(0.5 * count + 1 / 15)


def test_an_exercise_is_five_minutes():
    assert minutes([code("...  # your code here")]) == pytest.approx(5 + 1 / 15)


def test_an_unfinished_cell_is_read():
    assert minutes([code("%matplotlib inline\ndef f(")]) == pytest.approx(2 / 15)


def test_a_sitting_ends_with_the_cell_that_says_so():
    one, two = text("a\n", "**Stop here** for today."), text("> **Stop here.**")
    rest = [code("# **Stop here"), text("not **Stop here")]

    assert sittings([one, two, *rest]) == [[one], [two], rest]


def test_the_first_cell_promises():
    assert promised([text("# Title\n\n**After these 45 minutes you can** sing.")]) == 45
    assert promised([text("After 20 minutes")]) == 20
    with pytest.raises(ValueError, match="does not say 'After these N minutes'"):
        promised([text("# Title")])


def test_the_cells_of_the_course_are_found_by_name():
    assert "# Start here" in course_cells("00_start_here")[0]["source"][0]
