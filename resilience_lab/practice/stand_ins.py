"""Stand-ins for Python's clocks, `sleep`, locks and threads, while a learner's code is examined.

Ordinary code reads `time.time()` or `datetime.now()`, and may have imported the very functions by
name. Each stand-in does as the real thing does, except in the thread and for the time in which an
examination is on: then the clocks follow the virtual loop, and what would block the only thread for
ever says so instead.

A stand-in is an object and no function, so that one which is kept as a class attribute is not taken
for a method, just as with the real ones.
"""

from __future__ import annotations

import builtins
import datetime
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

EPOCH = 1_800_000_000.0
"""What the wall clock says when the loop says 0.0: a fixed moment, as seconds since 1970."""


class Stage(Protocol):
    """What the stand-ins ask of an examination."""

    wall_offset: float

    def now(self) -> float:
        """Virtual seconds."""

    def blocked(self, seconds: float) -> None:
        """The learner's code has stopped the whole loop for so long."""


class BlockedError(Exception):
    """The learner's code waits for what cannot come, and nothing else can run meanwhile."""


_stage: tuple[int, Stage] | None = None


def set_stage(stage: Stage | None) -> Stage | None:
    """From now on the stand-ins serve `stage`, in this thread. Returns the stage before."""
    global _stage
    before, _stage = _stage, None if stage is None else (threading.get_ident(), stage)
    return None if before is None else before[1]


def on_stage() -> Stage | None:
    """The examination that is on in this thread, if any."""
    if _stage is None or _stage[0] != threading.get_ident():
        return None
    return _stage[1]


class _Clock:
    def __init__(
        self, real: Callable[[], Any], virtual: Callable[[Stage], float], unit: type = float
    ) -> None:
        self._real = real
        self._virtual = virtual
        self._unit = unit

    def __call__(self) -> Any:
        stage = on_stage()
        if stage is None:
            return self._real()
        seconds = self._virtual(stage)
        return seconds if self._unit is float else round(seconds * 1e9)


class _Sleep:
    def __init__(self, real: Callable[[float], None]) -> None:
        self._real = real

    def __call__(self, seconds: float) -> None:
        stage = on_stage()
        if stage is None:
            return self._real(seconds)
        return stage.blocked(seconds)


class _Lock:
    """A lock that says so when the only thread there is would wait for it for ever."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        stage = on_stage()
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
        return self._real() if on_stage() is None else _Lock(self._real())


def _refusal(real: Callable[..., Any], reason: str) -> Callable[..., Any]:
    """Stands in for what has no place in an examination; a function, for it may be a method."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        if on_stage() is None:
            return real(*args, **kwargs)
        raise BlockedError(reason)

    return refuse


def _wall(stage: Stage) -> float:
    return EPOCH + stage.now() + stage.wall_offset


def _steady(stage: Stage) -> float:
    return stage.now()


_real_datetime = datetime.datetime
_real_time = time.time


class _Transparent(type):
    """So that `isinstance` and `issubclass` go on taking every datetime for one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real_datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real_datetime)


class _Datetime(_real_datetime, metaclass=_Transparent):
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _real_datetime(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        stage = on_stage()
        return _real_datetime.fromtimestamp(_real_time() if stage is None else _wall(stage), tz)

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)  # noqa: UP017


_Datetime.__name__ = _Datetime.__qualname__ = "datetime"

_lock_type: type = type(threading.Lock())
_MODULE_LEVEL: dict[tuple[Any, str], Any] = {
    (time, "time"): _Clock(time.time, _wall),
    (time, "time_ns"): _Clock(time.time_ns, _wall, int),
    (time, "monotonic"): _Clock(time.monotonic, _steady),
    (time, "monotonic_ns"): _Clock(time.monotonic_ns, _steady, int),
    (time, "perf_counter"): _Clock(time.perf_counter, _steady),
    (time, "perf_counter_ns"): _Clock(time.perf_counter_ns, _steady, int),
    (time, "sleep"): _Sleep(time.sleep),
    (datetime, "datetime"): _Datetime,
    (threading, "Lock"): _LockFactory(threading.Lock),
    (threading, "_allocate_lock"): _LockFactory(threading._allocate_lock),  # type: ignore[attr-defined]
    (threading.Thread, "start"): _refusal(
        threading.Thread.start,
        "it started a thread, and asyncio code needs none: use tasks and the loop's own timers",
    ),
    (builtins, "input"): _refusal(builtins.input, "it asked for input, and nobody is there"),
}
ATTRIBUTES = tuple((module, name, stand_in) for (module, name), stand_in in _MODULE_LEVEL.items())
"""Where the real things live: module, name, stand-in."""

_OF: dict[int, Any] = {id(getattr(module, name)): stand_in for module, name, stand_in in ATTRIBUTES}


def stand_in_for(value: Any) -> Any:
    """What takes the place of `value`: most often itself."""
    if type(value) is _lock_type:
        return _Lock(value)
    return _OF.get(id(value), value)
