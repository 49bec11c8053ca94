"""Virtual time: an hour's outage in a millisecond, and the same numbers every time.

Every policy here reads its event loop's clock and waits with asyncio's own timers. So it is enough
to give it a loop whose clock is a number: when nothing is ready to run, the loop sets the clock to
the next timer and goes on. The policies under test are the shipped ones, and other asyncio code
(tenacity, a learner's own) runs in virtual time too.

There are no sockets on this loop, for a network has no virtual time. Threads (`asyncio.to_thread`)
take none: the clock stands still until they are done. With `clocks="all"` the other clocks of the
calling thread follow the loop's, and `time.sleep` waits on it: so code that is not asyncio's runs
in virtual time, too (see `all_clocks`).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import queue
import random
import sys
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import Context
from functools import partial
from itertools import count
from typing import Any, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

from resilience_lab.errors import DeadlockError
from resilience_lab.ground.clock import virtual_loop
from resilience_lab.virtual_time.no_network import NoNetwork
from resilience_lab.virtual_time.threads import Threads

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

TIME_TO_END = 3600.0
"""Virtual seconds that a run's left-over tasks and generators have for their clean-up."""

LOOK_AGAIN = 0.002
"""Real seconds after which a waiting loop looks at its threads again."""

LOOKS = 3
"""So often no thread must be seen that could wake the loop, before that is called a deadlock."""

_WRAP_FUTURE = asyncio.wrap_future.__code__


class _Task(asyncio.Task[Any]):
    """Hashes by its number, so that asyncio's own sets of tasks are in the same order each time."""

    def __init__(self, number: int, *args: Any, **kwargs: Any) -> None:
        self.number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self.number


class _Wakeups:
    """Tells the loop, while it waits, that another thread has put something into its queue.

    Reentrant, for a garbage collection at any moment may do so, too.
    """

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def put(self, _: None = None) -> None:
        """Wake the loop, now or when it next waits."""
        if self._told.empty():
            self._told.put(None)

    def get(self) -> None:
        """Wait until it is woken, but not for long: it has to look after its threads again."""
        with contextlib.suppress(queue.Empty):
            self._told.get(timeout=LOOK_AGAIN)


class VirtualLoop(NoNetwork):
    """An asyncio event loop whose clock jumps from timer to timer.

    Timers due at the same moment fire in the order in which they were set, tasks are named and
    cancelled in the order of their creation: nothing depends on chance.
    """

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.start = self._time = start
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._cancelled_since_sweep = 0
        self._task_numbers = count(1)
        self._others_numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._threads = Threads(self)
        self._wakeups = _Wakeups()

    def time(self) -> float:
        """Seconds since the run began."""
        return self._time

    def move_to(self, moment: float) -> None:
        """Let time pass, up to this moment, in which nothing else can happen."""
        self._time = moment

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

    def create_future(self) -> asyncio.Future[Any]:
        """As usual; one that has to do with a thread is remembered."""
        future = asyncio.Future[Any](loop=self)
        caller = sys._getframe(1)
        if caller.f_code is _WRAP_FUTURE:
            self._threads.awaits(future, caller.f_locals["future"])
        return future

    def create_task(self, coro: Any, *, name: object = None, **kwargs: Any) -> asyncio.Task[Any]:
        """As usual, but unnamed tasks are called task-1, task-2 ... anew in each run."""
        self._check_closed()  # type: ignore[attr-defined]
        number = next(self._task_numbers)
        name = str(name or f"task-{number}")
        if self.get_task_factory() is None:
            return _Task(number, coro, loop=self, name=name, **kwargs)
        task = super().create_task(coro, name=name, **kwargs)
        self._others_numbers[task] = number
        return task

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As usual; the clock stands still until `func` returns, and policies in it read it."""
        work: Any = func
        if executor is None or isinstance(executor, ThreadPoolExecutor):
            work = partial(_in_thread_of, self, func)
        future = super().run_in_executor(executor, work, *args)
        self._threads.hands_out(future)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As usual."""
        self._threads.is_asked(callback)
        return super().call_soon_threadsafe(callback, *args, context=context)

    def wind_up(self) -> None:
        """Cancel what is left over, in the order of its creation, and close the loop.

        It has an hour of virtual time to end, and threads as long as they are at work. What refuses
        to end is left behind, for the result of the run matters more. What others raise on their
        way out is reported as asyncio does.
        """
        self.set_task_factory(None)
        try:
            self._cancel_what_is_left()
            while self._threads.at_work():
                self._finish(self._hear_from_threads())
                self._cancel_what_is_left()
            self._finish(self.shutdown_asyncgens())
            executor = self._default_executor  # type: ignore[attr-defined]
            if executor is not None:
                executor.shutdown(wait=not self._threads.outstanding())
        finally:
            self.close()

    def close(self) -> None:
        """As usual."""
        super().close()
        self._timers.clear()

    def _finish(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run `coroutine` to its end, if there is one within `TIME_TO_END`."""
        task = self.create_task(coroutine)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.run_until_complete(asyncio.wait([task], timeout=TIME_TO_END))
        if task.done():
            task.result()

    async def _hear_from_threads(self) -> None:
        while self._threads.at_work():
            self._wakeups.get()
            await asyncio.sleep(0)

    def _cancel_what_is_left(self) -> None:
        left = sorted(asyncio.all_tasks(self), key=self._number)
        for task in left:
            task.cancel()
        if left:
            self._finish(self._report(left))

    async def _report(self, left: list[asyncio.Task[Any]]) -> None:
        await asyncio.gather(*left, return_exceptions=True)
        for task in left:
            if not task.cancelled() and task.exception() is not None:
                message = "a task that was left over failed when it was cancelled"
                self.call_exception_handler(
                    {"message": message, "exception": task.exception(), "task": task}
                )

    def _number(self, task: asyncio.Task[Any]) -> int:
        return task.number if isinstance(task, _Task) else self._others_numbers.get(task, 0)

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
        ready = self._ready  # type: ignore[attr-defined]
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if self._stopping:  # type: ignore[attr-defined]
            return
        while not ready and self._threads.at_work():
            self._wakeups.get()
        if ready:
            return
        if timers and timers[0][0] < math.inf:
            self._time = max(self._time, timers[0][0])
        else:
            self._wait_for_any_thread()

    def _wait_for_any_thread(self) -> None:
        """Wait for a thread that could wake the loop; `DeadlockError` once none has been seen."""
        unseen = 0
        while not self._ready:  # type: ignore[attr-defined]
            unseen = 0 if self._threads.may_wake() else unseen + 1
            if unseen == LOOKS:
                raise DeadlockError(sorted(map(_describe, asyncio.all_tasks(self))), self._time)
            self._wakeups.get()

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


def _in_thread_of(loop: VirtualLoop, func: Callable[[*Ts], T], *args: *Ts) -> T:
    """Call `func` in a thread that belongs to the run."""
    with time_of(loop):
        return func(*args)


@contextlib.contextmanager
def time_of(loop: VirtualLoop) -> Iterator[None]:
    """Inside, the policies that are used without a loop read the clock of this one."""
    token = virtual_loop.set(loop)
    try:
        yield
    finally:
        virtual_loop.reset(token)


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
