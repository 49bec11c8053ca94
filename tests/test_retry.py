"""Promises, section 4: `Retry` and `retry_with_backoff`."""

from __future__ import annotations

import asyncio
import gc
import inspect
import math
import random
import weakref

import pytest

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    CircuitOpenError,
    DeadlineExceededError,
    RateLimitedError,
    Recorder,
    ResultRejectedError,
    Retry,
    RetryBudget,
    deadline,
    retry_with_backoff,
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


async def test_the_note_counts_the_time_of_the_calls_too():
    async def slow():
        await asyncio.sleep(2)
        raise OSError

    with pytest.raises(OSError) as raised:
        await Retry(1, NO_JITTER).call(slow)

    assert raised.value.__notes__ == ["gave up after 2 calls in 5.0 s: max_retries is 1"]


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


class FrozenError(Exception):
    def __setattr__(self, name, value):
        raise AttributeError(name)

    def add_note(self, note):
        raise AttributeError(note)


class ProblemWithHintError(Exception):
    @property
    def retry_after(self):
        raise ZeroDivisionError


@pytest.mark.parametrize("error", [FrozenError(), ProblemWithHintError()])
async def test_nothing_takes_the_place_of_the_callers_own_error(error):
    with pytest.raises(type(error)):
        await Retry(1, NO_JITTER).call(always(error))


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


def test_generators_cannot_be_retried():
    async def stream():
        yield 1

    def plain():
        yield 1

    for func in (stream, plain):
        with pytest.raises(TypeError, match="func must not be a generator function"):
            Retry()(func)


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
        ("max_retries", None),
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


async def test_a_coroutine_instead_of_a_function_is_refused_before_any_wait():
    coroutine = asyncio.sleep(0)

    with pytest.raises(TypeError, match="pass the function, not its call"):
        await Retry().call(coroutine)
    with pytest.raises(TypeError, match="pass the function, not its call"):
        Retry()(coroutine)

    coroutine.close()
