"""The service that a learner's breaker or retry calls: it does as it is told, and counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

Function: TypeAlias = Callable[..., Coroutine[Any, Any, Any]]


class ServiceError(ConnectionError):
    """The service has failed."""


class UnheardOfError(Exception):
    """An error that nobody has heard of before."""


class Service:
    """Makes real coroutine functions, because some code asks for them.

    `calls` counts those that have reached it, `running` those that are under way, and `times` says
    when each came.
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.running = 0
        self.arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    @property
    def calls(self) -> int:
        return len(self.times)

    def function(
        self, *outcomes: Any, seconds: float = 0.0, until: asyncio.Event | None = None
    ) -> Function:
        """A coroutine function that takes `seconds`, and then has the next outcome, or the last.

        With `until`, it waits for that event instead.

        An exception is raised, anything else returned.
        """
        left = list(outcomes)

        async def service(*args: Any, **kwargs: Any) -> Any:
            self.times.append(asyncio.get_running_loop().time())
            self.arguments = args, kwargs
            outcome = left.pop(0) if len(left) > 1 else left[0]
            self.running += 1
            try:
                if until is not None:
                    await until.wait()
                elif seconds:
                    await asyncio.sleep(seconds)
            finally:
                self.running -= 1
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        return service
