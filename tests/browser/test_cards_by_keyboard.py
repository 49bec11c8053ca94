"""Flash cards as a learner works them: by keys alone, the focus in one place, all of it kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from lab import Lab, OpenNotebook
from nbformat.v4 import new_code_cell, new_notebook

from resilience_lab.desk.store import DESK, PROGRESS

CELL = """\
from resilience_lab.practice.questions.flash_cards import flash_cards

flash_cards()"""
FOCUSED = "document.activeElement.textContent"
QUESTION = ".lab-card-question"


@pytest.fixture(scope="module")
def opened(lab: Lab, open_notebook: Callable[[str], OpenNotebook]) -> Iterator[OpenNotebook]:
    """A notebook with the cards on a desk of its own."""
    folder = lab.folder / "cards"
    folder.mkdir()
    (folder / DESK).touch()
    written = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "3"}})
    written.cells = [new_code_cell(CELL)]
    nbformat.write(written, folder / "cards.ipynb")
    yield open_notebook(f"{folder.name}/cards.ipynb")
    shutil.rmtree(folder)


@pytest.fixture
def desk(lab: Lab) -> Path:
    """The file of the progress on that desk."""
    return lab.folder / "cards" / PROGRESS


@pytest.fixture
def notebook(opened: OpenNotebook, desk: Path) -> OpenNotebook:
    """The cards of a learner who has turned none."""
    desk.unlink(missing_ok=True)
    opened.again()
    return opened


def press(notebook: OpenNotebook, key: str, then: str) -> None:
    """Press a key where the focus is, and wait until the status says `then`."""
    notebook.page.keyboard.press(key)
    notebook.page.get_by_text(then).wait_for()


def test_cards_are_turned_and_graded_by_keys_with_the_focus_in_one_place(
    notebook: OpenNotebook, desk: Path
):
    page = notebook.page
    question = page.locator(QUESTION)
    page.get_by_role("button", name="Show the answer").focus()
    asked = []
    for turn, grade, box in [
        ("Space", "2", 2),
        ("Enter", "1", 1),
        ("Space", "y", 2),
        ("Space", "n", 1),
    ]:
        asked.append(question.inner_text())
        assert page.locator(".lab-card-answer").inner_text() == ""
        press(notebook, turn, "Did you know it?")
        assert page.locator(".lab-card-answer").inner_text() != ""
        press(notebook, grade, f"box {box} of 5")
        page.wait_for_function(
            f"document.querySelector('{QUESTION}').textContent !== {asked[-1]!r}"
        )
        assert page.evaluate(FOCUSED) == "Show the answer"

    kept = json.loads(desk.read_text(encoding="utf-8"))["cards"]
    assert [kept[question]["box"] for question in asked] == [2, 1, 2, 1]
    assert [kept[question]["turn"] for question in asked] == [1, 2, 3, 4]
    assert len(page.query_selector_all(".jp-Cell")) == 1  # no key went to the notebook
    assert notebook.news() == []


def test_a_grade_key_before_the_answer_is_shown_does_nothing(notebook: OpenNotebook, desk: Path):
    page = notebook.page
    page.get_by_role("button", name="Show the answer").focus()
    before = page.locator(QUESTION).inner_text()

    page.keyboard.press("2")
    press(notebook, "Space", "Did you know it?")

    assert page.locator(QUESTION).inner_text() == before
    assert not desk.exists()


def test_by_mouse_the_focus_is_not_lost_and_a_click_on_the_card_takes_keys(notebook: OpenNotebook):
    page = notebook.page
    page.get_by_role("button", name="Show the answer").click()
    page.get_by_role("button", name="2 Knew it").click()
    page.get_by_text("box 2 of 5").wait_for()
    assert page.evaluate(FOCUSED) == "Show the answer"

    page.locator(QUESTION).click()
    press(notebook, "Space", "Did you know it?")
    press(notebook, "1", "box 1 of 5")


def test_what_appears_is_announced_by_regions_that_were_there_before(notebook: OpenNotebook):
    page = notebook.page
    regions = "document.querySelectorAll('.lab-card-face [aria-live=polite]')"
    page.evaluate(f"window.before = [...{regions}]")
    page.get_by_role("button", name="Show the answer").focus()

    press(notebook, "Space", "Did you know it?")
    press(notebook, "1", "box 1 of 5")

    assert page.evaluate(f"[...{regions}].every((node, i) => node === window.before[i])")
    assert page.evaluate("window.before.length") == 2


def test_a_pile_is_chosen_by_keyboard_and_the_empty_one_says_so(notebook: OpenNotebook):
    page = notebook.page
    page.get_by_label("Pile").select_option("what was wrong")

    page.get_by_text("Nothing is left to repeat. Choose another pile.").wait_for()
    assert not page.locator(".lab-card-face").is_visible()

    page.get_by_label("Pile").select_option("03_fallback_agents")
    page.locator(".lab-card-from", has_text="03_fallback_agents").wait_for()
    assert page.locator(".lab-card-face").is_visible()
