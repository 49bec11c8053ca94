"""Reads the state of a breaker, in whatever way its author writes states."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

_ATTRIBUTES = ("state", "_state", "current_state", "get_state", "status", "circuit_state")


def state_of(breaker: Any) -> str | None:
    """CLOSED, OPEN or HALF_OPEN; None if it tells none of them.

    A string in any spelling, an Enum with any values, a constant of its class or module, an object
    whose class is called after the state; an attribute, a property or a method.
    """
    for name in _ATTRIBUTES:
        value = getattr(breaker, name, None)
        if inspect.ismethod(value) or inspect.isfunction(value):
            value = value()
        state = _state(value) or _constant(value, breaker)
        if state is not None:
            return state
    return None


def _state(value: Any) -> str | None:
    if isinstance(value, Enum):
        return _named(value.name) or _named(value.value)
    if isinstance(value, str):
        return _named(value)
    if value is None or isinstance(value, int | float | bytes):
        return None
    return _named(str(value)) or _named(type(value).__name__)


def _named(text: object) -> str | None:
    if not isinstance(text, str):
        return None
    letters = "".join(filter(str.isalpha, text)).upper()
    if "HALF" in letters:
        return "HALF_OPEN"
    if letters.endswith(("OPEN", "OPENED", "OPENSTATE")):
        return "OPEN"
    return "CLOSED" if "CLOSE" in letters else None


def _constant(value: Any, breaker: Any) -> str | None:
    """The name of the constant that `value` is: `OPEN = 1` in the class or beside it."""
    if not isinstance(value, int):
        return None
    names = {
        _named(name) for name, other in _constants(breaker) if other is value or other == value
    }
    names.discard(None)
    return names.pop() if len(names) == 1 else None


def _constants(breaker: Any) -> Iterator[tuple[str, Any]]:
    for cls in type(breaker).__mro__[:-1]:
        yield from vars(cls).items()
    module = sys.modules.get(type(breaker).__module__)
    yield from vars(module).items() if module else ()
