"""`Quiz`: driven as a browser would drive it, by setting values."""

from __future__ import annotations

import pytest

from resilience_lab.desk.store import store
from resilience_lab.practice.questions import quizzes
from resilience_lab.practice.questions.bank import quiz_questions
from resilience_lab.practice.questions.quiz import Question, Quiz
from resilience_lab.widgets.base import SummarisedBox


@pytest.fixture(autouse=True)
def a_new_kernel():
    store.cache_clear()


COLOUR = Question(
    "What does <OPEN> mean?",
    {"calls pass": "No: that is CLOSED.", "calls are blocked": "As in an electric circuit."},
    right="calls are blocked",
)
NUMBER = Question("max_retries=3: how many calls?", {"3": "No.", "4": "One more."}, right="4")


def test_each_answer_gets_its_own_feedback():
    quiz = Quiz(COLOUR, NUMBER)

    quiz.choices[0].value = "calls pass"
    assert "❌ Not quite. No: that is CLOSED." in quiz.feedback[0].text
    quiz.choices[0].value = "calls are blocked"
    assert "✅ Right. As in an electric circuit." in quiz.feedback[0].text

    assert quiz.feedback[1].text == ""


def test_the_score_counts_right_answers():
    quiz = Quiz(COLOUR, NUMBER)
    assert "0 of 2 right" in quiz.score.value

    quiz.choices[1].value = "4"
    assert "1 of 2 right" in quiz.score.value
    quiz.choices[1].value = "3"
    assert "0 of 2 right" in quiz.score.value


def test_taking_an_answer_back_clears_its_feedback():
    quiz = Quiz(NUMBER)
    quiz.choices[0].value = "4"

    quiz.choices[0].value = None

    assert quiz.feedback[0].text == ""


def test_nothing_is_answered_beforehand():
    assert [choice.value for choice in Quiz(COLOUR, NUMBER).choices] == [None, None]


def test_its_text_is_the_questions_and_answers():
    quiz = Quiz(COLOUR, NUMBER)

    assert quiz._repr_mimebundle_()["text/plain"] == (
        "1. What does <OPEN> mean?\n"
        "   a) calls pass\n"
        "   b) calls are blocked\n"
        "2. max_retries=3: how many calls?\n"
        "   a) 3\n"
        "   b) 4"
    )
    assert "application/vnd.jupyter.widget-view+json" in quiz._repr_mimebundle_()


def test_text_from_a_question_is_text_and_never_html():
    script = "<script>alert(1)</script>"
    quiz = Quiz(Question(script, {script: script, "b": "c"}, right="b"))

    quiz.choices[0].value = script

    assert quiz.choices[0].question == f"1. {script}"
    assert quiz.feedback[0].html == ""
    assert "<script>" not in quiz.score.value


def test_an_answer_is_there_again_with_its_feedback():
    Quiz(COLOUR, NUMBER).choices[1].value = "4"

    again = Quiz(COLOUR, NUMBER)

    assert [choice.value for choice in again.choices] == [None, "4"]
    assert again.feedback[1].text == "✅ Right. One more."
    assert "1 of 2 right" in again.score.value


def test_an_answer_that_is_no_option_any_more_is_asked_anew():
    store().put("quizzes", NUMBER.ask, {"answer": "5", "right": False})

    assert Quiz(NUMBER).choices[0].value is None


@pytest.mark.parametrize(
    ("ask", "options", "right", "complaint"),
    [
        ("", {"a": "b", "c": "d"}, "a", "ask must not be empty"),
        ("?", {"a": "b"}, "a", "options must hold two answers or more"),
        ("?", {"a": "b", "c": "d"}, "e", "right must be one of the options, got 'e'"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(ask, options, right, complaint):
    with pytest.raises(ValueError, match=complaint):
        Question(ask, options, right)


def test_a_quiz_without_questions_is_refused():
    with pytest.raises(ValueError, match="questions must hold at least one"):
        Quiz()


def test_a_box_without_a_summary_of_its_own_is_called_after_its_class():
    assert SummarisedBox()._repr_mimebundle_()["text/plain"] == "SummarisedBox"


@pytest.mark.parametrize("make", [getattr(quizzes, name) for name in quizzes.__all__])
def test_every_answer_of_every_quiz_says_something(make):
    quiz = make()

    for question, choice, feedback in zip(quiz.questions, quiz.choices, quiz.feedback, strict=True):
        for option in question.options:
            choice.value = option
            assert ("✅" in feedback.text) == (option == question.right)
            assert len(feedback.text) > 20
        choice.value = question.right

    assert f"{len(quiz.questions)} of {len(quiz.questions)} right" in quiz.score.value


def test_each_question_of_the_course_is_asked_in_one_quiz():
    asked = [
        question.ask for name in quizzes.__all__ for question in getattr(quizzes, name)().questions
    ]

    assert sorted(asked) == sorted(known.ask for known in quiz_questions())
    assert len(set(asked)) == len(asked)
