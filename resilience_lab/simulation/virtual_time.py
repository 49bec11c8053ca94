"""Virtual time: an hour's outage in a millisecond, and the same numbers every time.

Every policy here reads its event loop's clock and waits with asyncio's own timers. So it is enough
to give it a loop whose clock is a number: when nothing is ready to run, the loop sets the clock to
the next timer and goes on. The policies under test are the shipped ones, and other asyncio code
(tenacity, a learner's own) runs in virtual time too.

There are no sockets on this loop, for a network has no virtual time. Threads (`asyncio.to_thread`)
take none: the clock stands still until they are done.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import inspect
import math
import queue
import random
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextvars import Context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

from resilience_lab.arguments import whole
from resilience_lab.errors import DeadlockError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def run_virtual(
    main: Callable[..., Coroutine[Any, Any, T]], *args: Any, seed: int | None = None
) -> T:
    """Run `main(*args)`, a coroutine function, on a fresh loop in virtual time from 0.0 s.

    Returns its result and lets its exceptions through. What it left running is cancelled. Works
    from a script and from a notebook cell, whose own loop rests meanwhile: everything runs in the
    calling thread, so prints, context variables and Ctrl-C are where one expects them. With `seed`,
    the `random` module is seeded for the run and put back afterwards.

    Raises `DeadlockError`, naming the tasks, when all of them wait for something that no timer will
    bring; `TypeError` if `main` is not a coroutine function.
    """
    if seed is not None:
        whole("seed", seed, at_least=0)
    coroutine = main(*args) if callable(main) else None
    if not inspect.iscoroutine(coroutine):
        raise TypeError(f"main must be a coroutine function (not its call), got {main!r}")
    loop = VirtualLoop()
    with outer_loop_at_rest(), seeded(seed):
        try:
            result: T = loop.run_until_complete(coroutine)
        finally:
            loop.wind_up()
    return result


class _Task(asyncio.Task[Any]):
    """Hashes by its number, so that asyncio's own sets of tasks are in the same order each time."""

    def __init__(self, number: int, *args: Any, **kwargs: Any) -> None:
        self.number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    """An asyncio event loop whose clock jumps from timer to timer.

    Timers due at the same moment fire in the order in which they were set, tasks are named and
    cancelled in the order of their creation: nothing depends on chance.
    """

    def __init__(self) -> None:
        super().__init__()
        self._time = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._cancelled_since_sweep = 0
        self._task_numbers = count(1)
        self._threads = 0  # at work in an executor
        self._wakeups: queue.SimpleQueue[None] = queue.SimpleQueue()

    def time(self) -> float:
        """Seconds since the loop began."""
        return self._time

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback(*args)` at the virtual moment `when`; never, if that is infinite."""
        self._check_closed()  # type: ignore[attr-defined]
        if math.isnan(when):
            raise ValueError(f"when must be a moment in seconds, got {when!r}")
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        # One that is never due is kept, too: it is all that holds a task which sleeps for ever.
        heapq.heappush(self._timers, (when, next(self._order), timer))
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def create_task(self, coro: Any, *, name: object = None, **kwargs: Any) -> asyncio.Task[Any]:
        """As usual, but unnamed tasks are called task-1, task-2 ... anew in each run."""
        self._check_closed()  # type: ignore[attr-defined]
        number = next(self._task_numbers)
        return _Task(number, coro, loop=self, name=str(name or f"task-{number}"), **kwargs)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As usual; the clock stands still until `func` returns."""
        future = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: object) -> None:
        self._threads -= 1

    def wind_up(self) -> None:
        """Cancel what is left over, in the order of its creation, and close the loop.

        A task that refuses to end and waits for nothing is left behind, for the result of the run
        matters more. What others raise on their way out is reported as asyncio does.
        """
        try:
            with contextlib.suppress(DeadlockError):
                self.run_until_complete(self._cancel_what_is_left())
            self.run_until_complete(self.shutdown_asyncgens())
            executor = self._default_executor  # type: ignore[attr-defined]
            if executor is not None:
                executor.shutdown(wait=True)
        finally:
            self.close()

    async def _cancel_what_is_left(self) -> None:
        left: list[Any] = list(asyncio.all_tasks(self) - {asyncio.current_task()})
        left.sort(key=lambda task: task.number)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for task in left:
            if not task.cancelled() and task.exception() is not None:
                message = "a task that was left over failed when it was cancelled"
                self.call_exception_handler(
                    {"message": message, "exception": task.exception(), "task": task}
                )

    # What BaseEventLoop leaves to its subclasses

    def _run_once(self) -> None:
        """One turn: everything that is ready now, or else on to the next moment."""
        ready = self._ready  # type: ignore[attr-defined]
        timers = self._timers
        if not ready:
            self._move_on()
        while timers and timers[0][0] <= self._time:
            timer = heapq.heappop(timers)[2]
            timer._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _move_on(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if self._stopping:  # type: ignore[attr-defined]
            return
        if self._threads:
            self._wakeups.get()
        elif timers and timers[0][0] < math.inf:
            self._time = max(self._time, timers[0][0])
        else:
            raise DeadlockError(sorted(map(_describe, asyncio.all_tasks(self))), self._time)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Drop cancelled timers once they are the most, or a long run would drown in them."""
        if not handle._scheduled:  # type: ignore[attr-defined]
            return
        self._cancelled_since_sweep += 1
        if self._cancelled_since_sweep > max(100, len(self._timers) / 2):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_since_sweep = 0

    def _write_to_self(self) -> None:
        """Called by other threads, after they have put something into the ready queue."""
        self._wakeups.put(None)

    def _process_events(self, _events: object) -> None:
        """There is no network to hear from."""


def _describe(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return f"{task.get_name()} ({getattr(coroutine, '__qualname__', coroutine)})"


@contextlib.contextmanager
def outer_loop_at_rest() -> Iterator[None]:
    """Let another loop run in this thread, in the middle of a callback of the running one."""
    outer = asyncio._get_running_loop()
    if outer is None:
        yield
        return
    task = asyncio.current_task(outer)
    if task is not None:
        asyncio.tasks._leave_task(outer, task)
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(outer)
        if task is not None:
            asyncio.tasks._enter_task(outer, task)


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed the `random` module for the block, and put it back afterwards; not at all if None."""
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
