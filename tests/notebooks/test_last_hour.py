"""The last hour: every drawing is asked for before it is shown, and the hour leads everywhere."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest
from cells import calls, notebooks

from resilience_lab.practice.questions.cards import course_cards
from resilience_lab.widgets.whiteboard import DRAWINGS

CELLS = notebooks()["08_last_hour"]
CODE = [cell for cell in CELLS if cell.cell_type == "code"]


def test_every_drawing_is_asked_for_in_the_cell_before_it():
    shown = []
    for before, cell in pairwise(CELLS):
        for call in calls(cell.source, "whiteboard") if cell.cell_type == "code" else []:
            if call.args:
                assert "> **Draw.**" in before.source
                shown.append(call.args[0].value)

    assert shown == list(DRAWINGS)


def test_the_drawings_are_numbered_as_the_whiteboard_numbers_them():
    numbers = [number for cell in CELLS for number in re.findall(r"^### 2\.(\d+) ", cell.source)]

    assert list(map(int, numbers)) == list(range(1, len(DRAWINGS) + 1))


def test_it_promises_an_hour_and_the_plan_in_it_takes_one():
    assert "**After this hour you can**" in CELLS[0].source
    assert "The last hour: 60 minutes" in json.dumps(CELLS, ensure_ascii=False)


@pytest.mark.parametrize("name", [name for name in notebooks() if name[:2] < "08"])
def test_it_leads_to_every_notebook(name: str):
    assert f"{name}.ipynb" in json.dumps(CELLS)


def test_the_committed_output_holds_all_cards_and_no_progress():
    text = json.dumps(CELLS, ensure_ascii=False)

    assert f"{len(course_cards())} flash cards: 00_start_here" in text
    assert "does not run on a desk" in text


def test_no_cell_is_long():
    assert max(len(cell.source.splitlines()) for cell in CODE) <= 12
