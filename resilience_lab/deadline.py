"""One deadline for everything inside a block, however many retries and fallbacks that takes.

A timeout bounds one attempt: thirty seconds, three tries, and the user waits ninety. A deadline
bounds the whole. It is ambient: a context variable carries it into every coroutine and task started
inside the block, where retries, agents and chains read it and none waits for what cannot come in
time. An inner deadline can only shorten it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from resilience_lab.arguments import non_negative
from resilience_lab.errors import DeadlineExceededError


@dataclass(eq=False)
class _Deadline:
    """One block's deadline, on the clock of the loop that it runs on."""

    loop: asyncio.AbstractEventLoop
    task: asyncio.Task[object] | None
    when: float
    outer: _Deadline | None
    open: bool = True


_ambient: ContextVar[_Deadline | None] = ContextVar("resilience_lab_deadline", default=None)


def deadline(seconds: float) -> AbstractAsyncContextManager[None]:
    """Bound the block to `seconds` (>= 0) from now, or to the earlier deadline around it.

    Raises `DeadlineExceededError`, a `TimeoutError`, when the time is up; what still ran in the
    block is cancelled.
    """
    return _block(non_negative("seconds", seconds))


@asynccontextmanager
async def _block(seconds: float) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    now = loop.time()
    outer = _current()
    when = now + seconds if outer is None else min(now + seconds, outer.when)
    inner = _Deadline(loop, asyncio.current_task(), when, outer)
    _ambient.set(inner)
    try:
        async with asyncio.timeout_at(when) as timer:
            yield
    except TimeoutError as error:
        if not timer.expired():
            raise  # a timeout of the block's own
        raise DeadlineExceededError(when - now) from error
    finally:
        # A generator may end its block in another context, or after a block begun later: so the
        # block is marked, and its task no longer sees it, wherever it is still remembered.
        inner.open = False
        _ambient.set(_current())


def deadline_at() -> float | None:
    """The moment of the ambient deadline on its loop's clock; None if there is none."""
    ambient = _current()
    return None if ambient is None else ambient.when


def time_remaining() -> float | None:
    """Seconds until the ambient deadline, 0.0 once it has passed; None if there is none.

    Works in threads too (`asyncio.to_thread` carries the context there), so that a blocking client
    can be given the rest of the time as its timeout.
    """
    ambient = _current()
    return None if ambient is None else max(0.0, ambient.when - ambient.loop.time())


def _current() -> _Deadline | None:
    """The innermost deadline, if it is one of the running loop.

    The task whose block it was is rid of it when the block ends; tasks begun in there are not.
    """
    loop = asyncio._get_running_loop()
    ambient = _ambient.get()
    if ambient is not None and not ambient.open and loop is not None:
        task = asyncio.current_task(loop)
        while ambient is not None and not ambient.open and ambient.task is task:
            ambient = ambient.outer
    if ambient is None or loop not in (None, ambient.loop):
        return None
    return ambient
