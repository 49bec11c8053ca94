"""A permit: one call may go through a circuit breaker, and what became of it is told once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, TypeAlias

from resilience_lab.ground.outcomes import Judge, Outcome

Settle: TypeAlias = Callable[[Outcome, BaseException | None], None]
"""Gives a permit back, with what the call came to and its error, if it had one."""


class Permit:
    """Allows one call. The caller settles it once, with the result; a second time has no effect.

    As a context manager it settles itself: by the block's error if there is one, else as a success.
    `CircuitBreaker.acquire` makes them.

    Parameters
    ----------
    name
        What it is a permit of, for its repr.
    judge
        What a result or an error means.
    settle
        Is given the outcome and the error, when the permit is settled.

    Examples
    --------
    >>> from resilience_lab import CircuitBreaker
    >>> breaker = CircuitBreaker(failure_threshold=2, clock=lambda: 0.0)
    >>> permit = breaker.acquire()
    >>> permit.failure(ConnectionError())
    >>> permit.failure(ConnectionError())  # settled already
    >>> breaker.failure_count
    1
    """

    __slots__ = ("_name", "_out")

    def __init__(self, name: str, judge: Judge, settle: Settle) -> None:
        self._name = name
        self._out = [(settle, judge)]  # taking the only item is atomic, in threads too

    def __repr__(self) -> str:
        return f"<Permit of {self._name!r}, {'out' if self._out else 'settled'}>"

    def success(self) -> None:
        """The call succeeded."""
        for settle, _ in self._take():
            settle(Outcome.SUCCESS, None)

    def returned(self, result: Any) -> None:
        """The call returned `result`, which is judged by the rules of the breaker."""
        for settle, judge in self._take():
            outcome = Outcome.NEUTRAL  # the permit goes back also when the rule itself raises
            try:
                outcome = judge.of_result(result)
            finally:
                settle(outcome, None)

    def failure(self, error: BaseException) -> None:
        """The call raised `error`, which is judged by the rules of the breaker.

        Raises
        ------
        TypeError
            `error` is no exception.
        """
        if not isinstance(error, BaseException):
            raise TypeError(f"error must be an exception, got {error!r}")
        for settle, judge in self._take():
            outcome = Outcome.NEUTRAL
            try:
                outcome = judge.of_error(error)
            finally:
                settle(outcome, error)

    def ignore(self) -> None:
        """The call ended without saying anything about the service: give the permit back."""
        for settle, _ in self._take():
            settle(Outcome.NEUTRAL, None)

    def _take(self) -> list[tuple[Settle, Judge]]:
        try:
            return [self._out.pop()]
        except IndexError:
            return []

    def __enter__(self) -> Permit:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        if error is None:
            self.success()
        else:
            self.failure(error)


_STACKS = vars(contextlib)
_Begun: TypeAlias = tuple[Permit, "_Begun | None"]  # a permit, and that of the block around it


class Blocks:
    """Which permit belongs to which `with` or `async with` block of one breaker.

    Python tells the end of a block nothing of its beginning, and blocks of one task need not nest:
    generators take turns. But a block begins and ends in one frame, which no other thread runs
    meanwhile; and an `ExitStack`, which begins and ends blocks in frames of its own, is the same
    object both times. Other code that ends blocks for others ends the one that began last. Each
    line that changes the dict is one step for threads and collections, so there is no lock to wait
    for.
    """

    def __init__(self) -> None:
        self._begun: dict[object, _Begun] = {}

    def begin(self, frame: FrameType, permit: Permit) -> None:
        """A block of `frame` begins, with `permit`."""
        place = _place(frame)
        self._begun[place] = (permit, self._begun.pop(place, None))

    def end(self, frame: FrameType) -> Permit:
        """The block of `frame` that began last ends: its permit."""
        place: object = _place(frame)
        begun = self._begun.pop(place, None)
        if begun is None:
            place, begun = self._begun.popitem()
        permit, outer = begun
        if outer is not None:
            self._begun[place] = outer
        return permit


def _place(frame: FrameType) -> object:
    """Where a block begins and ends."""
    if frame.f_globals is _STACKS:
        return frame.f_locals.get("self", frame)
    return frame
