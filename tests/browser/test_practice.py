"""The interview's clocks and the predictions in a page.

A clock ticks while the kernel works, and is not lost by what a person does to the cell, the kernel
or the page.
"""

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

CLOCK = """\
from resilience_lab.practice.interview.clock import Countdown

clock = Countdown("Part A", 2)
clock"""
BUSY = """\
import time
import ipywidgets

said = ipywidgets.Label("idle")
sleep = ipywidgets.Button(description="Sleep")

def nap(_):
    time.sleep(3)
    said.value = "awake"

sleep.on_click(nap)
ipywidgets.VBox([sleep, said])"""
GUESS = """\
from resilience_lab.practice.questions.prediction import predict

guess = predict("State after call 4?", ["CLOSED", "OPEN"])
guess"""
REVEAL = """\
told = ipywidgets.Label()
reveal = ipywidgets.Button(description="Reveal")
reveal.on_click(lambda _: setattr(told, "value", repr(guess.reveal("OPEN"))))
ipywidgets.VBox([reveal, told])"""
CLOCK_BOX, BUSY_BOX, GUESS_BOX, REVEAL_BOX = range(4)

INTERVIEW = """\
from resilience_lab.practice import grade_retry
from resilience_lab.practice.bug_hunt import reference
from resilience_lab.practice.interview.mock_interview import MockInterview

interview = MockInterview()
interview"""
GRADE = """\
grade = ipywidgets.Button(description="Grade")
grade.on_click(lambda _: interview.record(grade_retry(reference.retry_with_backoff)))
grade"""
INTERVIEW_BOX, GRADE_BOX = range(2)

LEFT = """() => {
  const [minutes, seconds] = document.querySelector("[role=timer]").textContent.split(":");
  return 60 * Number(minutes) + Number(seconds);
}"""


RESTART = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


@pytest.fixture(scope="module")
def notebook(lab: Lab, open_notebook: Callable[[str], OpenNotebook]) -> OpenNotebook:
    written = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "3"}})
    written.cells = [new_code_cell(source) for source in (CLOCK, BUSY, GUESS, REVEAL)]
    nbformat.write(written, lab.folder / "practice.ipynb")
    return open_notebook("practice.ipynb")


@pytest.fixture
def desk(lab: Lab) -> Iterator[Path]:
    """A notebook with the mock interview on a desk of its own, and the progress file there."""
    folder = lab.folder / "own"
    folder.mkdir()
    (folder / DESK).touch()
    written = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "3"}})
    sources = (INTERVIEW, f"import ipywidgets\n{GRADE}")
    written.cells = [new_code_cell(source) for source in sources]
    nbformat.write(written, folder / "interview.ipynb")
    yield folder / PROGRESS
    shutil.rmtree(folder)


def face(notebook: OpenNotebook) -> str:
    told = notebook.texts(CLOCK_BOX, "[role=timer], [role=status]")
    return " ".join(filter(None, told))


def press(notebook: OpenNotebook, box: int, name: str) -> None:
    """Press a button by keyboard."""
    names = [control.name for control in notebook.controls(box)]
    notebook.press(box, names.index(name))


def seconds_left(notebook: OpenNotebook) -> int:
    return int(notebook.page.evaluate(LEFT))


def test_the_clock_ticks_while_the_kernel_is_busy_and_stands_still_in_a_pause(
    notebook: OpenNotebook,
):
    assert face(notebook) == "2:00 Not started."
    press(notebook, CLOCK_BOX, "Start")
    notebook.page.get_by_role("button", name="Sleep").press("Space")
    notebook.page.wait_for_function(f"({LEFT})() < 119")
    assert notebook.texts(BUSY_BOX, ".widget-label") == ["idle"]
    assert "Running: started with 2:00 of 2:00 left." in face(notebook)
    notebook.page.get_by_text("awake").wait_for()

    press(notebook, CLOCK_BOX, "Pause")
    paused = face(notebook)
    assert "Paused." in paused
    assert "1:5" in paused
    notebook.page.wait_for_timeout(1100)
    assert face(notebook) == paused

    press(notebook, CLOCK_BOX, "Reset")
    assert face(notebook) == "2:00 Not started."


def test_a_guess_by_keyboard_is_recorded_then_settled_and_can_be_changed_no_more(
    notebook: OpenNotebook,
):
    notebook.press(GUESS_BOX, 0, turn=0)
    chosen = notebook.texts(GUESS_BOX, "[role=status]")
    notebook.press(REVEAL_BOX, 0)

    assert chosen == ["Your guess: CLOSED. Now run the experiment."]
    assert notebook.texts(REVEAL_BOX, ".widget-label") == ["❌ You said CLOSED. It is: OPEN."]
    assert notebook.texts(GUESS_BOX, "[role=status]") == ["❌ You said CLOSED. It is: OPEN."]
    assert notebook.controls(GUESS_BOX) == []


def test_an_interview_survives_its_cell_its_kernel_and_its_page(
    desk: Path, open_notebook: Callable[[str], OpenNotebook]
):
    notebook = open_notebook(f"{desk.parent.name}/interview.ipynb")
    page = notebook.page
    assert not desk.exists()
    press(notebook, INTERVIEW_BOX, "Start the hour")
    press(notebook, INTERVIEW_BOX, "Next: Part B: retry with backoff")
    press(notebook, GRADE_BOX, "Grade")
    page.get_by_text("Part B: retry with backoff: must after 0:0").wait_for()
    assert notebook.texts(INTERVIEW_BOX, "summary") == [
        "Part A: circuit breaker (20 minutes)",
        "Part B: retry with backoff (15 minutes)",
    ]
    page.wait_for_function(f"({LEFT})() < 3599")

    before = seconds_left(notebook)
    page.evaluate("inPage.run()")  # the cells are run again
    page.get_by_text("Part B: retry with backoff. ").wait_for()
    assert seconds_left(notebook) <= before

    page.evaluate(RESTART)
    page.evaluate("inPage.run()")
    page.get_by_text("Part B: retry with backoff. ").wait_for()
    before = seconds_left(notebook)
    assert before < 3599

    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function(f"({LEFT})() < {before}")
    page.reload()
    page.wait_for_function(f"() => document.querySelector('[role=timer]') && ({LEFT})() < {before}")

    (attempt,) = json.loads(desk.read_text(encoding="utf-8"))["interviews"].values()
    assert list(attempt["parts"]) == ["circuit breaker", "retry with backoff"]
    assert attempt["parts"]["retry with backoff"]["should"] is not None
    assert notebook.news() == []
    page.close()


def test_nothing_complains_and_everything_fits(notebook: OpenNotebook):
    assert [*notebook.complaints, *notebook.news(), *notebook.misfits()] == []
