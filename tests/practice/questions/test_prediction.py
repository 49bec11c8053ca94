"""`predict`: driven as a browser would drive it, by setting values."""

from __future__ import annotations

import pytest

from resilience_lab import State
from resilience_lab.desk.store import store
from resilience_lab.practice.questions import prediction
from resilience_lab.practice.questions.bank import known_predictions
from resilience_lab.practice.questions.prediction import predict, predictions

STATE = "State after call 4?"


@pytest.fixture(autouse=True)
def a_new_notebook(monkeypatch):
    monkeypatch.setattr(prediction, "_asked", {})
    store.cache_clear()


def test_a_right_guess_counts():
    guess = predict(STATE, ["CLOSED", "OPEN"])
    guess.choice.value = "OPEN"

    told = guess.reveal(State.OPEN, why="Three in a row.")

    assert repr(told) == "✅ You said it: OPEN. Three in a row."
    assert (predictions().right, predictions().guessed) == (1, 1)


def test_a_wrong_guess_counts_as_guessed():
    guess = predict("How many calls?", [3, 4])
    guess.choice.value = "3"

    told = guess.reveal(4)

    assert repr(told) == "❌ You said 3. It is: 4."
    assert (predictions().right, predictions().guessed) == (0, 1)


def test_no_guess_is_neither_right_nor_wrong():
    guess = predict(STATE, ["CLOSED", "OPEN"])

    told = guess.reveal("OPEN", "Three in a row.")

    assert repr(told) == "❔ No guess. It is: OPEN. Three in a row."
    assert not told.right
    assert (predictions().right, predictions().guessed) == (0, 0)
    assert guess.feedback.text == "❔ No guess. It is: OPEN."


def test_the_guess_is_recorded_but_not_judged_before_the_reveal():
    guess = predict(STATE, ["CLOSED", "OPEN"])

    guess.choice.value = "CLOSED"

    assert guess.feedback.text == "Your guess: CLOSED. Now run the experiment."
    assert (predictions().right, predictions().guessed) == (0, 0)


@pytest.mark.parametrize("before", [None, "CLOSED"])
def test_a_guess_after_the_reveal_changes_nothing(before):
    guess = predict(STATE, ["CLOSED", "OPEN"])
    guess.choice.value = before
    first = guess.reveal("OPEN")
    said = guess.feedback.text

    guess.choice.value = "OPEN"

    assert guess.reveal("OPEN") is first
    assert guess.feedback.text == said
    assert predictions().right == 0
    assert guess.choice.disabled


def test_a_guess_survives_that_its_cell_is_run_again():
    predict(STATE, ["CLOSED", "OPEN"]).choice.value = "OPEN"

    again = predict(STATE, ["CLOSED", "OPEN"])

    assert again.choice.value == "OPEN"
    assert again.feedback.text == "Your guess: OPEN. Now run the experiment."
    assert repr(again.reveal("OPEN")) == "✅ You said it: OPEN."


def test_a_settled_guess_survives_that_all_cells_are_run_again():
    guess = predict(STATE, ["CLOSED", "OPEN"])
    guess.choice.value = "CLOSED"
    guess.reveal("OPEN")

    again = predict(STATE, ["CLOSED", "OPEN"])

    assert again.choice.disabled
    assert repr(again.reveal("CLOSED")) == "❌ You said CLOSED. It is: OPEN."
    assert repr(predictions()) == "❌ State after call 4?\n0 right of 1 guessed, 1 asked."


def test_a_question_that_was_revealed_without_a_guess_can_be_asked_again():
    predict(STATE, ["CLOSED", "OPEN"]).reveal("OPEN")

    again = predict(STATE, ["CLOSED", "OPEN"])
    again.choice.value = "OPEN"

    assert again.reveal("OPEN").right


def test_one_reveal_cannot_settle_another_question():
    first, second = (predict(question, ["a", "b"]) for question in ("First?", "Second?"))
    first.choice.value = second.choice.value = "a"

    first.reveal("a")

    assert [result.answer for result in predictions().results] == ["a", None]


def test_a_question_of_the_course_knows_its_options_and_its_reason():
    known = next(iter(known_predictions().values()))
    guess = predict(known.ask)
    guess.choice.value = known.answer

    told = guess.reveal(known.answer)

    assert guess.options == known.options
    assert told._repr_mimebundle_() == {
        "text/plain": f"✅ You said it: {known.answer}. {known.why}",
        "text/markdown": f"**✅ You said it: {known.answer}.** {known.why}",
    }


def test_a_question_of_nobody_needs_options():
    with pytest.raises(ValueError, match=r"options are missing, .* no question 'Who knows\?'"):
        predict("Who knows?")


def test_the_tally_lists_what_is_open_too():
    predict("Right?", ["a", "b"]).choice.value = "a"
    prediction._asked["Right?"].reveal("a")
    predict("Wrong?", ["a", "b"]).choice.value = "b"
    prediction._asked["Wrong?"].reveal("a")
    predict("Open?", ["a", "b"]).choice.value = "a"

    assert repr(predictions()) == ("✅ Right?\n❌ Wrong?\n❔ Open?\n1 right of 2 guessed, 3 asked.")
    assert repr(predictions().results[2]) == "❔ Not revealed yet."


def test_a_notebook_without_predictions_has_a_tally():
    assert repr(predictions()) == "0 right of 0 guessed, 0 asked."


def test_its_text_is_the_question_and_the_options_whatever_is_chosen():
    guess = predict(STATE, ["CLOSED", "OPEN"])
    guess.choice.value = "OPEN"
    guess.reveal("OPEN")

    bundle = guess._repr_mimebundle_()

    assert bundle["text/plain"] == "Predict: State after call 4?\n   a) CLOSED\n   b) OPEN"
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_nothing_is_chosen_beforehand():
    guess = predict(STATE, ["CLOSED", "OPEN"])

    assert guess.choice.value is None
    assert not guess.choice.disabled
    assert guess.feedback.text == ""


def test_text_from_a_question_is_text_and_never_html():
    script = "<script>alert(1)</script>"
    guess = predict(script, [script, "b"])

    guess.choice.value = script
    guess.reveal("b", script)

    assert guess.choice.question == f"Predict: {script}"
    assert guess.feedback.html == ""


@pytest.mark.parametrize(
    ("question", "options", "complaint"),
    [
        ("", ["a", "b"], "question must not be empty"),
        ("?", ["a"], r"options must hold two different answers or more, got \['a'\]"),
        ("?", [], r"options must hold two different answers or more, got \[\]"),
        ("?", ["1", 1], "options must hold two different answers or more"),
        ("?", ["a", ""], "options must not be empty, got ''"),
    ],
)
def test_a_question_that_cannot_be_guessed_is_refused(question, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        predict(question, options)

    assert predictions().results == ()


@pytest.mark.parametrize(
    ("question", "options", "complaint"),
    [
        (3, ["a", "b"], "question must be a string, got 3"),
        ("?", "ab", "options must be a list of possible answers, got 'ab'"),
        ("?", 7, "options must be a list of possible answers, got 7"),
    ],
)
def test_what_is_no_question_or_no_list_is_refused(question, options, complaint):
    with pytest.raises(TypeError, match=complaint):
        predict(question, options)


def test_an_answer_that_nobody_could_choose_is_refused_and_settles_nothing():
    guess = predict(STATE, ["CLOSED", "OPEN"])

    with pytest.raises(ValueError, match=r"answer must be one of the options .* got 'MELTED'"):
        guess.reveal("MELTED")

    assert guess.result.answer is None
