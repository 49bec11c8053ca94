"""Which card comes next: what was wrong comes back first.

Cards are in boxes (Sebastian Leitner, "So lernt man lernen", 1972). A card that one did not know
goes to box 1, one that one knew to the next box, up to the fifth. Box 1 is asked first, then what
was never asked, then the lower boxes before the higher ones, and in a box what has waited longest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from resilience_lab.practice.questions.cards import Card

BOXES = 5
_PAUSE = 3  # cards between two turns of the same one, if there are others


class Entry(TypedDict):
    """What the progress file keeps of a card: its box, and when it was asked, a running number."""

    box: int
    turn: int


Entries = Mapping[str, Entry]
"""By question."""


def box_of(card: Card, entries: Entries, missed: Collection[str] = ()) -> int:
    """The box of a card; 0 if it was never asked. `missed` were answered wrong in a notebook."""
    if card.question in entries:
        return entries[card.question]["box"]
    return 1 if card.question in missed else 0


def next_card(pile: Sequence[Card], entries: Entries, missed: Collection[str] = ()) -> Card | None:
    """The card of `pile` to be asked next; None if the pile is empty."""
    latest = sorted(entries, key=lambda question: -entries[question]["turn"])[:_PAUSE]

    def place(card: Card) -> tuple[int, int, int]:
        box, question = box_of(card, entries, missed), card.question
        # If there is nothing but the latest ones, the longest ago of them.
        again = _PAUSE - latest.index(question) if question in latest else 0
        turn = entries[question]["turn"] if question in entries else 0
        return again, _RANKS.get(box, box), turn

    return min(pile, key=place, default=None)


def graded(box: int, knew: bool, turn: int) -> Entry:
    """What is kept of a card that was in `box` and was asked in `turn`."""
    return {"box": min(BOXES, max(1, box) + 1) if knew else 1, "turn": turn}


_RANKS = {1: 0, 0: 1}  # what was wrong, then what is new; the other boxes by their number
