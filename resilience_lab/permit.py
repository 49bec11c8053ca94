"""A permit: leave to make one call through a circuit breaker, to be settled with its result."""

from __future__ import annotations

from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from resilience_lab.outcomes import Outcome

if TYPE_CHECKING:
    from resilience_lab.breaker import CircuitBreaker, Ticket


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


class Blocks:
    """Which permit belongs to which `async with` block of one breaker.

    Python tells the end of a block nothing of its beginning, and blocks of one task need not nest:
    generators take turns. But a block begins and ends in one frame. Where somebody else does that
    on its behalf (an `AsyncExitStack`, a fixture), the block that began last is the one that ends.
    """

    def __init__(self) -> None:
        self._begun: list[tuple[FrameType, Permit]] = []

    def begin(self, frame: FrameType, permit: Permit) -> None:
        self._begun.append((frame, permit))

    def end(self, frame: FrameType) -> Permit:
        begun = self._begun
        here = [block for block in begun if block[0] is frame]
        block = (here or begun)[-1]
        begun.remove(block)
        return block[1]
