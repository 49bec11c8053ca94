"""Retry what fails for a moment, and know when to stop.

Stopping is the harder half. A retry ends when it has no retries left, when the service asks for a
longer wait than we are ready for, when the wait would pass `max_elapsed` or the ambient deadline,
and when the shared budget is spent. In each case it ends *now*, without sleeping first, and the
caller gets the last original error with a note that says why.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import math
import random
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar, overload

from resilience_lab.arguments import function, non_negative, not_callable, positive, text, whole
from resilience_lab.backoff import Backoff
from resilience_lab.budget import RetryBudget
from resilience_lab.deadline import deadline_at
from resilience_lab.errors import ResultRejectedError
from resilience_lab.events import Listener, RetryGaveUp, RetryScheduled, RetrySucceeded, emit
from resilience_lab.outcomes import ErrorFilter, matcher

P = ParamSpec("P")
T = TypeVar("T")


class Retry:
    """Calls again, up to `max_retries` times (so `max_retries + 1` calls), waiting in between.

    `backoff` gives the waits. `retry_on` says which exceptions are retried (a type, a tuple, a
    predicate); a `BaseException` that is not an `Exception` never is. `accept(result)` may refuse a
    result, which then counts as a failure and is retried. If the error carries `retry_after`, the
    wait is that long *plus* the backoff's delay, so that clients told the same moment do not return
    together.

    It gives up instead of waiting if the hint is over `max_retry_after`, if the wait would end past
    `max_elapsed` seconds since the first call, or not before the ambient `deadline`, or if `budget`
    has no token. `on_event` hears of each retry and of the end. One `Retry` may be shared: a call
    leaves nothing behind in it.
    """

    def __init__(
        self,
        max_retries: int = 3,
        backoff: Backoff = Backoff(),  # noqa: B008 - a frozen value
        *,
        retry_on: ErrorFilter = Exception,
        accept: Callable[[Any], bool] | None = None,
        max_elapsed: float | None = None,
        max_retry_after: float = 60.0,
        budget: RetryBudget | None = None,
        on_event: Listener | None = None,
        name: str = "retry",
    ) -> None:
        self.max_retries = whole("max_retries", max_retries, at_least=0)
        if not isinstance(backoff, Backoff):
            raise TypeError(f"backoff must be a Backoff, got {backoff!r}")
        self.backoff = backoff
        self.should_retry = matcher("retry_on", retry_on)
        self.accept = function("accept", accept)
        self.max_elapsed = None if max_elapsed is None else positive("max_elapsed", max_elapsed)
        self.max_retry_after = non_negative("max_retry_after", max_retry_after)
        if not (budget is None or isinstance(budget, RetryBudget)):
            raise TypeError(f"budget must be a RetryBudget or None, got {budget!r}")
        self.budget = budget
        self._earns = True
        self.on_event = function("on_event", on_event)
        self.name = text("name", name)

    def __repr__(self) -> str:
        return f"<Retry {self.name!r}, max_retries={self.max_retries}, {self.backoff!r}>"

    @overload
    async def call(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `func` (a coroutine function, or any callable) until it succeeds, or time to stop.

        Raises the last error of `func` itself, or `ResultRejectedError` for a refused last result.
        """
        started = get_running_loop().time()
        if self.budget is not None and self._earns:
            self.budget.deposit()
        calls = 0
        delays: Iterator[float] | None = None
        while True:
            calls += 1
            answered = refused = False
            try:
                result = func(*args, **kwargs)
                if type(result) is CoroutineType or inspect.isawaitable(result):
                    result = await result
                answered = True
                refused = self.accept is not None and not self.accept(result)
                if refused:
                    raise ResultRejectedError(result)
            except Exception as error:
                if not callable(func):
                    raise TypeError(not_callable(func)) from None
                if answered and not refused:
                    raise  # from `accept` itself
                wanted = refused or self.should_retry(error)
                delays = delays or self.backoff.delays()
                wait = next(delays) + _hint(error)
                if self._gives_up(error, calls, wait, started, wanted=wanted):
                    raise
            else:
                if self.on_event is not None:
                    self._tell_success(calls, started)
                return result
            await self._sleep(wait)

    def __call__(self, func: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Decorate a coroutine function (or a plain one: the decorated function is then async)."""
        if not callable(func):
            raise TypeError(not_callable(func))
        if inspect.isasyncgenfunction(func) or inspect.isgeneratorfunction(func):
            raise TypeError(
                f"func must not be a generator function, got {func!r}: "
                "what was already consumed cannot be retried"
            )

        @functools.wraps(func)
        async def retried(*args: P.args, **kwargs: P.kwargs) -> T:
            return await self.call(func, *args, **kwargs)

        return retried

    def unless(self, is_over: Callable[[], bool], *, earns: bool = True) -> Retry:
        """A copy that does not retry once `is_over()` is true.

        Unless it `earns`, a first call adds nothing to the budget: somebody else's did already.
        """
        twin = copy.copy(self)
        twin._earns = earns
        twin.should_retry = lambda error: not is_over() and self.should_retry(error)
        return twin

    def put_back(self) -> None:
        """Return the token of a retry that was granted and, by a cancellation, not made."""
        if self.budget is not None:
            self.budget.put_back()

    def _gives_up(
        self, error: Exception, calls: int, wait: float, started: float, *, wanted: bool
    ) -> bool:
        """Decide whether to call again, and report it. If so, the budget's token is taken."""
        now = get_running_loop().time()
        if wanted:
            stop = self._reason_to_stop(error, calls, wait, started, now)
        else:
            stop = "this error is not retried"
        if stop is None:
            emit(self.on_event, RetryScheduled(now, self.name, calls, error, wait))
            return False
        elapsed = now - started
        if wanted or calls > 1:  # a first error that is none of our business stays as it is
            plural = "" if calls == 1 else "s"
            with suppress(Exception):  # a frozen exception takes no note
                error.add_note(f"gave up after {calls} call{plural} in {elapsed:.1f} s: {stop}")
        emit(self.on_event, RetryGaveUp(now, self.name, calls, elapsed, error, stop))
        return True

    def _reason_to_stop(
        self, error: Exception, calls: int, wait: float, started: float, now: float
    ) -> str | None:
        hint = _hint(error)
        due = deadline_at()
        if calls > self.max_retries:
            return f"max_retries is {self.max_retries}"
        if hint > self.max_retry_after:
            return f"retry_after ({hint:g} s) is over max_retry_after ({self.max_retry_after:g} s)"
        if self.max_elapsed is not None and now + wait > started + self.max_elapsed:
            return f"waiting {wait:.1f} s would pass max_elapsed ({self.max_elapsed:g} s)"
        if due is not None and now + wait >= due:
            return f"waiting {wait:.1f} s would pass the deadline"
        if self.budget is not None and not self.budget.try_withdraw():
            return "the retry budget is spent"
        return None

    def _tell_success(self, calls: int, started: float) -> None:
        now = get_running_loop().time()
        emit(self.on_event, RetrySucceeded(now, self.name, calls, now - started))

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except BaseException:
            self.put_back()
            raise


async def retry_with_backoff(
    func: Callable[[], Awaitable[T]],
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    multiplier: float = 2.0,
    max_delay: float = 60.0,
    jitter: str = "none",
    rng: random.Random | None = None,
    retry_on: ErrorFilter = Exception,
    accept: Callable[[Any], bool] | None = None,
    max_elapsed: float | None = None,
    max_retry_after: float = 60.0,
    budget: RetryBudget | None = None,
    on_event: Listener | None = None,
    name: str = "retry",
) -> T:
    """Call `func()` up to `max_retries + 1` times, `base_delay`, 2x, 4x ... seconds apart.

    The whole pattern in one call: a `Backoff` and a `Retry`, whose arguments these are.
    """
    backoff = Backoff(
        base_delay, multiplier=multiplier, max_delay=max_delay, jitter=jitter, rng=rng
    )
    retry = Retry(
        max_retries,
        backoff,
        retry_on=retry_on,
        accept=accept,
        max_elapsed=max_elapsed,
        max_retry_after=max_retry_after,
        budget=budget,
        on_event=on_event,
        name=name,
    )
    return await retry.call(func)


def _hint(error: Exception) -> float:
    """The wait in seconds that `error` asks for; 0.0 if it asks for none that makes sense."""
    try:
        hint = getattr(error, "retry_after", None)
    except Exception:  # a property that fails must not take the place of the error
        return 0.0
    if isinstance(hint, bool) or not isinstance(hint, int | float) or not hint > 0:
        return 0.0
    try:
        return float(hint)
    except OverflowError:
        return math.inf
