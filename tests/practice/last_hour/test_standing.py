"""`progress()`: what is done of what there is to do, as a picture and as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resilience_lab.desk.course import course_folder
from resilience_lab.desk.store import DESK, store
from resilience_lab.practice import progress
from resilience_lab.practice.last_hour.standing import Part, Progress, Row
from resilience_lab.practice.questions.bank import known_predictions, quiz_questions


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch):
    (tmp_path / DESK).touch()
    monkeypatch.chdir(tmp_path)
    store.cache_clear()
    yield
    store.cache_clear()


def row(told: Progress, notebook: str) -> Row:
    return next(row for row in told.rows if row.notebook == notebook)


def test_in_the_beginning_all_is_to_do():
    told = progress()

    assert [row.done for row in told.rows] == [0] * len(told.rows)
    start = row(told, "00_start_here")
    assert (start.guesses, start.quiz, start.exercises) == (
        Part(0, 0, 7),
        Part(0, 0, 5),
        Part(0, 0, 1),
    )
    assert "06_mock_interview_solutions" not in {row.notebook for row in told.rows}


def test_a_guess_counts_when_it_is_settled_and_an_answer_when_it_is_given():
    first, second, third, *_ = (
        known for known in known_predictions().values() if known.notebook == "00_start_here"
    )
    store().put("guesses", first.ask, {"guess": first.answer, "answer": first.answer})
    store().put("guesses", second.ask, {"guess": "?", "answer": second.answer})
    store().put("guesses", third.ask, {"guess": "not settled"})
    quiz = quiz_questions("00_start_here")
    store().put("quizzes", quiz[0].ask, {"answer": quiz[0].right, "right": True})
    store().put("quizzes", quiz[1].ask, {"answer": "?", "right": False})
    store().put("exercises", "check_ask", {"seen": 3, "of": 5, "passed": False})
    store().put("interviews", "2026-01-01T10:00", {})

    told = progress()

    start = row(told, "00_start_here")
    assert start.parts == (Part(2, 1, 7), Part(2, 1, 5), Part(1, 0, 1))
    assert (start.done, start.to_do) == (5, 13)
    assert "█" * 3 + "░" * 7 + "  38% 1 right, 2 of 7" in repr(told)
    assert f"5 of {sum(row.to_do for row in told.rows)} done, 1 mock interview begun." in repr(told)


def test_the_picture_says_in_words_what_it_shows_and_leads_to_the_notebooks():
    html = progress()._repr_html_()

    assert len(re.findall(r'role="img" aria-label="0% done"', html)) == html.count("<svg")
    assert '<a href="00_start_here.ipynb">00_start_here</a>' in html
    assert html.count("<th ") == 5 + html.count("<svg")


def test_a_part_that_a_notebook_does_not_have_is_a_dash():
    assert str(Part(0, 0, 0)) == "-"


def test_off_a_desk_it_says_that_nothing_is_kept(tmp_path: Path, monkeypatch):
    (tmp_path / DESK).unlink()
    store.cache_clear()

    assert "`resilience-lab` lays one." in repr(progress())
    assert "0 mock interviews begun." in repr(progress())


def test_every_exercise_of_the_course_is_one_that_is_marked():
    names = set()
    for path in course_folder().glob("*.ipynb"):
        names |= set(re.findall(r"\bcheck_\w+(?=\()", path.read_text(encoding="utf-8")))
    told = progress()

    assert sum(row.exercises.of for row in told.rows) >= len(names) > 5
