"""The controls in a page: their names, their words and their keys, as a browser has them."""

from __future__ import annotations

from collections.abc import Callable

import nbformat
import pytest
from lab import Lab, OpenNotebook
from nbformat.v4 import new_code_cell, new_notebook

CONTROLS = """\
import ipywidgets
from resilience_lab.widgets.controls import Choice, Status, slider

runs = globals().get("runs", 0) + 1
wait = slider("break (s)", 1.0, 0.5, 30.0, 0.1)
guess = Choice("State?", ["<b>OPEN</b>", "CLOSED " + 40 * "and more "])
said = Status("nothing yet")
wait.observe(lambda change: setattr(said, "text", f"<i>{change['new']:g}</i>"), "value")
guess.observe(lambda change: setattr(said, "html", f"<i>{runs}</i>"), "value")
ipywidgets.VBox([wait, guess, said])"""


@pytest.fixture(scope="module")
def opened(lab: Lab, open_notebook: Callable[[str], OpenNotebook]) -> OpenNotebook:
    written = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "3"}})
    written.cells = [new_code_cell(CONTROLS), new_code_cell("'below'")]
    nbformat.write(written, lab.folder / "controls.ipynb")
    return open_notebook("controls.ipynb")


@pytest.fixture
def notebook(opened: OpenNotebook) -> OpenNotebook:
    """The controls as they are at first: no test sees what another has done."""
    opened.again()
    return opened


def test_a_slider_is_named_speaks_a_rounded_value_and_moves_by_arrow(notebook: OpenNotebook):
    wait = notebook.page.get_by_role("slider", name="break (s)", exact=True)
    assert wait.get_attribute("aria-valuetext") == "1.0 s"

    for _ in range(2):
        wait.press("ArrowUp")  # which JupyterLab would take for "to the cell above"
    notebook.page.get_by_text("<i>1.2</i>").wait_for()

    assert wait.get_attribute("aria-valuetext") == "1.2 s"  # and not 1.2000000000000002
    assert notebook.texts(0, "output") == ["1.2 s"]


def test_a_status_is_in_the_page_before_it_has_something_to_say(notebook: OpenNotebook):
    status = notebook.page.get_by_role("status").filter(has_text="nothing yet")
    region = status.element_handle()

    notebook.page.get_by_role("slider", name="break (s)").press("ArrowRight")
    notebook.page.get_by_text("<i>1.1</i>").wait_for()

    assert region is not None
    assert region.text_content() == "<i>1.1</i>"
    assert region.get_attribute("aria-live") == "polite"


def test_a_choice_is_a_named_group_whose_long_answers_wrap(notebook: OpenNotebook):
    group = notebook.page.get_by_role("group", name="State?")
    radios = group.get_by_role("radio")

    assert radios.count() == 2
    assert notebook.misfits() == []
    assert group.locator("label").nth(1).bounding_box()["height"] > 30

    notebook.page.get_by_role("radio", name="<b>OPEN</b>").press("Space")
    notebook.page.locator("[role=status] i").wait_for()


def test_letters_and_arrows_belong_to_the_control_and_shift_enter_to_the_notebook(
    notebook: OpenNotebook,
):
    first = notebook.page.get_by_role("radio").first
    first.press("Space")
    notebook.page.locator("[role=status] i", has_text="1").wait_for()

    for key in ("d", "d", "b", "a", "x", "ArrowDown"):  # delete, new below, new above, cut, next
        notebook.page.keyboard.press(key)
    assert notebook.page.evaluate("window.jupyterapp.shell.currentWidget.model.cells.length") == 2
    assert notebook.page.get_by_role("radio").nth(1).is_checked()
    notebook.page.keyboard.press("Shift+Enter")
    notebook.page.get_by_text("nothing yet").wait_for()
    notebook.page.get_by_role("radio").first.press("Space")

    notebook.page.locator("[role=status] i", has_text="2").wait_for()
