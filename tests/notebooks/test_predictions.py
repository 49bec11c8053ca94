"""Predict, then run: each question can be guessed, its own experiment settles it, and nothing that
stands in the notebook says the answer before.
"""

from __future__ import annotations

import ast
import re

import pytest
from cells import Asked, asked, calls, notebooks, revealed, tree, unfolded
from nbformat import NotebookNode

from resilience_lab.practice.questions.bank import known_predictions

NOTEBOOKS = {name: cells for name, cells in notebooks().items() if asked(cells)}
QUESTIONS = [
    pytest.param(name, cells, question, id=f"{name[:2]} {question.name}")
    for name, cells in NOTEBOOKS.items()
    for question in asked(cells)
]


def experiment(cells: list[NotebookNode], question: Asked) -> NotebookNode:
    """The cell after the question's."""
    return cells[question.position + 1]


def until_the_next_question(cells: list[NotebookNode], question: Asked) -> str:
    """The unfolded source from behind the experiment to the next question, or the next chapter."""
    text = ""
    for cell in cells[question.position + 2 :]:
        if "> **Predict.**" in cell.source:
            return text + cell.source.partition("> **Predict.**")[0]
        if re.search(r"^## ", cell.source, re.MULTILINE):
            return text + re.split(r"^## ", cell.source, maxsplit=1, flags=re.MULTILINE)[0]
        text += f"{unfolded(cell)}\n"
    return text


def occurs(answer: str, text: str) -> bool:
    """Whether `answer` stands in `text` as a word or number of its own."""
    return re.search(rf"(?<![\w.]){re.escape(answer)}(?![\w]|\.\d)", text) is not None


def test_most_notebooks_ask():
    assert len(NOTEBOOKS) >= 7


@pytest.mark.parametrize(("name", "cells", "question"), QUESTIONS)
def test_each_question_is_asked_in_prose_then_guessed_then_settled_by_the_next_cell(
    name: str, cells: list[NotebookNode], question: Asked
):
    prose, run = cells[question.position - 1], experiment(cells, question)

    assert "> **Predict.**" in prose.source
    blocks = [node for node in ast.walk(tree(run.source)) if isinstance(node, ast.With)]
    names = [block.items[0].context_expr for block in blocks]
    assert [getattr(name, "id", None) for name in names] == [question.name]
    (reveal,) = calls(ast.unparse(blocks[0]), "reveal")
    assert ast.unparse(reveal.func) == f"{question.name}.reveal"
    assert len(calls(run.source, "reveal")) == 1


@pytest.mark.parametrize(("name", "cells", "question"), QUESTIONS)
def test_the_committed_output_gives_the_answer_that_the_course_knows_and_the_reason(
    name: str, cells: list[NotebookNode], question: Asked
):
    known = known_predictions()[question.question]

    (told,) = revealed(experiment(cells, question))

    assert told == f"**❔ No guess. It is: {known.answer}.** {known.why}"
    assert known.notebook == name
    assert known.answer in known.options
    assert known.why


@pytest.mark.parametrize(("name", "cells", "question"), QUESTIONS)
def test_no_source_says_the_answer_before_it_is_asked(
    name: str, cells: list[NotebookNode], question: Asked
):
    answer = known_predictions()[question.question].answer
    run = experiment(cells, question)

    (reveal,) = calls(run.source, "reveal")
    assert any(isinstance(node, ast.Name) for node in ast.walk(reveal.args[0]))
    assert not [keyword.arg for keyword in reveal.keywords if keyword.arg == "why"]
    assert not [node for node in ast.walk(tree(run.source)) if isinstance(node, ast.Assert)]
    assert not occurs(answer, run.source), run.source
    assert not occurs(answer, until_the_next_question(cells, question))


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_no_name_and_no_question_is_used_twice_and_the_tally_ends_the_notebook(cells):
    questions = asked(cells)
    code = [cell.source for cell in cells if cell.cell_type == "code"]

    assert len({question.name for question in questions}) == len(questions)
    assert code[-1] == "predictions()"
    assert f"0 right of 0 guessed, {len(questions)} asked." in str(cells)


def test_no_question_is_asked_in_two_notebooks_and_none_is_known_that_nobody_asks():
    everywhere = [question.question for cells in NOTEBOOKS.values() for question in asked(cells)]

    assert sorted(everywhere) == sorted(known_predictions())
