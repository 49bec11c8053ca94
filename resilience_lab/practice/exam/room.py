"""The room in which a learner's code is examined: it cannot hang, print, or hurt the kernel there.

In the room time is virtual for every clock (see `simulation.clocks`), whatever is printed, logged
or warned of goes nowhere, and each trial has its own event loop. A loop that never ends is ended,
with or without an `await` in it. Everything is put back at the door, however the examination went.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextvars import Context
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, TypeVarTuple

from resilience_lab.practice.exam.line_limit import Meter, RanOn
from resilience_lab.practice.exam.stand_ins import BLOCKING
from resilience_lab.practice.exam.wording import raised
from resilience_lab.virtual_time.clocks import CLOCKS, set_stage
from resilience_lab.virtual_time.loop import VirtualLoop, outer_loop_at_rest, seeded

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = 1000.0
"""What the loop's clock says when a trial begins: not 0.0, which some code takes for "never"."""

LINES = 100_000
TURNS = 10_000
"""What a trial may use up: lines of the learner's code, and turns of the event loop."""

_LESS = 20
"""By how much less, once a trial has used it all up: the verdict on the rest must come soon."""


class Endless(BaseException):
    """The event loop has turned too often without the trial coming to an end."""


class Room:
    """Use as a context manager around all trials of one learner's code.

    `subjects` are the functions and classes that will run: the clocks which they hold on to are
    found and replaced. `start` is what the loop's clock says when a trial begins. The `patience`-th
    trial that has used everything up is the last one that could: the others get less.
    """

    wall_offset = 0.0
    examines = True

    def __init__(self, *subjects: Any, start: float = START, patience: int = 1) -> None:
        self._subjects = subjects
        self._start = start
        self._patience = patience
        self._exit = contextlib.ExitStack()
        self._meter = Meter()
        self._loop: _Loop | None = None
        self._share = 1
        self.slept = 0.0

    def __enter__(self) -> Room:
        with contextlib.ExitStack() as entering:
            enter = entering.enter_context
            enter(outer_loop_at_rest())
            enter(_silence())
            enter(_no_collection())
            enter(CLOCKS.in_place(*self._subjects))
            enter(BLOCKING.in_place(*self._subjects))
            entering.callback(set_stage, set_stage(self))
            entering.callback(self._sweep)
            self._exit = entering.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._exit.__exit__(kind, error, where)

    # What happens in the room

    def run(
        self,
        main: Callable[[], Coroutine[Any, Any, str | None]],
        in_words: Callable[[BaseException], str] = raised,
    ) -> str | None:
        """Run `main` on a loop of its own. What was wrong: as it says, or `in_words` its error."""
        self.wall_offset = self.slept = 0.0
        self._meter.refill(LINES // self._share)
        self._loop = _Loop(self._meter, self._start, TURNS // self._share)
        with self._meter.ready():
            seen = self._run(self._loop, main, in_words)
        self._loop = None
        if self._meter.overrun:
            self._used_up()
            return _RAN_ON
        return seen

    def _run(
        self,
        loop: _Loop,
        main: Callable[[], Coroutine[Any, Any, str | None]],
        in_words: Callable[[BaseException], str],
    ) -> str | None:
        try:
            with seeded(0):
                return loop.run_until_complete(main())
        except BaseException as error:
            return self._told(error, in_words)
        finally:
            loop.turns = TURNS // _LESS
            with contextlib.suppress(BaseException):
                loop.wind_up()

    def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a function of the learner's, from within a trial."""
        return self._meter.call(func, *args, **kwargs)

    async def drive(self, awaitable: Awaitable[T]) -> T:
        """Await something of the learner's, from within a trial."""
        return await self._meter.drive(awaitable)

    def top_up(self) -> None:
        """Give back the lines that were used, in a trial that calls thousands of times."""
        self._meter.top_up(LINES // self._share)

    # What the stand-ins ask

    def now(self) -> float:
        """Virtual seconds; between two trials, those at which a trial begins."""
        return self._start if self._loop is None else self._loop.time()

    def blocked(self, seconds: float) -> None:
        """`time.sleep`: the clock goes on, and nothing else can run meanwhile."""
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"sleep length must be a number >= 0, got {seconds!r}")
        self.slept += seconds
        if self._loop is not None:
            self._loop.move_to(self._loop.time() + seconds)

    def _told(self, error: BaseException, in_words: Callable[[BaseException], str]) -> str:
        if isinstance(error, RanOn):
            return _RAN_ON
        if isinstance(error, Endless):
            self._used_up()
            return "it never came to an end: it went on and on, awaiting one thing after another"
        return in_words(error)

    def _used_up(self) -> None:
        self._patience -= 1
        if self._patience <= 0:
            self._share = _LESS

    def _sweep(self) -> None:
        """Let go of what the learner's code has left behind, while it can do no harm."""
        self._meter.refill(LINES // _LESS)
        with contextlib.suppress(RanOn):
            self._meter.call(gc.collect)


_RAN_ON = "it never came to an end: it went round and round without awaiting anything"


class _Loop(VirtualLoop):
    """Virtual time from `start`, for `turns` turns. What the learner's code begins is metered."""

    def __init__(self, meter: Meter, start: float, turns: int) -> None:
        super().__init__(start)
        self._meter = meter
        self.turns = turns
        self.set_exception_handler(lambda _loop, _context: None)

    def create_task(self, coro: Any, **kwargs: Any) -> Any:
        """As usual."""
        return super().create_task(
            self._meter.drive(coro) if self._meter.running else coro, **kwargs
        )

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> Any:
        """As usual."""
        metered: Any = partial(self._meter.call, callback) if self._meter.running else callback
        return super().call_at(when, metered, *args, context=context)

    def _run_once(self) -> None:
        self.turns -= 1
        if self.turns < 0:
            raise Endless
        super()._run_once()


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """No garbage collection by itself: it would end hanging tasks, at a moment that is chance."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing gets out: no print, no log, no warning, no complaint of the garbage collector."""
    disabled, hook = logging.root.manager.disable, sys.unraisablehook
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        sys.unraisablehook = lambda _: None
        try:
            yield
        finally:
            sys.unraisablehook = hook
            logging.disable(disabled)
