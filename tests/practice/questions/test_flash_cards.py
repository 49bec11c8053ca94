"""The flash cards: a card is turned, graded, kept; what was wrong comes back first."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience_lab.desk.store import store
from resilience_lab.practice.questions.cards import Card
from resilience_lab.practice.questions.flash_cards import ALL, WRONG, FlashCards, flash_cards

CARDS = tuple(
    Card(notebook, f"{notebook} {letter}?", ("x", "y"), "x", "Because of *it*.")
    for notebook in ("00_one", "01_two")
    for letter in "abc"
)


def press(cards: FlashCards, knew: bool) -> None:
    """Turn the card on top and grade it, as the page does."""
    cards.face.shown = True
    cards.face._handle_custom_msg({"knew": knew}, [])


@pytest.fixture
def cards(off_desk: Path) -> FlashCards:
    return FlashCards(CARDS)


def test_the_first_card_is_shown_without_its_answer(cards: FlashCards):
    face = cards.face

    assert (face.notebook, face.question, face.options) == ("00_one", "00_one a?", ["x", "y"])
    assert face.answer == "<p><b>x</b></p><p>Because of <em>it</em>.</p>"
    assert not face.shown
    assert cards.status.text == (
        "Say your answer aloud, then press Space. This pile: 0 to repeat, 6 new, 6 in all."
    )


def test_the_status_says_what_to_do_when_the_answer_is_shown(cards: FlashCards):
    cards.face.shown = True

    assert cards.status.text == "Did you know it? 1 or n: no. 2 or y: yes."
    assert cards.face.question == "00_one a?"


def test_a_grade_moves_the_card_and_shows_the_next_with_its_answer_hidden(cards: FlashCards):
    press(cards, True)
    assert store().get("cards", "00_one a?") == {"box": 2, "turn": 1}
    assert cards.face.question == "00_one b?"
    assert not cards.face.shown

    press(cards, False)
    assert store().get("cards", "00_one b?") == {"box": 1, "turn": 2}
    assert cards.status.text == (
        "You did not know it: box 1 of 5. This pile: 1 to repeat, 4 new, 6 in all."
    )


def test_a_grade_before_the_answer_is_shown_counts_nothing(cards: FlashCards):
    cards.face._handle_custom_msg({"knew": True}, [])

    assert store().section("cards") == {}
    assert cards.face.question == "00_one a?"


def test_what_was_wrong_comes_back_after_three_others(cards: FlashCards):
    asked = []
    for _ in range(6):
        asked.append(cards.face.question)
        press(cards, cards.face.question != "00_one b?")

    assert asked == [
        "00_one a?", "00_one b?", "00_one c?", "01_two a?", "01_two b?", "00_one b?",
    ]  # fmt: skip


def test_a_pile_may_be_one_notebook(cards: FlashCards):
    assert cards.pile.options == (ALL, WRONG, "00_one", "01_two")

    cards.pile.value = "01_two"

    assert cards.face.question == "01_two a?"
    assert cards.status.text == "This pile: 0 to repeat, 3 new, 3 in all."


def test_the_pile_of_what_was_wrong_gets_empty(cards: FlashCards):
    press(cards, False)
    cards.pile.value = WRONG
    assert cards.face.question == "00_one a?"

    press(cards, True)

    assert (cards.face.question, cards.face.answer) == ("", "")
    assert cards.status.text == (
        "You knew it: box 2 of 5. Nothing is left to repeat. Choose another pile."
    )
    cards.grade(True)
    assert store().section("cards").keys() == {"00_one a?"}
    cards.pile.value = ALL
    assert cards.face.question == "00_one b?"


def test_what_was_answered_wrong_in_a_notebook_comes_first(off_desk: Path):
    store().put("guesses", "00_one b?", {"guess": "x", "answer": "x"})
    store().put("guesses", "01_two a?", {"guess": "y", "answer": "x"})
    store().put("guesses", "01_two b?", {"guess": "y"})
    store().put("guesses", "01_two c?", {"earlier": [{"guess": "y", "answer": "x"}]})
    store().put("quizzes", "00_one c?", {"answer": "y", "right": False})
    store().put("quizzes", "00_one a?", {"answer": "x", "right": True})

    cards = FlashCards(CARDS)
    assert "2 to repeat, 4 new" in cards.status.text
    assert cards.face.question == "00_one c?"
    press(cards, True)
    assert store().get("cards", "00_one c?") == {"box": 2, "turn": 1}
    assert cards.face.question == "01_two a?"


def test_tomorrow_goes_on_where_today_ends(desk: Path):
    press(FlashCards(CARDS), False)
    press(FlashCards(CARDS), True)
    press(FlashCards(CARDS), True)

    store.cache_clear()  # the next kernel
    cards = FlashCards(CARDS)
    assert cards.face.question == "01_two a?"
    press(cards, True)
    assert cards.face.question == "00_one a?"


def test_another_tab_does_not_set_the_turns_back(desk: Path):
    one, other = FlashCards(CARDS), FlashCards(CARDS)
    press(one, True)
    press(one, True)
    press(other, False)

    assert store().section("cards") == {
        "00_one a?": {"box": 1, "turn": 3},
        "00_one b?": {"box": 2, "turn": 2},
    }


def test_the_summary_counts_the_cards_of_each_notebook_and_no_progress(cards: FlashCards):
    before = cards.summary()
    press(cards, False)

    assert before == cards.summary() == "6 flash cards: 00_one 3, 01_two 3."
    assert cards._repr_mimebundle_()["text/plain"] == before


def test_the_course_has_a_hundred_cards(off_desk: Path):
    assert len(flash_cards().cards) >= 100
    assert "00_start_here 17" in flash_cards().summary()


def test_the_face_needs_no_network():
    face = flash_cards().face

    assert "://" not in face._esm + face._css
    assert "export default" in face._esm
