"""The time of whoever is asking: the running loop's, or the machine's steady clock outside one."""

from __future__ import annotations

import asyncio
import time
from asyncio import BaseEventLoop
from collections.abc import Callable


def loop_time() -> float:
    """Seconds on the running loop's clock, which may be virtual; else on `time.monotonic`."""
    loop = asyncio._get_running_loop()
    return time.monotonic() if loop is None else loop.time()


def at_hand(clock: Callable[[], float]) -> Callable[[], float]:
    """A cheaper way to read `clock`, good while the present loop runs.

    asyncio's own loops read `time.monotonic`, and to find out which loop is running costs several
    times as much as that.
    """
    if clock is not loop_time:
        return clock
    loop = asyncio._get_running_loop()
    plain = loop is None or type(loop).time is BaseEventLoop.time
    return time.monotonic if plain else clock
