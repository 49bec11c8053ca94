"""The service that the exercises' policies call, and the clock by which it is judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeAlias

from resilience_lab.practice.exam.room import START

Step: TypeAlias = tuple[float, str | Exception]
"""How long a call takes, in seconds, and what it returns or raises."""

DOWN: Step = (0.0, ConnectionError("down"))
HANG: Step = (float("inf"), "never")
WELL: Step = (0.0, "answer")


def elapsed() -> float:
    """Virtual seconds since the trial began."""
    return asyncio.get_running_loop().time() - START


class Service:
    """Plays `steps`, one a call, the last for ever; knows when it was called and when it ended."""

    def __init__(self, *steps: Step) -> None:
        self._steps = steps
        self.times: list[float] = []
        self.ends: list[float] = []
        self.errors: list[Exception] = []

    @property
    def running(self) -> int:
        """How many calls are under way."""
        return len(self.times) - len(self.ends)

    async def __call__(self) -> str:
        seconds, outcome = self._steps[min(len(self.times), len(self._steps) - 1)]
        self.times.append(elapsed())
        try:
            await asyncio.sleep(seconds)
        finally:
            self.ends.append(elapsed())
        if isinstance(outcome, Exception):
            self.errors.append(type(outcome)(*outcome.args))  # a new one: errors gather notes
            raise self.errors[-1]
        return outcome


async def result_or_error(awaitable: Awaitable[Any]) -> Any:
    """What it returned or raised, in a task of its own."""
    return (await asyncio.gather(awaitable, return_exceptions=True))[0]


def listed(times: list[float]) -> str:
    """`0, 1, 3`, or that there are none."""
    return ", ".join(f"{time:g}" for time in times) or "never"
