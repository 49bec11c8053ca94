"""What learners hand in, and the shapes in which their code says things."""

from __future__ import annotations

import asyncio
import enum
from collections import namedtuple
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from resilience_lab import run_virtual
from resilience_lab.practice import grade_breaker, grade_fallback, grade_retry
from resilience_lab.practice.contracts.agents import Cast, ChainResult, mentions
from resilience_lab.practice.contracts.service import Service, ServiceError
from resilience_lab.practice.contracts.states import state_of

RETRY = """
import asyncio

async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
    for attempt in range(max_retries + 1):
        try:
            return await func()
        except Exception as error:
            if attempt == max_retries:
                raise
            await asyncio.sleep(max(base_delay * 2**attempt, getattr(error, "retry_after", 0) or 0))
"""


def test_an_answer_may_be_a_source_text():
    assert grade_retry(RETRY).score == 100


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("class CircuitBreaker:\n    def call(self)\n        pass", "line 2: expected ':'"),
        ("x = '\0'", "source code string cannot contain null bytes"),
        ("x = 1", "nothing in the text is called CircuitBreaker"),
        ("CircuitBreaker = 1", "CircuitBreaker cannot be called: it is 1"),
        ("1 / 0", "when the text was run, it raised ZeroDivisionError: division by zero (line 1)"),
        ("while True: pass", "when the text was run, it never came to an end"),
        (7, "CircuitBreaker cannot be called: it is 7"),
        (None, "CircuitBreaker cannot be called: it is None"),
        (int, "it raised ValueError: no signature found for builtin type <class 'int'>"),
    ],
)
def test_what_cannot_be_graded_is_told_in_a_sentence(answer, problem):
    report = grade_breaker(answer)

    assert report.problem.startswith(problem)
    assert (report.score, report.passed) == (0, ())
    assert report.failed[0].seen == report.problem


class NeedsMore:
    def __init__(self, one, two, three, four): ...


def test_a_class_that_cannot_be_made_is_a_problem():
    class Refuses:
        def __init__(self):
            raise ValueError("not today")

    assert "missing 1 required positional argument: 'four'" in grade_breaker(NeedsMore).problem
    assert "it raised ValueError: not today (line" in grade_fallback(Refuses).problem


def test_a_method_that_is_not_async_is_a_problem():
    class CircuitBreaker:
        def call(self, func, *args, **kwargs):
            return 1

    assert grade_breaker(CircuitBreaker).problem == (
        "it raised TypeError: call is not async: it returned no awaitable"
    )


def test_arguments_are_given_by_name_or_else_in_order():
    made = []

    class Named:
        def __init__(self, name="x", recovery_timeout=30):
            made.append((name, recovery_timeout))

    class Collects:
        def __init__(self, **kwargs):
            made.append(tuple(kwargs))

    class InOrder:
        def __init__(self, failures, seconds):
            made.append((failures, seconds))

    for cls in (Named, Collects, InOrder):
        grade_breaker(cls)

    assert ("x", 30.0) in made
    assert ("failure_threshold", "recovery_timeout", "success_threshold") in made
    assert (3, 30.0) in made


def test_a_retry_with_decorrelated_or_additive_jitter_and_its_own_cap():
    text = RETRY.replace("asyncio.sleep(max(base_delay * 2**attempt,", "asyncio.sleep(max(wait,")
    text = text.replace("            await", "            wait = WAIT\n            await")
    text = "import random\n" + text

    additive = text.replace("WAIT", "base_delay * 2**attempt + random.uniform(0, 1)")
    half = text.replace("WAIT", "base_delay * 2**attempt * random.uniform(0.5, 1.5)")
    full = text.replace("WAIT", "random.uniform(0, base_delay * 2**attempt)")
    wild = text.replace("WAIT", "base_delay * 2**attempt * random.uniform(0, 3)")

    assert [grade_retry(answer).score for answer in (additive, half, full)] == [100, 100, 100]
    assert [behaviour.name for behaviour in grade_retry(wild).failed] == [
        "keeps its jitter in bounds"
    ]


@pytest.mark.parametrize("jitter", ["True", "'full'", "1", "None"])
def test_all_the_jitter_there_is_is_turned_on_to_find_the_cap(jitter):
    text = RETRY.replace("base_delay=1.0", f"base_delay=1.0, max_delay=60, jitter={jitter}")
    text = text.replace("base_delay * 2**attempt", "min(max_delay, base_delay * 2**attempt)")

    assert grade_retry(text).score == 100


# States


class Number(enum.IntEnum):
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Odd(enum.Enum):
    A = "circuit-open"
    B = 5


class Constants:
    STATE_CLOSED, STATE_OPEN, STATE_HALF_OPEN = range(3)
    limit = 7

    def __init__(self, state):
        self.state = state


class HalfOpenState:
    pass


OPEN_FOR_BUSINESS = 41


def told(state):
    return SimpleNamespace(state=state)


@pytest.mark.parametrize(
    ("breaker", "state"),
    [
        (told("CLOSED"), "CLOSED"),
        (told("half-open"), "HALF_OPEN"),
        (told("Half Open"), "HALF_OPEN"),
        (told("opened"), "OPEN"),
        (told("State.OPEN"), "OPEN"),
        (told(Number.OPEN), "OPEN"),
        (told(Number.HALF_OPEN), "HALF_OPEN"),
        (told(Odd.A), "OPEN"),
        (told(Odd.B), None),
        (told(HalfOpenState()), "HALF_OPEN"),
        (told(lambda: "closed"), "CLOSED"),
        (Constants(0), "CLOSED"),
        (Constants(2), "HALF_OPEN"),
        (Constants(7), None),
        (Constants(41), None),
        (told(1), None),
        (told(None), None),
        (told("ready"), None),
        (told(b"OPEN"), None),
        (SimpleNamespace(get_state=lambda: "open"), "OPEN"),
        (SimpleNamespace(_state="closed"), "CLOSED"),
        (object(), None),
    ],
)
def test_states_are_read_in_any_spelling(breaker, state):
    assert state_of(breaker) == state


# Results of a chain


@dataclass
class Reply:
    text: str
    agent: object
    fallback_level: int
    errors: list = field(default_factory=lambda: ["Other"])


Row = namedtuple("Row", "answer agent_used level")

AGENT = Cast().agent("Best", "unused")


class Plain:
    def __init__(self):
        self.output, self.source, self.depth = "yes", "Best", 2


@pytest.mark.parametrize(
    "value",
    [
        {"result": "yes", "agent_used": "Best", "fallback_level": 2},
        {"response": "yes", "agent": AGENT, "level": "fallback_2"},
        {"data": {"content": "yes"}, "metadata": {"provider": "Best", "index": 2}},
        {"answer": "yes", "AGENT_NAME": "Best", "Level": 2, "failed": [{"agent": "Other"}]},
        {"primary_agent": "Other", "name": "Best", "value": "yes", "tier": "level 2"},
        Reply("yes", AGENT, 2),
        Reply("yes", "Best", 2),
        Row("yes", "Best", 2),
        ("yes", "Best", 2),
        Plain(),
    ],
)
def test_a_result_of_any_shape_is_understood(value):
    answer = ChainResult(value)

    assert answer.holds("yes")
    assert answer.names("Best")
    assert answer.is_level(2)
    assert not answer.holds("no")
    assert not answer.names("Other")
    assert not answer.is_level(1)


def test_the_primary_level_may_be_called_so():
    assert ChainResult({"level": "primary"}).is_level(0)
    assert not ChainResult({"level": "primary"}).is_level(1)
    assert not ChainResult({"level": "fallback"}).is_level(1)


def test_what_is_not_said_is_not_guessed():
    answer = ChainResult({"result": "yes", "fallback_used": True})

    assert (answer.agent, answer.level) == (None, None)
    assert not answer.names("Best")
    assert not answer.is_level(1)


def test_deep_results_are_searched_to_a_depth():
    deep = {"a": {"b": {"c": {"d": {"e": "yes"}}}}}

    assert not ChainResult(deep).holds("yes")


class AllFailedError(Exception):
    def __init__(self, errors):
        super().__init__("all failed")
        self.errors = errors


@dataclass
class Attempt:
    what: str


class Slotted:
    __slots__ = ()

    def __repr__(self):
        return "<first is down>"


def caused():
    try:
        try:
            raise ValueError("first is down")
        except ValueError:
            raise RuntimeError("second") from None
    except RuntimeError as error:
        return error


def circular():
    error = ValueError("first is down")
    error.__cause__ = RuntimeError("second")
    error.__cause__.__context__ = error
    return error.__cause__


def noted():
    error = ValueError("no")
    error.add_note("first is down")
    return error


@pytest.mark.parametrize(
    "error",
    [
        ValueError("first is down, second is down"),
        ExceptionGroup("all failed", [ValueError("first is down")]),
        AllFailedError({"a": "first is down"}),
        AllFailedError([("a", ValueError("first is down"))]),
        AllFailedError([Attempt("first is down")]),
        AllFailedError({Slotted()}),
        caused(),
        circular(),
        noted(),
    ],
)
def test_an_error_is_found_wherever_it_is_kept(error):
    assert mentions(error, "first is down")
    assert not mentions(error, "third is down")


def test_a_number_in_an_error_is_no_mention():
    assert not mentions(AllFailedError([3, None]), "3 agents")


# The agents and the service that learners are given


def test_an_agent_answers_to_any_common_name():
    async def main():
        cast = Cast()
        agent = cast.agent("Best", "first", ValueError("no"), seconds=1.0)
        said = [await agent.execute("q"), agent.name, type(agent).__name__]
        assert await cast.agent("Quick", "at once").run("q") == "at once"
        with pytest.raises(ValueError, match="no"):
            await agent(query="q")
        with pytest.raises(AttributeError):
            agent.fly()
        with pytest.raises(ValueError, match="no"):
            await agent.run()
        return said, agent.queries, cast.asked

    assert run_virtual(main) == (
        ["first", "Best", "Best"],
        ["q", "q", None],
        ["Best", "Quick", "Best", "Best"],
    )


def test_the_service_counts_and_does_as_it_is_told():
    async def main():
        service, event = Service(), asyncio.Event()
        fails = service.function(ServiceError("1"), "ok", seconds=1.0)
        with pytest.raises(ServiceError):
            await fails(1, a=2)
        assert service.arguments == ((1,), {"a": 2})
        assert await fails() == await fails() == "ok"
        assert await Service().function("at once")() == "at once"
        waits = asyncio.ensure_future(service.function("late", until=event)())
        await asyncio.sleep(5)
        event.set()
        return await waits, service.times

    assert run_virtual(main) == ("late", [0.0, 1.0, 2.0, 3.0])
