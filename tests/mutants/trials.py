"""One mutant before its tests, in a process of its own: two ways to put it in its place.

In a function, its code replaces that of the function, when all tests have been collected already:
that takes milliseconds. What runs when the module is imported needs the module anew, and so the
tests that import it: that takes half a second.
"""

from __future__ import annotations

import ast
import gc
import math
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from types import CodeType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from covering import OPTIONS
from listed import source_of
from mutations import Mutant

MEMORY = 4 * 2**30  # bytes, for a mutant that collects without end
SURVIVES, SLOW, CRASHED = "survives", "too slow", "crashed"

fork = multiprocessing.get_context("fork")


class Trial:
    """A function in a process of its own, which sends one answer, unless it dies."""

    def __init__(self, patience: float, func: Callable[..., object], *args: object) -> None:
        self._receiver, sender = fork.Pipe(duplex=False)
        self._process = fork.Process(target=_run, args=(sender, patience, func, *args))
        self._until = time.monotonic() + patience
        self._process.start()
        sender.close()

    def answer(self) -> Any:
        """None while there is none."""
        if self._process.is_alive():
            if time.monotonic() < self._until:
                return None
            self._process.kill()
            self._process.join()
            return SLOW
        self._process.join()
        try:
            return self._receiver.recv()
        except EOFError:
            return SLOW if self._process.exitcode == -signal.SIGALRM else CRASHED


def _run(sender: Connection, patience: float, func: Callable[..., object], *args: object) -> None:
    """What a forked process does: silently, and within limits, even if no one is left to end it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(patience), math.ceil(patience)))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    try:
        sender.send(func(*args))
    finally:
        os._exit(0)


# In the place of a function.


def in_place(
    items: dict[str, pytest.Item],
    seconds: dict[str, float],
    module: str,
    tree: ast.Module,
    mutant: Mutant,
    tests: list[str],
) -> str:
    """By which of the collected tests the mutant is found once functions have its code."""
    mutant.put()
    codes = {_key(code): code for code in _all_codes(compile(tree, source_of(module), "exec"))}
    for func in gc.get_objects():
        if isinstance(func, FunctionType) and _key(func.__code__) in codes:
            func.__code__ = codes[_key(func.__code__)]
    for test in filter(items.get, tests):
        signal.alarm(math.ceil(10 + 10 * seconds[test]))  # in an endless loop, it ends the process
        reports = runtestprotocol(items[test], log=False)
        if any(report.failed for report in reports):
            return test
    return SURVIVES


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _all_codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _all_codes(constant)


# In the place of a module.


def imported_anew(module: str, tree: ast.Module, mutant: Mutant, tests: list[str]) -> str:
    """By which test the mutant is found once it is in the place of its module."""
    mutant.put()
    sys.meta_path.insert(0, Finder(module, compile(tree, source_of(module), "exec")))
    chosen = Chosen(tests)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    status = pytest.main(["-x", *OPTIONS, *files], plugins=[chosen])
    return SURVIVES if status == 0 else chosen.failed


class Finder:
    """Finds one module of the library, as the mutant has it."""

    def __init__(self, module: str, code: CodeType) -> None:
        self._name = f"resilience_lab.{module}"
        self._path = source_of(module)
        self._code = code

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != self._name:
            return None
        loader = Loader(name, str(self._path))
        loader.code = self._code
        return spec_from_file_location(name, self._path, loader=loader)


class Loader(SourceFileLoader):
    code: CodeType

    def get_code(self, fullname: str) -> CodeType:
        return self.code


class Chosen:
    """A plugin: these tests alone, in this order. Remembers which one failed."""

    def __init__(self, tests: list[str]) -> None:
        self._place = {test: i for i, test in enumerate(tests)}
        self.failed = "not even collected"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid
