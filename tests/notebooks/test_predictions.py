"""Where a notebook keeps predictions, each can be guessed, and its experiment settles it."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = {
    path.stem: nbformat.read(path, as_version=4).cells
    for path in sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
    if "practice.prediction" in path.read_text(encoding="utf-8")
}


def calls(source: str, name: str) -> list[ast.Call]:
    """The calls of a function or method `name`."""
    source = "\n".join(line for line in source.splitlines() if not line.startswith("%"))
    tree = compile(source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        call for call in found if getattr(call.func, "attr", getattr(call.func, "id", "")) == name
    ]


def test_there_are_notebooks_with_predictions():
    assert len(NOTEBOOKS) >= 4


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_each_question_is_asked_in_prose_then_guessed_then_settled_by_the_next_cell(cells):
    asked = [position for position, cell in enumerate(cells) if "> **Predict.**" in cell.source]
    assert asked

    for position in asked:
        question, experiment = cells[position + 1].source, cells[position + 2].source
        assert len(calls(question, "predict")) == 1, question
        assert len(calls(experiment, "reveal")) == 1, experiment


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_no_answer_is_typed_in(cells):
    for cell in cells:
        for reveal in calls(cell.source if cell.cell_type == "code" else "", "reveal"):
            assert any(isinstance(node, ast.Name) for node in ast.walk(reveal.args[0])), cell.source


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_no_question_is_asked_twice_and_the_tally_ends_the_notebook(cells):
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    questions = [
        ast.literal_eval(call.args[0]) for source in code for call in calls(source, "predict")
    ]

    assert len(set(questions)) == len(questions)
    assert code[-1] == "predictions()"
    assert f"0 right of 0 guessed, {len(questions)} asked." in str(cells)
