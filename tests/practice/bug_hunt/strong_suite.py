"""The tests of a good candidate: they catch every mutant, and pass on the model solution."""

# ruff: noqa: N803 - parameters are named after the classes that they take

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import pairwise


class Service:
    def __init__(self):
        self.calls = 0
        self.got = []

    async def ok(self, *args, **kwargs):
        self.calls += 1
        self.got.append((args, kwargs))
        return "ok"

    async def down(self):
        self.calls += 1
        raise ConnectionError("down")

    def slow(self, seconds, error=None):
        async def run():
            self.calls += 1
            await asyncio.sleep(seconds)
            if error is not None:
                raise error

        return run


def now():
    return asyncio.get_running_loop().time()


async def use(breaker, *funcs):
    for func in funcs:
        with suppress(Exception):
            await breaker.call(func)


async def opened(breaker, service, wait=0.0):
    await use(breaker, *[service.down] * 3)
    await asyncio.sleep(wait)


async def started(coroutine):
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    return task


async def cancelled(task, after=1.0):
    await asyncio.sleep(after)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_opens_and_closes_by_its_own_numbers(CircuitBreaker):
    breaker, service = CircuitBreaker(2, 10, 1), Service()
    await use(breaker, service.down)
    assert breaker.state == "CLOSED"
    await use(breaker, service.down, service.ok)
    assert breaker.state == "OPEN"
    await asyncio.sleep(9.9)
    await use(breaker, service.ok)
    assert service.calls == 2
    await asyncio.sleep(0.2)
    await use(breaker, service.ok)
    assert service.calls == 3
    assert breaker.state == "CLOSED"
    await use(breaker, service.down)
    assert breaker.state == "CLOSED"


async def test_counts_failures_in_a_row(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    await use(breaker, service.down, service.down, service.ok, service.down, service.down)
    assert breaker.state == "CLOSED"


async def test_each_recovery_begins_anew(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    await opened(breaker, service, 31)
    await use(breaker, service.ok)
    assert breaker.state == "HALF_OPEN"
    await use(breaker, service.down)
    assert breaker.state == "OPEN"
    calls = service.calls
    await use(breaker, service.ok)
    assert service.calls == calls
    await asyncio.sleep(31)
    await use(breaker, service.ok)
    assert breaker.state == "HALF_OPEN"
    await use(breaker, service.ok)
    assert breaker.state == "CLOSED"


async def test_one_probe_at_a_time(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    await opened(breaker, service, 31)
    await asyncio.gather(*(use(breaker, service.slow(1)) for _ in range(5)))
    assert service.calls == 4


async def test_closed_calls_run_side_by_side(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    began = now()
    await asyncio.gather(*(use(breaker, service.slow(1)) for _ in range(5)))
    assert now() - began == 1


async def test_late_results_during_the_break_change_nothing(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    for seconds in (5, 6):
        await started(use(breaker, service.slow(seconds)))
        await started(use(breaker, service.slow(10, ConnectionError())))
    await started(use(breaker, service.slow(11, ConnectionError())))
    await opened(breaker, service, 20)
    assert breaker.state == "OPEN"
    await asyncio.sleep(11)
    calls = service.calls
    await use(breaker, service.ok, service.ok)
    assert service.calls == calls + 2


async def test_late_results_are_no_probes(CircuitBreaker):
    for error in (None, ConnectionError()):
        breaker, service = CircuitBreaker(), Service()
        for _ in range(2):
            await started(use(breaker, service.slow(35, error)))
        await opened(breaker, service, 31)
        probe = await started(use(breaker, service.slow(20)))
        await asyncio.sleep(10)
        assert breaker.state == "HALF_OPEN"
        probe.cancel()


async def test_failures_of_the_last_outage_do_not_count_after_it(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    for _ in range(3):
        await started(use(breaker, service.slow(50, ConnectionError())))
    await opened(breaker, service, 31)
    await use(breaker, service.ok, service.ok)
    await asyncio.sleep(31)
    assert breaker.state == "CLOSED"


async def test_a_cancellation_is_neutral(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    for _ in range(3):
        await cancelled(await started(breaker.call(service.slow(100))))
    assert breaker.state == "CLOSED"
    await opened(breaker, service, 31)
    for _ in range(3):
        await cancelled(await started(breaker.call(service.slow(100))))
    assert breaker.state == "HALF_OPEN"
    await use(breaker, service.ok, service.ok)
    assert breaker.state == "CLOSED"


async def test_rejections_do_not_prolong_the_break(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    await opened(breaker, service)
    for _ in range(6):
        await asyncio.sleep(5.1)
        await use(breaker, service.ok)
    assert service.calls == 4


async def test_a_hung_probe_does_not_block_for_ever(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    await opened(breaker, service, 31)
    await started(use(breaker, service.slow(1e6)))
    await asyncio.sleep(100)
    await use(breaker, service.ok)
    assert service.calls == 5


async def test_arguments_and_errors_pass_through(CircuitBreaker):
    breaker, service = CircuitBreaker(1), Service()
    assert await breaker.call(service.ok, 1, x=2) == "ok"
    assert service.got == [((1,), {"x": 2})]
    try:
        await breaker.call(service.down)
    except ConnectionError as error:
        assert str(error) == "down"
    else:
        raise AssertionError("the error is lost")


async def test_a_wall_clock_set_back_changes_nothing(CircuitBreaker):
    breaker, service = CircuitBreaker(), Service()
    await opened(breaker, service)
    right = time.time
    time.time = lambda: right() - 3600
    try:
        await asyncio.sleep(31)
        await use(breaker, service.ok)
    finally:
        time.time = right
    assert service.calls == 4


class Flaky:
    def __init__(self, *errors):
        self.errors = list(errors)
        self.times = []

    async def __call__(self):
        self.times.append(now())
        if self.errors:
            raise self.errors.pop(0)
        return ""

    @property
    def waits(self):
        return [later - earlier for earlier, later in pairwise(self.times)]


def failures(number):
    return [ConnectionError(str(n)) for n in range(number)]


async def test_three_retries_are_four_calls_and_the_last_error(retry_with_backoff):
    errors = failures(9)
    func = Flaky(*errors)
    try:
        await retry_with_backoff(func, 3, 1.0)
    except ConnectionError as error:
        assert error is errors[3]
    else:
        raise AssertionError("no error came out")
    assert func.waits == [1, 2, 4]
    assert now() == func.times[-1]


async def test_an_empty_answer_is_an_answer(retry_with_backoff):
    func = Flaky()
    assert await retry_with_backoff(func) == ""
    assert len(func.times) == 1


async def test_waits_as_long_as_it_was_asked_to(retry_with_backoff):
    error = ConnectionError("come back later")
    error.retry_after = 20
    func = Flaky(error)
    await retry_with_backoff(func)
    assert func.waits[0] >= 20


async def test_a_cancelled_call_is_not_repeated(retry_with_backoff):
    service = Service()
    await cancelled(await started(retry_with_backoff(service.slow(100))))
    assert service.calls == 1


async def test_a_cancelled_wait_ends_it(retry_with_backoff):
    func = Flaky(*failures(9))
    await cancelled(await started(retry_with_backoff(func, 3, 10.0)))
    assert len(func.times) == 1


async def test_other_tasks_run_while_it_waits(retry_with_backoff):
    retry = await started(retry_with_backoff(Flaky(*failures(1)), 3, 1.0))
    began = now()
    await asyncio.sleep(0.5)
    assert now() - began == 0.5
    await retry


async def test_no_wait_is_over_the_cap(retry_with_backoff):
    for jitter in (0.0, 1.0):
        func = Flaky(*failures(9))
        await retry_with_backoff(func, 20, 1.0, max_delay=4.0, jitter=jitter)
        assert max(func.waits) <= 4.0


class Agent:
    def __init__(self, name, answer):
        self.name = name
        self.answer = answer
        self.queries = []

    async def run(self, query):
        self.queries.append(query)
        if self.answer is None:
            await asyncio.sleep(1e6)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_asks_in_order_and_says_who_answered(FallbackOrchestrator):
    primary, last = Agent("primary", KeyError("one")), Agent("last", "not needed")
    second = Agent("second", "hello")
    fallbacks = [Agent("first", TimeoutError("two")), second, last]
    for _ in range(2):
        told = await FallbackOrchestrator().execute_with_fallback("hi", primary, fallbacks)
        assert told["result"] == "hello"
        assert told["agent_used"] == "second"
        assert told["fallback_level"] == 2
    assert second.queries == ["hi", "hi"]
    assert last.queries == []


async def test_all_errors_come_out(FallbackOrchestrator):
    errors = [KeyError("one"), ValueError("two")]
    first, second = (Agent(str(error), error) for error in errors)
    try:
        await FallbackOrchestrator().execute_with_fallback("hi", first, [second])
    except ExceptionGroup as group:
        assert list(group.exceptions) == errors
    else:
        raise AssertionError("nobody answered, and no error came out")


async def test_a_hung_agent_is_left(FallbackOrchestrator):
    chain = FallbackOrchestrator()
    told = await chain.execute_with_fallback("hi", Agent("hangs", None), [Agent("well", "hello")])
    assert told["result"] == "hello"


async def test_nobody_else_is_asked_for_one_who_has_gone(FallbackOrchestrator):
    other = Agent("well", "hello")
    chain = FallbackOrchestrator()
    query = chain.execute_with_fallback("hi", Agent("hangs", None), [other])
    await cancelled(await started(query))
    assert other.queries == []
