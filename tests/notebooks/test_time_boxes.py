"""The minutes that a notebook's first lines promise are the minutes that it takes.

Reading 200 words a minute and 15 lines of code a minute, half a minute for each question, and five
for each exercise; folded text and what the reveals say is read, too. What takes over half an hour
is cut into sittings: where one may stop, a line begins with `**Stop here`.
"""

from __future__ import annotations

import math
import re

import pytest
from cells import calls, notebooks, revealed
from nbformat import NotebookNode

from resilience_lab.practice import quizzes

WORDS, LINES = 200, 15  # a minute
QUESTION, EXERCISE = 0.5, 5.0  # minutes
SITTING = 30.0
PROMISE = re.compile(r"After (?:these )?(\d+) minutes")
STOP = re.compile(r"^(?:> )?\*\*Stop here", re.MULTILINE)

NOTEBOOKS = {name: cells for name, cells in notebooks().items() if name[:2] not in {"06", "08"}}


def minutes(cells: list[NotebookNode]) -> float:
    """How long these cells take."""
    words = lines = questions = exercises = 0
    for cell in cells:
        if cell.cell_type == "markdown":
            words += len(re.sub(r"[`*#|>-]", " ", cell.source).split())
            continue
        words += sum(len(text.split()) for text in revealed(cell))
        lines += sum(bool(line.strip()) for line in cell.source.splitlines())
        questions += len(calls(cell.source, "predict"))
        for quiz in quizzes.__all__:
            if calls(cell.source, quiz):
                questions += len(getattr(quizzes, quiz)().questions)
        exercises += "your code here" in cell.source
    return words / WORDS + lines / LINES + questions * QUESTION + exercises * EXERCISE


def sittings(cells: list[NotebookNode]) -> list[list[NotebookNode]]:
    """The cells of each sitting; one ends with the cell that holds the mark."""
    parts: list[list[NotebookNode]] = [[]]
    for cell in cells:
        parts[-1].append(cell)
        if cell.cell_type == "markdown" and STOP.search(cell.source):
            parts.append([])
    return parts


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_the_first_cell_promises_the_minutes_that_it_takes(cells: list[NotebookNode]):
    promised = PROMISE.search(cells[0].source)

    assert promised, "the first cell says 'After these N minutes'"
    assert int(promised[1]) == 5 * math.ceil(minutes(cells) / 5)


@pytest.mark.parametrize("cells", NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_no_sitting_takes_over_half_an_hour(cells: list[NotebookNode]):
    assert [round(minutes(part), 1) for part in sittings(cells) if minutes(part) > SITTING] == []
