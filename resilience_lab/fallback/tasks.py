"""Ending tasks: what was cancelled is waited for, as long as there is time for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from resilience_lab.events.events import logger

_leaving: set[asyncio.Task[Any]] = set()  # asyncio itself does not keep a task alive


async def wind_up(tasks: Iterable[asyncio.Task[Any]], *, within: float | None = None) -> None:
    """Cancel `tasks` and return when all of them have ended, however they end.

    To be cancelled meanwhile changes nothing, except that it is raised afterwards. But to be
    cancelled twice ends the wait (as often as it likes: so cancel scopes do that are not asyncio's
    own), and so does the end of `within` seconds, or being cancelled in these. A task that takes
    longer ends in the background, and what it raises is logged.
    """
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    pending = {task for task in tasks if not task.done()}
    cancelled: asyncio.CancelledError | None = None
    while pending:
        try:
            _, pending = await asyncio.wait(pending, timeout=within)
        except asyncio.CancelledError as error:
            again, cancelled = cancelled is not None, error
            pending = {task for task in pending if not task.done()}
            if again:
                break
        if within is not None:
            break
    for task in pending:
        _leaving.add(task)
        task.add_done_callback(_has_left)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it as lost
    if cancelled is not None:
        raise cancelled


def _has_left(task: asyncio.Task[Any]) -> None:
    _leaving.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("a task raised when it was cancelled: %r", error, exc_info=error)
