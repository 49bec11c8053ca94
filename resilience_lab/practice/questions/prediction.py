"""A guess before the answer: the learner commits to one, the experiment decides, a score is kept.

    reached = predict("How many of the seven calls reach the agent?")
    reached

and, in the cell with the experiment,

    with reached:
        calls = run_virtual(seven_calls)
        print(f"{calls} calls")
        reached.reveal(calls)

A guess that is written down is remembered, and a wrong one teaches most: hence the guess comes
first, and the first reveal settles it. On the learner's desk it is kept in the progress file, so it
survives whatever happens to the cell, the tab and the kernel. There, too, an experiment whose
question was not answered holds its result back: the question is asked once more in its place, and
the result is one key press away. Elsewhere it shows the result at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from string import ascii_lowercase
from types import TracebackType
from typing import Any

import ipywidgets
from IPython.display import display

from resilience_lab.desk.store import store
from resilience_lab.ground.arguments import text
from resilience_lab.practice.questions.bank import known_predictions
from resilience_lab.practice.questions.held_output import Output, displayed, held_output, show
from resilience_lab.widgets.base import SummarisedBox
from resilience_lab.widgets.controls import Choice, Status


def predict(question: str, options: Iterable[object] | None = None) -> Prediction:
    """Ask `question`; the learner chooses one of `options`, two or more, shown as their text.

    A question of the course knows its options. The guess that was made before, in this kernel or
    on this desk, is still there. Raises `TypeError` or `ValueError` for a question without words,
    and for options that are missing, too few or look the same.
    """
    prediction = Prediction(question, options)
    _asked[question] = prediction
    return prediction


def predictions() -> Guesses:
    """What became of every prediction of this notebook so far."""
    return Guesses(tuple(prediction.result for prediction in _asked.values()))


@dataclass(frozen=True)
class GuessResult:
    """A question, the learner's `guess` (None: not answered), and the `answer` (None: not yet)."""

    question: str
    guess: str | None = None
    answer: str | None = None
    why: str = ""

    @property
    def right(self) -> bool:
        """Whether the learner guessed before the answer was known, and guessed right."""
        return self.guess is not None and self.guess == self.answer

    @property
    def verdict(self) -> str:
        """What came of the guess, without the reason."""
        if self.answer is None:
            return "❔ Not revealed yet."
        if self.guess is None:
            return f"❔ No guess. It is: {self.answer}."
        if self.right:
            return f"✅ You said it: {self.answer}."
        return f"❌ You said {self.guess}. It is: {self.answer}."

    def __repr__(self) -> str:
        return f"{self.verdict} {self.why}".rstrip()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/markdown": f"**{self.verdict}** {self.why}"}


@dataclass(frozen=True)
class Guesses:
    """The results of all predictions of a notebook, in the order in which they were asked."""

    results: tuple[GuessResult, ...]

    @property
    def right(self) -> int:
        """How many were guessed right."""
        return sum(result.right for result in self.results)

    @property
    def guessed(self) -> int:
        """How many were guessed at all before the answer was revealed."""
        return sum(None not in (result.guess, result.answer) for result in self.results)

    def __repr__(self) -> str:
        lines = [f"{result.verdict[0]} {result.question}" for result in self.results]
        asked = len(self.results)
        return "\n".join([*lines, f"{self.right} right of {self.guessed} guessed, {asked} asked."])


class Prediction(SummarisedBox):
    """Radio buttons for one guess, for mouse and keyboard, and a line that says what came of it.

    As a context manager it is the place of the experiment that answers it.
    """

    def __init__(self, question: str, options: Iterable[object] | None = None) -> None:
        self.question = text("question", question)
        known = known_predictions().get(question)
        if options is None and known is None:
            raise ValueError(f"options are missing, and the course has no question {question!r}")
        self.options = _distinct(known.options if options is None and known else options)
        self._why = known.why if known else ""
        self.result = GuessResult(self.question)
        self.feedback = Status()
        self.choice = Choice(f"Predict: {self.question}", self.options)
        self._recall()
        self.choice.observe(self._chosen, names="value")
        self._around = ExitStack()
        self._held: list[Output] | None = None
        self._answered: GuessResult | None = None
        super().__init__([self.choice, self.feedback])

    def reveal(self, answer: object, why: str = "") -> GuessResult:
        """Settle the guess as it stands now; `answer` comes from the experiment.

        The first call settles it, later ones return the same result. Answer and options are
        compared by their text. Raises `ValueError` if no option is the answer.
        """
        if self.result.answer is not None:
            return self.result
        if str(answer) not in self.options:
            raise ValueError(f"answer must be one of the options {self.options}, got {answer!r}")
        told = GuessResult(self.question, self.choice.value, str(answer), why or self._why)
        if self._held is not None:
            self._answered = told  # settled when the learner has had a last chance to guess
        else:
            self._settle(told)
        return told

    def summary(self) -> str:
        """The question and its options."""
        pairs = zip(ascii_lowercase, self.options, strict=False)
        options = [f"   {letter}) {option}" for letter, option in pairs]
        return "\n".join([f"Predict: {self.question}", *options])

    def __enter__(self) -> Prediction:
        self._recall()  # another tab may have been told
        self._held = self._answered = None
        if store().on_a_desk and self.choice.value is None and self.result.answer is None:
            self._held = self._around.enter_context(held_output())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        held, self._held = self._held, None
        self._around.__exit__(kind, error, trace)
        if error is not None:
            return
        if self._answered is not None:
            display(_LastChance(self, held or [], self._answered))  # type: ignore[no-untyped-call]
            return
        show(held or [])
        if self.result.answer is not None:
            display(self.result)  # type: ignore[no-untyped-call]

    def _settle(self, told: GuessResult) -> None:
        self.result = told
        if told.guess is not None:
            self._keep({"guess": told.guess, "answer": told.answer})
        self._show_outcome()

    def _show_outcome(self) -> None:
        self.choice.disabled = True
        self.feedback.text = self.result.verdict

    def _chosen(self, change: dict[str, Any]) -> None:
        if self.result.answer is None and change["new"] is not None:
            self._keep({"guess": change["new"]})
            self.feedback.text = f"Your guess: {change['new']}. Now run the experiment."

    def _recall(self) -> None:
        """Take up the guess that was kept, unless there is one here already."""
        entry = store().get("guesses", self.question) or {}
        guess, answer = entry.get("guess"), entry.get("answer")
        if self.result.answer is not None or guess not in self.options:
            return
        self.choice.value = guess
        if answer in self.options:
            self.result = GuessResult(self.question, guess, answer, self._why)
            self._show_outcome()
        else:
            self.feedback.text = f"Your guess: {guess}. Now run the experiment."

    def _keep(self, entry: dict[str, Any]) -> None:
        def keep(old: dict[str, Any] | None) -> dict[str, Any]:
            earlier = {"earlier": old["earlier"]} if old and "earlier" in old else {}
            return entry | earlier

        store().change("guesses", self.question, keep)


class _LastChance(SummarisedBox):
    """In the place of a result whose question was not answered: the question, then the result."""

    def __init__(self, prediction: Prediction, held: list[Output], told: GuessResult) -> None:
        self.prediction, self.held, self.told = prediction, held, told
        self.choice = Choice(f"You have not guessed yet. {prediction.question}", prediction.options)
        self.button = ipywidgets.Button(description="Show the result")
        self.button.on_click(self._show)
        self.result = ipywidgets.Output()
        super().__init__([self.choice, self.button, self.result])

    def summary(self) -> str:
        """What to do, and nothing of the result."""
        return f"You have not guessed yet. {self.prediction.summary()}"

    def _show(self, _: Any) -> None:
        prediction = self.prediction
        if prediction.result.answer is None:
            guess = self.choice.value or prediction.choice.value
            prediction._settle(
                GuessResult(self.told.question, guess, self.told.answer, self.told.why)
            )
            prediction.choice.value = guess
        self.choice.disabled = self.button.disabled = True
        bundle = prediction.result._repr_mimebundle_()
        self.result.outputs = (*self.held, displayed(bundle))


_asked: dict[str, Prediction] = {}


def _distinct(options: Iterable[object] | None) -> tuple[str, ...]:
    if isinstance(options, str) or not isinstance(options, Iterable):
        raise TypeError(f"options must be a list of possible answers, got {options!r}")
    texts = tuple(text("options", str(option)) for option in options)
    if len(texts) < 2 or len(set(texts)) < len(texts):
        raise ValueError(f"options must hold two different answers or more, got {list(texts)}")
    return texts
