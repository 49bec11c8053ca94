"""A breaker of the learner's, and the calls that a trial puts through it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from resilience_lab.practice.contracts.bench import Bench, UntriedError, finished
from resilience_lab.practice.contracts.service import Function, Service, ServiceError
from resilience_lab.practice.contracts.states import state_of

BREAK = 30.0
AFTER = BREAK + 1
CROWD = 20
NEVER = float("inf")


@dataclass(frozen=True)
class Ending:
    """How one call through the breaker ended, and how often it reached the service."""

    reached: int
    value: Any
    error: Exception | None

    @property
    def rejected(self) -> bool:
        return not self.reached and self.error is not None


class Breaker:
    """A breaker of the learner's, and calls to put through it."""

    def __init__(
        self, bench: Bench, threshold: int = 3, timeout: float = BREAK, successes: int = 2
    ) -> None:
        self.bench = bench
        self.successes = successes
        self.theirs = bench.build(
            failure_threshold=threshold, recovery_timeout=timeout, success_threshold=successes
        )

    @property
    def state(self) -> str | None:
        return self.bench.room.call(state_of, self.theirs)

    async def call(self, outcome: Any, seconds: float = 0.0) -> Ending:
        """Put one call through, which takes `seconds` and then has this outcome."""
        service = Service()
        return await self._through(service, service.function(outcome, seconds=seconds))

    async def _through(self, service: Service, function: Function) -> Ending:
        value, error = await finished(self.bench.ask(self.theirs.call, function))
        return Ending(service.calls, value, error)

    async def ok(self) -> Ending:
        return await self.call("ok")

    async def fail(self) -> Ending:
        return await self.call(ServiceError("the service is down"))

    async def play(self, plot: str) -> list[Ending]:
        """One call after the other: s for a success, f for a failure."""
        return [await (self.ok() if letter == "s" else self.fail()) for letter in plot]

    async def start(
        self, outcome: Any, seconds: float = NEVER, until: asyncio.Event | None = None
    ) -> asyncio.Task[Ending]:
        """Begin a call in a task of its own, and return when it has reached the service."""
        service = Service()
        function = service.function(outcome, seconds=seconds, until=until)
        task = asyncio.create_task(self._through(service, function))
        if await self.bench.until(lambda: bool(service.calls)):
            return task
        if task.done():
            task.result()  # raises, if it was a slip
        raise UntriedError("a call that should have been let in was not")

    async def trip(self) -> None:
        """Fail until it rejects."""
        began = self.bench.now
        for _ in range(CROWD):
            reached = (await self.fail()).reached
            if self.bench.now > began:
                raise UntriedError(
                    f"a call that should end at once took {self.bench.now - began:g} s"
                )
            if not reached:
                return
        raise UntriedError(f"it did not open after {CROWD} failures in a row")

    async def end_break(self) -> None:
        """Fail until it rejects, and let the break pass."""
        await self.trip()
        await asyncio.sleep(AFTER)

    async def recover(self) -> None:
        """Let probes succeed until it is closed."""
        for done in range(CROWD):
            state = self.state
            if state == "CLOSED" or (state is None and done == self.successes):
                return
            await self.ok()
        raise UntriedError(f"it did not close after {CROWD} successful probes")

    async def is_closed(self) -> bool:
        """Whether it is closed, as its state says; else, whether it bears a failure."""
        state = self.state
        if state is not None:
            return state == "CLOSED"
        return bool((await self.play("fs"))[-1].reached)

    async def closes_after(self) -> int:
        """With how many successful probes it closes."""
        for done in range(CROWD):
            if self.state == "CLOSED":
                return done
            await self.ok()
        raise UntriedError(f"it did not say CLOSED after {CROWD} successful probes")


async def cancelled_call(breaker: Breaker) -> bool:
    """Put a call through and cancel it after a second; whether it reached the service."""
    try:
        task = await breaker.start("ok")
    except UntriedError:
        return False
    await asyncio.sleep(1)
    await breaker.bench.cancel(task)
    return True


async def failures_to_open(bench: Bench) -> int:
    """How many failures in a row open it; whether that is right is for another clause."""
    breaker = Breaker(bench)
    for done in range(CROWD):
        if not (await breaker.fail()).reached:
            return done
    raise UntriedError(f"it did not open after {CROWD} failures in a row")
