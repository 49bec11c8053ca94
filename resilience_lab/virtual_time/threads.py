"""The threads that a virtual loop has to wait for: for its clock knows nothing of theirs.

Two questions are answered here, when nothing is left to do on the loop and before its clock jumps.

*Is a thread at work for the loop?* Then its answer is on the way, and virtual time stands still.
That concerns what the loop has handed out, or has been told of: `run_in_executor` and `to_thread`,
a `concurrent.futures.Future` that is awaited (`wrap_future`), and anyio's worker threads. Such a
thread is not at work while it waits, without a limit, for someone else: most likely for a
coroutine that it has handed to the loop (`run_coroutine_threadsafe`), and so for virtual time.

*Could a thread still wake the loop?* Only if none could, the run is deadlocked. That concerns every
thread of the process: one that was begun during the run, or from which the loop can be reached.

What a thread is doing is read from its stack, for no thread reports when it begins to wait.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import thread as pool_threads
from types import FrameType, FunctionType, ModuleType
from typing import Any
from weakref import WeakSet

REACH = 1_000
"""How many objects are looked at, at most, to find out whether a thread holds a certain one."""

_WAIT = threading.Condition.wait.__code__
_START = threading.Thread.start.__code__
_RESULT = (futures.Future.result.__code__, futures.Future.exception.__code__)
_ANYIO = "anyio._backends._asyncio"
_IDLE = (pool_threads.__file__, "_worker")


class Threads:
    """What `loop` knows of the threads around it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._before = WeakSet(threading.enumerate())
        self._awaited: list[tuple[asyncio.Future[Any], futures.Future[Any]]] = []
        self._handed_out: WeakSet[asyncio.Future[Any]] = WeakSet()
        self._asked: WeakSet[futures.Future[Any]] = WeakSet()
        self._lost: WeakSet[futures.Future[Any]] = WeakSet()

    # What the loop tells

    def awaits(self, future: asyncio.Future[Any], source: futures.Future[Any]) -> None:
        """The loop's `future` will have the result of `source`, which is another thread's."""
        self._awaited.append((future, source))

    def hands_out(self, future: asyncio.Future[Any]) -> None:
        """The loop itself has given the work on `future` to an executor."""
        self._handed_out.add(future)

    def is_asked(self, callback: Callable[..., object]) -> None:
        """Another thread has passed this in. It may wait for a future that `callback` fills."""
        cells = getattr(callback, "__closure__", None) or ()
        for value in gc.get_referents(*cells):
            if isinstance(value, futures.Future):
                self._asked.add(value)

    # What it asks

    def at_work(self) -> bool:
        """Whether an answer is on its way, so that time must stand still."""
        if not (self.outstanding() or (_ANYIO in sys.modules and self._anyio_has_work())):
            return False
        # Threads go on while they are looked at, so it takes two looks to say that none works.
        return self._sees_work() or self._sees_work()

    def _anyio_has_work(self) -> bool:
        return any(_works_for_anyio(thread, self._loop) for thread in threading.enumerate())

    def _sees_work(self) -> bool:
        others = _others()
        if any(not it.waits and _works_for_anyio(it.thread, self._loop) for it in others):
            return True
        return any(self._is_worked_on(*pair, others) for pair in self.outstanding())

    def outstanding(self) -> list[tuple[asyncio.Future[Any], futures.Future[Any]]]:
        """What the loop awaits from threads, and what it has given up and they still work on."""
        if self._awaited:
            self._awaited = [p for p in self._awaited if not (p[0].done() and p[1].done())]
        return self._awaited

    def may_wake(self) -> bool:
        """Whether any thread could still put something into the loop's queue."""
        others = _others()
        asking = [thread for thread in others if thread.asks(self._asked)]
        return any(self._may_wake(thread) for thread in others if thread not in asking)

    def _may_wake(self, thread: _Thread) -> bool:
        if thread.idle_in_anyio:
            return False
        own = thread.thread not in self._before and not thread.daemon
        return (own and not thread.waits and not thread.idle) or thread.holds(self._loop)

    def _is_worked_on(
        self, future: asyncio.Future[Any], source: futures.Future[Any], others: list[_Thread]
    ) -> bool:
        held_up = any(it.waits and it.holds(source) for it in others) and any(
            thread.holds(source) for thread in _held_up(others)
        )
        if (
            (not held_up and (source.running() or future in self._handed_out))
            or any(not thread.waits and thread.holds(source) for thread in others)
            or source.done()  # and it is about to be reported
        ):
            self._lost.discard(source)
            return True
        if held_up or source in self._lost:
            return False
        # A thread may have it in hand without a name for it yet: so time for it to go on.
        self._lost.add(source)
        return True


def _held_up(threads: list[_Thread]) -> list[_Thread]:
    """Those that wait, and for no other thread that gets on."""
    waiting = [thread for thread in threads if thread.waits]
    at_work = [thread for thread in threads if not thread.waits]
    while at_work:
        served = [it for it in waiting if any(other.holds(it.condition) for other in at_work)]
        waiting = [thread for thread in waiting if thread not in served]
        at_work = served
    return waiting


def others_hold(wanted: object) -> bool:
    """Whether another thread that is at work could do something with this object."""
    return any(not thread.waits and thread.holds(wanted) for thread in _others())


def _others() -> list[_Thread]:
    threads = {thread.ident: thread for thread in threading.enumerate()}
    frames = sys._current_frames()
    # This function's own frame holds the dictionary: a cycle that would keep all the others alive.
    del frames[threading.get_ident()]
    return [_Thread(threads.get(ident), frame) for ident, frame in frames.items()]


class _Thread:
    """One other thread, as it was at the moment when one looked."""

    def __init__(self, thread: threading.Thread | None, frame: FrameType) -> None:
        self.thread = thread
        self.frame = frame
        self.waits = self._waits()

    @property
    def daemon(self) -> bool:
        """Whether the program does not wait for it to end; so for one that Python did not begin."""
        return self.thread is None or self.thread.daemon

    def _waits(self) -> bool:
        """Whether it waits, with no limit of time, and no thread has notified it yet."""
        if self.frame.f_code is not _WAIT or any(it.f_code is _START for it in self._stack()):
            return False
        names = self.frame.f_locals
        waiter = names.get("waiter")
        return names["timeout"] is None and waiter in list(names["self"]._waiters)

    @property
    def condition(self) -> threading.Condition:
        """What it waits for, if it waits."""
        condition: threading.Condition = self.frame.f_locals["self"]
        return condition

    @property
    def idle_in_anyio(self) -> bool:
        """Whether it is a worker thread of anyio's without work."""
        worker: Any = self.thread
        return _is_anyios(worker) and not worker.queue.unfinished_tasks

    @property
    def idle(self) -> bool:
        """Whether it is a thread of Python's pools without work."""
        return (self.frame.f_code.co_filename, self.frame.f_code.co_name) == _IDLE

    def asks(self, asked: WeakSet[futures.Future[Any]]) -> bool:
        """Whether it waits for the result of a future that the loop has to fill."""
        return self.waits and any(
            frame.f_code in _RESULT and frame.f_locals["self"] in asked for frame in self._stack()
        )

    def holds(self, wanted: object) -> bool:
        """Whether `wanted` can be reached from the variables of the functions that it is in."""
        return id(wanted) in self._reached

    @functools.cached_property
    def _reached(self) -> dict[int, Any]:
        waiting: deque[Any] = deque()
        for frame in self._stack():
            waiting += frame.f_locals.values()
            if frame.f_globals is not vars(threading):
                names = frame.f_globals
                waiting += (names[name] for name in frame.f_code.co_names if name in names)
        reached: dict[int, Any] = {}
        while waiting and len(reached) < REACH:
            thing = waiting.popleft()
            if id(thing) not in reached:
                reached[id(thing)] = thing
                waiting += _parts(thing)
        return reached

    def _stack(self) -> Iterator[FrameType]:
        frame: FrameType | None = self.frame
        while frame is not None:
            yield frame
            frame = frame.f_back


def _is_anyios(worker: Any) -> bool:
    return type(worker).__module__ == _ANYIO


def _works_for_anyio(worker: Any, loop: asyncio.AbstractEventLoop) -> bool:
    """Whether it is a worker thread of anyio's on `loop`, and has work."""
    return _is_anyios(worker) and worker.loop is loop and worker.queue.unfinished_tasks > 0


def _parts(thing: Any) -> list[Any]:
    """What `thing` holds itself; not what all code shares."""
    kind = type(thing)
    if kind is FunctionType:
        return [*(thing.__closure__ or ()), *(thing.__defaults__ or ())]
    if issubclass(kind, type | ModuleType | FrameType):
        return []
    if kind is dict and "__builtins__" in thing:
        return []  # the names of a module
    return gc.get_referents(thing)
