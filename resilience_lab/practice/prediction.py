"""A guess before the answer: the learner commits to one, the experiment decides, a score is kept.

    guess = predict("State after call 4?", ["CLOSED", "OPEN"])
    guess

and, at the end of the cell with the experiment,

    guess.reveal(breaker.state)

A guess that is written down is remembered, and a wrong one teaches most: hence the guess comes
first, and the first reveal settles it. Asking the same question again begins it anew. The score
is kept for as long as the kernel runs, which is one notebook.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from string import ascii_lowercase
from typing import Any

import ipywidgets

from resilience_lab.arguments import text
from resilience_lab.widgets.base import SummarisedBox


def predict(question: str, options: Iterable[object]) -> Prediction:
    """Ask `question`; the learner chooses one of `options`, two or more, shown as their text.

    Replaces the earlier prediction of the same question. Raises `TypeError` or `ValueError` for a
    question without words, or for options that are too few or look the same.
    """
    prediction = Prediction(question, options)
    _asked[question] = prediction
    return prediction


def predictions() -> Tally:
    """What became of every prediction of this notebook so far."""
    return Tally(tuple(prediction.outcome for prediction in _asked.values()))


@dataclass(frozen=True)
class Outcome:
    """A question, the learner's `guess` (None: not answered), and the `answer` (None: not yet)."""

    question: str
    guess: str | None = None
    answer: str | None = None
    why: str = ""

    @property
    def right(self) -> bool:
        """Whether the learner guessed before the answer was known, and guessed right."""
        return self.guess is not None and self.guess == self.answer

    def __repr__(self) -> str:
        if self.answer is None:
            return "❔ Not revealed yet."
        because = f" {self.why}" if self.why else ""
        if self.guess is None:
            return f"❔ No guess. It is: {self.answer}.{because}"
        if self.right:
            return f"✅ You said it: {self.answer}.{because}"
        return f"❌ You said {self.guess}. It is: {self.answer}.{because}"


@dataclass(frozen=True)
class Tally:
    """The outcomes of all predictions of a notebook, in the order in which they were asked."""

    outcomes: tuple[Outcome, ...]

    @property
    def right(self) -> int:
        """How many were guessed right."""
        return sum(outcome.right for outcome in self.outcomes)

    @property
    def guessed(self) -> int:
        """How many were guessed at all before the answer was revealed."""
        return sum(None not in (outcome.guess, outcome.answer) for outcome in self.outcomes)

    def __repr__(self) -> str:
        lines = [f"{_mark(outcome)} {outcome.question}" for outcome in self.outcomes]
        asked = len(self.outcomes)
        return "\n".join([*lines, f"{self.right} right of {self.guessed} guessed, {asked} asked."])


class Prediction(SummarisedBox):
    """Radio buttons for one guess, for mouse and keyboard, and a line that says what came of it."""

    def __init__(self, question: str, options: Iterable[object]) -> None:
        self.question = text("question", question)
        self.options = _distinct(options)
        self.choice = ipywidgets.RadioButtons(
            options=self.options, value=None, layout={"width": "auto"}
        )
        self.choice.observe(self._chosen, names="value")
        self.feedback = ipywidgets.HTML()
        self.outcome = Outcome(self.question)
        heading = ipywidgets.HTML(f"<b>Predict: {escape(self.question)}</b>")
        super().__init__([heading, self.choice, self.feedback])

    def reveal(self, answer: object, why: str = "") -> Outcome:
        """Settle the guess as it stands now; `answer` comes from the experiment.

        The first call settles it, later ones return the same outcome. Answer and options are
        compared by their text. Raises `ValueError` if no option is the answer.
        """
        if str(answer) not in self.options:
            raise ValueError(f"answer must be one of the options {self.options}, got {answer!r}")
        if self.outcome.answer is None:
            self.outcome = Outcome(self.question, self.choice.value, str(answer), why)
            self.choice.disabled = True
            again = "" if self.outcome.guess else " To guess after all, run this cell again."
            self._say(f"{self.outcome!r}{again}")
        return self.outcome

    def summary(self) -> str:
        """The question and its options."""
        pairs = zip(ascii_lowercase, self.options, strict=False)
        options = [f"   {letter}) {option}" for letter, option in pairs]
        return "\n".join([f"Predict: {self.question}", *options])

    def _chosen(self, change: dict[str, Any]) -> None:
        if self.outcome.answer is None:
            self._say(f"Your guess: {change['new']}. Now run the experiment.")

    def _say(self, words: str) -> None:
        self.feedback.value = f'<div role="status">{escape(words)}</div>'


_asked: dict[str, Prediction] = {}


def _mark(outcome: Outcome) -> str:
    return repr(outcome).partition(" ")[0]


def _distinct(options: Iterable[object]) -> tuple[str, ...]:
    if isinstance(options, str) or not isinstance(options, Iterable):
        raise TypeError(f"options must be a list of possible answers, got {options!r}")
    texts = tuple(text("options", str(option)) for option in options)
    if len(texts) < 2 or len(set(texts)) < len(texts):
        raise ValueError(f"options must hold two different answers or more, got {list(texts)}")
    return texts
