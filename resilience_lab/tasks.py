"""Ending tasks: those who cancel wait for what they cancelled, as long as they have time for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from resilience_lab.events import logger

_leaving: set[asyncio.Task[Any]] = set()  # asyncio itself does not keep a task alive


async def wind_up(tasks: Iterable[asyncio.Task[Any]], *, within: float | None = None) -> None:
    """Cancel `tasks` and return when all of them have ended, however they end.

    To be cancelled meanwhile changes nothing, except that it is raised afterwards. If they are not
    waited for longer than `within` seconds, who takes longer ends in the background, and what it
    raises is logged; a cancellation then ends the wait.
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
            cancelled = error
            pending = {task for task in pending if not task.done()}
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


def cancellations() -> int:
    """How many requests to cancel the running task are still to be obeyed.

    A library that cancels the task for a purpose of its own takes that back (`Task.uncancel`).
    """
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def obey_cancellation(since: int, error: Exception, who: str) -> None:
    """Raise `CancelledError` in place of `error` if there were more `cancellations` than `since`.

    A clean-up that raises takes the place of the cancellation that it belongs to: a task would then
    go on that was told to end, and the service would be blamed for it. The error is logged.
    """
    if cancellations() <= since:
        return
    logger.warning("agent %r raised when it was cancelled: %r", who, error, exc_info=error)
    told = error.__context__
    raise asyncio.CancelledError(
        *(told.args if isinstance(told, asyncio.CancelledError) else ())
    ) from error
