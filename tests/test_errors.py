"""Promises, section 2: outcomes and errors."""

from __future__ import annotations

import doctest
import pickle

import pytest

from resilience_lab import Outcome, ResilienceError, errors

LEDGER = [{"agent": "gpt4", "outcome": "timeout"}, {"agent": "local", "outcome": "failed"}]
CIRCUIT_OPEN = errors.CircuitOpenError("gpt4", "OPEN", 12.0)
EXAMPLES = [
    (CIRCUIT_OPEN, "circuit 'gpt4' is OPEN; next probe in 12.0 s"),
    (errors.ResultRejectedError("n/a"), "the result 'n/a' was not accepted"),
    (errors.DeadlineExceededError(2.5), "the deadline of 2.5 s has passed"),
    (
        errors.DeadlockError(["task-1 (main)", "task-2"], 3.0),
        "deadlock at 3 s of virtual time: no timer will wake task-1 (main), task-2",
    ),
    (errors.AgentTimeoutError("gpt4", 10.0), "agent 'gpt4' did not answer within 10 s"),
    (
        errors.AgentConnectionError("gpt4", "connection refused"),
        "agent 'gpt4' could not be reached: connection refused",
    ),
    (
        errors.AgentResponseError("gpt4", "it is not JSON"),
        "agent 'gpt4' sent an unusable response: it is not JSON",
    ),
    (
        errors.AgentAnswerError("gpt4", "run returned None"),
        "agent 'gpt4' did not answer with text: run returned None",
    ),
    (errors.RateLimitedError("gpt4", 20.0), "agent 'gpt4' is rate limited; retry after 20 s"),
    (errors.RateLimitedError(), "the agent is rate limited"),
    (
        errors.RateLimitedError("gpt4", why="10 requests a minute"),
        "agent 'gpt4' is rate limited (10 requests a minute)",
    ),
    (
        errors.ServerFaultError("gpt4", 503, "overloaded", 2.0),
        "agent 'gpt4' got HTTP status 503 (overloaded); retry after 2 s",
    ),
    (errors.RequestRefusedError("gpt4", 401), "agent 'gpt4' got HTTP status 401"),
    (
        errors.StreamInterruptedError("gpt4", "Once upon a"),
        "agent 'gpt4' broke off after 11 characters of its answer",
    ),
    (
        errors.AllAgentsFailedError([TimeoutError(), OSError()], LEDGER),
        "all 2 agents failed: gpt4 (timeout), local (failed)",
    ),
    (
        errors.AllAgentsFailedError([CIRCUIT_OPEN], LEDGER[:1], 12.0),
        "the only agent failed: gpt4 (timeout); next probe in 12.0 s",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), EXAMPLES, ids=lambda value: type(value).__name__)
def test_promise_2_every_error_is_ours_prints_a_sentence_and_pickles(error, sentence):
    copied = pickle.loads(pickle.dumps(error))

    assert isinstance(error, ResilienceError)
    assert str(error) == str(copied) == sentence
    assert type(copied) is type(error)
    assert vars(copied).keys() == vars(error).keys()
    assert repr(copied) == repr(error)


def test_promise_2_there_is_an_example_of_every_error():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    kinds = {kind for kind in kinds if issubclass(kind, ResilienceError)}
    bases = {errors.ResilienceError, errors.AgentError, errors.AgentStatusError}

    assert kinds - bases == {type(error) for error, _ in EXAMPLES}


ATTRIBUTES = [
    (CIRCUIT_OPEN, {"name": "gpt4", "state": "OPEN", "retry_after": 12.0}),
    (errors.DeadlineExceededError(2.5), {"seconds": 2.5}),
    (errors.DeadlockError(["main"], 3.0), {"tasks": ("main",), "time": 3.0}),
    (errors.AgentTimeoutError("gpt4", 10.0), {"agent": "gpt4", "seconds": 10.0}),
    (errors.AgentConnectionError("gpt4", "reset"), {"agent": "gpt4", "why": "reset"}),
    (errors.AgentResponseError("gpt4", "no JSON"), {"agent": "gpt4", "why": "no JSON"}),
    (errors.AgentAnswerError("gpt4", "None"), {"agent": "gpt4", "why": "None"}),
    (
        errors.RateLimitedError("gpt4", 20.0, "too fast"),
        {"agent": "gpt4", "retry_after": 20.0, "why": "too fast"},
    ),
    (errors.RateLimitedError(), {"agent": "", "retry_after": None, "why": ""}),
    (
        errors.ServerFaultError("gpt4", 503, "overloaded", 2.0),
        {"agent": "gpt4", "status": 503, "why": "overloaded", "retry_after": 2.0},
    ),
    (
        errors.RequestRefusedError("gpt4", 401),
        {"agent": "gpt4", "status": 401, "why": "", "retry_after": None},
    ),
    (errors.StreamInterruptedError("gpt4", "Once"), {"agent": "gpt4", "partial": "Once"}),
    (
        errors.AllAgentsFailedError([CIRCUIT_OPEN], LEDGER[:1], 12.0),
        {"attempts": LEDGER[:1], "retry_after": 12.0},
    ),
]


@pytest.mark.parametrize(("error", "attributes"), ATTRIBUTES)
def test_promise_2_errors_say_by_attributes_what_they_say_in_words(error, attributes):
    assert vars(error) == attributes
    assert vars(pickle.loads(pickle.dumps(error))).keys() == attributes.keys()


def test_promise_2_a_result_that_cannot_be_printed_does_not_cost_the_sentence():
    class Unprintable:
        def __repr__(self):
            raise ZeroDivisionError

    assert str(errors.ResultRejectedError(Unprintable())) == (
        "the result (a Unprintable, whose repr raised ZeroDivisionError) was not accepted"
    )


def test_promise_2_timeouts_and_connection_errors_are_also_the_builtin_ones():
    assert issubclass(errors.DeadlineExceededError, TimeoutError)
    assert issubclass(errors.AgentTimeoutError, TimeoutError)
    assert issubclass(errors.AgentConnectionError, ConnectionError)
    assert issubclass(errors.AgentAnswerError, TypeError)
    assert issubclass(errors.AllAgentsFailedError, ExceptionGroup)


def test_promise_2_there_are_three_outcomes():
    assert [*Outcome] == ["SUCCESS", "FAILURE", "NEUTRAL"]


def test_the_examples_work():
    results = doctest.testmod(errors)

    assert results.attempted > 0
    assert results.failed == 0
