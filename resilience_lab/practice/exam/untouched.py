"""Whether a skeleton is as it was given, so that the verdict on it is one line.

A function is empty if its body is nothing but a docstring, `...`, `pass` or `return None`: its
bytecode is then that of a function without a body, also where its source is not at hand. A class is
empty if all of its public methods are. In case of doubt something was written.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any


def still_empty(subject: Any) -> str:
    """The problem, `... is still empty`, naming what has to be written; or nothing."""
    methods = list(_public(subject)) if inspect.isclass(subject) else [subject]
    names = [method.__name__ for method in methods if _is_empty(method)]
    if not names or len(names) < len(methods):
        return ""
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} still empty"


def _public(cls: type) -> Iterator[Any]:
    """What may be methods, inherited ones included; plain data is not."""
    for base in inspect.getmro(cls)[:-1]:
        for name, value in vars(base).items():
            if not name.startswith("_") and (callable(value) or hasattr(value, "__get__")):
                yield value


def _is_empty(function: Any) -> bool:
    return isinstance(function, FunctionType) and _steps(function) in _NOTHING


def _steps(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    steps = dis.get_instructions(function)
    return [(step.opname, step.argval) for step in steps if step.opname not in ("NOP", "RESUME")]


def _function() -> None: ...


async def _coroutine() -> None: ...


_NOTHING = (_steps(_function), _steps(_coroutine))
