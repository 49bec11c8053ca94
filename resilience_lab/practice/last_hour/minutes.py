"""How long a part of the course takes: worked out from what is read, and not from what one hopes.

Reading 200 words a minute and 15 lines of code a minute, half a minute for each question, and five
for each exercise; folded text and what the reveals say is read, too. What takes over half an hour
is cut into sittings: where one may stop, a line begins with `**Stop here`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from resilience_lab.desk.course import calls_in, course_folder
from resilience_lab.practice.questions.bank import known_predictions, quiz_questions

WORDS, LINES = 200, 15  # a minute
QUESTION, EXERCISE = 0.5, 5.0  # minutes
SITTING = 30.0

Cell: TypeAlias = Mapping[str, Any]

_PROMISE = re.compile(r"After (?:these )?(\d+) minutes")
_STOP = re.compile(r"^(?:> )?\*\*Stop here", re.MULTILINE)


def course_cells(notebook: str) -> list[Cell]:
    """The cells of the course's notebook of that name, without `.ipynb`."""
    text = (course_folder() / f"{notebook}.ipynb").read_text(encoding="utf-8")
    cells: list[Cell] = json.loads(text)["cells"]
    return cells


def promised(cells: list[Cell]) -> int:
    """The minutes that the first cell says. `ValueError` if it says none."""
    found = _PROMISE.search(_source(cells[0]))
    if not found:
        raise ValueError("the first cell does not say 'After these N minutes'")
    return int(found[1])


def reading(text: str) -> float:
    """Minutes to read `text`."""
    return len(re.sub(r"[`*#|>-]", " ", text).split()) / WORDS


def minutes(cells: Iterable[Cell]) -> float:
    """How long these cells take."""
    return sum(map(_minutes, cells))


def sittings(cells: Iterable[Cell]) -> list[list[Cell]]:
    """The cells of each sitting; one ends with the cell that holds the mark."""
    parts: list[list[Cell]] = [[]]
    for cell in cells:
        parts[-1].append(cell)
        if cell["cell_type"] == "markdown" and _STOP.search(_source(cell)):
            parts.append([])
    return parts


def _minutes(cell: Cell) -> float:
    source = _source(cell)
    if cell["cell_type"] == "markdown":
        return reading(source)
    spent = sum(bool(line.strip()) for line in source.splitlines()) / LINES
    spent += EXERCISE * ("your code here" in source)
    for name, call in calls_in(source):
        if name == "predict":
            spent += QUESTION + len(_revealed(call).split()) / WORDS
        spent += QUESTION * sum(asked.notebook[3:] == name for asked in quiz_questions())
    return spent


def _revealed(call: ast.Call) -> str:
    """What is read when the question of this `predict(...)` is settled."""
    known = known_predictions()[ast.literal_eval(call.args[0])]
    return f"❔ No guess. It is: {known.answer}. {known.why}"


def _source(cell: Cell) -> str:
    return "".join(cell["source"])
