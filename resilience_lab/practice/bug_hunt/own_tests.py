"""Finds the learner's tests in whatever way they are handed over, and what each of them needs.

A test is a function, `async` or not, whose parameters name what it tests: `def
test_opens(CircuitBreaker)`. So the same test can be given the right thing or a wrong one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from types import ModuleType
from typing import Any

from resilience_lab.practice.bug_hunt.mutant import SUBJECTS

_KNOWN = tuple(SUBJECTS.values())


@dataclass(frozen=True)
class OwnTest:
    """One test: its `function`, how to `get` it bound to an object, and the names of what it takes.

    `problem` says why it cannot be run at all, if that is so.
    """

    name: str
    function: Callable[..., Any]
    get: Callable[[], Callable[..., Any]]
    takes: tuple[str, ...] = ()
    problem: str = ""

    def concerns(self, pattern: str) -> bool:
        """Whether it takes the class or function of this pattern."""
        return SUBJECTS[pattern] in self.takes

    async def run(self, names: Mapping[str, Any]) -> None:
        """Run it on what `names` holds. What it raises is its verdict."""
        result = self.get()(**{name: names[name] for name in self.takes})
        if inspect.isawaitable(result):
            await result


def own_tests(tests: Any) -> list[OwnTest]:
    """All tests in a function, a class, a module, a namespace, or a list of such.

    In classes, modules and namespaces they are what is called `test_...`, and in modules and
    namespaces also the classes called `Test...`. `TypeError` for anything else.
    """
    if isinstance(tests, ModuleType):
        tests = vars(tests)
    if isinstance(tests, Mapping):
        return list(_in_namespace(tests))
    if inspect.isclass(tests):
        return list(_in_class(tests))
    if callable(tests):
        return [_of_function(getattr(tests, "__name__", type(tests).__name__), tests)]
    if isinstance(tests, Iterable) and not isinstance(tests, str | bytes):
        return [test for part in tests for test in own_tests(part)]
    raise TypeError(
        "tests must be a test function, a class, a module or a namespace with test_ functions, "
        f"or a list of these, got {tests!r}"
    )


def _in_namespace(names: Mapping[str, Any]) -> Iterator[OwnTest]:
    for name, value in list(names.items()):
        if name.startswith("test_") and callable(value):
            yield _of_function(name, value)
        elif name.startswith("Test") and inspect.isclass(value):
            yield from _in_class(value)


def _in_class(cls: type) -> Iterator[OwnTest]:
    names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
    for name in names:
        if name.startswith("test_") and callable(getattr(cls, name)):
            yield _of_method(cls, name)


def _of_function(name: str, function: Callable[..., Any]) -> OwnTest:
    return _test(name, function, list(signature(function).parameters.values()), lambda: function)


def _of_method(cls: type, name: str) -> OwnTest:
    """Each run gets an object of its own, as in pytest."""
    function = getattr(cls, name)
    parameters = list(signature(function).parameters.values())
    if not isinstance(inspect.getattr_static(cls, name), staticmethod | classmethod):
        del parameters[:1]  # self
    return _test(f"{cls.__name__}.{name}", function, parameters, lambda: getattr(cls(), name))


def _test(
    name: str,
    function: Callable[..., Any],
    parameters: list[Parameter],
    get: Callable[[], Callable[..., Any]],
) -> OwnTest:
    known = ", ".join(_KNOWN)
    takes = tuple(parameter.name for parameter in parameters if parameter.name in _KNOWN)
    unknown = [parameter.name for parameter in parameters if _must_be_given(parameter)]
    problem = ""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        problem = "there is a yield in it, so that calling it runs nothing"
    elif unknown:
        problem = f"it takes {unknown[0]!r}, but can only be given {known}"
    elif not takes:
        problem = f"it takes none of {known}, so it does not test them"
    return OwnTest(name, function, get, takes, problem)


def _must_be_given(parameter: Parameter) -> bool:
    optional = parameter.default is not parameter.empty
    collects = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return not (optional or collects or parameter.name in _KNOWN)
