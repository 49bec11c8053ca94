"""Flash cards of the whole course, in Leitner's boxes: what was wrong comes back first.

On the learner's desk each card's box is kept in the progress file, so that tomorrow goes on where
today ends. What was answered wrong in a notebook begins in box 1.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from resilience_lab.desk.store import store
from resilience_lab.practice.exam.wording import count
from resilience_lab.practice.questions.cards import Card, course_cards
from resilience_lab.practice.questions.leitner import BOXES, Entry, box_of, graded, next_card
from resilience_lab.widgets.base import SummarisedBox, dropdown
from resilience_lab.widgets.controls import Status
from resilience_lab.widgets.flash_card import FlashCard

ALL, WRONG = "all cards", "what was wrong"


def flash_cards() -> FlashCards:
    """The cards of the course, the next one on top."""
    return FlashCards(course_cards())


class FlashCards(SummarisedBox):
    """A choice of a pile, one card after the other, and a line that says what became of it."""

    def __init__(self, cards: tuple[Card, ...]) -> None:
        self.cards = cards
        self.now: Card | None = None
        notebooks = dict.fromkeys(card.notebook for card in cards)
        self.pile = dropdown("Pile", [ALL, WRONG, *notebooks], ALL)
        self.face = FlashCard(self.grade)
        self.status = Status()
        self.pile.observe(self._choose, names="value")
        self.face.observe(self._look, names="shown")
        super().__init__([self.pile, self.face, self.status])
        self.add_class("lab-explorer")  # nothing is wider than the page
        self._deal("Say your answer aloud, then press Space.")

    def grade(self, knew: bool) -> None:
        """Put the card on top into its next box, and show the one after it."""
        card = self.now
        if card is None:
            return
        missed = _missed()

        def into_its_box(_: Any) -> Entry:
            entries = _entries()
            turn = 1 + max((entry["turn"] for entry in entries.values()), default=0)
            return graded(box_of(card, entries, missed), knew, turn)

        kept = store().change("cards", card.question, into_its_box)
        verdict = "You knew it" if knew else "You did not know it"
        self._deal(f"{verdict}: box {kept['box']} of {BOXES}.")

    def summary(self) -> str:
        """How many cards each notebook gives."""
        numbers = Counter(card.notebook for card in self.cards)
        told = ", ".join(f"{notebook} {number}" for notebook, number in numbers.items())
        return f"{count(len(self.cards), 'flash card')}: {told}."

    def _deal(self, said: str) -> None:
        """Show the next card of the pile, and what was `said` about the one before."""
        entries, missed = _entries(), _missed()
        boxes = {card: box_of(card, entries, missed) for card in self.cards}
        chosen = self.pile.value
        pile = [
            card
            for card in self.cards
            if chosen in (ALL, card.notebook) or (chosen == WRONG and boxes[card] == 1)
        ]
        self.now = next_card(pile, entries, missed)
        if self.now is None:
            self.face.ask("", "", (), "")
            self.status.text = f"{said} Nothing is left to repeat. Choose another pile.".strip()
            return
        card, numbers = self.now, Counter(boxes[card] for card in pile)
        self.face.ask(card.notebook, card.question, card.options, card.answer)
        left = f"{numbers[1]} to repeat, {numbers[0]} new, {len(pile)} in all."
        self.status.text = f"{said} This pile: {left}".strip()

    def _choose(self, _change: Any) -> None:
        self._deal("")

    def _look(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.status.text = "Did you know it? 1 or n: no. 2 or y: yes."


def _entries() -> dict[str, Entry]:
    return store().section("cards")


def _missed() -> set[str]:
    """The questions that were answered wrong in their notebook."""
    guesses, quizzes = store().section("guesses"), store().section("quizzes")
    wrong = {
        question
        for question, entry in guesses.items()
        if entry.get("answer") is not None and entry.get("guess") != entry["answer"]
    }
    return wrong | {question for question, entry in quizzes.items() if not entry.get("right")}
