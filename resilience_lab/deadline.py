"""One deadline for everything inside a block, however many retries and fallbacks that takes.

A timeout bounds one attempt: thirty seconds, three tries, and the user waits ninety. A deadline
bounds the whole. It is ambient: a context variable carries it into every coroutine and task started
inside the block, where retries, agents and chains read it and none waits for what cannot come in
time. An inner deadline can only shorten it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from resilience_lab.arguments import non_negative
from resilience_lab.errors import DeadlineExceededError

# The loop is kept beside the moment, for another loop may run on another clock.
_ambient: ContextVar[tuple[asyncio.AbstractEventLoop, float] | None] = ContextVar(
    "resilience_lab_deadline", default=None
)


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """Bound the block to `seconds` (>= 0) from now, or to the earlier deadline around it.

    Raises `DeadlineExceededError`, a `TimeoutError`, when the time is up; what still ran in the
    block is cancelled.
    """
    non_negative("seconds", seconds)
    loop = asyncio.get_running_loop()
    now = loop.time()
    outer = deadline_at()
    when = now + seconds if outer is None else min(now + seconds, outer)
    token = _ambient.set((loop, when))
    try:
        async with asyncio.timeout_at(when) as timer:
            yield
    except TimeoutError as error:
        if not timer.expired():
            raise  # a timeout of the block's own
        raise DeadlineExceededError(when - now) from error
    finally:
        _ambient.reset(token)


def deadline_at() -> float | None:
    """The moment of the ambient deadline on its loop's clock; None if there is none."""
    ambient = _current()
    return None if ambient is None else ambient[1]


def time_remaining() -> float | None:
    """Seconds until the ambient deadline, 0.0 once it has passed; None if there is none.

    Works in threads too (`asyncio.to_thread` carries the context there), so that a blocking client
    can be given the rest of the time as its timeout.
    """
    ambient = _current()
    if ambient is None:
        return None
    loop, when = ambient
    return max(0.0, when - loop.time())


def _current() -> tuple[asyncio.AbstractEventLoop, float] | None:
    ambient = _ambient.get()
    if ambient is None or asyncio._get_running_loop() not in (None, ambient[0]):
        return None
    return ambient
