"""Stand-ins for Python's clocks and `sleep`, for a thread whose time is virtual.

Ordinary code reads `time.time()` or `datetime.now()`, and may have imported the very functions by
name. Each stand-in does as the real thing does, except in a thread that has a *stage*, and for as
long as it has one: there it asks the stage for the time. So every other thread keeps real clocks.

`process_time` and `thread_time` have none: they count what the processor does, and waiting in
virtual time costs it nothing.

A stand-in is an object and no function, so that one which is kept as a class attribute is not taken
for a method, just as with the real ones.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from types import BuiltinMethodType, SimpleNamespace
from typing import Any, Protocol

from resilience_lab.virtual_time.clock_replacement import StandIns

EPOCH = 1_800_000_000.0
"""What the wall clock says when virtual time is 0.0: a fixed moment, as seconds since 1970."""


class Stage(Protocol):
    """What the stand-ins ask of the run, or the examination, that is on in their thread."""

    wall_offset: float
    examines: bool
    """Whether this is an examination, in which nothing may block for ever."""

    def now(self) -> float:
        """Virtual seconds."""

    def blocked(self, seconds: float) -> None:
        """The thread sleeps for so long, and nothing else in it can run meanwhile."""


_stages: dict[int, Stage] = {}


def set_stage(stage: Stage | None) -> Stage | None:
    """From now on the stand-ins serve `stage`, in this thread. Returns the stage before."""
    thread = threading.get_ident()
    before = _stages.pop(thread, None)
    if stage is not None:
        _stages[thread] = stage
    return before


def on_stage() -> Stage | None:
    """The run or examination that is on in this thread, if any."""
    return _stages.get(threading.get_ident())


def _wall(stage: Stage) -> float:
    return EPOCH + stage.now() + stage.wall_offset


def _steady(stage: Stage) -> float:
    return stage.now()


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


class _SystemClock:
    """`clock_gettime`: the system's clocks by number, those that the others above read."""

    _VIRTUAL = {  # noqa: RUF012 - never changed
        getattr(time, name, None): read
        for name, read in {
            "CLOCK_REALTIME": _wall,
            "CLOCK_MONOTONIC": _steady,
            "CLOCK_MONOTONIC_RAW": _steady,
            "CLOCK_BOOTTIME": _steady,
        }.items()
    }

    def __init__(self, real: Callable[[int], Any], unit: type = float) -> None:
        self._real = real
        self._unit = unit

    def __call__(self, number: int) -> Any:
        read = self._VIRTUAL.get(number)
        return self._real(number) if read is None else self._read(number, read)

    def _read(self, number: int, read: Callable[[Stage], float]) -> Any:
        return _Clock(lambda: self._real(number), read, self._unit)()


class _Calendar:
    """`localtime` and its like, which take the present moment for an argument left out."""

    def __init__(
        self, real: Callable[..., Any], moment: Callable[[float], Any] = float, *, place: int = 0
    ) -> None:
        self._real = real
        self._moment = moment
        self._place = place

    def __call__(self, *args: Any) -> Any:
        stage = on_stage()
        if (
            stage is None
            or len(args) < self._place
            or any(a is not None for a in args[self._place :])
        ):
            return self._real(*args)
        return self._real(*args[: self._place], self._moment(_wall(stage)))


class _Sleep:
    def __init__(self, real: Callable[[float], None]) -> None:
        self._real = real

    def __call__(self, seconds: float) -> None:
        stage = on_stage()
        if stage is None:
            return self._real(seconds)
        return stage.blocked(seconds)


# Kept in an object, for names in a module are exchanged.
_real = SimpleNamespace(datetime=datetime.datetime, time=time.time, localtime=time.localtime)


class _Transparent(type):
    """So that `isinstance` and `issubclass` go on taking every datetime for one."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real.datetime)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real.datetime)


class _Datetime(datetime.datetime, metaclass=_Transparent):
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return _real.datetime(*args, **kwargs)

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        stage = on_stage()
        return _real.datetime.fromtimestamp(_real.time() if stage is None else _wall(stage), tz)

    @classmethod
    def today(cls) -> Any:
        return cls.now()

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)  # noqa: UP017


_Datetime.__name__ = _Datetime.__qualname__ = "datetime"


def _of_a_method(value: Any) -> Any:
    """For `datetime.now` that was taken by itself; other methods stay as they are."""
    return getattr(_Datetime, value.__name__) if value.__self__ is _real.datetime else value


CLOCKS = StandIns(
    {
        (time, "time"): _Clock(time.time, _wall),
        (time, "time_ns"): _Clock(time.time_ns, _wall, int),
        (time, "monotonic"): _Clock(time.monotonic, _steady),
        (time, "monotonic_ns"): _Clock(time.monotonic_ns, _steady, int),
        (time, "perf_counter"): _Clock(time.perf_counter, _steady),
        (time, "perf_counter_ns"): _Clock(time.perf_counter_ns, _steady, int),
        (time, "localtime"): _Calendar(time.localtime),
        (time, "gmtime"): _Calendar(time.gmtime),
        (time, "ctime"): _Calendar(time.ctime),
        (time, "asctime"): _Calendar(time.asctime, time.localtime),
        (time, "strftime"): _Calendar(time.strftime, time.localtime, place=1),
        (time, "sleep"): _Sleep(time.sleep),
        (datetime, "datetime"): _Datetime,
        **{
            (time, name): _SystemClock(getattr(time, name), unit)
            for name, unit in (("clock_gettime", float), ("clock_gettime_ns", int))
            if hasattr(time, name)  # not on Windows
        },
    },
    {BuiltinMethodType: _of_a_method},
)
"""Every clock of Python's, and `time.sleep`."""
