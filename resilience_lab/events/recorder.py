"""A listener that remembers, for everything that is drawn, checked or replayed afterwards."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterator,
)
from contextlib import aclosing, closing
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from resilience_lab.events.events import AttemptFinished, AttemptStarted, Event, Listener
from resilience_lab.ground.arguments import UNBEGUN, not_callable, text, yields, yields_async
from resilience_lab.ground.clock import loop_time

if TYPE_CHECKING:
    import pandas as pd

P = ParamSpec("P")
T = TypeVar("T")
Items = TypeVar("Items", bound=AsyncIterator[Any] | Iterator[Any])


class Recorder:
    """Keeps every event it hears, in order: give it to any policy as `on_event`.

    `len(recorder)` counts the events, iteration yields them, `recorder[i]` is one of them.

    Examples
    --------
    >>> from resilience_lab import Retry
    >>> recorder = Recorder()
    >>> Retry(on_event=recorder)(lambda: "answer")()
    'answer'
    >>> [type(event).__name__ for event in recorder]
    ['RetrySucceeded']
    """

    def __init__(self) -> None:
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self._events.append(event)

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __getitem__(self, index: int) -> Event:
        return self._events[index]

    def __repr__(self) -> str:
        return f"<Recorder, {len(self)} events>"

    def __copy__(self) -> Recorder:
        """What is recorded up to now: the copy and the original go on by themselves."""
        twin = type(self)()
        twin._events = [*self]
        return twin

    def clear(self) -> None:
        """Forget everything recorded so far."""
        self._events.clear()

    def to_frame(self) -> pd.DataFrame:
        """The events as a pandas `DataFrame`, one row an event, in order.

        Returns
        -------
        DataFrame
            Columns: time (seconds), source, event (the event's class), then every field of the
            events that occur, empty where an event has no such field. Errors appear as text.
        """
        import pandas as pd

        rows = [
            {"time": event.time, "source": event.source, "event": type(event).__name__}
            | {
                field.name: _plain(getattr(event, field.name))
                for field in dataclasses.fields(event)
            }
            for event in self
        ]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["time", "source", "event"])

    @overload  # a generator function is a plain function, too: the first that fits is meant
    def watch(  # type: ignore[overload-overlap]
        self, func: Callable[P, Items], name: str | None = None
    ) -> Callable[P, Items]: ...
    @overload
    def watch(
        self, func: Callable[P, Awaitable[T]], name: str | None = None
    ) -> Callable[P, Coroutine[object, object, T]]: ...
    @overload
    def watch(
        self, func: Callable[P, T], name: str | None = None
    ) -> Callable[P, Coroutine[object, object, T]]: ...
    def watch(self, func: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
        """`func` with each call of it recorded, as it starts and as it ends.

        Put it inside whatever does the retrying (this library, tenacity, stamina, a loop of one's
        own): the gaps between the attempts are the waits. An attempt on a generator lasts until it
        is finished; one that its consumer closes early is cancelled.

        Parameters
        ----------
        func
            A coroutine function or any other callable, which is then to be awaited; or a generator
            function of either kind, which stays one.
        name
            The source of the events, by default the name of the function.

        Raises
        ------
        TypeError
            `func` is not callable. Or, when it is called, it is a plain function that returns a
            generator: watch the generator function itself.

        Examples
        --------
        >>> import asyncio
        >>> recorder = Recorder()
        >>> async def fetch():
        ...     return "answer"
        >>> asyncio.run(recorder.watch(fetch)())
        'answer'
        >>> [type(event).__name__ for event in recorder]
        ['AttemptStarted', 'AttemptFinished']
        """
        if not callable(func):
            raise TypeError(not_callable(func))
        source = text("name", getattr(func, "__name__", "watched") if name is None else name)
        attempt = partial(_Attempt, self, source, count(1))
        if yields_async(func):
            cover = _async_generator
        elif yields(func):
            cover = _generator
        else:
            cover = _coroutine_function
        return functools.wraps(func)(cover(attempt, func))


class _Attempt:
    """One attempt on a watched function, from `with` to the end of the block.

    A class, so that an error that cannot be changed passes it (see `DeadlineBlock`).
    """

    def __init__(self, listener: Listener, source: str, numbers: Iterator[int]) -> None:
        self._listener = listener
        self._source = source
        self._number = next(numbers)
        self._left = False

    def __enter__(self) -> _Attempt:
        self._started = loop_time()
        self._listener(AttemptStarted(self._started, self._source, self._number))
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        outcome = "success"
        if error is not None:
            failed = isinstance(error, Exception) and not self._left
            outcome = "failed" if failed else "cancelled"
        now, source, number = loop_time(), self._source, self._number
        self._listener(AttemptFinished(now, source, number, self._started, outcome, error))

    def leave(self) -> None:
        """The consumer goes: what comes of closing the generator is no failure of the attempt."""
        self._left = True


def _coroutine_function(
    attempt: Callable[[], _Attempt], func: Callable[..., Any]
) -> Callable[..., Any]:
    async def watched(*args: Any, **kwargs: Any) -> Any:
        with attempt():
            result = func(*args, **kwargs)
            if inspect.isawaitable(result):
                return await result
            if type(result) in UNBEGUN:
                raise TypeError(
                    f"func must not return a generator, got {result!r}: nothing of it has run yet. "
                    "Watch the generator function itself; `@breaker` protects one to its end"
                )
            return result

    return watched


def _generator(attempt: Callable[[], _Attempt], func: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with attempt() as this, closing(func(*args, **kwargs)) as inner:
            step = partial(next, inner)
            while True:
                try:
                    item = step()
                except StopIteration as end:
                    return end.value
                try:
                    step = partial(inner.send, (yield item))
                except GeneratorExit:
                    this.leave()
                    raise
                except BaseException as error:
                    step = partial(inner.throw, error)

    return watched


def _async_generator(
    attempt: Callable[[], _Attempt], func: Callable[..., Any]
) -> Callable[..., Any]:
    async def watched(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with attempt() as this:
            async with aclosing(func(*args, **kwargs)) as inner:
                step = partial(anext, inner)
                while True:
                    try:
                        item = await step()
                    except StopAsyncIteration:
                        return
                    try:
                        step = partial(inner.asend, (yield item))
                    except GeneratorExit:
                        this.leave()
                        raise
                    except BaseException as error:
                        step = partial(inner.athrow, error)

    return watched


def _plain(value: object) -> object:
    """An error as text, whatever its own `__str__` does; all else as it is."""
    if not isinstance(value, BaseException):
        return value
    kind = type(value).__name__
    try:
        return f"{kind}: {value}"
    except Exception as problem:
        return f"{kind}, whose text raised {type(problem).__name__}"
