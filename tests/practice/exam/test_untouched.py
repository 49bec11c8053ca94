"""A skeleton is told from an answer, and no answer from a skeleton."""

from __future__ import annotations

import functools

import pytest

from resilience_lab.practice import grade_breaker, grade_fallback, grade_retry
from resilience_lab.practice.exam.untouched import still_empty
from resilience_lab.practice.exercises.examiner import examine


def nothing(): ...


def with_a_docstring(a, b=1, *c, d, **e):
    """To be done."""


async def passes(query):
    pass


async def says_none(query):
    """To be done."""
    return None  # noqa: RET501 - as a skeleton may


class Chain:
    """Asks in order."""

    limit = 3

    def __init__(self, agents):
        self.agents = agents

    async def ask(self, query): ...


class Two(Chain):
    def reset(self):
        """Begin anew."""


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        (nothing, "nothing is still empty"),
        (with_a_docstring, "with_a_docstring is still empty"),
        (passes, "passes is still empty"),
        (says_none, "says_none is still empty"),
        (Chain, "ask is still empty"),
        (Two, "reset and ask are still empty"),
    ],
)
def test_what_is_empty_is_named(subject, told):
    assert still_empty(subject) == told


def gives_back(a):
    return a


def says_false():
    return False


async def raises():
    raise NotImplementedError


async def yields():
    yield


class Half(Chain):
    async def warm_up(self):
        self.warm = True


class Static(Chain):
    @staticmethod
    def make():
        return Static([])


class Partial(Chain):
    shout = functools.partialmethod(Chain.ask, "HELLO")


class Property(Chain):
    @property
    def state(self):
        return "CLOSED"


class Data:
    limit = 3


@pytest.mark.parametrize(
    "subject",
    [
        gives_back, says_false, raises, yields, Half, Static, Partial, Property, Data, len, object,
        functools.partial(nothing), 42,
    ],
)  # fmt: skip
def test_in_case_of_doubt_something_was_written(subject):
    assert still_empty(subject) == ""


def test_the_examiner_says_it_of_a_skeleton_of_which_nothing_was_seen():
    async def never(subject):
        return "nothing came"

    async def always(subject):
        return None

    assert repr(examine(nothing, {"works": never})) == (
        "Nothing to check yet: nothing is still empty (nothing came)."
    )
    assert examine(nothing, {"works": never, "stands": always}).untouched == ""
    assert examine(gives_back, {"works": never}).untouched == ""


SKELETONS = '''
class CircuitBreaker:
    """Stops calling a service."""

    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.state = "CLOSED"

    async def call(self, func, *args, **kwargs):
        """Execute func through the breaker."""
        ...  # your code here


async def retry_with_backoff(func, max_retries=3, base_delay=1.0): ...


class FallbackOrchestrator:
    async def execute_with_fallback(self, query, primary_agent, fallback_agents):
        return None
'''


@pytest.mark.parametrize(
    ("grade", "told"),
    [
        (grade_breaker, "Circuit breaker: 0 of 100. Nothing to grade yet: call is still empty."),
        (
            grade_retry,
            "Retry with backoff: 0 of 100. Nothing to grade yet: "
            "retry_with_backoff is still empty.",
        ),
        (
            grade_fallback,
            "Fallback agents: 0 of 100. Nothing to grade yet: "
            "execute_with_fallback is still empty.",
        ),
    ],
)
def test_a_skeleton_of_the_interview_gets_one_line(grade, told):
    report = grade(SKELETONS)

    assert repr(report) == told
    assert len(report.missing) > 10


def test_one_line_of_code_is_no_skeleton_any_more():
    async def retry_with_backoff(func, max_retries=3, base_delay=1.0):
        return 1

    assert grade_retry(retry_with_backoff).nothing_yet == ""
