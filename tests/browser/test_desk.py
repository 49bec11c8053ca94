"""The learner's desk under a person's hands: click a choice, Shift+Enter, save, restart."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import IN_PAGE, NOTEBOOKS, Lab
from playwright.sync_api import BrowserContext, Locator, Page, expect

from resilience_lab.desk.course import lay
from resilience_lab.desk.store import PROGRESS, Store

START = "00_start_here.ipynb"
NOTEBOOK = "window.jupyterapp.shell.currentWidget"
QUESTIONS = [
    "How many of the seven calls reach the agent?",
    "At which seconds are the three calls made?",
]


@pytest.fixture(scope="module")
def desk(lab: Lab) -> Path:
    """The learner's copy of the course, in the lab."""
    folder = lab.folder / "my_course"
    lay(folder)
    return folder


@pytest.fixture
def page(context: BrowserContext, lab: Lab, desk: Path) -> Iterator[Page]:
    """Notebook 00 as it lies on the desk, with a kernel that has run nothing."""
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    opened.add_init_script(path=IN_PAGE)
    path = f"{desk.name}/{START}"
    opened.goto(lab.address(path))
    opened.wait_for_function("path => inPage.opened(path)", arg=path)
    opened.evaluate("inPage.restart()")
    yield opened
    opened.close()


def cell(page: Page, source: str) -> Locator:
    """The code cell whose source has this text."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".jp-InputArea", has_text=source))


def run_from_the_top_to(page: Page, source: str) -> None:
    """Shift+Enter, cell by cell, up to the cell with this text; it is run, too."""
    page.locator(".jp-MarkdownCell").first.click()
    for _ in range(40):
        active = page.locator(".jp-Cell.jp-mod-active")
        text = active.locator(".jp-InputArea").inner_text() if active.count() else ""
        page.keyboard.press("Shift+Enter")
        if source in text.replace("\xa0", " "):
            return
    raise AssertionError(f"no cell has {source!r}")


def test_a_click_and_two_shift_enters_and_the_guess_is_graded(page: Page, desk: Path):
    run_from_the_top_to(page, "reached_guess = predict(")
    page.get_by_role("radio", name="5", exact=True).click()

    page.keyboard.press("Shift+Enter")  # the click made the question's cell the active one
    page.keyboard.press("Shift+Enter")

    expect(cell(page, "with reached_guess:")).to_contain_text("You said it: 5. Calls 4 and 5")
    kept = Store(desk / PROGRESS).get("guesses", QUESTIONS[0])
    assert kept == {"guess": "5", "answer": "5"}


def test_after_a_restart_the_guess_is_still_there(page: Page):
    run_from_the_top_to(page, "with reached_guess:")

    expect(page.get_by_role("radio", name="5", exact=True)).to_be_checked()
    expect(cell(page, "with reached_guess:")).to_contain_text("You said it: 5.")


def test_a_result_waits_for_the_guess_and_is_one_key_press_away(page: Page, desk: Path):
    run_from_the_top_to(page, "with times_guess:")
    experiment = cell(page, "with times_guess:")
    expect(experiment).to_contain_text("You have not guessed yet.")
    assert "Calls at" not in experiment.locator(".jp-Cell-outputArea").inner_text()

    experiment.get_by_role("radio", name="[1.0, 2.0, 4.0]").check()
    experiment.get_by_role("button", name="Show the result").press("Enter")

    expect(experiment).to_contain_text("Calls at [0.0, 1.0, 3.0] seconds.")
    expect(experiment).to_contain_text("You said [1.0, 2.0, 4.0]. It is: [0.0, 1.0, 3.0].")
    kept = Store(desk / PROGRESS).get("guesses", QUESTIONS[1])
    assert kept == {"guess": "[1.0, 2.0, 4.0]", "answer": "[0.0, 1.0, 3.0]"}


def test_all_cells_run_twice_and_saved_leave_the_committed_notebooks_alone(page: Page, desk: Path):
    before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in committed()}
    for _ in range(2):
        cells = page.evaluate("inPage.run()")
        errors = [
            out for found in cells for out in found["outputs"] if out["output_type"] == "error"
        ]
        assert errors == []
    page.keyboard.press("Control+s")
    page.wait_for_function(f"!{NOTEBOOK}.content.model.dirty")

    saved = json.loads((desk / START).read_text(encoding="utf-8"))
    assert any(found.get("outputs") for found in saved["cells"])
    assert {path.name: hashlib.sha256(path.read_bytes()).digest() for path in committed()} == before
    assert not (NOTEBOOKS / PROGRESS).exists()
    kept = Store(desk / PROGRESS).section("guesses")
    assert [kept[question]["guess"] for question in QUESTIONS] == ["5", "[1.0, 2.0, 4.0]"]


def test_the_default_desk_is_ignored_by_git():
    root = NOTEBOOKS.parent
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    ignored = ["git", "check-ignore", "--quiet", f"my_course/{START}"]

    assert subprocess.run(ignored, cwd=root, check=False).returncode == 0


def committed() -> list[Path]:
    return sorted(NOTEBOOKS.glob("*.ipynb"))
