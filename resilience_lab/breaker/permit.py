"""A permit: leave to make one call through a circuit breaker, to be settled with its result."""

from __future__ import annotations

import contextlib
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from resilience_lab.ground.outcomes import Outcome

if TYPE_CHECKING:
    from resilience_lab.breaker.breaker import CircuitBreaker
    from resilience_lab.breaker.states import Ticket


class Permit:
    """Leave to make one call. Whoever holds it settles it, once; what comes after has no effect.

    As a context manager it settles itself: by the block's error if there is one, else as a success.
    """

    __slots__ = ("_tickets", "breaker")

    def __init__(self, breaker: CircuitBreaker, ticket: Ticket) -> None:
        self.breaker = breaker
        self._tickets = [ticket]  # taking the only item is atomic, in threads too

    def __repr__(self) -> str:
        return f"<Permit of {self.breaker.name!r}, {'out' if self._tickets else 'settled'}>"

    def success(self) -> None:
        """The call succeeded."""
        for ticket in self._take():
            self.breaker._settle(ticket, Outcome.SUCCESS)

    def returned(self, result: Any) -> None:
        """The call returned `result`, which the breaker judges by its own rules."""
        for ticket in self._take():
            self.breaker._settle_result(ticket, result)

    def failure(self, error: BaseException) -> None:
        """The call raised `error`, which the breaker judges by its own rules."""
        if not isinstance(error, BaseException):
            raise TypeError(f"error must be an exception, got {error!r}")
        for ticket in self._take():
            self.breaker._settle_error(ticket, error)

    def ignore(self) -> None:
        """The call ended without saying anything about the service: give the permit back."""
        for ticket in self._take():
            self.breaker._settle(ticket, Outcome.NEUTRAL)

    def _take(self) -> list[Ticket]:
        try:
            return [self._tickets.pop()]
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
_Begun: TypeAlias = "tuple[Permit, _Begun | None]"  # a permit, and that of the block around it


class Blocks:
    """Which permit belongs to which `with` or `async with` block of one breaker.

    Python tells the end of a block nothing of its beginning, and blocks of one task need not nest:
    generators take turns. But a block begins and ends in one frame, which no other thread runs
    meanwhile; and an `ExitStack`, which begins and ends blocks in frames of its own, is the same
    object both times. Anybody else who ends a block for others ends the one that began last. Each
    line that changes the dict is one step for threads and collections, so there is no lock to wait
    for.
    """

    def __init__(self) -> None:
        self._begun: dict[object, _Begun] = {}

    def begin(self, frame: FrameType, permit: Permit) -> None:
        place = _place(frame)
        self._begun[place] = (permit, self._begun.pop(place, None))

    def end(self, frame: FrameType) -> Permit:
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
