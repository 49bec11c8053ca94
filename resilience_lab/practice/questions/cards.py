"""The flash cards of the course: every question that it asks already, with its answer.

Predictions and quizzes come from `questions/`. The follow-up questions come from the notebooks: in
"Say it in the interview" each is a `<details>` with a numbered summary, and its answer is Markdown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from resilience_lab.desk.course import course_folder
from resilience_lab.practice.questions.bank import known_predictions, quiz_questions

_FOLLOW_UP = re.compile(r"<details><summary>\d+\. (.*?)</summary>\s*(.*?)\s*</details>", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_EMPHASIS = re.compile(r"\*(?=\S)(.+?)(?<=\S)\*")


@dataclass(frozen=True)
class Card:
    """A question with its possible answers (none: say it aloud), the right one, and the reason."""

    notebook: str
    question: str
    options: tuple[str, ...]
    right: str
    why: str

    @property
    def answer(self) -> str:
        """The answer and the reason as HTML."""
        right = f"<p><b>{escape(self.right)}</b></p>" if self.right else ""
        return right + rendered(self.why)


@cache
def course_cards() -> tuple[Card, ...]:
    """All cards in the order of the notebooks. A question that two of them ask is one card."""
    cards: dict[str, Card] = {}
    for path in sorted(course_folder().glob("*.ipynb")):
        for card in _cards(path):
            cards.setdefault(card.question, card)
    return tuple(cards.values())


def _cards(path: Path) -> Iterator[Card]:
    notebook = path.stem
    for known in known_predictions().values():
        if known.notebook == notebook:
            yield Card(notebook, known.ask, known.options, known.answer, known.why)
    for asked in quiz_questions(notebook):
        feedback = asked.options[asked.right]
        yield Card(notebook, asked.ask, tuple(asked.options), asked.right, feedback)
    for question, answer in follow_ups(path.read_text(encoding="utf-8")):
        yield Card(notebook, question, (), "", answer)


def follow_ups(notebook: str) -> Iterator[tuple[str, str]]:
    """The follow-up questions in the text of a notebook, each with its answer."""
    for cell in json.loads(notebook)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and "Say it in the interview" in source:
            yield from _FOLLOW_UP.findall(source)


def rendered(markdown: str) -> str:
    """HTML of paragraphs with `code`, *emphasis* and **bold**; all else is text as it stands."""
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", markdown.strip()))
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def _inline(text: str) -> str:
    pieces = _CODE.split(escape(text))  # what stands between backticks is every second piece
    for index, piece in enumerate(pieces):
        if index % 2:
            pieces[index] = f"<code>{piece}</code>"
        else:
            pieces[index] = _EMPHASIS.sub(r"<em>\1</em>", _BOLD.sub(r"<b>\1</b>", piece))
    return "".join(pieces)
