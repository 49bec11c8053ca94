"""Two exercises on patterns together: four policies around one service, and a hedged call.

`check_composition` takes `compose(service)`, which returns a coroutine function: one call of the
service under a retry, a breaker, a timeout and a deadline, in whatever order gives the facts below.
`check_hedging` takes `hedged(first, second, after, budget)`, a coroutine function: `first` and
`second` are coroutine functions without arguments, `after` is in seconds, `budget` a `RetryBudget`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from resilience_lab.practice.exam.checklist import Checklist
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.examiner import Trial, examine
from resilience_lab.practice.exercises.service import (
    DOWN,
    HANG,
    WELL,
    Service,
    elapsed,
    listed,
    result_or_error,
)
from resilience_lab.retry.budget import RetryBudget

TRIES_AT = [0.0, 1.0, 3.0]
"""When a call that keeps failing is tried, in seconds."""
PATIENCE = 2.0
"""How long one try may take, in seconds."""
WITHIN = 8.0
"""How long a call may take, in seconds."""
FAILURES = 5
"""How many failed tries in a row open the circuit."""
BREAK = 5.0
"""How long the circuit stays open, in seconds."""

_AFTER = 2.0  # seconds until a call is hedged
_MANY = 100  # calls under one budget


@marked
def check_composition(compose: Any) -> Checklist:
    """Examine what `compose` makes of services that are slow, or down, or both."""
    return examine(compose, _COMPOSITION)


@marked
def check_hedging(hedged: Any) -> Checklist:
    """Examine whom `hedged` asks and when, whose answer it takes, and what it leaves behind."""
    return examine(hedged, _HEDGING)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


async def _tries_again(compose: Any) -> str | None:
    service = Service(DOWN, DOWN, WELL)
    answer = await result_or_error(compose(service)())
    if service.times != TRIES_AT:
        return f"expected tries at {listed(TRIES_AT)} s, saw {listed(service.times)}"
    return None if answer == "answer" else f"the third try gave 'answer', the call told {answer!r}"


async def _stops_trying(compose: Any) -> str | None:
    service = Service(DOWN)
    told = await result_or_error(compose(service)())
    if len(service.times) != len(TRIES_AT):
        return f"it tried {_times(len(service.times))}"
    last = service.errors[-1]
    return None if told is last else f"the service raised {last!r}, the call told {told!r}"


async def _cuts_off(compose: Any) -> str | None:
    service = Service(HANG, WELL)
    await result_or_error(compose(service)())
    if not service.ends:
        return "the service was never called"
    took = service.ends[0]
    return None if took == PATIENCE else f"the first try hung, and was cut off after {took:g} s"


async def _ends_in_time(compose: Any) -> str | None:
    await result_or_error(compose(Service(HANG))())
    return None if elapsed() <= WITHIN else f"every try hung, and the call took {elapsed():g} s"


async def _opens(compose: Any) -> str | None:
    service = Service(DOWN)
    call = compose(service)
    for _ in range(2 * FAILURES):
        await result_or_error(call())
    tries = service.times
    if len(tries) < FAILURES:
        return f"the service was down, and after {len(tries)} tries there were no more"
    later = sum(time < tries[FAILURES - 1] + BREAK for time in tries[FAILURES:])
    return f"after {FAILURES} failed tries in a row it made {later} more" if later else None


async def _counts_timeouts(compose: Any) -> str | None:
    service = Service(HANG)
    call = compose(service)
    for _ in range(10):
        await result_or_error(call())
    before = len(service.times)
    # Not waited for: whether it says so at once is another question.
    await _cancelled(call(), after=0.1)
    if len(service.times) > before:
        return "the service hung in ten calls, and the eleventh still reached it"
    return None if before else "the service was never called"


async def _says_so_at_once(compose: Any) -> str | None:
    service = Service(DOWN)
    call = compose(service)
    crowd = asyncio.gather(*(result_or_error(call()) for _ in range(3 * FAILURES)))
    await asyncio.sleep(4.0)  # by now it is open, whether it counts tries or calls
    started = elapsed()
    told = await result_or_error(call())
    took = elapsed() - started
    await crowd
    if started in service.times:
        return "many calls had failed, and the next one still reached the service"
    if took:
        return f"the circuit was open, and the call took {took:g} s to say so"
    return None if isinstance(told, Exception) else f"the circuit was open, the call told {told!r}"


async def _probes(compose: Any) -> str | None:
    service = Service(*[DOWN] * FAILURES, WELL)
    call = compose(service)
    for _ in range(2):
        await result_or_error(call())
    await asyncio.sleep(BREAK)
    told = await result_or_error(call())
    if len(service.times) <= FAILURES:
        return f"after the break no try reached the service; the call told {told!r}"
    return None if told == "answer" else f"after the break the call told {told!r}"


_COMPOSITION: dict[str, Trial] = {
    "tries again, one and two seconds after a failure": _tries_again,
    "lets the service's own error out after three tries": _stops_trying,
    "cuts each try off after two seconds": _cuts_off,
    "ends within eight seconds, whatever happens": _ends_in_time,
    "opens after five failed tries, whichever call made them": _opens,
    "counts a try that was cut off as a failed one": _counts_timeouts,
    "says at once that the circuit is open": _says_so_at_once,
    "lets a try through after a break of five seconds": _probes,
}


async def _cancelled(awaitable: Awaitable[Any], after: float) -> asyncio.Future[Any]:
    """Its task, which is cancelled unless it ends within `after` seconds, and has ended."""
    task = asyncio.ensure_future(awaitable)
    await asyncio.wait([task], timeout=after)
    task.cancel()
    await asyncio.wait([task])
    return task


def _asked(expected: str, told: Any, seconds: float) -> str | None:
    if told != expected:
        return f"expected {expected!r}, it told {told!r}"
    return None if elapsed() == seconds else f"it took {elapsed():g} s instead of {seconds:g}"


async def _asks_one(hedged: Any) -> str | None:
    first, second, budget = Service((1.0, "one")), Service((1.0, "two")), RetryBudget()
    told = await result_or_error(hedged(first, second, _AFTER, budget))
    if second.times:
        return "the first answered in time, and the second was asked"
    if budget.tokens < budget.burst:
        return "the first answered in time, and a token was spent"
    return _asked("one", told, 1.0)


async def _asks_two(hedged: Any) -> str | None:
    first, second = Service((9.0, "one")), Service((1.0, "two"))
    told = await result_or_error(hedged(first, second, _AFTER, RetryBudget()))
    if not second.times:
        return "the first was late, and the second was never asked"
    if second.times != [_AFTER]:
        return f"the second was asked at {listed(second.times)} instead of {_AFTER:g} s"
    return _asked("two", told, _AFTER + 1.0)


async def _keeps_the_first(hedged: Any) -> str | None:
    first, second = Service((3.0, "one")), Service((9.0, "two"))
    told = await result_or_error(hedged(first, second, _AFTER, RetryBudget()))
    return _asked("one", told, 3.0)


async def _cancels_the_loser(hedged: Any) -> str | None:
    for first, second in (((9.0, "one"), (1.0, "two")), ((3.0, "one"), (9.0, "two"))):
        services = Service(first), Service(second)
        await result_or_error(hedged(*services, _AFTER, RetryBudget()))
        await asyncio.sleep(1.0)
        if any(service.running for service in services):
            return "one had answered, and a second later the other was still at work"
    return None


async def _waits_for_the_other(hedged: Any) -> str | None:
    error = ConnectionError("down")
    for first, second in (((3.0, error), (4.0, "two")), ((6.0, "one"), (0.5, error))):
        told = await result_or_error(hedged(Service(first), Service(second), _AFTER, RetryBudget()))
        if isinstance(told, Exception):
            return f"one failed, the other was about to answer; it raised {told!r}"
    return None


async def _raises(hedged: Any) -> str | None:
    first, second = (Service((5.0, ConnectionError(name))) for name in ("one", "two"))
    told = await result_or_error(hedged(first, second, _AFTER, RetryBudget()))
    return None if isinstance(told, Exception) else f"both failed, and it returned {told!r}"


async def _leaves_it_to_the_retry(hedged: Any) -> str | None:
    first, second = Service((1.0, ConnectionError("one"))), Service((1.0, "two"))
    told = await result_or_error(hedged(first, second, _AFTER, RetryBudget()))
    return None if told in first.errors else f"the first failed after 1 s; it told {told!r}"


async def _keeps_to_the_budget(hedged: Any) -> str | None:
    first, second = Service((5.0, "one")), Service((1.0, "two"))
    budget = RetryBudget(ratio=0.1, burst=1)
    told = [await hedged(first, second, _AFTER, budget) for _ in range(_MANY)]
    hedges = len(second.times)
    if not 9 <= hedges <= 11:
        return f"{_MANY} slow calls, a budget of a tenth, and {hedges} hedges"
    unhedged = told.count("one")
    if unhedged == len(told) - hedges:
        return None
    return f"without a token it should wait for the first, which answered {unhedged} times"


async def _ends_when_cancelled(hedged: Any) -> str | None:
    first, second = Service(HANG), Service(HANG)
    task = await _cancelled(hedged(first, second, _AFTER, RetryBudget()), after=3.0)
    await asyncio.sleep(1.0)
    if first.running or second.running:
        return "it was cancelled, and what it had begun was still at work"
    return None if task.cancelled() else "a cancelled call did not end as cancelled"


_HEDGING: dict[str, Trial] = {
    "asks only the first if that answers in time": _asks_one,
    "asks the second too when the time is up": _asks_two,
    "lets the first go on beside the second": _keeps_the_first,
    "cancels the one that is not needed": _cancels_the_loser,
    "waits for the other when one of the two fails": _waits_for_the_other,
    "raises when both have failed": _raises,
    "leaves an early failure of the first to the retry": _leaves_it_to_the_retry,
    "hedges as often as the budget allows, and no more": _keeps_to_the_budget,
    "ends both when it is cancelled": _ends_when_cancelled,
}
