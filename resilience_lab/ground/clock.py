"""The time of the caller: its loop's, its virtual run's, or the machine's steady clock.

A loop of asyncio's own reads `time.monotonic`, so all of them, and code outside a loop, share one
clock. A virtual loop has a clock of its own that begins at 0.0. `loop_time` reads the one that is
in force; `LoopClock` makes of all of them one time that never runs backwards.
"""

from __future__ import annotations

import asyncio
import math
import time
from asyncio import AbstractEventLoop, BaseEventLoop
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeAlias
from weakref import WeakSet

virtual_loop: ContextVar[AbstractEventLoop | None] = ContextVar("virtual_loop", default=None)
"""The loop of the virtual run that this code belongs to, in the run's threads too."""


def loop_time() -> float:
    """Seconds on the running loop's clock, which may be virtual; else on `time.monotonic`.

    In a thread of a virtual run (`asyncio.to_thread`, `run_in_executor`) it is the run's clock.

    Examples
    --------
    >>> import asyncio
    >>> from resilience_lab import run_virtual
    >>> async def main():
    ...     await asyncio.sleep(30)
    ...     return loop_time()
    >>> run_virtual(main)
    30.0
    """
    loop = asyncio._get_running_loop() or _own_virtual_loop()
    return time.monotonic() if loop is None else loop.time()


class LoopClock:
    """The time for an object that is used on one loop after another, or in threads.

    It is the time of the loop that it is read on. A virtual loop counts from its own zero, so when
    it is read on another clock than before, it goes on from what the clock before says at that
    moment, and from then on passes with the new one; of a run that it has not been in before, the
    time since that run began is added. So it never runs backwards, and a break of thirty seconds
    ends thirty seconds later, on whichever clock they pass. On the first clock that it is read on,
    and on real loops alone, it says what that clock says.

    In a thread without a loop that no virtual run has started, it keeps to the virtual loop on
    which it was last read, as long as that runs: a pool's thread is at the same time as its run.
    """

    __slots__ = ("_met", "_present")

    def __init__(self) -> None:
        self._present: _Reading | None = None
        self._met: WeakSet[AbstractEventLoop] | None = None  # own clocks; most never meet one

    def __call__(self) -> float:
        running = asyncio._get_running_loop()
        present = self._present
        if present is None or running is not present[0] or (running is None and _in_doubt(present)):
            present = self._present = self._go_on(running)
        return present[2]() + present[3]

    def at_hand(self) -> Callable[[], float]:
        """A cheaper way to read it, good while the present loop runs."""
        present = self._go_on(asyncio._get_running_loop())
        return time.monotonic if present[1] is None and not present[3] else self

    def rounding(self) -> float:
        """How far, in seconds, a sum on this clock may be off at this moment: most often not."""
        if self._present is None or not self._present[3]:
            return 0.0
        _, _, read, offset = self._present
        seconds = read()
        if (seconds * 2**20).is_integer() and (offset * 2**20).is_integer():
            return 0.0  # sums of round numbers are exact
        return 4 * math.ulp(seconds + offset)

    def _go_on(self, running: AbstractEventLoop | None) -> _Reading:
        """How to read the time on this loop, or in this thread without one, from now on."""
        present = self._present
        source = running or _own_virtual_loop()
        if source is None and present is not None and present[1] is not None:
            source = present[1] if present[1].is_running() else None
        if source is not None and type(source).time is BaseEventLoop.time:
            source = None
        read = time.monotonic if source is None else source.time
        since = read()
        if source is not None and self._meets(source):
            since = getattr(source, "start", since)
        if present is None:
            return running, source, read, 0.0
        offset = present[3] if source is present[1] else present[2]() + present[3] - since
        return running, source, read, offset

    def _meets(self, loop: AbstractEventLoop) -> bool:
        """Whether it is on the clock of this loop for the first time."""
        if self._met is None:
            self._met = WeakSet()
        is_new = loop not in self._met
        self._met.add(loop)
        return is_new


_Reading: TypeAlias = tuple[
    AbstractEventLoop | None,  # the loop that runs
    AbstractEventLoop | None,  # the loop whose clock is read; None for `time.monotonic`
    Callable[[], float],  # that clock
    float,  # what is added to it
]


def _in_doubt(present: _Reading) -> bool:
    """Whether the clock that is read in a thread without a loop may be another one by now."""
    return present[1] is not None or virtual_loop.get() is not None


def at_hand(clock: Callable[[], float]) -> Callable[[], float]:
    """A cheaper way to read `clock`, good while the present loop runs.

    asyncio's own loops read `time.monotonic`, and to find out which loop is running costs several
    times as much as that.
    """
    if isinstance(clock, LoopClock):
        return clock.at_hand()
    if clock is not loop_time:
        return clock
    loop = asyncio._get_running_loop() or _own_virtual_loop()
    plain = loop is None or type(loop).time is BaseEventLoop.time
    return time.monotonic if plain else clock


def _own_virtual_loop() -> AbstractEventLoop | None:
    """The virtual loop of the run that this thread works for, while that run lasts."""
    loop = virtual_loop.get()
    return None if loop is None or loop.is_closed() else loop


def tick(clock: Callable[[], float]) -> float:
    """How many seconds too early, by `clock`, a sleep may end: 0.0 where none can tell.

    asyncio fires timers as early as the resolution of its clock, and a clock that is read between
    two ticks says the earlier. Before Python 3.13 a tick of Windows is 15.6 ms. A loop that tells
    no resolution is taken for uvloop, whose timers count whole milliseconds.
    """
    if isinstance(clock, LoopClock) and (rounding := clock.rounding()):
        return rounding
    loop = asyncio._get_running_loop()
    if loop is not None:
        resolution: float = getattr(loop, "_clock_resolution", 0.001)
    elif isinstance(clock, LoopClock):
        resolution = time.get_clock_info("monotonic").resolution
    else:
        resolution = 0.0
    return resolution if resolution > 1e-6 else 0.0
