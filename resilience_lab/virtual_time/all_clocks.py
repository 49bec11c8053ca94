"""Every clock of a thread on virtual time: for libraries that read them, and code without asyncio.

tenacity and stamina wait on the loop, and in virtual time, but ask `time.monotonic` whether it is
time to stop. Here they get the same time from both. And `time.sleep` passes it at once, so that
code which knows nothing of asyncio runs in virtual time, too.

What is virtual, in the calling thread: `time`, `monotonic` and `perf_counter` with their `_ns`
forms, `clock_gettime`, `localtime` and its like, `datetime.now`, `today` and `utcnow`,
`time.sleep`, `threading.Event.wait` with a limit, and the loop of `asyncio.run`. Names that code
has imported before are found as `clock_replacement` tells. What is not: the processor's time, other
threads, and waiting for a lock, a queue or a socket, which takes real time and no virtual time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

from resilience_lab.virtual_time.clock_replacement import StandIns
from resilience_lab.virtual_time.clocks import CLOCKS, on_stage, set_stage
from resilience_lab.virtual_time.loop import LOOK_AGAIN, VirtualLoop
from resilience_lab.virtual_time.threads import others_hold


@contextmanager
def all_clocks(loop: VirtualLoop, *subjects: Any) -> Iterator[list[Any]]:
    """Inside, and in this thread, every clock shows the time of `loop`.

    `subjects` are the functions and objects that will run, and hold on to clocks perhaps. They are
    handed back: where one was a clock itself, its stand-in.
    """
    with CLOCKS.in_place(*subjects), _WAITING.in_place(*subjects):
        before = set_stage(_Run(loop))
        try:
            yield [CLOCKS.of(subject) for subject in subjects]
        finally:
            set_stage(before)


class _Run:
    """The stage on which the stand-ins of one run play."""

    wall_offset = 0.0

    def __init__(self, loop: VirtualLoop) -> None:
        around = on_stage()
        self.examines = around is not None and around.examines
        self.loop = loop

    def now(self) -> float:
        """Virtual seconds."""
        return self.loop.time()

    def blocked(self, seconds: float) -> None:
        """`time.sleep`."""
        _real.sleep(min(seconds, 0.0))  # what it refuses is refused here
        if seconds > threading.TIMEOUT_MAX:
            raise OverflowError("timestamp too large to convert to C PyTime_t")
        self.loop.move_to(self.loop.time() + seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """`event.wait(seconds)`: really, as long as a thread is at work that could set it."""
        waited = 0.0
        while waited < seconds and (others_hold(event) or not waited):
            if _real.wait(event, LOOK_AGAIN if threading.active_count() > 1 else 0.0):
                return True
            waited += LOOK_AGAIN
        self.blocked(max(0.0, seconds))
        return event.is_set()


class _FurtherLoop(VirtualLoop):
    """A loop that `asyncio.run` makes during the run: it has the run's time."""

    def __init__(self, run: VirtualLoop) -> None:
        self._run = run
        super().__init__(run.time())

    @property
    def _time(self) -> float:
        return self._run.time()

    @_time.setter
    def _time(self, seconds: float) -> None:
        self._run.move_to(seconds)


# Kept in an object, for names in a module are exchanged.
_real = SimpleNamespace(
    sleep=time.sleep, wait=threading.Event.wait, new_event_loop=asyncio.new_event_loop
)


def _wait(self: threading.Event, timeout: float | None = None) -> bool:
    stage = on_stage()
    if timeout is None or not isinstance(stage, _Run) or self.is_set():
        return bool(_real.wait(self, timeout))
    return stage.wait(self, timeout)


def _new_event_loop() -> asyncio.AbstractEventLoop:
    stage = on_stage()
    loop = _FurtherLoop(stage.loop) if isinstance(stage, _Run) else _real.new_event_loop()
    return cast(asyncio.AbstractEventLoop, loop)


_WAITING = StandIns(
    {
        (threading.Event, "wait"): _wait,
        (asyncio, "new_event_loop"): _new_event_loop,
        (asyncio.events, "new_event_loop"): _new_event_loop,
    }
)
