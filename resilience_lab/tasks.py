"""Ending tasks: none may outlive the call that began it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def wind_up(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and return when all of them have ended, however they end.

    To be cancelled meanwhile changes nothing, except that it is raised afterwards.
    """
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    pending = {task for task in tasks if not task.done()}
    cancelled: asyncio.CancelledError | None = None
    while pending:
        try:
            _, pending = await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
            pending = {task for task in pending if not task.done()}
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as lost
    if cancelled is not None:
        raise cancelled
