"""What a finished call means (promise 2): one judge, made of the user's rule."""

from __future__ import annotations

import asyncio

import pytest

from resilience_lab import Outcome
from resilience_lab.ground.outcomes import judge_by


def test_by_default_a_result_is_a_success_and_an_exception_a_failure():
    judge = judge_by()

    assert judge.of_result(None) is Outcome.SUCCESS
    assert judge.of_error(KeyError()) is Outcome.FAILURE


def test_failure_on_makes_other_errors_neutral():
    judge = judge_by(failure_on=(ConnectionError, TimeoutError))

    assert judge.of_error(TimeoutError()) is Outcome.FAILURE
    assert judge.of_error(KeyError()) is Outcome.NEUTRAL


def test_classify_judges_results_and_errors():
    judge = judge_by(classify=lambda value: Outcome.FAILURE if value == "" else Outcome.SUCCESS)

    assert judge.of_result("") is Outcome.FAILURE
    assert judge.of_result("an answer") is Outcome.SUCCESS
    assert judge.of_error(KeyError()) is Outcome.SUCCESS


@pytest.mark.parametrize(
    "rules", [{}, {"failure_on": BaseException}, {"classify": lambda _: Outcome.FAILURE}]
)
@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(), GeneratorExit()]
)
def test_no_rule_makes_a_failure_of_what_says_nothing_of_the_service(rules, error):
    assert judge_by(**rules).of_error(error) is Outcome.NEUTRAL


def test_two_rules_at_once_are_refused():
    with pytest.raises(ValueError, match="give failure_on or classify, not both; got <class 'Key"):
        judge_by(failure_on=KeyError, classify=lambda _: Outcome.SUCCESS)
