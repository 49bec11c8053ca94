"""Where the learner's class or function stands during a trial, and the handles to work it with."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.stand_ins import BlockedError

PATIENCE = 5.0
"""How long a cancelled call may take to end, in virtual seconds."""


SLIPS = (
    NameError, AttributeError, TypeError, IndexError, KeyError, RecursionError, BlockedError,
)  # fmt: skip
"""Errors that no code means to raise: they end a trial, whatever it looks for."""


class UntriedError(Exception):
    """The trial did not get as far as the behaviour that it looks for."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"it could not be tried: {reason}")


class Bench:
    """One trial of a `subject` of the learner's, in the examination's `room`."""

    def __init__(self, room: Room, subject: Any) -> None:
        self.room = room
        self.subject = subject

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self.room.now()

    def build(self, **options: Any) -> Any:
        """An object of the learner's class, with those of the `options` that it can take.

        By their names if it knows these, else in their order.
        """
        parameters = list(inspect.signature(self.subject).parameters.values())
        named = {parameter.name for parameter in parameters}
        collects = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        known = {name: value for name, value in options.items() if collects or name in named}
        if known:
            return self.room.call(self.subject, **known)
        places = [
            parameter
            for parameter in parameters
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
        return self.room.call(self.subject, *list(options.values())[: len(places)])

    async def ask(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the learner's function and await what it returns."""
        awaitable = self.room.call(function, *args, **kwargs)
        if not inspect.isawaitable(awaitable):
            raise TypeError(f"{_name(function)} is not async: it returned no awaitable")
        return await self.room.drive(awaitable)

    async def cancel(self, task: asyncio.Future[Any]) -> bool:
        """Cancel `task`; whether it ended soon, and as cancelled."""
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        return task.cancelled()

    async def until(self, condition: Callable[[], bool]) -> bool:
        """Give others a few turns, in no time, until `condition` holds; whether it does."""
        for _ in range(20):
            if condition():
                return True
            await asyncio.sleep(0)
        return condition()


async def finished(awaitable: Awaitable[Any]) -> tuple[Any, Exception | None]:
    """Its result and None, or None and its error. A slip is raised: it ends the trial."""
    try:
        return await awaitable, None
    except SLIPS:
        raise
    except Exception as error:
        return None, error


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
