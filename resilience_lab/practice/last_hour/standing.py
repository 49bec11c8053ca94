"""Where one stands in the course: guesses, quizzes, exercises and interviews, per notebook.

What was done comes from the desk's progress file, what there is to do from the course itself. Off a
desk it shows what this kernel has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from resilience_lab.desk.course import calls, course_folder
from resilience_lab.desk.store import store
from resilience_lab.practice.questions.bank import known_predictions, quiz_questions

_BAR = 10  # characters of a bar in the text
_WIDTH = 120  # pixels of a bar in the page


def progress() -> Progress:
    """Where one stands, as a picture and as text."""
    kept = store()
    guesses, quizzes = kept.section("guesses"), kept.section("quizzes")
    marks = kept.section("exercises")
    rows = []
    for path in sorted(course_folder().glob("*.ipynb")):
        asked = [known.ask for known in known_predictions().values() if known.notebook == path.stem]
        quiz = [question.ask for question in quiz_questions(path.stem)]
        exercises = _exercises(path)
        row = Row(
            path.stem,
            Part(_settled(guesses, asked), _right(guesses, asked), len(asked)),
            Part(sum(ask in quizzes for ask in quiz), _passed(quizzes, quiz, "right"), len(quiz)),
            Part(
                sum(name in marks for name in exercises),
                _passed(marks, exercises, "passed"),
                len(exercises),
            ),
        )
        if row.to_do:
            rows.append(row)
    return Progress(tuple(rows), len(kept.section("interviews")), kept.on_a_desk)


@dataclass(frozen=True)
class Part:
    """How many were `done` and how many of them `right`, of how many there are."""

    done: int
    right: int
    of: int

    def __str__(self) -> str:
        return f"{self.right} right, {self.done} of {self.of}" if self.of else "-"


@dataclass(frozen=True)
class Row:
    """One notebook."""

    notebook: str
    guesses: Part
    quiz: Part
    exercises: Part

    @property
    def parts(self) -> tuple[Part, Part, Part]:
        """In the order of the columns."""
        return self.guesses, self.quiz, self.exercises

    @property
    def to_do(self) -> int:
        """How many things there are to do."""
        return sum(part.of for part in self.parts)

    @property
    def done(self) -> int:
        """How many of them were done."""
        return sum(part.done for part in self.parts)


@dataclass(frozen=True)
class Progress:
    """One row for each notebook that asks, and the number of interviews that were begun."""

    rows: tuple[Row, ...]
    interviews: int
    on_a_desk: bool

    def __repr__(self) -> str:
        return "\n".join([*self._table(), "", *self._notes()])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col" style="text-align: left">{name}</th>' for name in _HEAD)
        body = "".join(
            f'<tr><th scope="row" style="text-align: left">{_link(row.notebook)}</th>'
            f"<td>{_bar(row)}</td>"
            + "".join(f'<td style="text-align: left">{part}</td>' for part in row.parts)
            + "</tr>"
            for row in self.rows
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def _table(self) -> Iterator[str]:
        yield f"{'notebook':24} {'done':{_BAR + 5}} {'guesses':18} {'quiz':17} exercises"
        for row in self.rows:
            filled = _BAR * row.done // row.to_do
            bar = "█" * filled + "░" * (_BAR - filled)
            share = f"{100 * row.done // row.to_do:3d}%"
            guesses, quiz, exercises = map(str, row.parts)
            yield f"{row.notebook:24} {bar} {share} {guesses:18} {quiz:17} {exercises}"

    def _notes(self) -> Iterator[str]:
        done, to_do = (sum(getattr(row, name) for row in self.rows) for name in ("done", "to_do"))
        plural = "" if self.interviews == 1 else "s"
        yield f"{done} of {to_do} done, {self.interviews} mock interview{plural} begun."
        if not self.on_a_desk:
            yield (
                "This kernel does not run on a desk, so nothing is kept when it ends. "
                "`resilience-lab` lays one."
            )


_HEAD = ("notebook", "done", "guesses", "quiz", "exercises")


def _exercises(path: Path) -> list[str]:
    """The names of the functions that check an exercise of this notebook."""
    names = [name for name, _ in calls(path.read_text(encoding="utf-8"))]
    return list(dict.fromkeys(name for name in names if name.startswith("check_")))


def _settled(guesses: dict[str, Any], asked: list[str]) -> int:
    return sum(guesses.get(ask, {}).get("answer") is not None for ask in asked)


def _right(guesses: dict[str, Any], asked: list[str]) -> int:
    entries = [guesses.get(ask, {}) for ask in asked]
    return sum(
        entry.get("answer") is not None and entry["answer"] == entry["guess"] for entry in entries
    )


def _passed(entries: dict[str, Any], names: list[str], key: str) -> int:
    return sum(bool(entries.get(name, {}).get(key)) for name in names)


def _link(notebook: str) -> str:
    return f'<a href="{escape(notebook)}.ipynb">{escape(notebook)}</a>'


def _bar(row: Row) -> str:
    """A bar that says its share in words, too; its colours hold in light and dark."""
    share = row.done / row.to_do
    return (
        f'<svg role="img" aria-label="{share:.0%} done" width="{_WIDTH + 40}" height="16">'
        f'<rect width="{_WIDTH}" height="12" y="2" fill="none" stroke="currentColor"/>'
        f'<rect width="{_WIDTH * share:.0f}" height="12" y="2" fill="#0072B2"/>'
        f'<text x="{_WIDTH + 6}" y="13" font-size="12" fill="currentColor">{share:.0%}</text></svg>'
    )
