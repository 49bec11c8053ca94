"""The last ten minutes of the interview: the learner's own tests, and what they let through.

Each test runs against the model solution first. One that fails there is a false alarm: whatever it
finds elsewhere proves nothing. The others run against every mutant of the patterns they take, until
one of them fails: that mutant is caught.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from resilience_lab.practice.bug_hunt.mutant import Mutant, is_copy, load_reference
from resilience_lab.practice.bug_hunt.mutants import MUTANTS
from resilience_lab.practice.bug_hunt.own_tests import OwnTest, own_tests
from resilience_lab.practice.bug_hunt.report import HuntReport
from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.wording import raised
from resilience_lab.simulation import run_virtual
from resilience_lab.virtual_time.whose_code import is_learners

_PATIENCE = 10
"""How many runs may go on for ever before the others get less time: one alone costs no other."""


def grade_tests(tests: Any) -> HuntReport:
    """Which of our mutants `tests` catch. They run in virtual time, so a wait costs nothing.

    `tests` is a function, a class, a module or a namespace such as `globals()`, or a list of these.
    A test takes what it tests by name: `CircuitBreaker`, `retry_with_backoff` or
    `FallbackOrchestrator`. A test that hangs, loops or exits has failed. `TypeError` if `tests` is
    nothing of the kind.
    """
    found = own_tests(tests)
    functions = [test.function for test in found]
    with Room(*functions, start=0.0, patience=_PATIENCE) as room:
        tried = [(test, _alarm(test, room)) for test in found]
        good = tuple(test for test, why in tried if not why)
        caught = {m.name: by for m in MUTANTS if (by := _catcher(m, good, room))}
    return HuntReport(good, caught, {test.name: why for test, why in tried if why})


def _alarm(test: OwnTest, room: Room) -> str:
    """Why this test cannot be trusted, if it fails on the reference at once or the next time."""
    if test.problem:
        return test.problem
    if first := _failure(test, load_reference, room):
        return f"on a correct solution, {first}"
    if second := _failure(test, load_reference, room):
        return f"it passes on a correct solution, but not twice: {second}"
    return ""


def _catcher(mutant: Mutant, tests: Sequence[OwnTest], room: Room) -> str:
    """The name of the first test that fails on the mutant, or nothing."""
    for test in tests:
        if test.concerns(mutant.pattern) and _failure(test, mutant.load, room):
            return test.name
    return ""


def _failure(test: OwnTest, load: Callable[[], dict[str, Any]], room: Room) -> str | None:
    async def main() -> str | None:
        try:
            await room.drive(test.run(load()))
        except Exception as error:
            return _told(error)
        return None

    with _put_back(asyncio, random, time):
        asyncio.run = run_asyncio
        return room.run(main)


def _told(error: Exception) -> str:
    """What went wrong, and the line of the test in which it did."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{f.lineno}: {f.line}" for f in frames if _is_of_the_test(f.filename)]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{raised(error.with_traceback(None))}{where}"


def _is_of_the_test(file: str) -> bool:
    return is_learners(file) and not is_copy(file)


def run_asyncio(main: Coroutine[Any, Any, Any], **_: Any) -> Any:
    """Stands in for `asyncio.run`, in tests that are plain functions: it takes no time."""
    return run_virtual(lambda: main)


@contextmanager
def _put_back(*modules: ModuleType) -> Iterator[None]:
    """Tests replace `asyncio.sleep`, say, and forget about it; the kernel must not."""
    before = [dict(vars(module)) for module in modules]
    try:
        yield
    finally:
        for module, names in zip(modules, before, strict=True):
            vars(module).update(names)
