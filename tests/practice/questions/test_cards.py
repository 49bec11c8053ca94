"""The cards are the course's own questions, and their answers are safe to show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from resilience_lab.desk.course import course_folder
from resilience_lab.practice.questions.bank import known_predictions, quiz_questions
from resilience_lab.practice.questions.cards import Card, course_cards, follow_ups, rendered

CARDS = {card.question: card for card in course_cards()}


def test_every_prediction_and_every_quiz_question_is_a_card():
    for known in known_predictions().values():
        expected = Card(known.notebook, known.ask, known.options, known.answer, known.why)
        assert CARDS[known.ask] == expected
    for asked in quiz_questions():
        card = CARDS[asked.ask]
        assert (card.right, card.why) == (asked.right, asked.options[asked.right])


def test_each_notebook_has_five_follow_up_questions_on_cards():
    for path in course_folder().glob("0[0-7]_*.ipynb"):
        found = list(follow_ups(path.read_text(encoding="utf-8")))
        assert len(found) == 5, path.name
        for question, answer in found:
            assert CARDS[question].why == answer
            assert CARDS[question].options == ()
            assert not question[0].isdigit()


def test_the_solutions_ask_nothing_that_the_interview_does_not():
    assert "06_mock_interview_solutions" not in {card.notebook for card in CARDS.values()}


def test_the_cards_come_in_the_order_of_the_notebooks():
    notebooks = [card.notebook for card in course_cards()]

    assert notebooks == sorted(notebooks)
    assert len(CARDS) == len(course_cards())


def test_no_solution_and_no_brief_is_a_card():
    assert not {"A solution", "The brief"} & set(CARDS)


def test_only_the_numbered_details_of_the_interview_section_are_follow_ups(tmp_path: Path):
    details = "<details><summary>{}</summary>\n\nIts\nanswer.\n\n</details>\n"
    section = "## 3. Say it in the interview\n" + details.format("1. Why?") + details.format("No")
    cells = [
        {"cell_type": "markdown", "source": [section]},
        {"cell_type": "markdown", "source": [details.format("2. Elsewhere?")]},
        {"cell_type": "code", "source": ["# Say it in the interview\n" + details.format("3. C?")]},
    ]

    assert list(follow_ups(json.dumps({"cells": cells}))) == [("Why?", "Its\nanswer.")]


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("one\nline", "<p>one line</p>"),
        ("two\n\nparagraphs\n", "<p>two</p><p>paragraphs</p>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("*so* **very** much", "<p><em>so</em> <b>very</b> much</p>"),
        ("`2 ** n` and `*args`", "<p><code>2 ** n</code> and <code>*args</code></p>"),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("`<b>` & *<i>*", "<p><code>&lt;b&gt;</code> &amp; <em>&lt;i&gt;</em></p>"),
        ("a ` alone", "<p>a ` alone</p>"),
        ("", ""),
    ],
)
def test_a_small_part_of_markdown_is_rendered_and_all_else_is_text(markdown: str, html: str):
    assert rendered(markdown) == html


def test_an_answer_is_the_right_option_and_the_reason():
    assert Card("00", "?", ("a<b", "c"), "a<b", "For *so*.").answer == (
        "<p><b>a&lt;b</b></p><p>For <em>so</em>.</p>"
    )
    assert Card("00", "?", (), "", "Aloud.").answer == "<p>Aloud.</p>"


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.question[:40])
def test_no_answer_uses_markdown_that_is_not_rendered(card: Card):
    assert not re.search(r"```|\]\(|^\s*[-|#>]|^\d\. ", card.why, re.MULTILINE)
    assert set(re.findall(r"</?(\w+)", card.answer)) <= {"p", "b", "em", "code"}
