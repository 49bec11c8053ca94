"""Checks of arguments: what passes comes back, what does not is named with its value."""

from __future__ import annotations

import re
from functools import partial

import pytest

from resilience_lab import CircuitBreaker, Recorder, Retry
from resilience_lab.ground.arguments import (
    flag,
    fraction,
    function,
    non_negative,
    positive,
    text,
    whole,
)

CHECKS = {
    "non_negative": non_negative,
    "positive": positive,
    "fraction": fraction,
    "whole": partial(whole, at_least=0),
    "text": text,
    "flag": flag,
    "function": function,
}


async def coroutine_function():
    """Nothing."""


def generator_function():
    yield


async def async_generator_function():
    yield


class AsyncCallable:
    async def __call__(self):
        """Nothing."""


GOOD = [
    ("non_negative", 0, 0.0),
    ("non_negative", 2, 2.0),
    ("positive", 0.5, 0.5),
    ("fraction", 1, 1.0),
    ("fraction", 0.25, 0.25),
    ("whole", 3, 3),
    ("whole", 0, 0),
    ("text", "name", "name"),
    ("flag", True, True),
    ("flag", False, False),
    ("function", None, None),
    ("function", len, len),
    ("function", print, print),
]


@pytest.mark.parametrize(("check", "value", "returned"), GOOD)
def test_what_is_right_comes_back(check, value, returned):
    result = CHECKS[check]("name", value)

    assert result == returned
    assert type(result) is type(returned)


BAD = [
    ("non_negative", "1", TypeError, "limit must be a number, got '1'"),
    ("non_negative", True, TypeError, "limit must be a number, got True"),
    ("non_negative", -1, ValueError, "limit must be a finite number >= 0, got -1"),
    ("non_negative", float("nan"), ValueError, "limit must be a finite number >= 0, got nan"),
    ("non_negative", float("inf"), ValueError, "limit must be a finite number >= 0, got inf"),
    ("positive", 0, ValueError, "limit must be a finite number > 0, got 0"),
    ("positive", None, TypeError, "limit must be a number, got None"),
    (
        "fraction",
        1.5,
        ValueError,
        "limit must be a fraction, more than 0 and at most 1, got 1.5",
    ),
    ("whole", 1.0, TypeError, "limit must be a whole number, got 1.0"),
    ("whole", False, TypeError, "limit must be a whole number, got False"),
    ("whole", -1, ValueError, "limit must be at least 0, got -1"),
    ("text", 3, TypeError, "limit must be a string, got 3"),
    ("text", "", ValueError, "limit must not be empty, got ''"),
    ("flag", 1, TypeError, "limit must be True or False, got 1"),
    ("flag", "no", TypeError, "limit must be True or False, got 'no'"),
    ("function", 3, TypeError, "limit must be callable, got 3"),
]
KINDS = [
    (coroutine_function, "coroutine"),
    (AsyncCallable(), "coroutine"),
    (generator_function, "generator"),
    (async_generator_function, "generator"),
]
BAD += [
    ("function", func, TypeError, f"limit must be a plain function, got the {kind} function {func}")
    for func, kind in KINDS
]


@pytest.mark.parametrize(("check", "value", "kind", "sentence"), BAD)
def test_what_is_wrong_is_named_with_its_value(check, value, kind, sentence):
    with pytest.raises(kind, match=f"^{re.escape(sentence)}$"):
        CHECKS[check]("limit", value)


def test_an_int_that_no_float_can_hold_is_not_finite():
    with pytest.raises(ValueError, match="limit must be a finite number >= 0, got 1000"):
        non_negative("limit", 10**400)


@pytest.mark.parametrize("decorate", [CircuitBreaker(), Retry(), Recorder().watch])
def test_what_cannot_be_called_is_named(decorate):
    with pytest.raises(TypeError, match=r"pass the function, not its call\), got 3$"):
        decorate(3)
