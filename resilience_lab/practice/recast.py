"""Finds the real clocks that code has taken with it, and puts stand-ins in their places.

`from time import time`, `clock=time.monotonic` as a default, a class attribute, a variable of an
enclosing function: all keep the real thing, whatever happens to the module `time` later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

from resilience_lab.practice import stand_ins
from resilience_lab.practice.origin import file_of, is_learners, is_standard
from resilience_lab.practice.stand_ins import ATTRIBUTES, stand_in_for


@contextmanager
def recast(*subjects: Any) -> Iterator[None]:
    """Inside, the modules, and whatever code the `subjects` reach, have the stand-ins."""
    with ExitStack() as undo:
        for module, name, stand_in in ATTRIBUTES:
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, stand_in)
        for module in list(sys.modules.values()):
            file = file_of(module)
            if file and not is_standard(file) and module is not stand_ins:
                _in_namespace(vars(module), undo)
        seen: set[int] = set()
        for subject in subjects:
            _in_subject(subject, undo, seen)
        yield


def _in_namespace(names: dict[str, Any], undo: ExitStack) -> None:
    for name, value in list(names.items()):
        stand_in = stand_in_for(value)
        if stand_in is not value:
            names[name] = stand_in
            undo.callback(names.__setitem__, name, value)


def _in_subject(subject: Any, undo: ExitStack, seen: set[int]) -> None:
    """In a function or class of the learner's, and in those that it can name."""
    waiting = [subject]
    while waiting:
        part = _unwrapped(waiting.pop())
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, FunctionType) and is_learners(part.__code__.co_filename):
            waiting += _in_function(part, undo, seen)
        elif isinstance(part, type) and _is_learners_class(part):
            waiting += _in_class(part, undo)


def _in_function(function: FunctionType, undo: ExitStack, seen: set[int]) -> list[Any]:
    """Recast what it holds; return what it can reach."""
    reached: list[Any] = []
    if id(function.__globals__) not in seen:
        seen.add(id(function.__globals__))
        _in_namespace(function.__globals__, undo)
        reached += function.__globals__.values()
    if function.__defaults__:
        _in_place(function, "__defaults__", tuple(map(stand_in_for, function.__defaults__)), undo)
    if function.__kwdefaults__:
        _in_namespace(function.__kwdefaults__, undo)
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:  # a variable that has no value yet
            continue
        reached.append(value)
        if stand_in_for(value) is not value:
            _in_place(cell, "cell_contents", stand_in_for(value), undo)
    return reached


def _in_class(cls: type, undo: ExitStack) -> list[Any]:
    for name, value in list(vars(cls).items()):
        if isinstance(value, staticmethod):
            stand_in: Any = staticmethod(stand_in_for(value.__func__))
            changed = stand_in.__func__ is not value.__func__
        else:
            stand_in = stand_in_for(value)
            changed = stand_in is not value
        if changed:
            setattr(cls, name, stand_in)
            undo.callback(setattr, cls, name, value)
    return [*vars(cls).values(), *cls.__bases__]


def _in_place(holder: Any, attribute: str, value: Any, undo: ExitStack) -> None:
    undo.callback(setattr, holder, attribute, getattr(holder, attribute))
    setattr(holder, attribute, value)


def _unwrapped(part: Any) -> Any:
    """The function behind a method or a property."""
    if isinstance(part, staticmethod | classmethod | MethodType):
        return part.__func__
    return part.fget if isinstance(part, property) else part


def _is_learners_class(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    return not isinstance(module, ModuleType) or is_learners(file_of(module) or "<none>")
