"""`run_virtual`: a coroutine function in virtual time, from a script or from a notebook."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, Literal, TypeVar, overload

from resilience_lab.ground.arguments import whole
from resilience_lab.virtual_time.all_clocks import all_clocks
from resilience_lab.virtual_time.loop import VirtualLoop, outer_loop_at_rest, seeded, time_of

T = TypeVar("T")


@overload
def run_virtual(
    main: Callable[..., Coroutine[Any, Any, T]],
    *args: Any,
    seed: int | None = None,
    clocks: Literal["loop", "all"] = "loop",
) -> T: ...
@overload
def run_virtual(
    main: Callable[..., T], *args: Any, seed: int | None = None, clocks: Literal["all"]
) -> T: ...
def run_virtual(
    main: Callable[..., Any], *args: Any, seed: int | None = None, clocks: str = "loop"
) -> Any:
    """Run `main(*args)`, a coroutine function, on a fresh loop in virtual time from 0.0 s.

    What it left running is cancelled, and has an hour of virtual time to end. Everything runs in
    the calling thread, from a script as from a notebook cell, whose own loop rests meanwhile.

    Parameters
    ----------
    main
        A coroutine function. With `clocks="all"` it may be a plain function, too.
    *args
        What it is called with.
    seed
        The `random` module is seeded with it (>= 0) for the run, and put back afterwards.
    clocks
        `"loop"` (the default): the loop's clock is virtual, which is all that asyncio code reads.
        `"all"`: so is every clock of the calling thread (`time.monotonic`, `datetime.now` ...), and
        `time.sleep` passes it at once, for tenacity, stamina and code without asyncio.

    Returns
    -------
    What `main` returns.

    Raises
    ------
    DeadlockError
        All tasks wait for something that no timer and no thread will bring; it names them.
    TypeError, ValueError
        `main` is no such function, or `seed` or `clocks` is none of these.

    Examples
    --------
    >>> import asyncio
    >>> run_virtual(asyncio.sleep, 3600, "an hour later")
    'an hour later'
    """
    _check(main, seed, clocks)
    loop, call = VirtualLoop(), [main, *args]
    with outer_loop_at_rest(), seeded(seed), time_of(loop), ExitStack() as stack:
        if clocks == "all":
            call = stack.enter_context(all_clocks(loop, *call))
        try:
            result = call[0](*call[1:])
            if inspect.iscoroutine(result):
                return loop.run_until_complete(result)
            return _of_plain(main, result, clocks)
        finally:
            loop.wind_up()


def _of_plain(main: Callable[..., Any], result: Any, clocks: str) -> Any:
    """The result of `main`, which made no coroutine, if it is a plain function and may be one."""
    if clocks == "loop" or inspect.isgenerator(result) or inspect.isasyncgen(result):
        hint = "; with clocks='all' it may be a plain one" if clocks == "loop" else ""
        raise TypeError(_NO_MAIN.format(main) + hint)
    return result


def _check(main: Callable[..., Any], seed: int | None, clocks: str) -> None:
    if seed is not None:
        whole("seed", seed, at_least=0)
    if clocks not in ("loop", "all"):
        raise ValueError(f"clocks must be 'loop' or 'all', got {clocks!r}")
    if not callable(main):
        raise TypeError(_NO_MAIN.format(main))


_NO_MAIN = "main must be a coroutine function (not its call), got {!r}"
