"""Every notebook in a real JupyterLab in a real browser: it runs, it fits, it works by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import (
    NARROW,
    NO_EFFECT,
    NOTEBOOKS,
    SCREENSHOTS,
    THEMES,
    TIMING,
    WIDTH,
    OpenNotebook,
)

SCORE = re.compile(r"\d+ of \d+ right")


@pytest.fixture(
    scope="module", params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem
)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture(scope="module")
def notebook(path: Path, open_notebook: Callable[[str], OpenNotebook]) -> Iterator[OpenNotebook]:
    opened = open_notebook(f"notebooks/{path.name}")
    yield opened
    opened.page.close()


def test_every_cell_runs_and_nothing_complains(notebook: OpenNotebook):
    assert not notebook.complaints, "\n".join(notebook.complaints)


@pytest.mark.parametrize("theme", THEMES)
def test_nobody_is_shut_out(notebook: OpenNotebook, theme: str):
    violations = notebook.violations(theme)

    assert not violations, "\n".join(violations)


@pytest.mark.parametrize("width", NARROW)
def test_on_a_narrow_page_widgets_fit_and_show_what_a_key_press_changes(
    notebook: OpenNotebook, width: int
):
    notebook.resize(width)
    misfits = notebook.misfits()
    unseen = [control for widget in notebook.widgets for control in notebook.far_apart(widget)]
    notebook.resize(WIDTH)

    assert not misfits, "\n".join(misfits)
    assert not unseen, "\n".join(unseen)


def test_widgets_fit_into_the_page(
    notebook: OpenNotebook, path: Path, screenshots: Path, record_property
):
    for widget in notebook.widgets:
        notebook.screenshot(widget, screenshots / f"{path.stem}-{widget + 1}.png")
    record_property(SCREENSHOTS, str(screenshots))

    misfits = notebook.misfits()
    assert not misfits, "\n".join(misfits)


def test_the_quiz_is_answered_by_keyboard(notebook: OpenNotebook, path: Path):
    if "questions.quizzes" not in path.read_text(encoding="utf-8"):
        pytest.skip("a notebook without a quiz")
    quizzes = [
        widget
        for widget in notebook.widgets
        if any(map(SCORE.fullmatch, notebook.texts(widget, ".widget-html-content")))
    ]
    assert quizzes, "the notebook imports a quiz and shows none"
    quiz = quizzes[0]
    question = notebook.controls(quiz)[0]

    scores, feedback = [], []
    for option in range(question.options):
        notebook.press(quiz, 0, option)
        feedback += filter(None, notebook.texts(quiz, "[role=status]"))
        scores += filter(SCORE.match, notebook.texts(quiz, ".widget-html-content"))

    assert len(set(feedback)) == question.options
    assert sorted(score[:4] for score in scores) == ["0 of"] * (question.options - 1) + ["1 of"]


def test_every_control_works_by_keyboard(
    notebook: OpenNotebook, path: Path, screenshots: Path, record_property
):
    problems, timings = notebook.operate()

    for timing in timings:
        name, *cells = timing.row()
        title = f"{path.stem[:2]} {name}"
        record_property(TIMING, [title, *cells])
        if not timing.effect:
            record_property(NO_EFFECT, title)
    for widget in notebook.widgets:
        notebook.screenshot(widget, screenshots / f"{path.stem}-{widget + 1}-used.png")
    problems += notebook.misfits()
    assert not problems, "\n".join(problems)
