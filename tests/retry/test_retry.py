"""Promises, section 4: `Retry` and `retry_with_backoff`."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import doctest
import functools
import gc
import inspect
import math
import random
import sys
import threading
import time
import weakref

import pytest

from resilience_lab import (
    AllAgentsFailedError,
    Backoff,
    CircuitBreaker,
    CircuitOpenError,
    DeadlineExceededError,
    FallbackOrchestrator,
    RateLimitedError,
    Recorder,
    ResultRejectedError,
    Retry,
    RetryBudget,
    ScriptedAgent,
    deadline,
    no_deadline,
    retry_with_backoff,
    run_virtual,
)
from resilience_lab.events import RetryGaveUp, RetryScheduled, RetrySucceeded

NO_JITTER = Backoff(1, jitter="none")


class Flaky:
    """Fails with each of `errors` in turn, then answers; notes when it was called."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = []

    async def __call__(self):
        self.calls.append(asyncio.get_running_loop().time())
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def always(error):
    return Flaky(*[error] * 1000)


def hinting(retry_after):
    error = ConnectionError("come back later")
    error.retry_after = retry_after
    return error


# 4.1


async def test_promise_4_1_three_retries_are_four_calls_one_two_and_four_seconds_apart():
    service = always(ConnectionError())

    with pytest.raises(ConnectionError):
        await retry_with_backoff(service, max_retries=3, base_delay=1.0)

    assert service.calls == [0.0, 1.0, 3.0, 7.0]


async def test_promise_4_1_no_retries_is_one_call():
    service = always(ConnectionError())

    with pytest.raises(ConnectionError):
        await Retry(0).call(service)

    assert service.calls == [0.0]


async def test_it_stops_at_the_first_success():
    service = Flaky(ConnectionError(), TimeoutError())

    assert await Retry(5, NO_JITTER).call(service) == "answer"

    assert service.calls == [0.0, 1.0, 3.0]


async def test_arguments_are_passed_on_each_call():
    calls = []

    def plain(*args, **kwargs):
        calls.append((args, kwargs))
        if len(calls) < 2:
            raise OSError
        return "answer"

    assert await Retry(1, NO_JITTER).call(plain, 1, func=2, self=3) == "answer"

    assert calls == [((1,), {"func": 2, "self": 3})] * 2


def test_the_defaults_are_the_classic_ones():
    retry, function = inspect.signature(Retry), inspect.signature(retry_with_backoff)

    assert retry.parameters["max_retries"].default == 3
    assert retry.parameters["backoff"].default == Backoff(
        1.0, multiplier=2.0, max_delay=60.0, jitter="full"
    )
    defaults = {name: parameter.default for name, parameter in function.parameters.items()}
    assert {name: defaults[name] for name in ("max_retries", "base_delay", "multiplier")} == {
        "max_retries": 3,
        "base_delay": 1.0,
        "multiplier": 2.0,
    }
    assert (defaults["max_delay"], defaults["jitter"]) == (60.0, "none")
    for signature in (retry, function):
        assert signature.parameters["max_retry_after"].default == 60.0


async def test_awaitables_of_every_kind_are_awaited():
    async def answer():
        return "answer"

    assert await Retry(0).call(answer) == "answer"
    assert await Retry(0).call(lambda: asyncio.ensure_future(answer())) == "answer"


async def test_the_last_original_error_comes_back_with_a_note():
    errors = [ConnectionError(str(i)) for i in range(3)]
    service = Flaky(*errors)

    with pytest.raises(ConnectionError) as raised:
        await Retry(2, NO_JITTER).call(service)

    assert raised.value is errors[2]
    assert raised.value.__notes__ == ["gave up after 3 calls in 3.0 s: max_retries is 2"]


async def test_promise_4_7_the_note_counts_the_seconds_since_the_first_failure():
    async def slow():
        await asyncio.sleep(2)
        raise OSError

    with pytest.raises(OSError) as raised:
        await Retry(1, NO_JITTER).call(slow)

    assert raised.value.__notes__ == ["gave up after 2 calls in 3.0 s: max_retries is 1"]


async def test_a_listener_hears_of_the_seconds_since_the_first_call():
    async def slow():
        await asyncio.sleep(2)
        raise OSError

    recorder = Recorder()
    with pytest.raises(OSError):
        await Retry(1, NO_JITTER, on_event=recorder).call(slow)

    assert recorder[-1].elapsed == 5.0


async def test_promise_4_7_an_error_object_that_is_raised_again_has_one_note_the_latest():
    error = ConnectionError("always the same object")
    error.add_note("somebody else's")
    for retries in (3, 1):
        with pytest.raises(ConnectionError):
            await Retry(retries, NO_JITTER).call(always(error))

    assert error.__notes__ == [
        "somebody else's",
        "gave up after 2 calls in 1.0 s: max_retries is 1",
    ]


async def test_promise_4_7_a_retry_of_a_retry_notes_once_too():
    inner, outer = Retry(1, NO_JITTER), Retry(2, NO_JITTER)
    error = OSError()

    with pytest.raises(OSError):
        await outer.call(inner.call, always(error))

    assert error.__notes__ == ["gave up after 3 calls in 5.0 s: max_retries is 2"]


async def test_promise_4_7_notes_that_are_no_text_are_left_alone():
    error = OSError()
    error.__notes__ = [7]

    with pytest.raises(OSError):
        await Retry(0).call(always(error))

    assert error.__notes__ == [7]


async def count_clock_reads(monkeypatch, call):
    loop, reads = asyncio.get_running_loop(), []
    moment = loop.time()
    monkeypatch.setattr(loop, "time", lambda: reads.append(1) or moment)
    await call()
    monkeypatch.undo()
    return len(reads)


@pytest.mark.parametrize("options", [{}, {"accept": bool}, {"budget": RetryBudget()}])
async def test_promise_4_7_a_success_that_nobody_times_reads_no_clock(monkeypatch, options):
    async def service():
        return "answer"

    retry = Retry(**options)

    assert await count_clock_reads(monkeypatch, lambda: retry.call(service)) == 0
    assert await count_clock_reads(monkeypatch, retry(service)) == 0


@pytest.mark.parametrize(("options", "reads"), [({"max_elapsed": 9}, 1), ({"on_event": id}, 2)])
async def test_a_success_that_is_timed_reads_the_clock(monkeypatch, options, reads):
    async def service():
        return "answer"

    assert await count_clock_reads(monkeypatch, Retry(**options)(service)) == reads


async def test_a_single_call_is_singular():
    with pytest.raises(OSError) as raised:
        await Retry(0).call(always(OSError()))

    assert raised.value.__notes__ == ["gave up after 1 call in 0.0 s: max_retries is 0"]


# retry_on, 4.3


@pytest.mark.parametrize(
    "retry_on",
    [ConnectionError, (ConnectionError, KeyError), lambda e: isinstance(e, ConnectionError)],
)
async def test_only_matching_errors_are_retried(retry_on):
    service = Flaky(ConnectionResetError(), ValueError("not for retrying"))

    with pytest.raises(ValueError, match="not for retrying") as raised:
        await Retry(5, NO_JITTER, retry_on=retry_on).call(service)

    assert len(service.calls) == 2
    assert raised.value.__notes__ == ["gave up after 2 calls in 1.0 s: this error is not retried"]


async def test_a_first_error_that_is_not_to_be_retried_stays_as_it_is():
    recorder = Recorder()
    error = ValueError("none of our business")

    with pytest.raises(ValueError, match="none of our business"):
        await Retry(retry_on=OSError, on_event=recorder).call(Flaky(error))

    assert not hasattr(error, "__notes__")
    assert list(recorder) == [RetryGaveUp(0.0, "retry", 1, 0.0, error, "this error is not retried")]


async def test_an_accept_that_raises_is_heard_at_once():
    def broken(_result):
        raise ZeroDivisionError

    service = Flaky()
    with pytest.raises(ZeroDivisionError):
        await Retry(3, NO_JITTER, accept=broken).call(service)

    assert service.calls == [0.0]


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int = 7


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenSlotsError(Exception):
    code: int = 7


class UnchangeableError(Exception):
    def __setattr__(self, name, value):
        raise AttributeError(name)

    def add_note(self, note):
        raise AttributeError(note)


class ProblemWithHintError(Exception):
    @property
    def retry_after(self):
        raise ZeroDivisionError


ODD_ERRORS = [FrozenError, FrozenSlotsError, UnchangeableError, ProblemWithHintError]


@pytest.mark.parametrize("kind", ODD_ERRORS)
async def test_promise_4_7_nothing_takes_the_place_of_the_callers_own_error(kind):
    error, retry = kind(), Retry(1, NO_JITTER, on_event=Recorder())

    async def decorated():
        raise error

    for call in (functools.partial(retry.call, decorated), retry(decorated)):
        with pytest.raises(kind) as raised:
            async with deadline(5):
                await call()
        assert raised.value is error


@pytest.mark.parametrize("retry_on", [BaseException, lambda _: True])
@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
async def test_promise_4_3_base_exceptions_are_never_retried(error, retry_on):
    calls = []

    def raising():
        calls.append(1)
        raise error

    caught = None
    try:
        await Retry(5, NO_JITTER, retry_on=retry_on).call(raising)
    except BaseException as raised:
        caught = raised

    assert type(caught) is error
    assert calls == [1]


async def test_promise_4_3_cancelling_during_a_wait_ends_at_once():
    service = always(OSError())
    task = asyncio.create_task(Retry(5, Backoff(100, max_delay=100, jitter="none")).call(service))
    await asyncio.sleep(10)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert asyncio.get_running_loop().time() == 10.0
    assert service.calls == [0.0]


async def test_promise_4_3_a_wait_that_is_cancelled_gives_its_token_back():
    budget = RetryBudget(0, burst=2)
    call = Retry(5, NO_JITTER, budget=budget).call(always(OSError()))
    task = asyncio.create_task(call)
    await asyncio.sleep(0.5)
    assert budget.tokens == 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert budget.tokens == 2


def test_promise_4_3_a_wait_whose_coroutine_is_closed_gives_its_token_back():
    budget = RetryBudget(0, burst=2)

    async def main():
        call = Retry(5, Backoff(0), budget=budget).call(always(OSError()))
        call.send(None)
        assert budget.tokens == 1
        call.close()

    run_virtual(main)

    assert budget.tokens == 2


async def test_promise_4_3_a_listener_that_is_interrupted_ends_it_and_gives_the_token_back():
    def interrupted(_event):
        raise KeyboardInterrupt

    budget, service, caught = RetryBudget(0, burst=2), always(OSError()), None
    try:
        await Retry(5, budget=budget, on_event=interrupted).call(service)
    except KeyboardInterrupt as error:
        caught = error

    assert type(caught) is KeyboardInterrupt
    assert service.calls == [0.0]
    assert budget.tokens == 2


# 4.4 hints and limits


async def test_promise_4_4_a_hint_is_a_floor_under_our_own_jitter():
    service = Flaky(hinting(10), RateLimitedError("gpt4", 5.0))
    backoff = Backoff(1, rng=random.Random(1))
    rng = random.Random(1)

    await Retry(3, backoff).call(service)

    second = 10 + rng.uniform(0, 1)
    assert service.calls == [0.0, second, second + 5 + rng.uniform(0, 2)]


@pytest.mark.parametrize(
    "hint", [math.nan, 0, 0.0, -5, -(10**400), -math.inf, "10", None, True, [3]]
)
async def test_promise_4_4_hints_that_make_no_sense_are_ignored(hint):
    service = Flaky(hinting(hint))

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, 1.0]


async def test_promise_4_4_a_hint_under_a_second_is_one_too():
    service = Flaky(hinting(0.5))

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, 1.5]


@pytest.mark.parametrize("hint", [60.001, 1e9, math.inf, 10**400])
async def test_promise_4_4_a_hint_over_the_limit_stops_now(hint):
    error = hinting(hint)
    service = always(error)

    with pytest.raises(ConnectionError) as raised:
        await Retry(3, NO_JITTER).call(service)

    assert raised.value is error
    assert asyncio.get_running_loop().time() == 0.0
    assert "is over max_retry_after (60 s)" in error.__notes__[0]


async def test_promise_4_4_a_hint_at_the_limit_is_waited_for():
    service = Flaky(hinting(60))

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, 61.0]


async def test_promise_4_4_a_wait_that_would_pass_max_elapsed_stops_now():
    service = always(OSError())

    with pytest.raises(OSError) as raised:
        await Retry(10, NO_JITTER, max_elapsed=6.9).call(service)

    assert service.calls == [0.0, 1.0, 3.0]
    assert asyncio.get_running_loop().time() == 3.0
    assert raised.value.__notes__ == [
        "gave up after 3 calls in 3.0 s: waiting 4.0 s would pass max_elapsed (6.9 s)"
    ]


async def test_promise_4_4_a_wait_that_ends_at_max_elapsed_is_waited():
    service = always(OSError())

    with pytest.raises(OSError):
        await Retry(10, NO_JITTER, max_elapsed=7).call(service)

    assert service.calls == [0.0, 1.0, 3.0, 7.0]


@pytest.mark.parametrize("seconds", [6.9, 7.0])
async def test_promise_4_4_a_wait_that_would_pass_the_deadline_stops_now(seconds):
    service = always(OSError())

    with pytest.raises(OSError) as raised:
        async with deadline(seconds):
            await Retry(10, NO_JITTER).call(service)

    assert service.calls == [0.0, 1.0, 3.0]
    assert asyncio.get_running_loop().time() == 3.0
    assert "would pass the deadline" in raised.value.__notes__[0]


async def test_promise_4_4_a_call_that_passes_the_deadline_is_cut_off():
    async def slow():
        await asyncio.sleep(100)

    with pytest.raises(DeadlineExceededError):
        async with deadline(5):
            await Retry(10, NO_JITTER).call(slow)

    assert asyncio.get_running_loop().time() == 5.0


# 4.8 groups


def group(*members):
    return ExceptionGroup("together", list(members))


@pytest.mark.parametrize(
    ("error", "floor"),
    [
        (group(hinting(5)), 5.0),
        (group(hinting(5), hinting(20), OSError()), 20.0),
        (group(hinting(5), group(OSError(), group(hinting(30)))), 30.0),
        (group(hinting(math.nan), hinting(-1), hinting(3)), 3.0),
        (group(OSError(), ProblemWithHintError()), 0.0),
    ],
)
async def test_promise_4_8_the_longest_hint_in_a_group_counts(error, floor):
    service = Flaky(error)

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, floor + 1.0]


async def test_promise_4_8_a_hint_of_the_group_itself_comes_first():
    error = group(hinting(20))
    error.retry_after = 5
    service = Flaky(error)

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, 6.0]


async def test_promise_4_8_a_senseless_hint_of_the_group_itself_is_ignored():
    error = group(hinting(20))
    error.retry_after = 0
    service = Flaky(error)

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, 21.0]


async def test_promise_4_8_a_hint_in_a_group_that_is_over_the_limit_stops_now():
    service = always(group(hinting(61), hinting(1)))

    with pytest.raises(ExceptionGroup) as raised:
        await Retry(3, NO_JITTER).call(service)

    assert service.calls == [0.0]
    assert "is over max_retry_after (60 s)" in raised.value.__notes__[0]


@pytest.mark.parametrize(
    ("errors", "floor"),
    [([hinting(20), hinting(5)], 5.0), ([hinting(300), OSError()], 0.0)],
)
async def test_promise_4_8_of_a_chain_one_agent_that_is_ready_is_enough(errors, floor):
    service = Flaky(AllAgentsFailedError(errors))

    await Retry(1, NO_JITTER).call(service)

    assert service.calls == [0.0, floor + 1.0]


async def test_promise_4_8_types_look_into_groups_as_in_every_policy():
    service = Flaky(group(ConnectionResetError(), TimeoutError()), OSError())

    await Retry(5, NO_JITTER, retry_on=OSError).call(service)

    assert service.calls == [0.0, 1.0, 3.0]


# 4.9 synchronous code


@pytest.fixture
def machine(monkeypatch):
    """The machine's clock and its sleep, in virtual time: the list of how long it slept."""
    now, naps = [100.0], []

    def sleep(seconds):
        naps.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    return naps


class Plain:
    """Fails with each of `errors` in turn, then answers; synchronous."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, *args):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return ("answer", *args)


def always_plain(error):
    return Plain(*[error] * 1000)


def test_promise_4_9_a_decorated_plain_function_stays_plain_and_sleeps(machine):
    service = Plain(OSError(), OSError())

    @Retry(3, NO_JITTER)
    def ask(query):
        """Asks."""
        return service(query)

    assert ask("why?") == ("answer", "why?")
    assert machine == [1.0, 2.0]
    assert not inspect.iscoroutinefunction(ask)
    assert (ask.__name__, ask.__doc__) == ("ask", "Asks.")


def test_promise_4_9_the_last_error_comes_back_with_its_note(machine):
    error = ConnectionError()

    with pytest.raises(ConnectionError) as raised:
        Retry(2, NO_JITTER)(always_plain(error))()

    assert raised.value is error
    assert error.__notes__ == ["gave up after 3 calls in 3.0 s: max_retries is 2"]


def test_promise_4_9_events_are_the_same(machine):
    recorder, error = Recorder(), OSError()

    Retry(2, NO_JITTER, on_event=recorder)(Plain(error))()
    with pytest.raises(OSError):
        Retry(0, on_event=recorder)(always_plain(error))()

    assert list(recorder) == [
        RetryScheduled(100.0, "retry", 1, error, 1.0),
        RetrySucceeded(101.0, "retry", 2, 1.0),
        RetryGaveUp(101.0, "retry", 1, 0.0, error, "max_retries is 0"),
    ]


@pytest.mark.parametrize(
    ("options", "naps"),
    [
        ({"max_elapsed": 6.9}, [1.0, 2.0]),
        ({"max_elapsed": 7}, [1.0, 2.0, 4.0]),
        ({"retry_on": KeyError}, []),
        ({"budget": RetryBudget(0, burst=2)}, [1.0, 2.0]),
        ({"max_retries": 1}, [1.0]),
    ],
)
def test_promise_4_9_limits_are_the_same(machine, options, naps):
    with pytest.raises(OSError):
        Retry(**{"max_retries": 9, "backoff": NO_JITTER, **options})(always_plain(OSError()))()

    assert machine == naps


def test_promise_4_9_hints_and_refusals_are_the_same(machine):
    answers = iter(["", "good"])

    assert Retry(3, NO_JITTER, accept=bool)(lambda: next(answers))() == "good"
    assert Retry(3, NO_JITTER)(Plain(hinting(10)))() == ("answer",)
    with pytest.raises(ResultRejectedError):
        Retry(1, NO_JITTER, accept=bool)(lambda: "")()

    assert machine == [1.0, 11.0, 1.0]


@pytest.mark.parametrize("seconds", [6.9, 7.0])
def test_promise_4_9_waits_keep_to_the_deadline(machine, seconds):
    service = always_plain(OSError())

    with pytest.raises(OSError) as raised:
        with deadline(seconds):
            Retry(10, NO_JITTER)(service)()

    assert machine == [1.0, 2.0]
    assert "would pass the deadline" in raised.value.__notes__[0]


async def test_promise_4_9_a_thread_keeps_to_the_deadline_of_its_loop(machine):
    service = always_plain(OSError())

    with pytest.raises(OSError) as raised:
        async with deadline(0.5):
            await asyncio.to_thread(Retry(10, NO_JITTER)(service))

    assert machine == []
    assert "would pass the deadline" in raised.value.__notes__[0]


def test_promise_4_9_ctrl_c_while_it_sleeps_gives_the_token_back(monkeypatch):
    def interrupted(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    budget, service, caught = RetryBudget(0, burst=2), always_plain(OSError()), None
    try:
        Retry(5, budget=budget)(service)()
    except KeyboardInterrupt as error:
        caught = error

    assert type(caught) is KeyboardInterrupt
    assert service.calls == 1
    assert budget.tokens == 2


def test_promise_4_9_threads_share_a_retry_and_its_budget(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    budget = RetryBudget(0, burst=50)
    retry = Retry(3, NO_JITTER, budget=budget)
    service = always_plain(OSError())

    def client():
        for _ in range(10):
            with pytest.raises(OSError):
                retry(service)()

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert service.calls == 80 + 50
    assert budget.tokens == 0


def handing_on(service):
    """What many decorators make of a coroutine function: a plain one that returns its coroutine."""
    return lambda *args: service(*args)


async def test_promise_4_9_a_plain_function_that_hands_on_a_coroutine_is_awaited():
    service = Flaky(OSError(), OSError())
    recorder = Recorder()

    assert await Retry(3, NO_JITTER, on_event=recorder)(handing_on(service))() == "answer"

    assert service.calls == [0.0, 1.0, 3.0]
    assert [type(event) for event in recorder] == [RetryScheduled, RetryScheduled, RetrySucceeded]


async def test_promise_4_9_what_is_handed_on_fails_and_is_refused_as_usual():
    with pytest.raises(OSError) as raised:
        await Retry(1, NO_JITTER)(handing_on(always(OSError())))()
    with pytest.raises(ResultRejectedError):
        await Retry(1, NO_JITTER, accept=lambda _: False)(handing_on(Flaky()))()

    assert raised.value.__notes__ == ["gave up after 2 calls in 1.0 s: max_retries is 1"]
    assert asyncio.get_running_loop().time() == 2.0


async def test_a_callable_object_with_a_coroutine_for_its_call_is_a_coroutine_function():
    decorated = Retry(1, NO_JITTER)(dataclasses.replace)  # plain
    asynchronous = Retry(1, NO_JITTER)(Flaky(OSError()))

    assert not inspect.iscoroutinefunction(decorated)
    assert inspect.iscoroutinefunction(asynchronous)
    assert await asynchronous() == "answer"


# 4.10 as many retries as the time allows


async def test_promise_4_10_without_a_limit_on_retries_max_elapsed_ends_them():
    service = always(OSError())

    with pytest.raises(OSError) as raised:
        await Retry(None, Backoff(1, max_delay=1, jitter="none"), max_elapsed=100).call(service)

    assert service.calls == [float(i) for i in range(101)]
    assert "would pass max_elapsed (100 s)" in raised.value.__notes__[0]


async def test_promise_4_10_without_a_limit_on_retries_the_deadline_ends_them():
    retry = Retry(None, Backoff(1, max_delay=1, jitter="none"))
    service = always(OSError())

    with pytest.raises(OSError):
        async with deadline(50):
            await retry.call(service)

    assert service.calls == [float(i) for i in range(50)]


async def test_promise_4_10_with_no_limit_at_all_nothing_is_called():
    service, plain = Flaky(), Plain()
    retry = Retry(max_retries=None, budget=(budget := RetryBudget(1, burst=9)))
    budget.try_withdraw()

    for call in (retry.call, lambda service: retry(service)()):
        with pytest.raises(ValueError, match="max_retries=None needs a time limit"):
            await call(service)
    with pytest.raises(ValueError, match="max_retries=None needs a time limit"):
        retry(plain)()
    async with deadline(5):
        with no_deadline(), pytest.raises(ValueError, match="needs a time limit"):
            await retry.call(service)

    assert (service.calls, plain.calls, budget.tokens) == ([], 0, 8)


async def test_promise_4_10_a_chain_says_so_before_any_agent_is_asked():
    chain = FallbackOrchestrator(retry=Retry(None, Backoff(1, max_delay=1, jitter="none")))
    agent = ScriptedAgent("gpt4", [OSError()] * 100)

    with pytest.raises(ValueError, match="max_retries=None needs a time limit"):
        await chain.execute_with_fallback("hi", agent, [])
    assert agent.queries == []
    with pytest.raises(AllAgentsFailedError) as raised:
        async with deadline(3.5):
            await chain.execute_with_fallback("hi", agent, [])

    assert raised.value.attempts[0]["calls"] == 4


async def test_promise_4_10_it_is_said_even_if_the_call_would_succeed():
    service = Flaky()

    with pytest.raises(ValueError, match="max_retries=None needs a time limit"):
        await Retry(None).call(service)

    assert service.calls == []


async def test_promise_4_10_a_limit_lets_a_success_through():
    async with deadline(5):
        assert await Retry(None).call(Flaky()) == "answer"
    assert await Retry(None, max_elapsed=5).call(Flaky()) == "answer"
    assert await Retry(None, max_elapsed=5)(Flaky())() == "answer"


# 4.11 a retry is a fixed value


@pytest.mark.parametrize("name", [*inspect.signature(Retry).parameters, "should_retry"])
def test_promise_4_11_what_it_was_made_of_can_be_read_and_not_changed(name):
    retry = Retry()
    before = getattr(retry, name)

    with pytest.raises(AttributeError, match=f"'{name}'"):
        setattr(retry, name, 5)

    assert getattr(retry, name) == before


def test_promise_4_11_its_numbers_are_what_was_given():
    retry = Retry(5, NO_JITTER, max_elapsed=7, max_retry_after=8, retry_on=OSError)

    assert (retry.max_retries, retry.backoff, retry.retry_on) == (5, NO_JITTER, OSError)
    assert (retry.max_elapsed, retry.max_retry_after) == (7.0, 8.0)
    assert copy.copy(retry) != retry  # a policy, not a value: two that are alike are two
    assert len({retry, copy.copy(retry)}) == 2


# Copies for a chain


async def test_a_copy_that_is_over_retries_neither_errors_nor_refusals():
    over = Retry(5, NO_JITTER, accept=bool).unless(lambda: True)

    with pytest.raises(OSError) as raised:
        await over.call(always(OSError()))
    with pytest.raises(ResultRejectedError):
        await over.call(lambda: "")

    assert asyncio.get_running_loop().time() == 0.0
    assert raised.value.__notes__ == ["gave up after 1 call in 0.0 s: another call is of no use"]


async def test_a_copy_of_a_copy_keeps_the_conditions_of_both():
    budget = RetryBudget(1, burst=9)
    budget.try_withdraw()
    first = Retry(5, NO_JITTER, budget=budget).unless(lambda: True, earns=False)
    second = first.unless(lambda: False)

    with pytest.raises(OSError):
        await second.call(always(OSError()))

    assert asyncio.get_running_loop().time() == 0.0
    assert budget.tokens == 8


@pytest.mark.parametrize(("options", "tokens"), [({}, 9), ({"earns": False}, 8)])
async def test_a_copy_earns_unless_it_is_told_not_to(options, tokens):
    budget = RetryBudget(1, burst=9)
    budget.try_withdraw()

    await Retry(budget=budget).unless(lambda: False, **options).call(Flaky())

    assert budget.tokens == tokens


async def test_an_unjudged_copy_takes_any_result():
    retry = Retry(0, accept=bool)

    assert await retry.unjudged().call(lambda: "") == ""
    with pytest.raises(ResultRejectedError):
        await retry.call(lambda: "")


def test_a_plain_copy_is_as_good_as_the_original(machine):
    assert copy.copy(Retry(2, NO_JITTER))(Plain(OSError()))() == ("answer",)

    assert machine == [1.0]


async def test_an_open_breaker_is_waited_for_by_its_own_hint():
    breaker = CircuitBreaker(1, 20)
    service = Flaky(OSError())

    assert await Retry(2, NO_JITTER).call(breaker.call, service) == "answer"

    assert service.calls == [0.0, 1 + 20 - 1 + 2]  # 1 s, rejected, 19 s left + 2 s of backoff


async def test_an_isolated_breaker_is_not_waited_for():
    breaker = CircuitBreaker()
    breaker.isolate()

    with pytest.raises(CircuitOpenError):
        await Retry(5).call(breaker.call, Flaky())

    assert asyncio.get_running_loop().time() == 0.0


# 4.5 refused results


async def test_promise_4_5_a_refused_result_counts_as_a_failure():
    answers = iter(["", "", "good"])

    assert await Retry(3, NO_JITTER, accept=bool).call(lambda: next(answers)) == "good"

    assert asyncio.get_running_loop().time() == 3.0


async def test_promise_4_5_a_decorated_function_may_be_refused_too():
    answers = iter(["", "", "good"])

    @Retry(3, NO_JITTER, accept=bool)
    async def ask():
        return next(answers)

    assert await ask() == "good"
    assert asyncio.get_running_loop().time() == 3.0


async def test_promise_4_5_whatever_other_options_there_are():
    options = {"max_elapsed": 9, "budget": RetryBudget(), "on_event": Recorder()}

    with pytest.raises(ResultRejectedError):
        await Retry(0, accept=bool, **options).call(lambda: "")


async def test_promise_4_5_refused_to_the_end():
    with pytest.raises(ResultRejectedError) as raised:
        await Retry(1, NO_JITTER, accept=bool, retry_on=KeyError).call(lambda: "")

    assert raised.value.result == ""
    assert str(raised.value) == "the result '' was not accepted"
    assert raised.value.__notes__ == ["gave up after 2 calls in 1.0 s: max_retries is 1"]


async def test_a_refusal_that_another_retry_raised_is_an_error_like_others():
    inner = Retry(0, accept=bool)

    with pytest.raises(ResultRejectedError):
        await Retry(3, NO_JITTER, retry_on=KeyError).call(inner.call, lambda: "")

    assert asyncio.get_running_loop().time() == 0.0


# 4.6 is in test_budget.py; here, what the caller of a spent budget sees


async def test_a_spent_budget_stops_now():
    service = always(OSError())

    with pytest.raises(OSError) as raised:
        await Retry(9, NO_JITTER, budget=RetryBudget(0, burst=2)).call(service)

    assert service.calls == [0.0, 1.0, 3.0]
    assert raised.value.__notes__ == ["gave up after 3 calls in 3.0 s: the retry budget is spent"]


# Events


async def test_the_events_tell_each_wait_and_the_end():
    recorder = Recorder()
    first, second = OSError("1"), OSError("2")
    retry = Retry(2, NO_JITTER, on_event=recorder, name="gpt4")
    await asyncio.sleep(100)
    await retry.call(Flaky(first))
    with pytest.raises(OSError, match="2"):
        await Retry(0, on_event=recorder, name="gpt4").call(Flaky(second))

    assert list(recorder) == [
        RetryScheduled(100.0, "gpt4", 1, first, 1.0),
        RetrySucceeded(101.0, "gpt4", 2, 1.0),
        RetryGaveUp(101.0, "gpt4", 1, 0.0, second, "max_retries is 0"),
    ]


async def test_a_listener_that_raises_does_not_touch_the_call(caplog):
    def broken(_event):
        raise RuntimeError("broken listener")

    assert await Retry(1, NO_JITTER, on_event=broken).call(Flaky(OSError())) == "answer"

    assert caplog.text.count("RuntimeError: broken listener") == 2


# Decorator and sharing


async def test_as_a_decorator():
    service = Flaky(OSError())

    class Agent:
        @Retry(1, NO_JITTER)
        async def run(self, query):
            """Asks."""
            return query, await service()

    assert await Agent().run("why?") == ("why?", "answer")
    assert Agent.run.__doc__ == "Asks."
    assert asyncio.iscoroutinefunction(Agent.run)


async def stream(_n=1):
    yield 1


def plain_stream(_n=1):
    yield 1


class Streaming:
    async def __call__(self, _n=1):
        yield 1

    async def method(self, _n=1):
        yield 1


class PlainStreaming:
    def __call__(self):
        yield 1


STREAMS = [
    stream,
    plain_stream,
    Streaming(),
    PlainStreaming(),
    Streaming().method,
    functools.partial(stream, 2),
    functools.partial(Streaming(), 2),
    functools.partial(functools.partial(plain_stream, 2)),
]
HIDDEN_STREAMS = [
    lambda: stream(),
    lambda: plain_stream(),
    contextlib.contextmanager(plain_stream),
    contextlib.asynccontextmanager(stream),
]


@pytest.mark.parametrize("func", STREAMS)
def test_promise_4_12_generator_functions_are_refused_when_they_are_decorated(func):
    with pytest.raises(TypeError, match="func must not be a generator function") as refusal:
        Retry()(func)

    assert "`@breaker`" in str(refusal.value)


@pytest.mark.parametrize("func", STREAMS + HIDDEN_STREAMS)
@pytest.mark.parametrize("options", [{}, {"accept": bool, "on_event": Recorder()}])
async def test_promise_4_12_a_generator_is_no_result(func, options):
    with pytest.raises(TypeError, match="func must not return a generator") as refusal:
        await Retry(**options).call(func)

    assert "`@breaker`" in str(refusal.value)
    assert asyncio.get_running_loop().time() == 0.0


@pytest.mark.parametrize("func", HIDDEN_STREAMS)
def test_promise_4_12_a_decorated_function_that_returns_one_is_refused(func):
    with pytest.raises(TypeError, match="func must not return a generator"):
        Retry()(func)()


async def test_opening_a_stream_may_be_retried():
    attempts = iter([OSError(), None])

    async def connect():
        if error := next(attempts):
            raise error
        return stream()

    assert [item async for item in await Retry(1, NO_JITTER).call(connect)] == [1]


async def test_ordinary_callables_are_no_streams():
    assert await Retry().call(functools.partial(divmod, 7, 2)) == (3, 1)
    assert Retry()(dict)(a=1) == {"a": 1}
    assert await Retry().call(lambda: open) is open
    assert Retry()(lambda: open)() is open


async def test_one_retry_serves_many_calls_at_once():
    retry = Retry(3, NO_JITTER)
    services = [Flaky(*[OSError()] * (i % 4)) for i in range(20)]

    await asyncio.gather(*(retry.call(service) for service in services))

    assert [service.calls for service in services] == [
        [0.0, 1.0, 3.0, 7.0][: i % 4 + 1] for i in range(20)
    ]


async def test_an_error_does_not_outlive_the_call():
    class LeakyError(Exception):
        pass

    service = Flaky(LeakyError())
    error = weakref.ref(service.errors[0])
    gc.disable()
    try:
        await Retry(1, NO_JITTER).call(service)
        assert error() is None
    finally:
        gc.enable()


def test_its_repr_names_it():
    assert repr(Retry(2, NO_JITTER, name="gpt4")) == (
        "<Retry 'gpt4', max_retries=2, "
        "Backoff(base_delay=1.0, multiplier=2.0, max_delay=60.0, jitter='none')>"
    )


# Bad arguments


async def down(_error):
    """No predicate: it would be true of everything."""


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("max_retries", True),
        ("max_retries", "3"),
        ("backoff", 1.0),
        ("backoff", Backoff),
        ("retry_on", "all"),
        ("retry_on", [OSError]),
        ("retry_on", int),
        ("accept", 1),
        ("max_elapsed", 0),
        ("max_elapsed", -1),
        ("max_elapsed", math.nan),
        ("max_elapsed", 10**400),
        ("retry_on", down),
        ("max_retry_after", -1),
        ("max_retry_after", None),
        ("max_retry_after", math.inf),
        ("budget", 10),
        ("on_event", "print"),
        ("name", ""),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(argument, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        Retry(**{argument: value})

    assert argument in str(refusal.value)
    assert repr(value) in str(refusal.value)


@pytest.mark.parametrize(
    ("argument", "value"),
    [("max_retries", -1), ("base_delay", -1), ("jitter", "some"), ("multiplier", 0)],
)
async def test_retry_with_backoff_refuses_them_too(argument, value):
    with pytest.raises(ValueError, match=argument):
        await retry_with_backoff(Flaky(), **{argument: value})


# Each argument of `retry_with_backoff` reaches its place


async def waits_of(error=ConnectionError, **options):
    """How long `retry_with_backoff` waits with these options for what always fails."""
    service = always(error)
    with pytest.raises(error):
        await retry_with_backoff(service, **options)
    return [after - before for before, after in zip(service.calls, service.calls[1:], strict=False)]


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        ({"max_retries": 2}, [1, 2]),
        ({"base_delay": 0.5}, [0.5, 1, 2]),
        ({"multiplier": 3}, [1, 3, 9]),
        ({"max_delay": 1.5}, [1, 1.5, 1.5]),
        ({"retry_on": KeyError}, []),
        ({"max_elapsed": 3.5}, [1, 2]),
        ({"budget": RetryBudget(0, burst=1)}, [1]),
        ({"max_retries": None, "max_elapsed": 16}, [1, 2, 4, 8]),
    ],
)
async def test_retry_with_backoff_uses_each_argument(options, waits):
    assert await waits_of(**options) == waits


async def test_retry_with_backoff_draws_jitter_from_its_generator():
    rng = random.Random(7)
    expected = [pytest.approx(rng.uniform(0, v)) for v in (1, 2, 4)]

    assert await waits_of(jitter="full", rng=random.Random(7)) == expected


async def test_retry_with_backoff_judges_results():
    with pytest.raises(ResultRejectedError):
        await retry_with_backoff(Flaky(), accept=lambda answer: answer != "answer")


async def test_retry_with_backoff_limits_hints():
    service = always(hinting(10))

    with pytest.raises(ConnectionError) as raised:
        await retry_with_backoff(service, max_retry_after=9)

    assert "over max_retry_after (9 s)" in raised.value.__notes__[0]


async def test_retry_with_backoff_tells_its_listener_by_its_name():
    recorder = Recorder()

    await retry_with_backoff(Flaky(OSError()), on_event=recorder, name="gpt4")

    assert [event.source for event in recorder] == ["gpt4", "gpt4"]


@pytest.mark.parametrize("module", ["resilience_lab.retry", "resilience_lab.retry.hints"])
def test_its_examples_work(module):
    assert doctest.testmod(sys.modules[module]).failed == 0


async def test_a_coroutine_instead_of_a_function_is_refused_before_any_wait():
    coroutine = asyncio.sleep(0)

    with pytest.raises(TypeError, match="pass the function, not its call"):
        await Retry().call(coroutine)
    with pytest.raises(TypeError, match="pass the function, not its call"):
        Retry()(coroutine)

    coroutine.close()
