"""Checks for arguments: a bad one is refused where it is given, by name and with its value.

Every number of seconds in this library is finite, so that NaN and infinity are found when a policy
is built and not at three in the morning when it is first needed. `True` is not taken for 1.

A function is asked for its kind: one that makes a coroutine or a generator has, when it returns,
done nothing yet. A policy that took what it returns for a result would count a success before the
first line has run.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from contextlib import _AsyncGeneratorContextManager, _GeneratorContextManager
from functools import partial
from types import AsyncGeneratorType, GeneratorType
from typing import Any


def non_negative(name: str, value: object, *, at_most: float = math.inf) -> float:
    """`value` as a float if it is a finite number >= 0, else `TypeError` or `ValueError`.

    Examples
    --------
    >>> non_negative("base_delay", 2)
    2.0
    >>> non_negative("base_delay", float("nan"))
    Traceback (most recent call last):
    ValueError: base_delay must be a finite number >= 0, got nan
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int that no float can hold
        number = math.inf
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be a finite number >= 0, got {value!r}")
    if number > at_most:
        raise ValueError(f"{name} must be at most {at_most:g}, got {value!r}")
    return number


def positive(name: str, value: object) -> float:
    """`value` as a float if it is a finite number > 0, else `TypeError` or `ValueError`."""
    if isinstance(value, int | float) and value == 0:
        raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    return non_negative(name, value)


def fraction(name: str, value: object) -> float:
    """`value` as a float if it is a number with 0 < `value` <= 1, else an error as above."""
    number = positive(name, value)
    if number > 1:
        raise ValueError(f"{name} must be a fraction, more than 0 and at most 1, got {value!r}")
    return number


def whole(name: str, value: object, *, at_least: int) -> int:
    """`value` if it is an int >= `at_least`, else `TypeError` or `ValueError`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {value!r}")
    return value


def text(name: str, value: object) -> str:
    """`value` if it is a string that is not empty, else `TypeError` or `ValueError`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")
    if not value:
        raise ValueError(f"{name} must not be empty, got {value!r}")
    return value


def flag(name: str, value: object) -> bool:
    """`value` if it is True or False, else `TypeError`."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def function(name: str, value: Any) -> Any:
    """`value` if it is None or a plain callable: what others return would never be run."""
    if value is None:
        return value
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {value!r}")
    if not is_plain(value):
        kind = "coroutine" if is_async(value) else "generator"
        raise TypeError(f"{name} must be a plain function, got the {kind} function {value!r}")
    return value


def is_plain(func: Callable[..., Any]) -> bool:
    """Whether calling `func` does what it says, and does not only begin to."""
    return not (is_async(func) or yields(func))


def is_async(func: Callable[..., Any]) -> bool:
    """Whether calling `func` makes a coroutine: also true of objects with an async `__call__`."""
    return inspect.iscoroutinefunction(func) or inspect.iscoroutinefunction(
        getattr(type(func), "__call__", None)  # noqa: B004 - its kind is asked for; not a class's
    )


UNBEGUN: frozenset[type] = frozenset(
    {GeneratorType, AsyncGeneratorType, _GeneratorContextManager, _AsyncGeneratorContextManager}
)
"""The exact types of results that only begin when they are iterated, or entered. What is awaitable
is none of them: ask for that first."""


def yields(func: Callable[..., Any]) -> bool:
    """Whether calling `func` makes a generator: also true of objects whose `__call__` yields."""
    return inspect.isgeneratorfunction(_code_of(func)) or yields_async(func)


def yields_async(func: Callable[..., Any]) -> bool:
    """Whether calling `func` makes an async generator."""
    return inspect.isasyncgenfunction(_code_of(func))


def _code_of(func: Callable[..., Any]) -> Any:
    """The function behind a partial, or behind an object that is called like a function."""
    while isinstance(func, partial):
        func = func.func
    if inspect.isroutine(func) or isinstance(func, type):
        return func
    return getattr(func, "__call__", func)  # noqa: B004 - its kind is asked for, not its presence


def not_callable(func: object) -> str:
    """The error's text for what is most likely a coroutine that was made too early."""
    return f"func must be callable (pass the function, not its call), got {func!r}"
