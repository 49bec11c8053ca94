"""The exercises on patterns together: each typical mistake is named, any sound solution passes."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from resilience_lab import Backoff, CircuitBreaker, CircuitOpenError, Retry, deadline
from resilience_lab.practice.exercises.composition import check_composition, check_hedging

TRIES = "tries again, one and two seconds after a failure"
STOPS = "lets the service's own error out after three tries"
CUTS = "cuts each try off after two seconds"
IN_TIME = "ends within eight seconds, whatever happens"
OPENS = "opens after five failed tries, whichever call made them"
COUNTS = "counts a try that was cut off as a failed one"
AT_ONCE = "says at once that the circuit is open"
PROBES = "lets a try through after a break of five seconds"
ALL = (TRIES, STOPS, CUTS, IN_TIME, OPENS, COUNTS, AT_ONCE, PROBES)


def is_other(error):
    return not isinstance(error, CircuitOpenError)


def under_timeout(call, seconds=2.0):
    async def timed():
        async with asyncio.timeout(seconds):
            return await call()

    return timed


def under_breaker(call):
    breaker = CircuitBreaker(5, 5.0)
    return lambda: breaker.call(call)


def under_retry(call, retries=2, **options):
    retry = Retry(retries, Backoff(1.0, jitter="none"), **{"retry_on": is_other, **options})
    return lambda: retry.call(call)


def under_deadline(call):
    async def within():
        async with deadline(8.0):
            return await call()

    return within


def right(service):
    return under_deadline(under_retry(under_breaker(under_timeout(service))))


def by_hand(service):
    """No policy of this library: a solution may be written in any style."""
    failed, opened = 0, None

    async def one_try(now):
        nonlocal failed, opened
        if opened is not None and now() < opened + 5:
            raise InterruptedError
        try:
            answer = await asyncio.wait_for(service(), 2)
        except Exception:
            failed += 1
            if failed >= 5:
                opened = now()
            raise
        failed, opened = 0, None
        return answer

    async def call():
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(8):
            for wait in (1, 2):
                try:
                    return await one_try(now)
                except InterruptedError:
                    raise
                except Exception:
                    await asyncio.sleep(wait)
            return await one_try(now)

    return call


def waits_for_the_probe(service):
    return under_deadline(under_retry(under_breaker(under_timeout(service)), retry_on=Exception))


def hint_is_too_long(service):
    return under_deadline(
        under_retry(under_breaker(under_timeout(service)), retry_on=Exception, max_retry_after=0.0)
    )


def nothing(service):
    return service


def breaker_outside(service):
    return under_deadline(under_breaker(under_retry(under_timeout(service))))


def timeout_around_the_breaker(service):
    return under_deadline(under_retry(under_timeout(under_breaker(service))))


def timeout_around_the_retry(service):
    return under_deadline(under_timeout(under_retry(under_breaker(service))))


def no_deadline(service):
    return under_retry(under_breaker(under_timeout(service)))


def deadline_for_each_try(service):
    return under_retry(under_deadline(under_breaker(under_timeout(service))))


def no_breaker(service):
    return under_deadline(under_retry(under_timeout(service)))


def no_timeout(service):
    return under_deadline(under_retry(under_breaker(service)))


def a_breaker_per_call(service):
    return lambda: right(service)()


def three_retries(service):
    return under_deadline(under_retry(under_breaker(under_timeout(service)), retries=3))


def retries_for_ever(service):
    return under_retry(under_breaker(under_timeout(service)), retries=40, retry_on=Exception)


def swallows(service):
    call = right(service)

    async def quiet():
        try:
            return await call()
        except Exception:
            return None

    return quiet


def wraps(service):
    call = right(service)

    async def wrapped():
        try:
            return await call()
        except Exception as error:
            raise RuntimeError("failed") from error

    return wrapped


def never_calls(service):
    async def call():
        return "answer"

    return call


def gives_nothing(service):
    return None


def stays_open(service):
    breaker = CircuitBreaker(5, 3600.0)
    return under_deadline(under_retry(lambda: breaker.call(under_timeout(service))))


@pytest.mark.parametrize(
    ("compose", "missing"),
    [
        (right, ()),
        (by_hand, ()),
        (hint_is_too_long, ()),
        (nothing, ALL),
        (breaker_outside, (OPENS, COUNTS)),
        (timeout_around_the_breaker, (COUNTS,)),
        (timeout_around_the_retry, (TRIES, STOPS, COUNTS, PROBES)),
        (no_deadline, (IN_TIME,)),
        (deadline_for_each_try, (IN_TIME,)),
        (no_breaker, (OPENS, COUNTS, AT_ONCE)),
        (no_timeout, (CUTS, COUNTS)),
        (a_breaker_per_call, (OPENS, COUNTS, AT_ONCE)),
        (waits_for_the_probe, (AT_ONCE,)),
        (three_retries, (STOPS,)),
        (retries_for_ever, (STOPS, IN_TIME, AT_ONCE)),
        (swallows, (STOPS, AT_ONCE)),
        (wraps, (STOPS,)),
        (stays_open, (PROBES,)),
        (never_calls, tuple(name for name in ALL if name != IN_TIME)),
        (gives_nothing, ALL),
    ],
)
def test_what_is_missing_in_the_composition_is_named(compose, missing):
    assert check_composition(compose).missing == missing


def test_a_call_that_returns_something_else_is_named():
    def other(service):
        call = right(service)

        async def changed():
            return f"the {await call()}"

        return changed

    assert check_composition(other).missing == (TRIES, PROBES)


ONE = "asks only the first if that answers in time"
TWO = "asks the second too when the time is up"
KEEPS = "lets the first go on beside the second"
CANCELS = "cancels the one that is not needed"
OTHER = "waits for the other when one of the two fails"
RAISES = "raises when both have failed"
EARLY = "leaves an early failure of the first to the retry"
BUDGET = "hedges as often as the budget allows, and no more"
ENDS = "ends both when it is cancelled"


async def hedged(first, second, after, budget):
    budget.deposit()
    tasks = [asyncio.create_task(first())]
    try:
        done, _ = await asyncio.wait(tasks, timeout=after)
        if not done and budget.try_withdraw():
            tasks.append(asyncio.create_task(second()))
        for task in asyncio.as_completed(tasks):
            try:
                return await task
            except Exception as raised:
                error = raised
        raise error
    finally:
        for task in tasks:
            task.cancel()


async def with_a_queue(first, second, after, budget):
    """The same in another style."""
    budget.deposit()
    told = asyncio.Queue()

    async def ask(func):
        try:
            told.put_nowait((await func(), None))
        except Exception as error:
            told.put_nowait((None, error))

    async with asyncio.TaskGroup() as group:
        asked = deque([group.create_task(ask(first))])
        try:
            answer, error = await asyncio.wait_for(told.get(), after)
        except TimeoutError:
            if budget.try_withdraw():
                asked.append(group.create_task(ask(second)))
            for _ in range(len(asked)):
                answer, error = await told.get()
                if error is None:
                    break
        for task in asked:
            task.cancel()
    if error is not None:
        raise error
    return answer


async def only_the_first(first, second, after, budget):
    return await first()


async def falls_back(first, second, after, budget):
    """A timeout and a fallback: the first is given up."""
    budget.deposit()
    try:
        return await asyncio.wait_for(first(), after)
    except TimeoutError:
        if not budget.try_withdraw():
            return await first()
        return await second()


async def both_at_once(first, second, after, budget):
    tasks = [asyncio.create_task(func()) for func in (first, second)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()


async def leaves_the_loser(first, second, after, budget):
    budget.deposit()
    tasks = [asyncio.create_task(first())]
    done, _ = await asyncio.wait(tasks, timeout=after)
    if not done and budget.try_withdraw():
        tasks.append(asyncio.create_task(second()))
    for task in asyncio.as_completed(tasks):
        try:
            return await task
        except Exception as raised:
            error = raised
    raise error


async def first_to_end(first, second, after, budget):
    """Takes an error for an answer."""
    budget.deposit()
    tasks = [asyncio.create_task(first())]
    try:
        done, _ = await asyncio.wait(tasks, timeout=after)
        if not done and budget.try_withdraw():
            tasks.append(asyncio.create_task(second()))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()


async def hedges_a_failure(first, second, after, budget):
    budget.deposit()
    tasks = [asyncio.create_task(first())]
    try:
        done, _ = await asyncio.wait(tasks, timeout=after)
        if not (done and tasks[0].exception() is None) and budget.try_withdraw():
            tasks.append(asyncio.create_task(second()))
        for task in asyncio.as_completed(tasks):
            try:
                return await task
            except Exception as raised:
                error = raised
        raise error
    finally:
        for task in tasks:
            task.cancel()


class Boundless:
    """A budget that always pays."""

    tokens = burst = 10

    def deposit(self):
        pass

    def try_withdraw(self):
        return True


class Stingy(Boundless):
    """A budget that never earns."""

    def __init__(self, budget):
        self.try_withdraw = budget.try_withdraw


async def without_a_budget(first, second, after, budget):
    return await hedged(first, second, after, Boundless())


async def never_deposits(first, second, after, budget):
    return await hedged(first, second, after, Stingy(budget))


async def pays_always(first, second, after, budget):
    budget.try_withdraw()
    return await hedged(first, second, after, budget)


async def gives_up_without_a_token(first, second, after, budget):
    budget.deposit()
    if budget.tokens >= 1:
        return await hedged(first, second, after, budget)
    return await asyncio.wait_for(first(), after)


async def says_nothing_without_a_token(first, second, after, budget):
    try:
        return await gives_up_without_a_token(first, second, after, budget)
    except TimeoutError:
        return None


async def returns_the_error(first, second, after, budget):
    try:
        return await hedged(first, second, after, budget)
    except Exception as error:
        return str(error)


async def swallows_the_cancellation(first, second, after, budget):
    try:
        return await hedged(first, second, after, budget)
    except asyncio.CancelledError:
        return None


async def cannot_be_stopped(first, second, after, budget):
    return await asyncio.shield(hedged(first, second, after, budget))


async def for_ever(first, second, after, budget):
    while True:
        await first()


@pytest.mark.parametrize(
    ("func", "missing"),
    [
        (hedged, ()),
        (with_a_queue, ()),
        (only_the_first, (TWO, OTHER, BUDGET)),
        (falls_back, (KEEPS, OTHER)),
        (both_at_once, (ONE, TWO, OTHER, BUDGET)),
        (leaves_the_loser, (CANCELS, ENDS)),
        (first_to_end, (OTHER,)),
        (hedges_a_failure, (EARLY,)),
        (without_a_budget, (BUDGET,)),
        (never_deposits, (BUDGET,)),
        (pays_always, (ONE,)),
        (gives_up_without_a_token, (BUDGET,)),
        (returns_the_error, (RAISES, EARLY)),
        (swallows_the_cancellation, (ENDS,)),
        (cannot_be_stopped, (ENDS,)),
        (for_ever, (ONE, TWO, KEEPS, CANCELS, OTHER, BUDGET)),
        (says_nothing_without_a_token, (BUDGET,)),
    ],
)
def test_what_is_missing_in_the_hedging_is_named(func, missing):
    assert check_hedging(func).missing == missing
