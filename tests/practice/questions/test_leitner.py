"""The order of the cards: wrong, new, low boxes first; and never the same one soon again."""

from __future__ import annotations

import pytest

from resilience_lab.practice.questions.cards import Card
from resilience_lab.practice.questions.leitner import BOXES, Entry, box_of, graded, next_card


def card(question: str) -> Card:
    return Card("00", question, (), "", "")


def entries(**places: tuple[int, int]) -> dict[str, Entry]:
    """By question: its box and its turn."""
    return {question: {"box": box, "turn": turn} for question, (box, turn) in places.items()}


A, B, C, D, E, F = pile = [card(question) for question in "abcdef"]
LATEST = {"x": (5, 97), "y": (5, 98), "z": (5, 99)}  # of another pile


def test_new_cards_come_in_the_order_of_the_pile():
    assert next_card(pile, {}) == A
    assert next_card(pile, entries(a=(2, 1))) == B


def test_what_was_wrong_comes_before_what_is_new():
    assert next_card(pile, entries(d=(1, 1), **LATEST)) == D


def test_what_was_wrong_in_a_notebook_comes_first_too():
    assert next_card(pile, {}, missed={"e"}) == E


def test_a_card_that_was_missed_once_goes_by_its_box_afterwards():
    assert box_of(E, {}, {"e"}) == 1
    assert box_of(E, entries(e=(3, 1)), {"e"}) == 3
    assert box_of(E, {}, {"other"}) == 0


def test_lower_boxes_come_before_higher_ones_and_the_longest_ago_in_each():
    known = entries(a=(4, 1), b=(3, 3), c=(3, 2), d=(5, 4), e=(5, 5), f=(4, 6), **LATEST)

    assert next_card(pile, known) == C


def test_new_cards_come_before_the_second_box():
    known = entries(a=(2, 1), b=(2, 2), c=(2, 3), **LATEST)

    assert next_card(pile, known) == D


def test_a_card_rests_for_three_others():
    known: dict[str, Entry] = {}
    asked = []
    for turn in range(1, 9):
        now = next_card(pile, known)
        asked.append(now.question)
        known[now.question] = graded(box_of(now, known), now is not A, turn)

    assert asked == ["a", "b", "c", "d", "a", "e", "f", "b"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_small_pile_goes_round(size: int):
    known: dict[str, Entry] = {}
    asked = []
    for turn in range(1, 7):
        now = next_card(pile[:size], known)
        asked.append(now.question)
        known[now.question] = graded(box_of(now, known), False, turn)

    assert asked == list("abc"[:size]) * (6 // size)


def test_an_empty_pile_has_no_next_card():
    assert next_card([], {}) is None


@pytest.mark.parametrize(
    ("box", "knew", "then"), [(0, True, 2), (1, True, 2), (4, True, 5), (5, True, 5), (0, False, 1),
                              (5, False, 1)]
)  # fmt: skip
def test_known_goes_one_box_up_and_unknown_to_the_first(box: int, knew: bool, then: int):
    assert BOXES == 5
    assert graded(box, knew, 7) == {"box": then, "turn": 7}
