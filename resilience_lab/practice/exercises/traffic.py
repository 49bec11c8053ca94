"""Calls by the thousand: of one function, or of a client that sends to a backend."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any, TypeAlias


def repeated(func: Callable[..., Any], times: int, *args: Any) -> list[Any]:
    """What `func(*args)` returns, each time."""
    return [func(*args) for _ in range(times)]


Backend: TypeAlias = Callable[[float], bool]
"""Whether a call is accepted that arrives now, in seconds."""


def well(_now: float) -> bool:
    """Accepts everything."""
    return True


def down(_now: float) -> bool:
    """Accepts nothing."""
    return False


def two_of_three() -> Backend:
    """Accepts two calls, not the third, and so on."""
    answers = cycle([True, True, False])
    return lambda _now: next(answers)


def overloaded(seconds: float) -> Backend:
    """Takes so long for each call that it accepts, and accepts no other one meanwhile."""
    free = 0.0

    def accepts(now: float) -> bool:
        nonlocal free
        if now < free:
            return False
        free = now + seconds
        return True

    return accepts


def drive(
    client: Any, backend: Backend, rate: float, begin: float, end: float
) -> tuple[int, int, int]:
    """How many requests were made, sent and accepted between two moments, at `rate` a second."""
    made = round(rate * (end - begin))
    sent = accepted = 0
    for number in range(made):
        now = begin + number / rate
        if not client.should_send(now):
            continue
        sent += 1
        if backend(now):
            accepted += 1
            client.accepted(now)
    return made, sent, accepted
