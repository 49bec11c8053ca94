"""The minutes that a notebook's first lines promise are the minutes that it takes.

What takes over half an hour is cut into sittings, none of which takes longer.
"""

from __future__ import annotations

import math

import pytest
from cells import notebooks
from nbformat import NotebookNode

from resilience_lab.practice.last_hour.minutes import SITTING, minutes, promised, sittings

NOTEBOOKS = {name: cells for name, cells in notebooks().items() if name[:2] not in {"06", "08"}}


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_the_first_cell_promises_the_minutes_that_it_takes(cells: list[NotebookNode]):
    assert promised(cells) == 5 * math.ceil(minutes(cells) / 5)


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_no_sitting_takes_over_half_an_hour(cells: list[NotebookNode]):
    assert [round(minutes(part), 1) for part in sittings(cells) if minutes(part) > SITTING] == []
