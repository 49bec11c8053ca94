"""Stand-ins for locks, threads and `input`, while a learner's code is examined.

The clocks have theirs already (`simulation.clocks`). Here is what would block the only thread for
ever: in an examination it says so instead.
"""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable
from typing import Any

from resilience_lab.virtual_time.clock_replacement import StandIns
from resilience_lab.virtual_time.clocks import Stage, on_stage


class BlockedError(Exception):
    """The learner's code waits for what cannot come, and nothing else can run meanwhile."""


def _examination() -> Stage | None:
    """The examination that is on in this thread, if any."""
    stage = on_stage()
    return stage if stage is not None and stage.examines else None


class _Lock:
    """A lock that says so when the only thread there is would wait for it for ever."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        stage = _examination()
        if stage is None:
            return bool(self._real.acquire(blocking, timeout))
        if self._real.acquire(False):
            return True
        if blocking and timeout < 0:
            raise BlockedError("it waited for a lock that nobody else could release")
        if blocking:
            stage.blocked(timeout)
        return False

    def release(self) -> None:
        self._real.release()

    def locked(self) -> bool:
        return bool(self._real.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _LockFactory:
    def __init__(self, real: Callable[[], Any]) -> None:
        self._real = real

    def __call__(self) -> Any:
        return self._real() if _examination() is None else _Lock(self._real())


def _refusal(real: Callable[..., Any], reason: str) -> Callable[..., Any]:
    """Stands in for what has no place in an examination; a function, for it may be a method."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        if _examination() is None:
            return real(*args, **kwargs)
        raise BlockedError(reason)

    return refuse


BLOCKING = StandIns(
    {
        (threading, "Lock"): _LockFactory(threading.Lock),
        (threading, "_allocate_lock"): _LockFactory(threading._allocate_lock),  # type: ignore[attr-defined]
        (threading.Thread, "start"): _refusal(
            threading.Thread.start,
            "it started a thread, and asyncio code needs none: use tasks and the loop's own timers",
        ),
        (builtins, "input"): _refusal(builtins.input, "it asked for input, and nobody is there"),
    },
    {type(threading.Lock()): _Lock},
)
"""What may block, and what would, with its refusal."""
