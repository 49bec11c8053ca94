"""Questions with feedback on every answer, the wrong ones most of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from string import ascii_lowercase
from typing import Any

import ipywidgets

from resilience_lab.arguments import text
from resilience_lab.widgets.base import SummarisedBox


@dataclass(frozen=True)
class Question:
    """A question whose `options` map each answer to what one should know about it.

    `right` is the one answer that is right. Raises `ValueError` if it is not among the options.
    """

    ask: str
    options: Mapping[str, str]
    right: str

    def __post_init__(self) -> None:
        text("ask", self.ask)
        if len(self.options) < 2:
            raise ValueError(f"options must hold two answers or more, got {self.options!r}")
        if self.right not in self.options:
            raise ValueError(f"right must be one of the options, got {self.right!r}")


class Quiz(SummarisedBox):
    """Radio buttons, and a line of feedback under each question as soon as it is answered."""

    def __init__(self, *questions: Question) -> None:
        if not questions:
            raise ValueError("questions must hold at least one question, got none")
        self.questions = questions
        self.choices = [
            ipywidgets.RadioButtons(
                options=list(question.options), value=None, layout={"width": "auto"}
            )
            for question in questions
        ]
        self.feedback = [ipywidgets.HTML() for _ in questions]
        self.score = ipywidgets.HTML()
        rows: list[Any] = []
        for number, question in enumerate(questions, start=1):
            self.choices[number - 1].observe(self._answered, names="value")
            heading = ipywidgets.HTML(f"<b>{number}. {escape(question.ask)}</b>")
            rows += [heading, self.choices[number - 1], self.feedback[number - 1]]
        super().__init__([*rows, self.score])
        self._show_score()

    def summary(self) -> str:
        """The questions and their possible answers."""
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question.ask}")
            pairs = zip(ascii_lowercase, question.options, strict=False)
            lines += [f"   {letter}) {option}" for letter, option in pairs]
        return "\n".join(lines)

    def _answered(self, change: dict[str, Any]) -> None:
        index = self.choices.index(change["owner"])
        self.feedback[index].value = _feedback(self.questions[index], change["new"])
        self._show_score()

    def _show_score(self) -> None:
        pairs = zip(self.choices, self.questions, strict=True)
        right = sum(choice.value == question.right for choice, question in pairs)
        self.score.value = f"<i>{right} of {len(self.questions)} right</i>"


def _feedback(question: Question, choice: str | None) -> str:
    if choice is None:
        return ""
    verdict = "✅ Right." if choice == question.right else "❌ Not quite."
    return f'<div role="status">{verdict} {escape(question.options[choice])}</div>'
