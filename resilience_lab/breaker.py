"""A circuit breaker: stop calling what keeps failing, and find out cheaply when it is well again.

    CLOSED --- failure_threshold failures in a row ---> OPEN
    OPEN --- a call arrives after recovery_timeout ---> HALF_OPEN, and that call is a probe
    HALF_OPEN --- success_threshold probes succeed ---> CLOSED
    HALF_OPEN --- any probe fails --------------------> OPEN, for another break

The picture is the code: `_Closed`, `_Open` and `_HalfOpen` each hold what is counted in that state,
`_admit` lets a call in and `_settle` takes its result. Nothing else changes state.

One idea carries the rest. Every stay in a state is a *generation*, a new object, and a call keeps
the one that admitted it. When its result comes back and that is no longer the current generation,
the result is stale: it tells of a time that is over, so it changes nothing and frees nothing. That
rule alone deals with slow calls that return after the trip, after the recovery, or after a reset.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from types import CoroutineType, FrameType, TracebackType
from typing import Any, Literal, ParamSpec, TypeVar, overload

from resilience_lab.arguments import function, not_callable, positive, text, whole
from resilience_lab.decorating import protect
from resilience_lab.errors import CircuitOpenError
from resilience_lab.events import (
    CallFinished,
    CallRejected,
    Event,
    LeaseExpired,
    Listener,
    StateChanged,
    emit,
)
from resilience_lab.outcomes import Classify, ErrorFilter, Outcome, checked, matcher

P = ParamSpec("P")
T = TypeVar("T")


class State(StrEnum):
    """What a circuit breaker does with the next call."""

    CLOSED = "CLOSED"
    """Normal operation: calls pass, failures are counted."""
    OPEN = "OPEN"
    """Too many failures: calls are rejected without being made."""
    HALF_OPEN = "HALF_OPEN"
    """After the break: a few probes pass, to learn whether the service is well again."""


class _Closed:
    """A generation in which everybody may call."""

    __slots__ = ("failures",)
    state = State.CLOSED
    admits_all: Literal[True] = True
    successes = 0

    def __init__(self) -> None:
        self.failures = 0  # in a row

    @property
    def generation(self) -> _Closed:
        """Here all calls are alike, so the generation itself is their ticket."""
        return self

    def count_success(self) -> int:
        self.failures = 0
        return self.successes

    def retry_after(self, _now: float, _max_calls: int) -> float:
        return 0.0


class _Open:
    """A generation in which nobody may call, `until` a moment (never, if isolated)."""

    __slots__ = ("failures", "until")
    state = State.OPEN
    admits_all: Literal[False] = False
    successes = 0

    def __init__(self, failures: int, until: float) -> None:
        self.failures = failures
        self.until = until

    def retry_after(self, now: float, _max_calls: int) -> float:
        return _wait(now, self.until)


class _HalfOpen:
    """A generation in which a few may probe."""

    __slots__ = ("failures", "probes", "successes")
    state = State.HALF_OPEN
    admits_all: Literal[False] = False

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.successes = 0
        self.probes: dict[_Probe, float] = {}  # in flight, oldest first: when each lease ends

    def count_success(self) -> int:
        self.successes += 1
        return self.successes

    def expire(self, now: float) -> list[_Probe]:
        """Take the permits of probes whose lease is over; their results will be stale."""
        late = [probe for probe, end in self.probes.items() if now >= end]
        for probe in late:
            del self.probes[probe]
        return late

    def retry_after(self, now: float, max_calls: int) -> float:
        if len(self.probes) < max_calls:
            return 0.0
        return _wait(now, next(iter(self.probes.values())))


class _Probe:
    """The ticket of one call in HALF_OPEN."""

    __slots__ = ("generation", "since")

    def __init__(self, generation: _HalfOpen, since: float) -> None:
        self.generation = generation
        self.since = since

    def hand_in(self) -> bool:
        """Give the permit back; False if it was taken away before."""
        return self.generation.probes.pop(self, None) is not None


class CircuitBreaker:
    """Guards calls to one service, and may be shared by tasks, threads and event loops.

    After `failure_threshold` failures in a row it opens: calls raise `CircuitOpenError` at once.
    `recovery_timeout` seconds later the next call is let through as a probe, at most
    `half_open_max_calls` at a time; `success_threshold` successful probes close it, one failed
    probe opens it again. A probe that has not answered within `probe_timeout` seconds (default:
    `recovery_timeout`) loses its permit to the next caller.

    `failure_on` says which exceptions count (a type, a tuple, a predicate); others are neutral.
    `classify` instead decides for results and exceptions both. Cancellation is neutral, always.
    `on_event` hears what happens, after it stands. Time is the running loop's; outside a loop it is
    `time.monotonic`, which asyncio's own loops read too. `clock` replaces both.

    Reading an attribute never changes anything: an OPEN circuit whose break is over still says OPEN
    until a call arrives. Bad arguments raise `ValueError` or `TypeError`.
    """

    def __init__(
        self,
        failure_threshold: int = 3,
        recovery_timeout: float = 30,
        success_threshold: int = 2,
        *,
        name: str = "circuit",
        failure_on: ErrorFilter = Exception,
        classify: Classify | None = None,
        half_open_max_calls: int = 1,
        probe_timeout: float | None = None,
        on_event: Listener | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.failure_threshold = whole("failure_threshold", failure_threshold, at_least=1)
        self.recovery_timeout = positive("recovery_timeout", recovery_timeout)
        self.success_threshold = whole("success_threshold", success_threshold, at_least=1)
        self.name = text("name", name)
        self.half_open_max_calls = whole("half_open_max_calls", half_open_max_calls, at_least=1)
        self.probe_timeout = (
            self.recovery_timeout
            if probe_timeout is None
            else positive("probe_timeout", probe_timeout)
        )
        if classify is not None and failure_on is not Exception:
            raise ValueError(f"give failure_on or classify, not both; got {failure_on!r}")
        self._is_failure = matcher("failure_on", failure_on)
        self._classify = function("classify", classify)
        self._on_event = function("on_event", on_event)
        self._now = function("clock", clock) or _loop_time
        # Whether even an uneventful success has somebody who must hear of it.
        self._attended = on_event is not None or classify is not None
        self._last_failure_time: float | None = None
        self._generation: _Closed | _Open | _HalfOpen = _Closed()
        self._blocks = _Blocks()
        # Reentrant, because a garbage collection or a signal while it is held may close a
        # coroutine that is inside `call`, and that settles its permit in this very thread.
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name!r} {self.state}, failures: {self.failure_count}>"

    # Reading

    @property
    def state(self) -> State:
        """CLOSED, OPEN or HALF_OPEN, equal to these strings."""
        return self._generation.state

    @property
    def failure_count(self) -> int:
        """Failures since the last success in CLOSED, or since it last closed."""
        return self._generation.failures

    @property
    def success_count(self) -> int:
        """Successful probes in the present HALF_OPEN; 0 in the other states."""
        return self._generation.successes

    @property
    def last_failure_time(self) -> float | None:
        """When the last failure was counted, in seconds on the breaker's clock; None if never."""
        return self._last_failure_time

    @property
    def isolated(self) -> bool:
        """Whether it was opened by hand and stays so until `reset`."""
        return isinstance(self._generation, _Open) and math.isinf(self._generation.until)

    @property
    def retry_after(self) -> float:
        """Seconds until a probe may be admitted; 0.0 when a call may be admitted now.

        In a full HALF_OPEN, until the oldest lease ends. To sleep this long is always enough.
        """
        now = self._now()
        with self._lock:
            return self._generation.retry_after(now, self.half_open_max_calls)

    # Calling

    @overload
    async def call(
        self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T: ...
    @overload
    async def call(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `func` (a coroutine function, or any callable) if the circuit lets it pass.

        Returns its result and raises its own error, even on the call that trips the breaker.
        Raises `CircuitOpenError` if the call is rejected; `func` is then not touched.
        """
        generation = self._generation
        ticket = generation if generation.admits_all else self._admit()
        try:
            result = func(*args, **kwargs)
            if type(result) is CoroutineType or inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            if not callable(func):  # the caller's mistake, which says nothing of the service
                self._settle(ticket, Outcome.NEUTRAL)
                raise TypeError(not_callable(func)) from None
            self._settle_error(ticket, error)
            raise
        # A success in a clean CLOSED changes nothing, so it takes no lock and reads no clock.
        if self._attended or ticket is not generation or generation.failures:
            self._settle_result(ticket, result)
        return result

    def acquire(self) -> Permit:
        """A permit for one call, or `CircuitOpenError`. Settle it with its result."""
        return Permit(self, self._admit())

    def __call__(self, func: Callable[P, T]) -> Callable[P, T]:
        """Decorate a function, coroutine function or (async) generator function.

        A generator takes its permit when it starts and is protected until it finishes; one that its
        consumer closes early is neutral.
        """
        protected: Callable[P, T] = protect(self, func)
        return protected

    async def __aenter__(self) -> Permit:
        permit = self.acquire()
        self._blocks.begin(sys._getframe(1), permit)
        return permit

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._blocks.end(sys._getframe(1)).__exit__(kind, error, _)

    # By hand

    def isolate(self) -> None:
        """Open the circuit and keep it open until `reset`, whatever time passes."""
        now = self._now()
        with self._lock:
            if self.isolated:
                return
            event = self._change(_Open(self.failure_count, math.inf), now, "isolated by hand")
        emit(self._on_event, event)

    def reset(self) -> None:
        """Close the circuit and forget all failures; calls now in flight become stale."""
        now = self._now()
        with self._lock:
            self._last_failure_time = None
            event = self._change(_Closed(), now, "reset by hand")
        emit(self._on_event, event)

    # The state machine. The clock is read and listeners are told outside the lock: both are other
    # people's code, which may take its time, raise, or come back to this very breaker.

    def _admit(self) -> _Closed | _Probe:
        """Let one call in and return its ticket, or raise `CircuitOpenError`."""
        now = self._now()
        events: list[Event] = []
        with self._lock:
            if isinstance(self._generation, _Open) and now >= self._generation.until:
                half_open = _HalfOpen(self._generation.failures)
                events.append(self._change(half_open, now, "the break is over"))
            generation = self._generation
            ticket: _Closed | _Probe | None = None
            if isinstance(generation, _Closed):
                ticket = generation
            elif isinstance(generation, _HalfOpen):
                expired = generation.expire(now)
                events += [LeaseExpired(now, self.name, now - late.since) for late in expired]
                if len(generation.probes) < self.half_open_max_calls:
                    ticket = _Probe(generation, now)
                    generation.probes[ticket] = now + self.probe_timeout
            if ticket is None:
                retry_after = generation.retry_after(now, self.half_open_max_calls)
                events.append(CallRejected(now, self.name, generation.state, retry_after))
        for event in events:
            emit(self._on_event, event)
        if ticket is None:
            raise CircuitOpenError(self.name, generation.state, retry_after)
        return ticket

    def _settle(
        self, ticket: _Closed | _Probe, outcome: Outcome, error: BaseException | None = None
    ) -> None:
        """Take the result of one call, unless it is stale."""
        now = self._now()
        with self._lock:
            generation = ticket.generation
            if generation is not self._generation:
                return  # stale
            if isinstance(ticket, _Probe) and not ticket.hand_in():
                return  # stale too: its lease was over, and its permit given to another
            count, threshold = generation.successes, self.success_threshold
            if outcome is Outcome.SUCCESS:
                count = generation.count_success()
            elif outcome is Outcome.FAILURE:
                self._last_failure_time = now
                generation.failures += 1
                count, threshold = generation.failures, self.failure_threshold
            change = self._change_after(outcome, generation, now)
        finished = CallFinished(now, self.name, generation.state, outcome, error, count, threshold)
        emit(self._on_event, finished)
        if change is not None:
            emit(self._on_event, change)

    def _change_after(
        self, outcome: Outcome, generation: _Closed | _HalfOpen, now: float
    ) -> StateChanged | None:
        """Change the state if `outcome`, which is counted already, is reason to."""
        probing = isinstance(generation, _HalfOpen)
        if outcome is Outcome.FAILURE and (
            probing or generation.failures >= self.failure_threshold
        ):
            reason = "a probe failed" if probing else "too many failures"
            return self._change(
                _Open(generation.failures, now + self.recovery_timeout), now, reason
            )
        if probing and generation.successes >= self.success_threshold:
            return self._change(_Closed(), now, "the probes succeeded")
        return None

    def _change(self, after: _Closed | _Open | _HalfOpen, now: float, reason: str) -> StateChanged:
        before, self._generation = self._generation, after
        return StateChanged(now, self.name, before.state, after.state, reason)

    # Judging: the permit goes back whatever happens, also when the rule itself raises.

    def _settle_result(self, ticket: _Closed | _Probe, result: Any) -> None:
        outcome = Outcome.NEUTRAL
        try:
            outcome = checked(self._classify(result)) if self._classify else Outcome.SUCCESS
        finally:
            self._settle(ticket, outcome)

    def _settle_error(self, ticket: _Closed | _Probe, error: BaseException) -> None:
        outcome = Outcome.NEUTRAL
        try:
            if isinstance(error, Exception):
                outcome = self._judge(error)
        finally:
            self._settle(ticket, outcome, error)

    def _judge(self, error: Exception) -> Outcome:
        if self._classify:
            return checked(self._classify(error))
        return Outcome.FAILURE if self._is_failure(error) else Outcome.NEUTRAL


class Permit:
    """Leave to make one call. Whoever holds it settles it, once; what comes after has no effect.

    As a context manager it settles itself: by the block's error if there is one, else as a success.
    """

    __slots__ = ("_tickets", "breaker")

    def __init__(self, breaker: CircuitBreaker, ticket: _Closed | _Probe) -> None:
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

    def _take(self) -> list[_Closed | _Probe]:
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


class _Blocks:
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


def _loop_time() -> float:
    loop = asyncio._get_running_loop()
    return time.monotonic() if loop is None else loop.time()


def _wait(now: float, until: float) -> float:
    """Seconds from `now` to `until`, rounded so that `now + _wait(now, until) >= until`."""
    wait = max(0.0, until - now)
    while now + wait < until:
        wait = math.nextafter(wait, math.inf)
    return wait
