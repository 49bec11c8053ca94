"""Promises, section 3: `CircuitBreaker`."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import re
import threading
from contextlib import AsyncExitStack, suppress

import pytest
from breakers import (
    BREAK,
    SETTLEMENTS,
    BoomError,
    answer,
    boom,
    fail,
    half_open,
    opened,
    settle,
    snapshot,
)
from hypothesis import example, given
from hypothesis import strategies as st

from resilience_lab import (
    CircuitBreaker,
    CircuitOpenError,
    Outcome,
    Permit,
    Recorder,
    State,
)
from resilience_lab.events import CallFinished, CallRejected, LeaseExpired, StateChanged

# 3.1 states


def test_promise_3_1_state_is_a_str_enum_equal_to_its_name():
    breaker = CircuitBreaker()

    assert breaker.state == "CLOSED"
    assert isinstance(breaker.state, State)
    assert isinstance(breaker.state, str)
    assert [f"{state}" for state in State] == ["CLOSED", "OPEN", "HALF_OPEN"]


# 3.2 closed


def test_promise_3_2_consecutive_failures_open_it(clock):
    breaker = CircuitBreaker(3, clock=clock)

    fail(breaker, 2)
    assert breaker.state == "CLOSED"
    fail(breaker)

    assert breaker.state == "OPEN"
    assert breaker.failure_count == 3


def test_promise_3_2_a_success_resets_the_count(clock):
    breaker = CircuitBreaker(3, clock=clock)
    fail(breaker, 2)

    breaker.acquire().success()

    assert breaker.failure_count == 0
    fail(breaker, 2)
    assert breaker.state == "CLOSED"


async def test_promise_3_2_a_success_through_call_resets_the_count():
    breaker = CircuitBreaker(2)
    with suppress(BoomError):
        await breaker.call(boom)

    await breaker.call(answer)

    assert breaker.failure_count == 0


def test_promise_3_2_neutral_changes_nothing(clock):
    breaker = CircuitBreaker(3, clock=clock)
    fail(breaker, 2)
    before = snapshot(breaker)

    breaker.acquire().ignore()
    breaker.acquire().failure(asyncio.CancelledError())

    assert snapshot(breaker) == before


async def test_the_call_that_trips_the_breaker_raises_its_own_error():
    breaker = CircuitBreaker(1)

    with pytest.raises(BoomError):
        await breaker.call(boom)

    assert breaker.state == "OPEN"


# 3.3 open


async def test_promise_3_3_open_rejects_without_touching_the_callable():
    breaker = CircuitBreaker(1, name="gpt4")
    with suppress(BoomError):
        await breaker.call(boom)
    calls = []
    await asyncio.sleep(18)

    with pytest.raises(CircuitOpenError) as first:
        await breaker.call(calls.append, 1)
    with pytest.raises(CircuitOpenError) as second:
        await breaker.call(calls.append, 1)

    assert calls == []
    assert first.value is not second.value
    assert (first.value.name, first.value.state) == ("gpt4", "OPEN")
    assert first.value.retry_after == 12.0
    assert str(first.value) == "circuit 'gpt4' is OPEN; next probe in 12.0 s"


def test_promise_3_3_results_arriving_while_open_do_not_extend_the_break(clock):
    recorder = Recorder()
    breaker = CircuitBreaker(2, BREAK, clock=clock, on_event=recorder)
    late = [breaker.acquire() for _ in range(3)]
    fail(breaker, 2)
    heard, before = len(recorder), breaker.last_failure_time

    clock.now = 10.0
    late[0].failure(BoomError())
    late[1].success()
    late[2].ignore()

    assert len(recorder) == heard
    assert breaker.last_failure_time == before
    assert breaker.failure_count == 2
    assert breaker.retry_after == BREAK - 10


async def test_promise_3_3_many_failures_at_once_open_it_once():
    recorder = Recorder()
    breaker = CircuitBreaker(3, on_event=recorder)

    async def slow_boom(seconds):
        await asyncio.sleep(seconds)
        raise BoomError

    await asyncio.gather(*(breaker.call(slow_boom, i) for i in range(10)), return_exceptions=True)

    changes = [event for event in recorder if isinstance(event, StateChanged)]
    assert [(event.after, event.time) for event in changes] == [("OPEN", 2.0)]
    assert breaker.retry_after == 2 + 30 - 9


# 3.4 the break ends


@pytest.mark.parametrize("length", [30, 0.1, 1 / 3, 12.7])
async def test_promise_3_4_at_exactly_the_recovery_timeout_the_next_call_is_a_probe(length):
    breaker = CircuitBreaker(1, length)
    await asyncio.sleep(0.7)
    fail(breaker)

    await asyncio.sleep(length)

    assert await breaker.call(answer) == "answer"
    assert breaker.state == "HALF_OPEN"


def test_promise_3_4_just_before_it_is_still_open(clock):
    breaker = opened(clock)
    clock.now = math.nextafter(BREAK, 0)

    with pytest.raises(CircuitOpenError):
        breaker.acquire()

    assert breaker.state == "OPEN"


def test_promise_3_4_reading_does_not_cause_the_change(clock):
    breaker = opened(clock)
    clock.now = BREAK + 1

    for _ in range(2):
        assert snapshot(breaker) == ("OPEN", 2, 0, 0.0, 0.0, False)
    assert repr(breaker) == "<CircuitBreaker 'circuit' OPEN, failures: 2>"

    breaker.acquire()
    assert breaker.state == "HALF_OPEN"


@given(opened_at=st.floats(0, 1e3), length=st.floats(1e-3, 1e3), later=st.floats(0, 1e3))
@example(opened_at=0.0, length=63.145984526293965, later=14.38525466901098)
def test_sleeping_for_retry_after_is_always_enough(opened_at, length, later):
    now = [opened_at]
    breaker = CircuitBreaker(1, length, clock=lambda: now[0])
    fail(breaker)

    now[0] += later
    now[0] += breaker.retry_after  # in the example, one rounding less than enough, if not for us

    assert breaker.retry_after == 0.0
    breaker.acquire()


# 3.5 half-open


@pytest.mark.parametrize("probes", [1, 3])
def test_promise_3_5_at_most_so_many_probes_in_flight(clock, probes):
    breaker = half_open(clock, half_open_max_calls=probes)

    permits = [breaker.acquire() for _ in range(probes)]
    with pytest.raises(CircuitOpenError) as rejection:
        breaker.acquire()

    assert rejection.value.state == "HALF_OPEN"
    permits[0].ignore()
    breaker.acquire()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()


async def test_promise_3_5_the_rest_is_rejected_at_once_never_queued():
    breaker = CircuitBreaker(1, 30)
    fail(breaker)
    await asyncio.sleep(30)
    begun = asyncio.get_running_loop().time()

    async def probe():
        await asyncio.sleep(5)

    outcomes = await asyncio.gather(
        *(breaker.call(probe) for _ in range(50)), return_exceptions=True
    )

    assert sum(isinstance(outcome, CircuitOpenError) for outcome in outcomes) == 49
    assert asyncio.get_running_loop().time() - begun == 5


def test_promise_3_5_enough_successes_close_it(clock):
    breaker = half_open(clock)

    breaker.acquire().success()
    assert (breaker.state, breaker.success_count) == ("HALF_OPEN", 1)
    breaker.acquire().success()

    assert (breaker.state, breaker.success_count, breaker.failure_count) == ("CLOSED", 0, 0)


@pytest.mark.parametrize("successes", [0, 1])
def test_promise_3_5_any_failure_reopens_it_with_a_fresh_break(clock, successes):
    breaker = half_open(clock)
    for _ in range(successes):
        breaker.acquire().success()
    clock.now += 3

    fail(breaker)

    assert breaker.state == "OPEN"
    assert breaker.retry_after == BREAK
    assert breaker.last_failure_time == clock.now
    clock.now += BREAK
    breaker.acquire().success()
    assert breaker.success_count == 1  # counted anew


def test_promise_3_5_neutral_returns_the_permit(clock):
    breaker = half_open(clock)

    for _ in range(5):
        breaker.acquire().ignore()

    assert (breaker.state, breaker.success_count) == ("HALF_OPEN", 0)
    assert breaker.retry_after == 0.0


async def test_promise_3_5_a_cancelled_probe_gives_its_permit_back():
    breaker = CircuitBreaker(1, 30)
    fail(breaker)
    await asyncio.sleep(30)
    probe = asyncio.create_task(breaker.call(asyncio.sleep, 100))
    await asyncio.sleep(1)
    assert breaker.retry_after > 0

    probe.cancel()
    with suppress(asyncio.CancelledError):
        await probe

    assert breaker.state == "HALF_OPEN"
    assert await breaker.call(answer) == "answer"


# 3.6 generations: in every combination of states

GRANTED = ["CLOSED", "HALF_OPEN"]
LATER = ["CLOSED", "OPEN", "HALF_OPEN", "HALF_OPEN with a probe", "isolated", "reset"]


def granted_in(state, clock, recorder):
    options = {"half_open_max_calls": 2, "on_event": recorder}
    if state == "CLOSED":
        breaker = CircuitBreaker(2, BREAK, 2, clock=clock, **options)
    else:
        breaker = half_open(clock, **options)
    return breaker, breaker.acquire()


def move_to(later, breaker, clock):
    """Bring `breaker` into a later generation, whatever state it is in."""
    if later == "reset":
        breaker.reset()
        return
    if later == "isolated":
        breaker.isolate()
        return
    while breaker.state != "OPEN":
        fail(breaker)
    if later == "OPEN":
        clock.now += 1
        return
    clock.now += BREAK
    probe = breaker.acquire()
    if later == "HALF_OPEN":
        probe.ignore()
    if later == "CLOSED":
        probe.success()
        breaker.acquire().success()
        fail(breaker)  # a count that a stale success would reset


@pytest.mark.parametrize(
    ("granted", "later", "how"), list(itertools.product(GRANTED, LATER, SETTLEMENTS))
)
def test_promise_3_6_a_result_from_an_earlier_generation_changes_and_frees_nothing(
    clock, granted, later, how
):
    recorder = Recorder()
    breaker, stale = granted_in(granted, clock, recorder)
    move_to(later, breaker, clock)
    before, heard = snapshot(breaker), len(recorder)

    settle(stale, how)

    assert snapshot(breaker) == before
    assert len(recorder) == heard
    if later == "HALF_OPEN with a probe":  # one of two permits is out, and still is
        breaker.acquire()
        with pytest.raises(CircuitOpenError):
            breaker.acquire()


async def test_promise_3_6_a_slow_success_from_before_the_trip_does_not_close_it():
    breaker = CircuitBreaker(1, 30, success_threshold=1)
    slow = asyncio.create_task(breaker.call(asyncio.sleep, 31, "late"))
    await asyncio.sleep(0)
    fail(breaker)
    await asyncio.sleep(30)
    probe = asyncio.create_task(breaker.call(asyncio.sleep, 10))
    await asyncio.sleep(0)

    assert await slow == "late"  # the caller has it

    assert breaker.state == "HALF_OPEN"
    await probe
    assert breaker.state == "CLOSED"


# 3.7 leases


def test_promise_3_7_a_hung_probe_loses_its_permit_to_the_next_caller(clock):
    recorder = Recorder()
    breaker = half_open(clock, probe_timeout=5, on_event=recorder)
    hung = breaker.acquire()
    clock.now = math.nextafter(BREAK + 5, 0)
    with pytest.raises(CircuitOpenError):
        breaker.acquire()

    clock.now = BREAK + 5
    fresh = breaker.acquire()

    assert [event.held for event in recorder if isinstance(event, LeaseExpired)] == [5.0]
    before, heard = snapshot(breaker), len(recorder)
    hung.failure(BoomError())
    assert snapshot(breaker) == before
    assert len(recorder) == heard
    with pytest.raises(CircuitOpenError):
        breaker.acquire()  # the late result freed nothing either
    fresh.success()
    assert breaker.success_count == 1


@pytest.mark.parametrize("how", SETTLEMENTS)
@pytest.mark.parametrize("later", [*LATER, "the same HALF_OPEN"])
def test_promise_3_7_a_late_probe_is_stale_in_every_later_state(clock, later, how):
    recorder = Recorder()
    breaker = half_open(clock, probe_timeout=5, on_event=recorder)
    late = breaker.acquire()
    clock.now += 5
    successor = breaker.acquire()
    if later != "the same HALF_OPEN":
        successor.ignore()
        move_to(later, breaker, clock)
    before, heard = snapshot(breaker), len(recorder)

    settle(late, how)

    assert snapshot(breaker) == before
    assert len(recorder) == heard


def test_promise_3_7_the_lease_is_the_break_by_default(clock):
    breaker = half_open(clock)
    breaker.acquire()

    clock.now += BREAK - 1
    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    clock.now += 1
    breaker.acquire()


def test_promise_3_7_a_late_result_that_nobody_waited_for_still_counts(clock):
    breaker = half_open(clock, probe_timeout=5)
    slow = breaker.acquire()
    clock.now += 6

    slow.success()  # no call arrived meanwhile, so the lease was never checked

    assert breaker.success_count == 1


def test_promise_3_7_only_the_leases_that_are_over_end(clock):
    breaker = half_open(clock, probe_timeout=5, half_open_max_calls=2)
    breaker.acquire()
    clock.now += 3
    second = breaker.acquire()
    clock.now += 2

    breaker.acquire()

    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    second.success()
    assert breaker.success_count == 1


async def test_promise_3_7_no_background_timer_is_left():
    breaker = CircuitBreaker(1, 30)
    fail(breaker)
    await asyncio.sleep(30)
    breaker.acquire()

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not asyncio.get_running_loop()._timers


# 3.8 permits and covers


@pytest.mark.parametrize(
    ("first", "second"), list(itertools.product(SETTLEMENTS, ["success", "failure", "ignore"]))
)
@pytest.mark.parametrize("state", GRANTED)
def test_promise_3_8_a_permit_is_effective_once(clock, state, first, second):
    breaker, permit = granted_in(state, clock, None)
    settle(permit, first)
    before = snapshot(breaker)

    settle(permit, second)
    permit.returned("a result")

    assert snapshot(breaker) == before


async def test_promise_3_8_async_with_settles_by_how_the_block_ends():
    breaker = CircuitBreaker(2)

    with pytest.raises(BoomError):
        async with breaker as permit:
            assert isinstance(permit, Permit)
            raise BoomError
    assert breaker.failure_count == 1

    async with breaker:
        pass
    assert breaker.failure_count == 0

    with pytest.raises(asyncio.CancelledError):
        async with breaker:
            raise asyncio.CancelledError
    assert (breaker.state, breaker.failure_count) == ("CLOSED", 0)


async def test_promise_3_8_async_with_in_many_tasks_keeps_permits_apart():
    breaker = CircuitBreaker(1, 30, success_threshold=2, half_open_max_calls=2)
    fail(breaker)
    await asyncio.sleep(30)

    async def block(seconds, error):
        async with breaker:
            await asyncio.sleep(seconds)
            if error:
                raise BoomError

    first = asyncio.create_task(block(1, None))
    second = asyncio.create_task(block(2, BoomError))
    await asyncio.sleep(1.5)
    assert breaker.success_count == 1
    await asyncio.wait([first, second])

    assert breaker.state == "OPEN"


def test_promise_3_8_a_permit_is_a_context_manager_too(clock):
    breaker = CircuitBreaker(clock=clock)

    with suppress(BoomError), breaker.acquire() as permit:
        assert isinstance(permit, Permit)
        raise BoomError

    assert breaker.failure_count == 1


async def test_promise_3_8_async_with_nests():
    outer, inner = CircuitBreaker(2, name="outer"), CircuitBreaker(2, name="inner")

    with suppress(BoomError):
        async with outer, inner, outer:
            raise BoomError

    assert (outer.failure_count, inner.failure_count) == (2, 1)


async def test_promise_3_8_a_block_within_a_block_ends_alone():
    breaker = CircuitBreaker()

    with suppress(BoomError):
        async with breaker:
            async with breaker:
                pass
            raise BoomError

    assert breaker.failure_count == 1


async def test_blocks_of_different_breakers_may_end_in_any_order():
    first, second = CircuitBreaker(), CircuitBreaker()
    await first.__aenter__()
    await second.__aenter__()

    await first.__aexit__(BoomError, BoomError(), None)
    assert (first.failure_count, second.failure_count) == (1, 0)
    await second.__aexit__(BoomError, BoomError(), None)

    assert (first.failure_count, second.failure_count) == (1, 1)


async def test_promise_3_8_blocks_of_generators_that_take_turns_are_not_mixed_up():
    breaker = CircuitBreaker(1, 30)

    async def session():
        async with breaker:
            yield

    early, probe = session(), session()
    await anext(early)  # let in while CLOSED
    fail(breaker)
    await asyncio.sleep(30)
    await anext(probe)

    with suppress(BoomError):
        await early.athrow(BoomError())  # stale: of an earlier generation

    assert breaker.state == "HALF_OPEN"
    with pytest.raises(CircuitOpenError):
        breaker.acquire()  # the probe's permit is still out
    with suppress(StopAsyncIteration):
        await anext(probe)
    assert breaker.success_count == 1


async def test_promise_3_8_a_block_may_be_ended_by_somebody_else():
    breaker = CircuitBreaker()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(breaker)
        with suppress(BoomError):
            async with breaker:
                raise BoomError
        assert breaker.failure_count == 1
    assert breaker.failure_count == 0

    await asyncio.create_task(breaker.__aenter__())
    await asyncio.create_task(breaker.__aexit__(BoomError, BoomError(), None))
    assert breaker.failure_count == 1


def test_a_permit_says_whose_it_is_and_whether_it_is_out():
    permit = CircuitBreaker(name="gpt4").acquire()
    assert repr(permit) == "<Permit of 'gpt4', out>"

    permit.success()

    assert repr(permit) == "<Permit of 'gpt4', settled>"


async def test_promise_3_8_async_with_is_rejected_when_open():
    breaker = CircuitBreaker(1)
    fail(breaker)

    with pytest.raises(CircuitOpenError):
        async with breaker:
            pytest.fail("the block must not run")


def test_a_permit_refuses_what_is_no_error():
    with pytest.raises(TypeError, match="error must be an exception, got 'timeout'"):
        CircuitBreaker().acquire().failure("timeout")


async def test_call_takes_plain_functions_and_passes_all_arguments():
    breaker = CircuitBreaker()

    assert await breaker.call(lambda *args, **kwargs: (args, kwargs), 1, func=2, self=3) == (
        (1,),
        {"func": 2, "self": 3},
    )
    assert await breaker.call(lambda: answer()) == "answer"
    assert await breaker.call(asyncio.ensure_future, answer()) == "answer"


async def test_calling_what_is_not_callable_is_the_callers_mistake_not_a_failure():
    breaker = CircuitBreaker(1)
    coroutine = answer()

    with pytest.raises(TypeError, match="pass the function, not its call"):
        await breaker.call(coroutine)

    coroutine.close()
    assert breaker.failure_count == 0


async def test_that_mistake_gives_a_probes_permit_back_too():
    breaker = CircuitBreaker(1, 30)
    fail(breaker)
    await asyncio.sleep(30)

    with pytest.raises(TypeError, match="func must be callable"):
        await breaker.call("run")

    assert (breaker.state, breaker.retry_after) == ("HALF_OPEN", 0.0)


# 3.9 sharing


def test_promise_3_9_safe_between_threads(clock):
    breaker = CircuitBreaker(10**9, clock=clock)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(2000):
            breaker.acquire().failure(BoomError())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert breaker.failure_count == 8000


def test_promise_3_9_only_one_probe_even_when_threads_race(clock):
    breaker = opened(clock)
    clock.now += BREAK
    barrier = threading.Barrier(8)
    admitted = []

    def work():
        barrier.wait()
        with suppress(CircuitOpenError):
            admitted.append(breaker.acquire())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(admitted) == 1


def test_promise_3_9_between_event_loops():
    breaker = CircuitBreaker(2)

    for _ in range(2):
        with pytest.raises(BoomError):
            asyncio.run(breaker.call(boom))

    assert breaker.state == "OPEN"
    assert 29 < breaker.retry_after <= 30  # outside a loop, the clock is the loops' clock


def test_promise_3_9_no_user_code_runs_under_the_lock():
    """Each hook comes back to the breaker from another thread, which would wait for the lock."""
    seen = []

    def from_another_thread(what):
        thread = threading.Thread(target=lambda: seen.append((what, breaker.retry_after)))
        thread.daemon = True
        thread.start()
        thread.join(5)
        assert not thread.is_alive(), f"{what} ran under the lock"

    def clock():
        if threading.current_thread() is threading.main_thread():
            from_another_thread("clock")
        return 0.0

    def classify(_value):
        from_another_thread("classify")
        return Outcome.FAILURE

    breaker = CircuitBreaker(
        1, clock=clock, classify=classify, on_event=lambda _: from_another_thread("on_event")
    )

    breaker.acquire().failure(BoomError())
    with suppress(CircuitOpenError):
        breaker.acquire()
    breaker.isolate()
    breaker.reset()

    assert {what for what, _ in seen} == {"clock", "classify", "on_event"}


def test_promise_3_9_a_collection_that_settles_while_the_lock_is_held_cannot_deadlock(clock):
    class Forever:
        def __await__(self):
            yield

    breaker = half_open(clock)
    coroutine = breaker.call(Forever)
    coroutine.send(None)
    assert breaker.retry_after > 0

    with breaker._lock:
        del coroutine  # collected, closed and settled: all in this thread

    assert breaker.retry_after == 0.0


# 3.10 listeners


async def test_promise_3_10_listeners_hear_after_the_state_stands():
    states = []
    breaker = CircuitBreaker(1, on_event=lambda event: states.append((event, breaker.state)))

    with suppress(BoomError):
        await breaker.call(boom)

    assert [(type(event).__name__, state) for event, state in states] == [
        ("CallFinished", "OPEN"),
        ("StateChanged", "OPEN"),
    ]


async def test_promise_3_10_a_listener_that_raises_is_logged_and_the_call_goes_on(caplog):
    def broken(_event):
        raise RuntimeError("broken listener")

    breaker = CircuitBreaker(on_event=broken)

    with caplog.at_level(logging.ERROR, logger="resilience_lab"):
        assert await breaker.call(answer) == "answer"

    assert "broken listener" in caplog.text
    (words,) = [record.getMessage() for record in caplog.records]
    assert re.fullmatch("listener .+ raised on CallFinished.+; the call is not affected", words)
    assert breaker.state == "CLOSED"


def test_promise_3_10_a_cancellation_in_a_listener_does_not_touch_the_call(clock):
    def broken(_event):
        raise asyncio.CancelledError

    breaker = opened(clock, on_event=broken)
    clock.now += BREAK

    breaker.acquire().success()

    assert breaker.success_count == 1


@pytest.mark.parametrize("exit_error", [KeyboardInterrupt, SystemExit])
def test_only_an_exit_passes_through_a_listener(clock, exit_error):
    def leave(_event):
        raise exit_error

    with pytest.raises(exit_error):
        opened(clock, on_event=leave)


def test_promise_3_10_a_listener_may_use_the_breaker(clock):
    def never_open(event):
        if isinstance(event, StateChanged) and event.after == "OPEN":
            breaker.reset()

    breaker = CircuitBreaker(1, clock=clock, on_event=never_open)

    fail(breaker)

    assert breaker.state == "CLOSED"


def test_the_events_tell_the_whole_story(clock):
    recorder = Recorder()
    breaker = CircuitBreaker(1, BREAK, 1, name="gpt4", clock=clock, on_event=recorder)
    error = BoomError()
    breaker.acquire().success()
    breaker.acquire().failure(error)
    with suppress(CircuitOpenError):
        breaker.acquire()
    clock.now = 30.0
    breaker.acquire().ignore()
    breaker.acquire().success()

    assert list(recorder) == [
        CallFinished(0.0, "gpt4", "CLOSED", Outcome.SUCCESS, None, 0, 1),
        CallFinished(0.0, "gpt4", "CLOSED", Outcome.FAILURE, error, 1, 1),
        StateChanged(0.0, "gpt4", "CLOSED", "OPEN", "too many failures"),
        CallRejected(0.0, "gpt4", "OPEN", 30.0),
        StateChanged(30.0, "gpt4", "OPEN", "HALF_OPEN", "the break is over"),
        CallFinished(30.0, "gpt4", "HALF_OPEN", Outcome.NEUTRAL, None, 0, 1),
        CallFinished(30.0, "gpt4", "HALF_OPEN", Outcome.SUCCESS, None, 1, 1),
        StateChanged(30.0, "gpt4", "HALF_OPEN", "CLOSED", "the probes succeeded"),
    ]


# 3.11 retry_after


def test_promise_3_11_retry_after_in_each_state(clock):
    breaker = CircuitBreaker(1, BREAK, clock=clock, probe_timeout=8, half_open_max_calls=2)
    assert breaker.retry_after == 0.0  # closed

    fail(breaker)
    assert breaker.retry_after == 30.0
    clock.now = 12.5
    assert breaker.retry_after == 17.5
    clock.now = 31.0
    assert breaker.retry_after == 0.0  # the break is over

    breaker.acquire()
    assert breaker.retry_after == 0.0  # half-open, and there is room
    clock.now = 33.0
    breaker.acquire()
    assert breaker.retry_after == 6.0  # full: until the oldest lease ends
    clock.now = 50.0
    assert breaker.retry_after == 0.0


# By hand


def test_isolate_holds_it_open_until_reset(clock):
    breaker = CircuitBreaker(clock=clock, name="gpt4")

    breaker.isolate()
    clock.now = 1e9

    assert breaker.isolated
    assert breaker.state == "OPEN"
    assert breaker.retry_after == math.inf
    with pytest.raises(CircuitOpenError, match="'gpt4' is OPEN; isolated until it is reset"):
        breaker.acquire()

    breaker.reset()
    assert not breaker.isolated
    breaker.acquire().success()


def test_isolating_twice_is_reported_once(clock):
    recorder = Recorder()
    breaker = CircuitBreaker(clock=clock, on_event=recorder)

    breaker.isolate()
    breaker.isolate()

    assert [event.reason for event in recorder] == ["isolated by hand"]


def test_reset_forgets_everything(clock):
    breaker = opened(clock)

    breaker.reset()

    assert snapshot(breaker) == snapshot(CircuitBreaker(clock=clock))


# Section 2: what counts


@pytest.mark.parametrize(
    "neutral",
    [asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit, BaseException],
)
@pytest.mark.parametrize("state", GRANTED)
def test_base_exceptions_are_neutral_whatever_the_rules_say(clock, state, neutral):
    for rules in ({"failure_on": BaseException}, {"classify": lambda _: Outcome.FAILURE}):
        breaker = CircuitBreaker(1, BREAK, clock=clock, **rules)
        if state == "HALF_OPEN":
            fail(breaker)
            clock.now += BREAK
        permit = breaker.acquire()
        before = (breaker.state, breaker.failure_count)

        permit.failure(neutral())

        assert (breaker.state, breaker.failure_count) == before
        assert breaker.retry_after == 0.0


@pytest.mark.parametrize(
    "failure_on",
    [ConnectionError, (ConnectionError, ValueError), lambda e: isinstance(e, ConnectionError)],
)
async def test_failure_on_narrows_what_counts(failure_on):
    breaker = CircuitBreaker(2, failure_on=failure_on)

    for error in (ConnectionResetError, KeyError):

        async def raising(error=error):
            raise error

        with pytest.raises(error):
            await breaker.call(raising)

    assert breaker.failure_count == 1


async def test_classify_decides_for_results_and_errors():
    def classify(value):
        if isinstance(value, KeyError):
            return Outcome.SUCCESS
        return {"bad": Outcome.FAILURE, "odd": Outcome.NEUTRAL}.get(value, Outcome.SUCCESS)

    breaker = CircuitBreaker(5, classify=classify)

    async def give(value):
        if isinstance(value, Exception):
            raise value
        return value

    counts = []
    for value in ("bad", "odd", "bad", KeyError(), "bad", "good"):
        with suppress(KeyError):
            await breaker.call(give, value)
        counts.append(breaker.failure_count)

    assert counts == [1, 1, 2, 0, 1, 0]


async def test_an_exception_that_is_returned_is_a_result():
    breaker = CircuitBreaker(1)

    assert isinstance(await breaker.call(lambda: BoomError()), BoomError)

    assert breaker.state == "CLOSED"


@pytest.mark.parametrize("where", ["classify an error", "classify a result", "failure_on"])
async def test_a_rule_that_raises_is_heard_and_gives_the_permit_back(where):
    def broken(_value):
        raise ZeroDivisionError

    rule = {"failure_on": broken} if where == "failure_on" else {"classify": broken}
    breaker = CircuitBreaker(1, 30, **rule)
    breaker._generation = CircuitBreaker(1)._generation
    func = answer if where == "classify a result" else boom

    with pytest.raises(ZeroDivisionError):
        await breaker.call(func)

    assert (breaker.state, breaker.failure_count) == ("CLOSED", 0)


async def test_a_classify_that_answers_nonsense_is_refused():
    breaker = CircuitBreaker(classify=lambda _: True)

    with pytest.raises(TypeError, match="classify must return an Outcome, got True"):
        await breaker.call(answer)


# Bad arguments


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("failure_threshold", 0),
        ("failure_threshold", -1),
        ("failure_threshold", 2.5),
        ("failure_threshold", "3"),
        ("failure_threshold", True),
        ("failure_threshold", None),
        ("recovery_timeout", 0),
        ("recovery_timeout", -1),
        ("recovery_timeout", math.nan),
        ("recovery_timeout", math.inf),
        ("recovery_timeout", "30"),
        ("recovery_timeout", 10**400),
        ("failure_on", boom),
        ("recovery_timeout", True),
        ("success_threshold", 0),
        ("success_threshold", 1.0),
        ("half_open_max_calls", 0),
        ("half_open_max_calls", None),
        ("probe_timeout", 0),
        ("probe_timeout", -3.0),
        ("name", ""),
        ("name", 3),
        ("failure_on", "ConnectionError"),
        ("failure_on", ()),
        ("failure_on", (ValueError, 3)),
        ("failure_on", int),
        ("classify", "strict"),
        ("on_event", 5),
        ("on_event", boom),
        ("clock", 12.0),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(argument, value):
    with pytest.raises((ValueError, TypeError)) as refusal:
        CircuitBreaker(**{argument: value})

    assert argument in str(refusal.value)
    assert repr(value) in str(refusal.value)


def test_failure_on_and_classify_exclude_each_other():
    with pytest.raises(ValueError, match="failure_on or classify, not both"):
        CircuitBreaker(failure_on=KeyError, classify=lambda _: Outcome.SUCCESS)
