"""Finds the real clocks that code has taken with it, and puts stand-ins in their places.

`from time import time`, `clock=time.monotonic` as a default, a class attribute, a variable of an
enclosing function: all keep the real thing, whatever happens to the module `time` later.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

from resilience_lab.virtual_time.whose_code import file_of, is_learners, is_standard

_WITH_CLOCKS = ("__main__", "sched", "timeit")
"""Modules without a file (a notebook), or of Python's own that keep a clock for their users."""


class StandIns:
    """Stand-ins for `attributes` (module or class, and name), and for values of certain `kinds`.

    Several threads may have them in place at the same time: what the first has exchanged the last
    one puts back.
    """

    def __init__(
        self,
        attributes: Mapping[tuple[Any, str], Any],
        kinds: Mapping[type, Callable[[Any], Any]] | None = None,
    ) -> None:
        self._attributes = attributes
        self._kinds = kinds or {}
        real = {key: getattr(*key) for key in attributes}
        self._of = {id(real[key]): stand_in for key, stand_in in attributes.items()}
        self._real = {id(stand_in): real[key] for key, stand_in in attributes.items()}
        self._lock = threading.RLock()
        self._users = 0
        self._known: set[str] = set()
        self._undo = ExitStack()

    def of(self, value: Any) -> Any:
        """What takes the place of `value`: most often itself."""
        found = self._of.get(id(value))
        if found is not None:
            return found
        kind = self._kinds.get(type(value))
        return value if kind is None else kind(value)

    @contextmanager
    def in_place(self, *subjects: Any) -> Iterator[None]:
        """Inside, the modules, and whatever code the `subjects` reach, have the stand-ins."""
        with self._lock:
            self._users += 1
            self._put_in_place(subjects)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._put_back()

    def _put_in_place(self, subjects: tuple[Any, ...]) -> None:
        for (place, name), stand_in in self._attributes.items():
            _exchange(place, name, stand_in, self._undo)
        for module in list(sys.modules.values()):
            if _may_hold_clocks(module):
                self._in_namespace(vars(module))
        self._known.update(sys.modules)
        self._in_subjects(subjects)

    def _put_back(self) -> None:
        self._undo.close()
        for name, module in list(sys.modules.items()):
            if name not in self._known and isinstance(module, ModuleType):  # imported meanwhile
                names = vars(module)
                names.update(
                    {name: self._real[id(it)] for name, it in names.items() if id(it) in self._real}
                )
        self._known.clear()

    def _in_namespace(self, names: dict[str, Any]) -> None:
        of, kinds = self._of, self._kinds
        for name, value in list(names.items()):
            if id(value) in of or type(value) in kinds:
                self._exchange_name(names, name, value)

    def _exchange_name(self, names: dict[str, Any], name: str, value: Any) -> None:
        stand_in = self.of(value)
        if stand_in is not value:
            names[name] = stand_in
            self._undo.callback(names.__setitem__, name, value)

    def _in_subjects(self, subjects: tuple[Any, ...]) -> None:
        """In functions, classes and objects of the learner's, and in those that they can name."""
        seen: set[int] = set()
        waiting = list(subjects)
        while waiting:
            part = waiting.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            waiting += _wrapped(part)
            if isinstance(part, FunctionType) and is_learners(part.__code__.co_filename):
                waiting += self._in_function(part, seen)
            elif isinstance(part, type) and _is_learners_class(part):
                waiting += self._in_class(part)
            elif _is_learners_object(part):
                self._in_namespace(vars(part))
                waiting += [type(part), *vars(part).values()]

    def _in_function(self, function: FunctionType, seen: set[int]) -> list[Any]:
        """Exchange what it holds; return what it can reach."""
        reached: list[Any] = []
        if id(function.__globals__) not in seen:
            seen.add(id(function.__globals__))
            self._in_namespace(function.__globals__)
            reached += function.__globals__.values()
        defaults = tuple(map(self.of, function.__defaults__ or ()))
        if defaults:
            _exchange(function, "__defaults__", defaults, self._undo)
        if function.__kwdefaults__:
            self._in_namespace(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:  # a variable that has no value yet
                continue
            reached.append(value)
            if self.of(value) is not value:
                _exchange(cell, "cell_contents", self.of(value), self._undo)
        return reached

    def _in_class(self, cls: type) -> list[Any]:
        for name, value in list(vars(cls).items()):
            if isinstance(value, staticmethod):
                stand_in: Any = staticmethod(self.of(value.__func__))
                changed = stand_in.__func__ is not value.__func__
            else:
                stand_in = self.of(value)
                changed = stand_in is not value
            if changed:
                setattr(cls, name, stand_in)
                self._undo.callback(setattr, cls, name, value)
        return [*vars(cls).values(), *cls.__bases__]


def _exchange(holder: Any, attribute: str, value: Any, undo: ExitStack) -> None:
    undo.callback(setattr, holder, attribute, getattr(holder, attribute))
    setattr(holder, attribute, value)


def _wrapped(part: Any) -> list[Any]:
    """The functions and objects behind a method, a property, a partial or a decorated function."""
    if isinstance(part, staticmethod | classmethod):
        return [part.__func__]
    if isinstance(part, MethodType):
        return [part.__func__, part.__self__]
    if isinstance(part, functools.partial):
        return [part.func, *part.args, *part.keywords.values()]
    if isinstance(part, property):
        return [part.fget]
    if isinstance(part, FunctionType):
        return [vars(part)["__wrapped__"]] if "__wrapped__" in vars(part) else []
    return []


def _may_hold_clocks(module: Any) -> bool:
    """Whether names in this module are exchanged: not in most of Python's own modules."""
    if not isinstance(module, ModuleType):
        return False
    file = file_of(module)
    return module.__name__ in _WITH_CLOCKS or bool(file and not is_standard(file))


def _is_learners_object(part: Any) -> bool:
    kind = type(part)
    return bool(kind.__module__ != "builtins" and kind.__dictoffset__ and _is_learners_class(kind))


def _is_learners_class(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    return not isinstance(module, ModuleType) or is_learners(file_of(module) or "<none>")
