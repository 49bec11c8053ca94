"""One deadline for everything inside a block, however many retries and fallbacks that takes.

A timeout bounds one attempt: thirty seconds, three tries, and the user waits ninety. A deadline
bounds the whole. It is ambient: a context variable carries it into every coroutine, task and thread
started inside the block, where retries, agents and chains read it and none waits for what cannot
come in time. An inner deadline can only shorten it. `no_deadline` is the way out, for work that is
to outlive the block. (The idea: "Deadline Propagation", Betsy Beyer et al., *Site Reliability
Engineering*, chapter 22, 2016.)
"""

from __future__ import annotations

import asyncio
import inspect
import math
import sys
import threading
from asyncio import BaseEventLoop
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType

from resilience_lab.errors import AgentTimeoutError, DeadlineExceededError
from resilience_lab.ground.arguments import non_negative
from resilience_lab.ground.clock import loop_time


@dataclass
class _Deadline:
    """The moment `when` on the clock `now`, infinite for a block that is free of deadlines.

    `seconds` is what was asked for by the block that set the moment, this one or one around it.
    """

    loop: asyncio.AbstractEventLoop | None
    owner: object
    now: Callable[[], float]
    when: float
    seconds: float
    outer: _Deadline | None
    open: bool = True


_ambient: ContextVar[_Deadline | None] = ContextVar("resilience_lab_deadline", default=None)


class DeadlineBlock:
    """What `deadline` and `no_deadline` return: a block for `async with` or `with`, used once.

    A class, because `contextlib`'s generators set `__traceback__` on what passes through them, and
    an error that cannot be changed would be replaced by the failure to do so.
    """

    _inner: _Deadline
    _timer: asyncio.Timeout

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun = False

    async def __aenter__(self) -> None:
        inner = self._begin()
        self._timer = asyncio.timeout_at(None if inner.when == math.inf else inner.when)
        await self._timer.__aenter__()
        _ambient.set(inner)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            expired = await _expired(self._timer, error)
        finally:
            self._end()
        if expired is not None:
            raise DeadlineExceededError(self._inner.seconds) from expired

    def __enter__(self) -> None:
        code = sys._getframe(1).f_code
        if self._seconds != math.inf and code.co_flags & _ASYNC:
            raise TypeError(
                f"use `async with deadline({self._seconds:g})` in the coroutine function "
                f"{code.co_name!r}: a plain `with` cannot interrupt what it awaits"
            )
        _ambient.set(self._begin())

    def __exit__(self, *_: object) -> None:
        self._end()

    def _begin(self) -> _Deadline:
        if self._begun:
            raise RuntimeError("this block has begun before: call deadline() for each block")
        self._begun = True
        outer = _current()
        loop = asyncio._get_running_loop()
        now = loop_time if loop is None else loop.time
        if loop is None and outer is not None:  # a thread keeps the time of the loop it serves
            loop, now = outer.loop, outer.now
        seconds, when = self._seconds, now() + self._seconds
        if outer is not None and outer.when < when and seconds != math.inf:
            seconds, when = outer.seconds, outer.when
        self._inner = _Deadline(loop, _owner(), now, when, seconds, outer)
        return self._inner

    def _end(self) -> None:
        # A generator may end its block in another context, or after a block begun later: so the
        # block is marked, and its task no longer sees it, wherever it is still remembered.
        self._inner.open = False
        _ambient.set(_current())


_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def deadline(seconds: float) -> DeadlineBlock:
    """Bound the block to `seconds` from now, or to the earlier deadline around it.

    With `async with`, what still runs in the block when the time is up is cancelled, and the block
    raises `DeadlineExceededError`. Synchronous code, which nothing can interrupt, uses a plain
    `with`: retries then wait for nothing that comes too late, and `time_remaining` tells how long a
    blocking client may take. A block that has finished is left alone, late or not.

    Parameters
    ----------
    seconds
        How long the block may take, a finite number >= 0.

    Raises
    ------
    DeadlineExceededError
        At the end of an `async with` block whose time was up. It is a `TimeoutError`.
    ValueError, TypeError
        At once, for `seconds` that make no sense.

    Examples
    --------
    >>> from resilience_lab import run_virtual
    >>> async def main():
    ...     async with deadline(5):
    ...         await asyncio.sleep(60)
    >>> run_virtual(main)
    Traceback (most recent call last):
    ...
    resilience_lab.errors.DeadlineExceededError: the deadline of 5 s has passed
    """
    return DeadlineBlock(non_negative("seconds", seconds))


def no_deadline() -> DeadlineBlock:
    """A block that the deadline around it does not reach, for work that is to outlive it.

    Tasks and threads inherit the deadline of the block they were begun in, and keep it when that
    block is over: a background task would have no time left for ever. Begin it in a `with` block of
    this kind, or put one around what it does. It sets nothing free that runs in the outer block
    itself: when that block's time is up, its own code is cancelled, wherever it is.

    Examples
    --------
    >>> from resilience_lab import run_virtual
    >>> async def background():
    ...     return time_remaining()
    >>> async def main():
    ...     async with deadline(5):
    ...         with no_deadline():
    ...             task = asyncio.create_task(background())
    ...     return await task
    >>> print(run_virtual(main))
    None
    """
    return DeadlineBlock(math.inf)


def deadline_at() -> float | None:
    """The moment of the ambient deadline on its loop's clock; None if there is none."""
    ambient = _current()
    return None if ambient is None or ambient.when == math.inf else ambient.when


def time_remaining() -> float | None:
    """Seconds until the ambient deadline, 0.0 once it has passed; None if there is none.

    Works in threads too (`asyncio.to_thread` carries the context there), so that a blocking client
    can be given the rest of the time as its timeout.

    Examples
    --------
    >>> from resilience_lab import run_virtual
    >>> async def main():
    ...     async with deadline(5):
    ...         await asyncio.sleep(2)
    ...         return time_remaining()
    >>> run_virtual(main)
    3.0
    """
    ambient = _current()
    if ambient is None or ambient.when == math.inf:
        return None
    return max(0.0, ambient.when - ambient.now())


def deadline_error() -> DeadlineExceededError | None:
    """What to raise if the ambient deadline has passed; None if it has not, or there is none."""
    ambient = _current()
    if ambient is None or ambient.now() < ambient.when:
        return None
    return DeadlineExceededError(ambient.seconds)


class TimeLimit:
    """Bounds an agent's attempt to `seconds`, or to the ambient deadline if that is sooner.

    Raises `AgentTimeoutError` when the time is up. A timeout of the block's own passes before that.
    """

    def __init__(self, agent: str, seconds: float | None) -> None:
        self._agent = agent
        self._started = asyncio.get_running_loop().time()
        limit = math.inf if seconds is None else self._started + seconds
        due = deadline_at()
        self._end = limit if due is None else min(limit, due)
        self._timer = asyncio.timeout_at(None if self._end == math.inf else self._end)

    async def __aenter__(self) -> None:
        await self._timer.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        expired = await _expired(self._timer, error)
        if expired is not None:
            raise AgentTimeoutError(self._agent, self._end - self._started) from expired


async def _expired(timer: asyncio.Timeout, error: BaseException | None) -> TimeoutError | None:
    """End `timer` after a block that raised `error`; the `TimeoutError`, if it has struck."""
    # asyncio's timer hears of cancellations alone: from Python 3.13 on it writes into other errors,
    # and one that cannot be changed would not let it. (So does `asynccontextmanager`, everywhere.)
    cancelled = error if isinstance(error, asyncio.CancelledError) else None
    try:
        await timer.__aexit__(None if cancelled is None else type(cancelled), cancelled, None)
    except TimeoutError as expired:
        error = expired
    return error if timer.expired() and isinstance(error, TimeoutError) else None


def _current() -> _Deadline | None:
    """The innermost deadline, if it is one of the running loop.

    The task whose block it was is rid of it when the block ends; tasks begun in there are not.
    Outside a loop, the same holds of threads.
    """
    loop = asyncio._get_running_loop()
    ambient = _ambient.get()
    while ambient is not None and not ambient.open and ambient.owner is _owner():
        ambient = ambient.outer
    if ambient is None or loop is None or loop is ambient.loop:
        return ambient
    # A deadline of plain code reaches into the loops begun there, if they read the same clock.
    plain = ambient.loop is None and type(loop).time is BaseEventLoop.time
    return ambient if plain else None


def _owner() -> object:
    """Whose blocks begin and end here: the running task's, or outside a loop the thread's."""
    loop = asyncio._get_running_loop()
    return threading.current_thread() if loop is None else asyncio.current_task(loop)
