"""The interview's clock and the predictions in a page: the clock ticks while the kernel works."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from lab import Lab, OpenNotebook
from nbformat.v4 import new_code_cell, new_notebook

CLOCK = """\
from resilience_lab.practice.clock import Countdown

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
from resilience_lab.practice.prediction import predict

guess = predict("State after call 4?", ["CLOSED", "OPEN"])
guess"""
REVEAL = """\
told = ipywidgets.Label()
reveal = ipywidgets.Button(description="Reveal")
reveal.on_click(lambda _: setattr(told, "value", repr(guess.reveal("OPEN"))))
ipywidgets.VBox([reveal, told])"""
CLOCK_BOX, BUSY_BOX, GUESS_BOX, REVEAL_BOX = range(4)

LEFT = """() => {
  const face = getComputedStyle(document.querySelector("[role=timer]"));
  return Number(face.getPropertyValue("--countdown"));
}"""


@pytest.fixture(scope="module")
def notebook(lab: Lab, open_notebook: Callable[[str], OpenNotebook]) -> OpenNotebook:
    written = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "3"}})
    written.cells = [new_code_cell(source) for source in (CLOCK, BUSY, GUESS, REVEAL)]
    nbformat.write(written, lab.folder / "practice.ipynb")
    return open_notebook("practice.ipynb")


def face(notebook: OpenNotebook) -> str:
    return " ".join(notebook.texts(CLOCK_BOX, "[role=timer], [role=status]"))


def test_the_clock_ticks_while_the_kernel_is_busy_and_stands_still_in_a_pause(
    notebook: OpenNotebook,
):
    assert face(notebook) == "2:00 Not started."
    start = [control.name for control in notebook.controls(CLOCK_BOX)].index("Start")

    notebook.press(CLOCK_BOX, start)
    notebook.page.get_by_role("button", name="Sleep").press("Space")
    notebook.page.wait_for_function(f"({LEFT})() < 119")
    assert notebook.texts(BUSY_BOX, ".widget-label") == ["idle"]
    assert "Running: started with 2:00 of 2:00 left." in face(notebook)
    notebook.page.get_by_text("awake").wait_for()

    notebook.press(CLOCK_BOX, start)
    paused = face(notebook)
    assert "Paused." in paused
    assert "1:5" in paused
    notebook.page.wait_for_timeout(1100)
    assert face(notebook) == paused

    reset = [control.name for control in notebook.controls(CLOCK_BOX)].index("Reset")
    notebook.press(CLOCK_BOX, reset)
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


def test_nothing_complains_and_everything_fits(notebook: OpenNotebook):
    assert [*notebook.complaints, *notebook.news(), *notebook.misfits()] == []
