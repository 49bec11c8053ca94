"""Tests are found in whatever they come in, and one that cannot be run says why."""

# ruff: noqa: N803, PT028 - parameters are named after the classes that they take

from __future__ import annotations

from types import ModuleType

import pytest

from resilience_lab.practice.bug_hunt.own_tests import own_tests
from resilience_lab.simulation import run_virtual


def test_one(CircuitBreaker):
    assert CircuitBreaker == "a breaker"


async def test_two(retry_with_backoff, FallbackOrchestrator, times=3):
    assert (retry_with_backoff, FallbackOrchestrator, times) == ("a retry", "a chain", 3)


def helper(CircuitBreaker):
    """Not a test."""


class TestGroup:
    made = 0

    def __init__(self):
        TestGroup.made += 1

    def test_method(self, CircuitBreaker):
        assert CircuitBreaker == "a breaker"

    @staticmethod
    def test_static(CircuitBreaker):
        assert CircuitBreaker == "a breaker"

    def helper(self, CircuitBreaker):
        """Not a test either."""


class TestMore(TestGroup):
    test_number = 3

    async def test_another(self, retry_with_backoff):
        assert retry_with_backoff == "a retry"


for tests in (test_one, test_two, TestGroup, TestMore):
    tests.__test__ = False  # they are material here, and pytest would run them

THINGS = {
    "CircuitBreaker": "a breaker",
    "retry_with_backoff": "a retry",
    "FallbackOrchestrator": "a chain",
}


def names(tests):
    return [test.name for test in own_tests(tests)]


def module():
    made = ModuleType("learners_tests")
    vars(made).update(test_one=test_one, helper=helper, TestGroup=TestGroup, test_data=[1, 2])
    return made


@pytest.mark.parametrize(
    ("tests", "found"),
    [
        (test_one, ["test_one"]),
        (helper, ["helper"]),
        ([test_two, test_one], ["test_two", "test_one"]),
        ({"test_a": test_one, "helper": helper, "test_data": 3}, ["test_a"]),
        (TestGroup, ["TestGroup.test_method", "TestGroup.test_static"]),
        (
            [TestMore, test_one],
            [
                "TestMore.test_method",
                "TestMore.test_static",
                "TestMore.test_another",
                "test_one",
            ],
        ),
        (module(), ["test_one", "TestGroup.test_method", "TestGroup.test_static"]),
        ([], []),
    ],
)
def test_tests_are_found(tests, found):
    assert names(tests) == found


@pytest.mark.parametrize("nothing", [3, None, "test_one", b"test_one"])
def test_what_holds_no_tests_is_refused(nothing):
    with pytest.raises(TypeError, match=f"tests must be .*, got {nothing!r}"):
        own_tests(nothing)


def test_each_is_given_what_it_takes():
    tests = own_tests([test_one, test_two, TestMore])

    for test in tests:
        run_virtual(lambda test=test: test.run(THINGS))

    assert [test.takes for test in tests[:2]] == [
        ("CircuitBreaker",),
        ("retry_with_backoff", "FallbackOrchestrator"),
    ]
    assert [test.concerns("fallback") for test in tests[:2]] == [False, True]
    assert not any(test.problem for test in tests)


def test_each_method_gets_an_object_of_its_own():
    before = TestGroup.made

    for test in own_tests([TestGroup.test_static, TestGroup]):
        run_virtual(lambda test=test: test.run(THINGS))

    assert TestGroup.made == before + 2


def takes_a_fixture(CircuitBreaker, clock):
    """Asks for something that is not there."""


def takes_nothing(*args, **kwargs):
    """Tests nothing of ours."""


def yields(CircuitBreaker):
    yield


async def yields_later(CircuitBreaker):
    yield


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        (takes_a_fixture, "it takes 'clock', but can only be given CircuitBreaker, "),
        (takes_nothing, "it takes none of CircuitBreaker, retry_with_backoff, "),
        (yields, "there is a yield in it"),
        (yields_later, "there is a yield in it"),
    ],
)
def test_one_that_cannot_be_run_says_why(test, problem):
    assert own_tests(test)[0].problem.startswith(problem)
