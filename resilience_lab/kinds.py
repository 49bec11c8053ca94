"""What only begins when it is iterated: generators, and the blocks that `contextlib` makes of them.

A policy that calls a generator function has called nothing yet. Taking what comes back for a
result, it would count a success before the first line has run.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import _AsyncGeneratorContextManager, _GeneratorContextManager
from functools import partial
from types import AsyncGeneratorType, GeneratorType
from typing import Any

UNBEGUN: frozenset[type] = frozenset(
    {GeneratorType, AsyncGeneratorType, _GeneratorContextManager, _AsyncGeneratorContextManager}
)
"""The exact types of such results. What is awaitable is none of them: ask for that first."""


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
