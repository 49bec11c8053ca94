"""`predict` on the learner's desk: the guess is kept, and a result waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from resilience_lab.desk.store import DESK, store
from resilience_lab.practice.questions import held_output, prediction
from resilience_lab.practice.questions.prediction import (
    GuessResult,
    Prediction,
    predict,
    predictions,
)

QUESTION, OPTIONS = "State after call 4?", ["CLOSED", "OPEN"]


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch):
    (tmp_path / DESK).touch()
    monkeypatch.chdir(tmp_path)
    restart(monkeypatch)
    yield tmp_path
    store.cache_clear()


def restart(monkeypatch) -> None:
    """What a restart of the kernel forgets."""
    monkeypatch.setattr(prediction, "_asked", {})
    store.cache_clear()


@pytest.fixture
def shown(monkeypatch) -> list[object]:
    """What was displayed."""
    displayed: list[object] = []
    monkeypatch.setattr(prediction, "display", displayed.append)
    return displayed


def run(guess: Prediction) -> None:
    """The cell of the experiment."""
    with guess:
        print("the state is OPEN")
        guess.reveal("OPEN", "Three in a row.")


def test_a_guess_survives_a_restart_of_the_kernel(monkeypatch, shown):
    predict(QUESTION, OPTIONS).choice.value = "CLOSED"
    restart(monkeypatch)

    guess = predict(QUESTION, OPTIONS)
    run(guess)

    assert guess.choice.value == "CLOSED"
    assert [repr(result) for result in shown] == [
        "❌ You said CLOSED. It is: OPEN. Three in a row."
    ]


def test_a_settled_guess_survives_a_restart_of_the_kernel(monkeypatch, shown):
    guess = predict(QUESTION, OPTIONS)
    guess.choice.value = "OPEN"
    run(guess)
    restart(monkeypatch)

    again = predict(QUESTION, OPTIONS)

    assert again.choice.disabled
    assert again.feedback.text == "✅ You said it: OPEN."
    assert predictions().right == 1


def test_a_guess_in_another_tab_is_found_when_the_experiment_runs(shown):
    here, there = predict(QUESTION, OPTIONS), predict(QUESTION, OPTIONS)
    there.choice.value = "OPEN"

    run(here)

    assert [result.right for result in shown] == [True]


def test_a_result_waits_for_the_guess_and_is_then_one_press_away(shown, capsys):
    guess = predict(QUESTION, OPTIONS)
    run(guess)
    (chance,) = shown

    assert capsys.readouterr().out == ""
    assert guess.result.answer is None
    assert "OPEN." not in chance.summary()
    assert chance.choice.question == f"You have not guessed yet. {QUESTION}"

    chance.choice.value = "CLOSED"
    chance.button.click()

    printed, told = chance.result.outputs
    assert printed == {
        "output_type": "stream",
        "name": "stdout",
        "text": "the state is OPEN\n",
    }
    assert told["data"]["text/plain"] == "❌ You said CLOSED. It is: OPEN. Three in a row."
    assert guess.choice.value == "CLOSED"
    assert store().get("guesses", QUESTION) == {"guess": "CLOSED", "answer": "OPEN"}
    chance.button.click()
    assert len(chance.result.outputs) == 2


def test_the_result_can_be_seen_without_a_guess_and_asked_for_another_day(shown, monkeypatch):
    guess = predict(QUESTION, OPTIONS)
    run(guess)

    shown[0].button.click()

    assert shown[0].result.outputs[1]["data"]["text/plain"].startswith("❔ No guess. It is: OPEN.")
    assert store().get("guesses", QUESTION) is None
    run(guess)
    assert isinstance(shown[1], GuessResult)
    restart(monkeypatch)
    assert not predict(QUESTION, OPTIONS).choice.disabled


def test_a_guess_in_the_questions_own_cell_counts_while_the_result_waits(shown):
    guess = predict(QUESTION, OPTIONS)
    run(guess)

    guess.choice.value = "OPEN"
    shown[0].button.click()

    assert guess.result.right


def test_an_experiment_that_fails_shows_what_it_printed_and_its_error(shown, capsys):
    with pytest.raises(ZeroDivisionError), predict(QUESTION, OPTIONS):
        print("so far")
        raise ZeroDivisionError

    assert capsys.readouterr().out == "so far\n"
    assert shown == []


def test_an_experiment_that_reveals_nothing_holds_nothing_back(shown, capsys):
    with predict(QUESTION, OPTIONS):
        print("so far")

    assert capsys.readouterr().out == "so far\n"
    assert shown == []


def test_what_is_displayed_is_held_in_its_order(monkeypatch, shown):
    shell = InteractiveShell()
    monkeypatch.setattr(held_output, "get_ipython", lambda: shell)
    publisher = shell.display_pub

    with held_output.held_output() as held:
        print("before", end=" ")
        print("it")
        shell.display_pub.clear_output()
        print("a text")
        shell.display_pub.publish({"text/plain": "a picture"})
        print("after")

    assert shell.display_pub is publisher
    assert [output.get("text") or output["data"] for output in held] == [
        "a text\n",
        {"text/plain": "a picture"},
        "after\n",
    ]
    published: list[object] = []
    monkeypatch.setattr(publisher, "publish", lambda *output: published.append(output))
    held_output.show(held)
    assert published == [({"text/plain": "a picture"}, {})]


def test_what_an_earlier_round_answered_is_kept_with_the_new_guess():
    store().put("guesses", QUESTION, {"earlier": [{"guess": "CLOSED", "answer": "OPEN"}]})

    guess = predict(QUESTION, OPTIONS)
    guess.choice.value = "OPEN"

    assert store().get("guesses", QUESTION) == {
        "guess": "OPEN",
        "earlier": [{"guess": "CLOSED", "answer": "OPEN"}],
    }


def test_a_guess_at_options_that_are_gone_is_asked_anew():
    store().put("guesses", QUESTION, {"guess": "MELTED", "answer": "MELTED"})

    assert predict(QUESTION, OPTIONS).choice.value is None
