"""Questions with feedback on every answer, the wrong ones most of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import ipywidgets

from resilience_lab.desk.store import store
from resilience_lab.ground.arguments import text
from resilience_lab.widgets.base import SummarisedBox
from resilience_lab.widgets.controls import Choice, Status


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
    """Radio buttons, and a line of feedback under each question as soon as it is answered.

    On the learner's desk an answer is kept, and is there again the next day.
    """

    def __init__(self, *questions: Question) -> None:
        if not questions:
            raise ValueError("questions must hold at least one question, got none")
        self.questions = questions
        self.choices: list[Choice] = []
        self.feedback = [Status() for _ in questions]
        self.score = ipywidgets.HTML()
        rows: list[Any] = []
        for number, question in enumerate(questions, start=1):
            kept = (store().get("quizzes", question.ask) or {}).get("answer")
            choice = Choice(
                f"{number}. {question.ask}",
                question.options,
                kept if kept in question.options else None,
            )
            self.choices.append(choice)
            choice.observe(self._answered, names="value")
            rows += [choice, self.feedback[number - 1]]
            self._show_feedback(number - 1)
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
        index, answer = self.choices.index(change["owner"]), change["new"]
        question = self.questions[index]
        kept = {"answer": answer, "right": answer == question.right}
        store().put("quizzes", question.ask, kept if answer else None)
        self._show_feedback(index)
        self._show_score()

    def _show_feedback(self, index: int) -> None:
        question, answer = self.questions[index], self.choices[index].value
        verdict = "✅ Right." if answer == question.right else "❌ Not quite."
        self.feedback[index].text = f"{verdict} {question.options[answer]}" if answer else ""

    def _show_score(self) -> None:
        pairs = zip(self.choices, self.questions, strict=True)
        right = sum(choice.value == question.right for choice, question in pairs)
        self.score.value = f"<i>{right} of {len(self.questions)} right</i>"
