"""A circuit breaker: stop calling what keeps failing, and find out cheaply when it is well again.

The rules are in `states.py`: three small objects, `Closed`, `Open` and `HalfOpen`, that say who may
call and what comes next. Here is what they are free of. The breaker asks the clock, holds the lock
while it moves from one state to the next, and tells its listener after that. Two methods do so:
`_admit` lets a call in, and `_settle` takes its result. When a closed circuit opens is a rule of
its own, which may be exchanged: see `trip_rules.py`.
"""

from __future__ import annotations

import inspect
import math
import sys
import threading
from collections.abc import Callable
from functools import partial, wraps
from types import CoroutineType, TracebackType
from typing import Any, ParamSpec, TypeVar

from resilience_lab.breaker.break_lengths import Breaks
from resilience_lab.breaker.permit import Blocks, Permit
from resilience_lab.breaker.protect import protect, protect_result
from resilience_lab.breaker.states import Generation, Guest, Open, Plan, Ticket
from resilience_lab.breaker.trip_rules import ConsecutiveFailures, TripRule
from resilience_lab.errors import CircuitOpenError
from resilience_lab.events.events import (
    CallFinished,
    CallRejected,
    CallWouldBeRejected,
    Event,
    LeaseExpired,
    Listener,
    StateChanged,
    emit,
)
from resilience_lab.ground.arguments import (
    UNBEGUN,
    flag,
    function,
    is_async,
    not_callable,
    text,
    whole,
)
from resilience_lab.ground.clock import LoopClock, tick
from resilience_lab.ground.outcomes import Classify, ErrorFilter, Outcome, State, judge_by
from resilience_lab.ground.sharing import Shared
from resilience_lab.ground.verb import verb
from resilience_lab.retry.backoff import Backoff

P = ParamSpec("P")
T = TypeVar("T")


class CircuitBreaker(Shared):
    """Guards calls to one service, and is shared by tasks, threads and event loops; never copied.

    After `failure_threshold` failures in a row it opens: calls raise `CircuitOpenError` at once.
    `recovery_timeout` seconds later the next call is let through as a probe. `success_threshold`
    successful probes close it, one failed probe opens it again.

    `await breaker.call(func, *args)`, `@breaker` on a function of any kind, `async with breaker`
    and, in plain code, `with breaker` all do the same. An error that is not an `Exception`, such as
    a cancellation, is neutral, always; so is what the clean-up after one raises.

    Reading an attribute never changes anything: an OPEN circuit whose break is over still says OPEN
    until a call arrives. `name`, `success_threshold`, `half_open_max_calls` and `observe_only` may
    be set later, and have their effect at once.

    Parameters
    ----------
    failure_threshold
        How many failures in a row open it, >= 1. Default 3.
    recovery_timeout
        The length of a break in seconds, > 0, default 30. Or a `Backoff`: each re-opening without a
        close in between takes its next delay.
    success_threshold
        How many successful probes close it, >= 1. Default 2.
    name
        The source of its events, and its name in errors. Default "circuit".
    trip
        Another rule to open by, such as `FailureRate(0.5, last=20)`, in place of failures in a row.
    failure_on
        Which exceptions count: a type, a tuple of types, or a predicate. Others are neutral. A
        group of exceptions counts if it matches itself, or anything in it does. By default, every
        `Exception`.
    classify
        Instead: given the result or the `Exception`, says what it means.
    half_open_max_calls
        How many probes may be in flight at once, >= 1. Default 1.
    probe_timeout
        Seconds after which a probe that has not answered loses its permit to the next caller, > 0.
        By default as long as the break, and after a success that came too late, twice as long as
        that took: else a service that is well, but slower than the break, would be shut out.
    observe_only
        Nothing is rejected, not even when isolated. It counts, changes state and tells its listener
        as it would, so that thresholds can be tried on live traffic; `would_reject_count` calls
        went through that it would have rejected.
    on_event
        Is called with each event, after the state has changed.
    clock
        Gives the time in seconds. By default that is the running loop's; outside a loop it is
        `time.monotonic`, which asyncio's own loops read too.

    Raises
    ------
    ValueError, TypeError
        For an argument that makes no sense.

    Examples
    --------
    >>> breaker = CircuitBreaker(1, recovery_timeout=30, name="gpt4", clock=lambda: 0.0)
    >>> with breaker:
    ...     raise ConnectionError
    Traceback (most recent call last):
    ConnectionError
    >>> with breaker:
    ...     print("not reached")
    Traceback (most recent call last):
    resilience_lab.errors.CircuitOpenError: circuit 'gpt4' is OPEN; next probe in 30.0 s
    """

    def __init__(
        self,
        failure_threshold: int = 3,
        recovery_timeout: float | Backoff = 30,
        success_threshold: int = 2,
        *,
        name: str = "circuit",
        trip: TripRule | None = None,
        failure_on: ErrorFilter = Exception,
        classify: Classify | None = None,
        half_open_max_calls: int = 1,
        probe_timeout: float | None = None,
        observe_only: bool = False,
        on_event: Listener | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        whole("failure_threshold", failure_threshold, at_least=1)
        self.success_threshold = whole("success_threshold", success_threshold, at_least=1)
        self.name = text("name", name)
        self.half_open_max_calls = whole("half_open_max_calls", half_open_max_calls, at_least=1)
        self.observe_only = flag("observe_only", observe_only)
        breaks = Breaks(recovery_timeout, probe_timeout)
        if not (trip is None or isinstance(trip, TripRule)):
            raise TypeError(f"trip must be a trip rule such as FailureRate, got {trip!r}")
        if trip is not None and failure_threshold != 3:
            raise ValueError(f"give failure_threshold or trip, not both; got {trip!r}")
        self._judge = judge_by(failure_on, classify)
        self._on_event = function("on_event", on_event)
        self._now = function("clock", clock) or LoopClock()
        # Whether even an uneventful success must be told to a listener, or judged.
        self._attended = on_event is not None or classify is not None
        self._last_failure_time: float | None = None
        self._plan = Plan(trip or ConsecutiveFailures(failure_threshold), breaks, self._now)
        self._generation: Generation = self._plan.closed("new")
        self._ticket = self._generation.ticket  # of every call, as long as all are alike
        self._would_reject_count = 0
        self._blocks = Blocks()
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
        """Failures in a row in CLOSED; under another trip rule, what that rule counts just now.

        In OPEN and HALF_OPEN, those that opened it, and the failed probes since.
        """
        return self._progress()[0]

    @property
    def failure_threshold(self) -> int:
        """How many failures in a row open it; under another trip rule, how many would just now."""
        return self._progress()[1]

    @property
    def recovery_timeout(self) -> float | Backoff:
        """How long a break lasts, in seconds, or the `Backoff` that says so."""
        return self._plan.breaks.recovery_timeout

    @property
    def trip(self) -> TripRule:
        """The rule by which it opens."""
        return self._plan.trip

    @property
    def success_count(self) -> int:
        """Successful probes in the present HALF_OPEN; 0 in the other states."""
        return self._generation.successes

    @property
    def would_reject_count(self) -> int:
        """How many calls went through that it would have rejected, had it not only observed."""
        return self._would_reject_count

    @property
    def last_failure_time(self) -> float | None:
        """When the last failure was counted, in seconds on the breaker's clock; None if never."""
        return self._last_failure_time

    @property
    def isolated(self) -> bool:
        """Whether it was opened by hand and stays so until `reset`."""
        return self._generation.isolated

    @property
    def retry_after(self) -> float:
        """Seconds until a probe may be admitted; 0.0 when a call may be admitted now.

        In a full HALF_OPEN, until the oldest lease ends. To sleep this long is always enough.
        """
        now = self._now()
        with self._lock:
            return self._retry_after(self._generation, now)

    # Calling

    @verb
    async def call(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call `func` (a coroutine function, or any callable) if the circuit lets it pass.

        Returns
        -------
        The result of `func`. If that is a coroutine, or another awaitable, what it comes to.

        Raises
        ------
        CircuitOpenError
            The call is rejected; `func` is not touched.
        Exception
            The error of `func` itself, also from the call that trips the breaker.
        TypeError
            `func` is not callable, or returns a generator, whose work begins after this call.
        """
        ticket = self._ticket or self._admit()
        try:
            # To unpack a dict that is empty costs as much as all the rest here.
            result = func(*args, **kwargs) if kwargs else func(*args)
            if type(result) is CoroutineType or inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            if not callable(func):  # the caller's mistake, which says nothing of the service
                self._settle(ticket, Outcome.NEUTRAL)
                raise TypeError(not_callable(func)) from None
            self._conclude(ticket, self._judge.of_error, error, error)
            raise
        if type(result) in UNBEGUN:
            self._settle(ticket, Outcome.NEUTRAL)
            raise TypeError(
                f"func must not return a generator, got {result!r}: the call is over before that "
                "begins. `@breaker` protects a stream to its end"
            )
        # A success in a clean CLOSED changes nothing, so it takes no lock and reads no clock.
        if self._attended or (ticket.alert and not ticket.absorb()):
            self._conclude(ticket, self._judge.of_result, result)
        return result

    def _coroutine_function(self, func: Callable[..., Any]) -> Any:
        @wraps(func)
        async def protected(*args: Any, **kwargs: Any) -> Any:
            # The body of `call` again: one more coroutine around it would double what it costs.
            ticket = self._ticket or self._admit()
            try:
                result = await (func(*args, **kwargs) if kwargs else func(*args))
            except BaseException as error:
                self._conclude(ticket, self._judge.of_error, error, error)
                raise
            if type(result) in UNBEGUN:
                return protect_result(result, self._permit(ticket), self.acquire)
            if self._attended or (ticket.alert and not ticket.absorb()):
                self._conclude(ticket, self._judge.of_result, result)
            return result

        return protected

    def __call__(self, func: Callable[P, T]) -> Callable[P, T]:
        """Decorate a function, coroutine function or (async) generator function.

        A generator takes its permit when it starts and is protected until it finishes; one that its
        consumer closes early is neutral.

        Returns
        -------
        A function of the same kind as `func`. Its calls raise `CircuitOpenError` if rejected.
        """
        if not callable(func):
            raise TypeError(not_callable(func))
        if not is_async(func):
            return protect(func, self.acquire)
        protected: Callable[P, T] = self._coroutine_function(func)
        return protected

    def acquire(self) -> Permit:
        """A permit for one call, which the caller settles with the result of that call.

        Raises
        ------
        CircuitOpenError
            The call is rejected.
        """
        return self._permit(self._ticket or self._admit())

    def _permit(self, ticket: Ticket) -> Permit:
        return Permit(self.name, self._judge, partial(self._settle, ticket))

    async def __aenter__(self) -> Permit:
        permit = self.acquire()
        self._blocks.begin(sys._getframe(1), permit)
        return permit

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._blocks.end(sys._getframe(1)).__exit__(kind, error, _)

    def __enter__(self) -> Permit:
        permit = self.acquire()
        self._blocks.begin(sys._getframe(1), permit)
        return permit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._blocks.end(sys._getframe(1)).__exit__(kind, error, _)

    # By hand

    def isolate(self) -> None:
        """Open the circuit by hand and keep it open until `reset`, whatever time passes."""
        now = self._now()
        with self._lock:
            if self.isolated:
                return
            progress = self._generation.progress(now)
            isolated = Open(self._plan, progress, math.inf, 0.0, "isolated by hand")
            event = self._change(isolated, now)
        emit(self._on_event, event)

    def reset(self) -> None:
        """Close the circuit by hand and forget all failures; calls in flight become stale."""
        now = self._now()
        with self._lock:
            self._last_failure_time = None
            event = self._change(self._plan.closed("reset by hand"), now)
        emit(self._on_event, event)

    # The machine. The clock is read and listeners are told outside the lock: both are other
    # people's code, which may take its time, raise, or come back to this very breaker.

    def _admit(self) -> Ticket:
        """Let one call in and return its ticket, or raise `CircuitOpenError`."""
        now = self._now()
        events: list[Event] = []
        with self._lock:
            generation = self._generation.arrive(now)
            if generation is not self._generation:
                events.append(self._change(generation, now))
            if late := generation.expire(now):
                events += [LeaseExpired(now, self.name, now - probe.since) for probe in late]
            ticket = generation.let_in(now, self.half_open_max_calls)
            if ticket is None:
                retry_after = self._retry_after(generation, now)
                rejection = CallWouldBeRejected if self.observe_only else CallRejected
                events.append(rejection(now, self.name, generation.state, retry_after))
                self._would_reject_count += self.observe_only
        try:
            for event in events:
                emit(self._on_event, event)
        except BaseException:  # Ctrl-C while a listener ran: there will be no call
            if ticket is not None:
                self._settle(ticket, Outcome.NEUTRAL)
            raise
        if ticket is not None:
            return ticket
        if self.observe_only:
            return Guest(generation, now)
        raise CircuitOpenError(self.name, generation.state, retry_after)

    def _conclude(
        self,
        ticket: Ticket,
        rule: Callable[[Any], Outcome],
        value: Any,
        error: BaseException | None = None,
    ) -> None:
        """Settle with what `rule` says; if the rule itself raises, the permit goes back."""
        outcome = Outcome.NEUTRAL
        try:
            outcome = rule(value)
        finally:
            self._settle(ticket, outcome, error)

    def _settle(self, ticket: Ticket, outcome: Outcome, error: BaseException | None = None) -> None:
        """Take the result of one call, unless it is stale."""
        now = self._now()
        with self._lock:
            generation, change = ticket.generation, None
            if ticket.counts:
                after = self._generation.take(ticket, outcome, now, self.success_threshold)
                if after is None:
                    return  # stale
                if outcome is Outcome.FAILURE:
                    self._last_failure_time = now
                if after is not generation:
                    change = self._change(after, now)
            if self._on_event is None:
                return
            count, threshold = generation.successes, self.success_threshold
            if outcome is Outcome.FAILURE:
                count, threshold = generation.progress(now)
        finished = CallFinished(now, self.name, generation.state, outcome, error, count, threshold)
        emit(self._on_event, finished)
        if change is not None:
            emit(self._on_event, change)

    def _change(self, after: Generation, now: float) -> StateChanged:
        before, self._generation = self._generation, after
        self._ticket = after.ticket
        return StateChanged(now, self.name, before.state, after.state, after.reason)

    def _progress(self) -> tuple[int, int]:
        now = self._now()
        with self._lock:
            return self._generation.progress(now)

    def _retry_after(self, generation: Generation, now: float) -> float:
        wait = generation.retry_after(now, self.half_open_max_calls)
        return wait and wait + tick(self._now)
