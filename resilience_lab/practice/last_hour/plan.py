"""Three plans with honest minutes: one week, one evening, the last hour.

The minutes are those that the notebooks promise, which tests hold to what is read and done in them,
or are worked out by the same rates. Sums that are not promised are rounded up to five minutes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape

from resilience_lab.practice.exam.markup import table
from resilience_lab.practice.interview.briefs import PARTS
from resilience_lab.practice.last_hour.cheat_sheet import cheat_sheet
from resilience_lab.practice.last_hour.minutes import (
    QUESTION,
    Cell,
    course_cells,
    minutes,
    promised,
    reading,
    sittings,
)
from resilience_lab.practice.questions.cards import course_cards
from resilience_lab.widgets.whiteboard import DRAWINGS

DRAWING = 2.0
"""Minutes for a drawing on paper, spoken with."""
SPOKEN = 130
"""Words a minute, aloud."""
DAILY, HOUR, PAUSE = 10, 60, 5  # minutes

_DAYS = (
    "00_start_here",
    "01_circuit_breaker",
    "02_backoff_and_jitter",
    "03_fallback_agents",
    "04_composing_patterns",
    "05_retry_storms",
    "06_mock_interview",
)
_MORE = ("07_libraries_compared", "06_mock_interview_solutions")
_PATTERNS = _DAYS[1:5]
_ANSWER = re.compile(r"\*\*In two minutes\.\*\*(.*)")


@dataclass(frozen=True)
class Task:
    """What to do, when, and for how long; `notebook` is where."""

    when: str
    what: str
    minutes: int
    notebook: str = ""


@dataclass(frozen=True)
class Plan:
    """Tasks in order."""

    title: str
    tasks: tuple[Task, ...]

    @property
    def minutes(self) -> int:
        """All of them together."""
        return sum(task.minutes for task in self.tasks)

    @property
    def heading(self) -> str:
        """The title and the sum."""
        hours, rest = divmod(self.minutes, 60)
        return f"{self.title}: {self.minutes} minutes ({hours} h {rest:02} min)"

    def __repr__(self) -> str:
        lines = [
            f"  {task.when:6} {task.minutes:3} min  {_with_notebook(task.what, task.notebook)}"
            for task in self.tasks
        ]
        return "\n".join([self.heading, *lines])

    def _repr_html_(self) -> str:
        rows = [
            (
                escape(task.when),
                f"{task.minutes}&nbsp;min",
                _with_notebook(escape(task.what), _link(task.notebook)),
            )
            for task in self.tasks
        ]
        return table(escape(self.heading), ("when", "how long", "what"), rows)


@dataclass(frozen=True)
class Plans:
    """All of them, one below the other."""

    plans: tuple[Plan, ...]

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.plans))

    def _repr_html_(self) -> str:
        return "".join(plan._repr_html_() for plan in self.plans)


def plans() -> Plans:
    """One week and what else there is, one evening, the last hour."""
    return Plans((one_week(), spare_time(), one_evening(), last_hour()))


def one_week() -> Plan:
    """A notebook a day, and from the second day on ten minutes of cards."""
    tasks = []
    for day, notebook in enumerate(_DAYS, start=1):
        tasks.append(Task(f"day {day}", "", promised(course_cells(notebook)), notebook))
        if day > 1:
            tasks.append(Task(f"day {day}", f"{cards_in(DAILY)} flash cards", DAILY))
    return Plan("One week", tuple(tasks))


def spare_time() -> Plan:
    """What else there is."""
    more = [("", promised(course_cells(notebook)), notebook) for notebook in _MORE]
    return Plan("And if there is time", tuple(_one_after_the_other(more)))


def one_evening() -> Plan:
    """The overview, the first sitting of 01 to 04, what to say, and a part of the interview."""
    done = [("", promised(course_cells(_DAYS[0])), _DAYS[0])]
    for notebook in _PATTERNS:
        first = sittings(course_cells(notebook))[0]
        done.append(("the first sitting", _up_to_five(minutes(first)), notebook))
    cells = [cell for notebook in _PATTERNS for cell, _ in _interview(notebook)]
    asked = sum("".join(cell["source"]).count("<details>") for cell in cells)
    said = _up_to_five(minutes(cells) + QUESTION * asked)
    done.append(("'Say it in the interview' of 01 to 04, with the questions", said, ""))
    done.append((PARTS[0].title, PARTS[0].minutes, "06_mock_interview"))
    return Plan("One evening", tuple(_one_after_the_other(done)))


def last_hour() -> Plan:
    """The cheat sheet, the drawings, what to say, cards for what is left, and a pause."""
    answers = [answer for notebook in _PATTERNS for _, answer in _interview(notebook)]
    spoken = sum(len(answer.split()) for answer in answers) / SPOKEN
    done = [
        ("read the cheat sheet", _up_to_five(reading(repr(cheat_sheet()))), ""),
        (f"draw the {len(DRAWINGS)} drawings, on paper", _up_to_five(DRAWING * len(DRAWINGS)), ""),
        ("the two-minute answers of 01 to 04, aloud", _up_to_five(spoken), ""),
    ]
    left = HOUR - PAUSE - sum(task[1] for task in done)
    done.append((f"{cards_in(left)} flash cards, what was wrong first", left, ""))
    done.append(("put it away: water, and a few steps", PAUSE, ""))
    return Plan("The last hour", tuple(_one_after_the_other(done)))


def cards_in(minutes: int) -> int:
    """How many flash cards one does in this time, at the mean length of the course's."""
    return math.floor(minutes / _minutes_of_a_card())


@cache
def _minutes_of_a_card() -> float:
    cards = course_cards()
    words = sum(
        reading(" ".join([card.question, *card.options, card.right, card.why])) for card in cards
    )
    return QUESTION + words / len(cards)


def _one_after_the_other(done: list[tuple[str, int, str]]) -> Iterator[Task]:
    begins = 0
    for what, spent, notebook in done:
        yield Task(f"{begins // 60}:{begins % 60:02}", what, spent, notebook)
        begins += spent


def _up_to_five(spent: float) -> int:
    return 5 * math.ceil(spent / 5)


def _interview(notebook: str) -> Iterator[tuple[Cell, str]]:
    """The cell with what to say, and the two-minute answer in it."""
    for cell in course_cells(notebook):
        for answer in _ANSWER.findall("".join(cell["source"])):
            yield cell, answer


def _with_notebook(what: str, notebook: str) -> str:
    return ": ".join(filter(None, (notebook, what)))


def _link(notebook: str) -> str:
    return f'<a href="{notebook}.ipynb">{notebook}</a>' if notebook else ""
