"""A listener that remembers, for everything that is drawn, checked or replayed afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from resilience_lab.arguments import not_callable, text
from resilience_lab.events import AttemptFinished, AttemptStarted, Event

if TYPE_CHECKING:
    import pandas as pd

P = ParamSpec("P")
T = TypeVar("T")


class Recorder:
    """Keeps every event it hears, in order: give it to any policy as `on_event`.

    `len(recorder)` counts the events, iteration yields them, `recorder[i]` is one of them.
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

    def clear(self) -> None:
        """Forget everything recorded so far."""
        self._events.clear()

    def to_frame(self) -> pd.DataFrame:
        """One row an event, in order, as a pandas `DataFrame`.

        Columns: time (seconds), source, event (the event's class), then every field of the events
        that occur, empty where an event has no such field. Errors appear as text.
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

    def watch(
        self, func: Callable[P, Awaitable[T]], name: str | None = None
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """`func` (a coroutine function, or any callable), with each call of it recorded.

        Put it inside whatever does the retrying (this library, tenacity, stamina, a loop of one's
        own): each attempt is recorded as it starts and as it ends, so the gaps between are the
        waits. `name` is the events' source, by default the function's own.
        """
        if not callable(func):
            raise TypeError(not_callable(func))
        source = text("name", getattr(func, "__name__", "watched") if name is None else name)
        numbers = count(1)

        @functools.wraps(func)
        async def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            now = asyncio.get_running_loop().time
            attempt, started = next(numbers), now()
            self(AttemptStarted(started, source, attempt))
            outcome, error = "success", None  # type: str, BaseException | None
            try:
                result: Any = func(*args, **kwargs)
                if inspect.isawaitable(result):
                    result = await result
                return cast("T", result)
            except BaseException as raised:
                outcome = "failed" if isinstance(raised, Exception) else "cancelled"
                error = raised
                raise
            finally:
                self(AttemptFinished(now(), source, attempt, started, outcome, error))
                del error

        return watched


def _plain(value: object) -> object:
    return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else value
