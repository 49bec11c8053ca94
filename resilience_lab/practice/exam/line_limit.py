"""Ends a loop that never awaits: it counts the lines of the learner's code, and stops at a budget.

A count gives the same verdict on every machine, which a stopwatch would not. It works in the main
thread and elsewhere, on every system, and needs no second process.

The count is kept by Python's trace function, which is put back after each step of the learner's
code: coverage and debuggers go on where they were.
"""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, TypeVar

from resilience_lab.virtual_time.whose_code import is_learners

T = TypeVar("T")

MAX_DEPTH = 150
"""How deep calls may nest: far below Python's own limit, where nothing could be counted."""


class RanOn(BaseException):
    """The learner's code has run too many lines without coming to an end."""


class Meter:
    """Counts down `left`, the lines that the learner's code may still run."""

    def __init__(self) -> None:
        self.left = 0
        self.overrun = False
        self.running = False

    def refill(self, lines: int) -> None:
        """Allow this number of lines from now on."""
        self.left = lines
        self.overrun = False

    def top_up(self, lines: int) -> None:
        """The same, unless they have run out already: that is not forgotten."""
        if not self.overrun:
            self.left = lines

    def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a function of the learner's, counting."""
        if self.running:
            return func(*args, **kwargs)
        before = sys.gettrace()
        self.running = True
        if before != self.enter:
            sys.settrace(self.enter)
        try:
            return func(*args, **kwargs)
        finally:
            self.running = False
            if sys.gettrace() != before:
                sys.settrace(before)
                _nothing()  # coverage takes over at the next call of a function, so let one be

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Inside, the trace function stays in place between calls, if there is no other one.

        Since Python 3.12 each change of it looks through all functions that are running.
        """
        if sys.gettrace() is not None:
            yield
            return
        sys.settrace(self.enter)
        try:
            yield
        finally:
            sys.settrace(None)

    async def drive(self, awaitable: Awaitable[T]) -> T:
        """Await something of the learner's, counting in each of its steps."""
        result: T = await _Driven(awaitable, self)
        return result

    def enter(self, frame: FrameType, _event: str, _arg: Any) -> _Line | None:
        """Python's trace function: begins to count in each function of the learner's."""
        if not self.running or not is_learners(frame.f_code.co_filename):
            return None
        line = frame.f_trace
        if isinstance(line, _Line) and line.belongs_to(self):
            return line  # a generator or a coroutine that goes on
        frame.f_trace_opcodes = _jumps_in_place(frame.f_code)
        return _Line(self, too_deep=_depth(frame) > MAX_DEPTH)


class _Line:
    """Counts the lines of one frame, and raises when there are too many.

    Python ends all tracing when a trace function raises, and code that catches everything could
    then go on uncounted. But it also throws the frame's trace function away, so if only the frame
    holds it, that is the moment to start again: before the next instruction of the learner's code.
    """

    __slots__ = ("_has_raised", "_meter", "_too_deep")

    def __init__(self, meter: Meter, *, too_deep: bool = False) -> None:
        self._meter = meter
        self._too_deep = too_deep
        self._has_raised = False

    def belongs_to(self, meter: Meter) -> bool:
        return self._meter is meter

    def __call__(self, _frame: FrameType, _event: str, _arg: Any) -> _Line:
        self._meter.left -= 1
        error: BaseException
        if self._meter.left < 0:
            self._meter.overrun = True
            error = RanOn()
        elif self._too_deep:
            error = RecursionError("maximum recursion depth exceeded")
        else:
            return self
        self._has_raised = True
        del self  # or the traceback would hold it
        raise error

    def __del__(self) -> None:
        if self._has_raised and self._meter.running:
            sys._getframe(1).f_trace = _Line(self._meter, too_deep=self._too_deep)
            sys.settrace(self._meter.enter)


def _nothing() -> None:
    pass


@functools.lru_cache(maxsize=256)
def _jumps_in_place(code: CodeType) -> bool:
    """Whether there is a `while True: pass`, for which Python 3.11 reports no lines."""
    return any(
        "JUMP" in step.opname and step.argval == step.offset for step in dis.get_instructions(code)
    )


_METERED = Meter.call.__code__


def _depth(frame: FrameType | None) -> int:
    """How many calls of the learner's functions are nested, since the meter was asked to call."""
    depth = 0
    while frame is not None and frame.f_code is not _METERED and depth <= MAX_DEPTH:
        depth += is_learners(frame.f_code.co_filename)
        frame = frame.f_back
    return depth


class _Driven:
    """Awaits `awaitable` for its awaiter, and counts whenever it is awake."""

    def __init__(self, awaitable: Awaitable[Any], meter: Meter) -> None:
        self._awaitable = awaitable
        self._meter = meter

    def __await__(self) -> Generator[Any, Any, Any]:
        call = self._meter.call
        steps: Any = call(self._awaitable.__await__)
        step: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                awaited = call(step)
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield awaited
            except GeneratorExit:
                call(steps.close)
                raise
            except BaseException as error:
                step = _throwing(steps, error)
            else:
                step = _sending(steps, sent)


def _sending(steps: Any, value: Any) -> Callable[[], Any]:
    return lambda: steps.send(value)


def _throwing(steps: Any, error: BaseException) -> Callable[[], Any]:
    return lambda: steps.throw(error)
