"""The checks themselves, on a made-up notebook: they pass what is sound and name what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable

import nbformat
from lab import THEMES, Lab, OpenNotebook
from nbformat.v4 import new_code_cell, new_notebook

SOUND = """\
import ipywidgets as w
from resilience_lab.widgets.controls import Choice, slider

count = w.Label("0")
controls = [
    slider("size", 5, 0, 10),
    slider("at its end", 1.0, 0.0, 1.0, 0.1),
    w.Dropdown(description="order", options="abc"),
    w.Checkbox(description="loud"),
    w.ToggleButton(description="on"),
    Choice("mode", ["a", "b", "c"]),
    w.Text(description="name"),
]

def more(_):
    count.value = str(int(count.value) + 1)

for control in controls:
    control.observe(more, "value")
press = w.Button(description="press")
press.on_click(more)
w.VBox([*controls, press, count])"""
DUMB = 'w.VBox([slider("dumb", 5, 0, 10)])'
MOUSE_ONLY = 'w.Button(description="mouse only", tabbable=False)'
BROKEN = """\
broken = w.Button(description="broken")
broken.on_click(lambda _: 1 / 0)
broken"""
REBUILT = """\
box = w.VBox()
def build(*_):
    button = w.Button(description="rebuilt")
    button.on_click(build)
    box.children = [button]
build()
box"""
TOO_WIDE = """w.HTML('<p style="width: 3000px">far away</p>')"""
CUT_OFF = 'w.Button(description="a text without enough room for it", layout={"width": "6em"})'
FAR_AWAY = """\
near, far = w.Button(description="near"), w.Label("far")
near.on_click(lambda _: setattr(far, "value", far.value + "!"))
w.VBox([near, w.HTML('<div style="height: 3000px"></div>'), far])"""
NAMELESS = """w.HTML('<img src="data:,">')"""
WARNS = """\
import sys
from IPython.display import Javascript
print("careful", file=sys.stderr)
Javascript("console.error('from a cell')")"""


CELLS = [SOUND, DUMB, MOUSE_ONLY, BROKEN, REBUILT, TOO_WIDE, CUT_OFF, FAR_AWAY, NAMELESS, WARNS]


def test_sound_controls_pass_and_each_fault_is_named(
    lab: Lab, open_notebook: Callable[[str], OpenNotebook]
):
    tagged = new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    written = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "3"}})
    written.cells = [tagged, *map(new_code_cell, [*CELLS, "", "1 / 0", "'too late'"])]
    nbformat.write(written, lab.folder / "made_up.ipynb")

    notebook = open_notebook("made_up.ipynb")
    problems, timings = notebook.operate(measuring=0)

    assert notebook.complaints == [
        "code cell 11: stderr: careful\n",
        "code cell 13: ZeroDivisionError: division by zero",
        "code cell 14 did not run",
        "console: from a cell",
    ]
    assert not [problem for problem in problems if problem.startswith("widget 1:")]
    assert {
        "widget 2: no control changes anything but itself",
        "widget 3: button 'mouse only': not reached by Tab",
        "widget 5: button 'rebuilt': loses the focus",
        "widget 8: button 'near': what it changes is on another screen",
        "callback: ZeroDivisionError: division by zero",
    } <= set(problems)
    assert {re.sub(r"\d+ px|: <.*", "", misfit) for misfit in notebook.misfits()} == {
        "widget 6:  too wide",
        "widget 6: scrolls sideways by ",
        "widget 7: text cut off",
    }
    for theme in THEMES:
        named = [re.sub(r":.*", "", fault, flags=re.S) for fault in notebook.violations(theme)]
        assert set(named) == {"code cell 10"}
    assert [timing.control for timing in timings if "widget 1" in timing.control] == [
        "widget 1: slider 'size'",
        "widget 1: slider 'at its end'",
        "widget 1: select 'order'",
        "widget 1: button 'on'",
        "widget 1: button 'press'",
        "widget 1: checkbox 'loud'",
        "widget 1: radio 'mode'",
    ]
