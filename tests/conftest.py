"""Async tests run in virtual time: nothing here ever sleeps."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator

import pytest

from resilience_lab import run_virtual


def pytest_collection_finish() -> None:
    """Spare the collector what stays to the end: libraries and tests, a million objects.

    Many tests collect garbage, and so does the examiner after each trial. What a test makes is
    looked at as before.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def test_...` on a virtual loop, with its fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def main() -> None:
        await pyfuncitem.obj(**arguments)

    run_virtual(main)
    return True


class ManualClock:
    """A clock for breakers outside a loop; the test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    return ManualClock()
