"""Retry what fails for a moment, and know when to stop.

Stopping is the harder half. A retry ends when it has no retries left, when the service asks for a
longer wait than we are ready for, when the wait would pass `max_elapsed` or the ambient deadline,
and when the shared budget is spent. In each case it ends *now*, without sleeping first, and the
caller gets the last original error with a note that says why.

The loop stands here three times, for `await retry.call(...)`, for a decorated coroutine function
and for a decorated plain one: sharing it would double what a successful call costs. What to do
after a failure is decided in one place, `_Series`.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from types import CoroutineType, NoneType
from typing import Any, ParamSpec, TypeVar

from resilience_lab.deadline import time_remaining
from resilience_lab.errors import ResultRejectedError
from resilience_lab.events.events import Listener, RetryGaveUp, RetryScheduled, RetrySucceeded, emit
from resilience_lab.ground.arguments import (
    UNBEGUN,
    function,
    is_async,
    non_negative,
    not_callable,
    positive,
    text,
    whole,
    yields,
)
from resilience_lab.ground.clock import loop_time
from resilience_lab.ground.outcomes import ErrorFilter, matcher
from resilience_lab.ground.verb import verb
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.hints import hint_of

P = ParamSpec("P")
T = TypeVar("T")

_VALUES = frozenset({NoneType, bool, bytes, dict, float, int, list, set, str, tuple})


def _never() -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Retry:
    """Calls again, up to `max_retries` times (so `max_retries + 1` calls), waiting in between.

    `await retry.call(func, *args)` calls any function, `@retry` decorates one. A decorated plain
    function stays plain: it waits with `time.sleep`, for scripts and threads. `retry(func)(*args)`
    calls one on the spot. One `Retry` may be shared by any number of calls, tasks and threads: it
    is fixed when it is made, and a call leaves nothing behind in it.

    If the error carries `retry_after` (or the members of an `ExceptionGroup` do: the longest
    counts), the wait is that long *plus* the backoff's delay, so that clients told the same moment
    do not return together. A `BaseException` that is not an `Exception` is never retried.

    Parameters
    ----------
    max_retries
        How many calls may follow the first, >= 0. Default 3. None for as many as the time allows:
        then each call needs `max_elapsed` or a `deadline` around it.
    backoff
        The waits between the calls. Default `Backoff()`: 1, 2, 4 ... seconds with full jitter.
    retry_on
        Which exceptions are retried: a type, a tuple of types, or a predicate. By default, every
        `Exception`.
    accept
        `accept(result)` may refuse a result, which then counts as a failure and is retried.
    max_elapsed
        Seconds from the start of the first call, > 0, that no wait may pass. By default no limit.
    max_retry_after
        The longest `retry_after` in seconds, >= 0, that is waited for. Default 60.
    budget
        A `RetryBudget`, most useful when it is shared: a retry without a token is not made.
    on_event
        Is called with an event for each retry, and for the end.
    name
        The source of the events. Default "retry".

    Raises
    ------
    ValueError, TypeError
        For an argument that makes no sense.

    Examples
    --------
    >>> from resilience_lab import run_virtual
    >>> answers = iter([None, "answer"])
    >>> @Retry(max_retries=2, retry_on=ConnectionError)
    ... async def fetch():
    ...     if (answer := next(answers)) is None:
    ...         raise ConnectionError
    ...     return answer
    >>> run_virtual(fetch)
    'answer'
    """

    max_retries: int | None = 3
    backoff: Backoff = Backoff()  # noqa: RUF009 - a frozen value
    _: KW_ONLY
    retry_on: ErrorFilter = Exception
    accept: Callable[[Any], bool] | None = None
    max_elapsed: float | None = None
    max_retry_after: float = 60.0
    budget: RetryBudget | None = None
    on_event: Listener | None = None
    name: str = "retry"
    should_retry: Callable[[Exception], bool] = field(init=False)
    _is_over: Callable[[], bool] = field(init=False)
    _earns: bool = field(init=False)
    _eager: bool = field(init=False)

    def __post_init__(self) -> None:
        if self.max_retries is not None:
            whole("max_retries", self.max_retries, at_least=0)
        if not isinstance(self.backoff, Backoff):
            raise TypeError(f"backoff must be a Backoff, got {self.backoff!r}")
        function("accept", self.accept)
        function("on_event", self.on_event)
        if not (self.budget is None or isinstance(self.budget, RetryBudget)):
            raise TypeError(f"budget must be a RetryBudget or None, got {self.budget!r}")
        text("name", self.name)
        limit = self.max_elapsed
        conditions = (self.accept, limit, self.budget, self.on_event)
        vars(self).update(  # as a frozen value may, while it is being made
            max_elapsed=None if limit is None else positive("max_elapsed", limit),
            max_retry_after=non_negative("max_retry_after", self.max_retry_after),
            should_retry=matcher("retry_on", self.retry_on),
            _is_over=_never,
            _earns=True,
            # Whether there is anything to do before the first failure: else, no clock is read.
            _eager=self.max_retries is None or any(given is not None for given in conditions),
        )

    def __repr__(self) -> str:
        return f"<Retry {self.name!r}, max_retries={self.max_retries}, {self.backoff!r}>"

    @verb
    async def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `func` (a coroutine function, or any callable) until it succeeds, or time to stop.

        Returns
        -------
        The result of `func`. If that is a coroutine, or another awaitable, what it comes to.

        Raises
        ------
        Exception
            The last error of `func` itself. It has one note, of how many calls were made and how
            many seconds after the first failure the last one failed.
        ResultRejectedError
            The last result was refused by `accept`.
        ValueError
            With `max_retries=None`, if neither `max_elapsed` nor a `deadline` limits the time.
        TypeError
            `func` is not callable, or a plain function that returns a generator, which cannot be
            retried. (A coroutine that returns one has opened a stream, and may be.)
        """
        series = self._begin() if self._eager else None
        while True:
            try:
                result = func(*args, **kwargs)
                if type(result) is CoroutineType or inspect.isawaitable(result):
                    result = await result
                elif type(result) in UNBEGUN:
                    break
            except Exception as error:
                if not callable(func):
                    raise TypeError(not_callable(func)) from None
                series = series or _Series(self)
                wait = series.after(error)
                if wait is None:
                    raise
            else:
                if series is None:
                    return result
                wait = series.judge(result)
                if wait is None:
                    return result
            await self._sleep(wait)
        raise TypeError(_unbegun(result))

    def __call__(self, func: Callable[P, T]) -> Callable[P, T]:
        """Decorate a function: a coroutine function stays one, a plain one waits in `time.sleep`.

        A plain function that hands on a coroutine may be decorated, too. A generator function may
        not: what its consumer has seen cannot be taken back.

        Returns
        -------
        A function of the same kind as `func`, which returns and raises what `call` does.

        Raises
        ------
        TypeError
            `func` is not callable, or a generator function.
        """
        if not callable(func):
            raise TypeError(not_callable(func))
        if yields(func):
            raise TypeError(f"func must not be a generator function, got {func!r}: {_STREAMS}")
        cover = self._coroutine_function if is_async(func) else self._function
        retried: Callable[P, T] = functools.wraps(func)(cover(func))
        return retried

    def _coroutine_function(self, func: Callable[..., Any]) -> Callable[..., Any]:
        async def retried(*args: Any, **kwargs: Any) -> Any:
            # The body of `call` again: one more coroutine around it would double what it costs.
            series = self._begin() if self._eager else None
            while True:
                try:
                    result = await func(*args, **kwargs)
                except Exception as error:
                    series = series or _Series(self)
                    wait = series.after(error)
                    if wait is None:
                        raise
                else:
                    if series is None:
                        return result
                    wait = series.judge(result)
                    if wait is None:
                        return result
                await self._sleep(wait)

        return retried

    def _function(self, func: Callable[..., Any]) -> Callable[..., Any]:
        def retried(*args: Any, **kwargs: Any) -> Any:
            series = self._begin() if self._eager else None
            while True:
                try:
                    result = func(*args, **kwargs)
                except Exception as error:
                    series = series or _Series(self)
                    wait = series.after(error)
                    if wait is None:
                        raise
                else:
                    if type(result) not in _VALUES:  # which `isawaitable` takes long to tell
                        if inspect.isawaitable(result):  # a lambda that hands on a coroutine
                            again = functools.partial(func, *args, **kwargs)
                            return self._finish(series or _Series(self), result, again)
                        if type(result) in UNBEGUN:
                            raise TypeError(_unbegun(result))
                    if series is None:
                        return result
                    wait = series.judge(result)
                    if wait is None:
                        return result
                self._sleep_in_thread(wait)

        return retried

    async def _finish(
        self, series: _Series, pending: Awaitable[Any] | None, again: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Wait for what a plain function handed on; should that fail, call it `again`."""
        while True:
            try:
                awaitable, pending = pending, None
                result = await (again() if awaitable is None else awaitable)
            except Exception as error:
                wait = series.after(error)
                if wait is None:
                    raise
            else:
                wait = series.judge(result)
                if wait is None:
                    return result
            await self._sleep(wait)

    def unless(self, is_over: Callable[[], bool], *, earns: bool = True) -> Retry:
        """A copy that does not retry once `is_over()` is true, whatever failed or was refused.

        Parameters
        ----------
        is_over
            Is asked after each failure.
        earns
            Whether a first call adds to the budget. False if an outer retry has done so already.

        Raises
        ------
        ValueError
            With `max_retries=None`, if nothing limits the time: the copy is for a call at hand.
        """
        self._check_limit()
        twin = copy.copy(self)
        vars(twin).update(
            _is_over=lambda: is_over() or self._is_over(), _earns=earns and self._earns
        )
        return twin

    def unjudged(self) -> Retry:
        """A copy that accepts every result, for what is not the whole answer yet."""
        twin = copy.copy(self)
        vars(twin).update(accept=None)
        return twin

    def put_back(self) -> None:
        """Return the token of a retry that was granted, but not made."""
        if self.budget is not None:
            self.budget.put_back()

    def _check_limit(self) -> None:
        limited = self.max_retries is not None or self.max_elapsed is not None
        if not limited and time_remaining() is None:
            raise ValueError(
                "max_retries=None needs a time limit: give max_elapsed, or call it in a deadline"
            )

    def _begin(self) -> _Series:
        self._check_limit()
        if self.budget is not None and self._earns:
            self.budget.deposit()
        return _Series(self)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except BaseException:
            self.put_back()
            raise

    def _sleep_in_thread(self, seconds: float) -> None:
        try:
            time.sleep(seconds)
        except BaseException:
            self.put_back()
            raise


class _Series:
    """One call and its retries: how many so far, since when, and whether there is to be another.

    Nothing of the errors is kept, whose tracebacks lead back to here.
    """

    __slots__ = ("_calls", "_delays", "_failed_at", "_retry", "_started")

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._calls = 0  # that failed
        self._delays = retry.backoff.delays()
        timed = retry.max_elapsed is not None or retry.on_event is not None
        self._started = loop_time() if timed else math.nan
        self._failed_at: float | None = None  # for the first time

    def judge(self, result: Any) -> float | None:
        """None if `result` is good. Else the wait before the next call, as `after` a failure."""
        retry = self._retry
        if retry.accept is None or retry.accept(result):
            if retry.on_event is not None:
                now = loop_time()
                succeeded = RetrySucceeded(now, retry.name, self._calls + 1, now - self._started)
                emit(retry.on_event, succeeded)
            return None
        refusal = ResultRejectedError(result)
        try:
            wait = self.after(refusal, refused=True)
            if wait is None:
                raise refusal
            return wait
        finally:
            del refusal

    def after(self, error: Exception, *, refused: bool = False) -> float | None:
        """Seconds to wait before the next call, whose token is taken; None if there is to be none.

        Listeners are told, and an error that ends it all has its note.
        """
        retry, now = self._retry, loop_time()
        self._calls += 1
        if self._failed_at is None:
            self._failed_at = now
        hint = hint_of(error)
        wait = next(self._delays) + hint
        foreign = not refused and not retry.should_retry(error)
        stop = self._reason_to_stop(foreign=foreign, hint=hint, wait=wait, now=now)
        if stop is None:
            try:
                emit(retry.on_event, RetryScheduled(now, retry.name, self._calls, error, wait))
            except BaseException:  # Ctrl-C while the listener ran
                retry.put_back()
                raise
            return wait
        if not foreign or self._calls > 1:  # a first error that is none of our business stays as is
            plural = "" if self._calls == 1 else "s"
            seconds = now - self._failed_at
            _note(error, f"{_GAVE_UP} {self._calls} call{plural} in {seconds:.1f} s: {stop}")
        elapsed = now - self._started
        emit(retry.on_event, RetryGaveUp(now, retry.name, self._calls, elapsed, error, stop))
        return None

    def _reason_to_stop(self, *, foreign: bool, hint: float, wait: float, now: float) -> str | None:
        """Why there is to be no other call. If there is to be one, the budget's token is taken."""
        retry = self._retry
        limit, longest, remaining = retry.max_elapsed, retry.max_retry_after, time_remaining()
        if foreign:
            return "this error is not retried"
        if retry._is_over():
            return "another call is of no use"
        if retry.max_retries is not None and self._calls > retry.max_retries:
            return f"max_retries is {retry.max_retries}"
        if hint > longest:
            return f"retry_after ({hint:g} s) is over max_retry_after ({longest:g} s)"
        if limit is not None and now + wait > self._started + limit:
            return f"waiting {wait:.1f} s would pass max_elapsed ({limit:g} s)"
        if remaining is not None and wait >= remaining:
            return f"waiting {wait:.1f} s would pass the deadline"
        if retry.budget is not None and not retry.budget.try_withdraw():
            return "the retry budget is spent"
        return None


_STREAMS = "what was already consumed cannot be retried. `@breaker` protects a stream to its end"


def _unbegun(result: object) -> str:
    """What to tell the caller of a function that returned a generator, of which nothing has run."""
    return f"func must not return a generator, got {result!r}: {_STREAMS}"


_GAVE_UP = "gave up after"


def _note(error: Exception, text: str) -> None:
    """Note `text` on `error`, in the place of what an earlier call noted on the same object."""
    with suppress(Exception):  # an error that cannot be changed takes no note
        notes = getattr(error, "__notes__", [])
        for i, note in enumerate(notes):
            if note.startswith(_GAVE_UP):
                notes[i] = text
                return
        error.add_note(text)
