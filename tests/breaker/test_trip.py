"""Trip rules: at, just under and just over each threshold, and after idle hours."""

from __future__ import annotations

import asyncio
import math
import pickle
import threading
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience_lab import (
    CircuitBreaker,
    ConsecutiveFailures,
    FailureRate,
    Recorder,
    SlowCallRate,
    any_of,
    run_virtual,
)
from resilience_lab.breaker.trip_rules import RESOLUTION
from resilience_lab.events import CallFinished, StateChanged


async def succeed():
    return "answer"


async def fail():
    raise ConnectionError


def play(breaker, letters):
    """Settle a call for each letter, S or F, and tell the state after each."""
    states = []
    for letter in letters:
        permit = breaker.acquire()
        if letter == "S":
            permit.success()
        else:
            permit.failure(ConnectionError())
        states.append(breaker.state)
        if breaker.state == "OPEN":
            break
    return states


def trips_at(rule, letters, **options):
    """The number of the call that opens the circuit; None if none does."""
    states = play(CircuitBreaker(trip=rule, clock=lambda: 0.0, **options), letters)
    return len(states) if states[-1] == "OPEN" else None


# Failures in a row


def test_the_default_is_consecutive_failures_of_the_threshold():
    assert CircuitBreaker(5).trip == ConsecutiveFailures(5)
    assert trips_at(ConsecutiveFailures(3), "FFSFFSFFF") == 9
    assert trips_at(ConsecutiveFailures(3), "FFSFFSFF") is None


# A rate over calls


def test_a_rate_trips_at_its_threshold_and_not_just_under_it():
    rule = FailureRate(0.5, last=10)

    assert trips_at(rule, "SSSSSSFFFF") is None
    assert trips_at(rule, "SSSSSFFFFF") == 10
    assert trips_at(rule, "SSSSFFFFFF") == 10


def test_nothing_is_judged_under_the_minimum():
    assert trips_at(FailureRate(0.5, last=10, minimum_calls=4), "FFF") is None
    assert trips_at(FailureRate(0.5, last=10, minimum_calls=4), "FFFF") == 4
    assert trips_at(FailureRate(0.5, last=10, minimum_calls=1), "F") == 1


def test_a_success_may_complete_the_minimum():
    assert trips_at(FailureRate(0.5, last=10, minimum_calls=4), "FFSS") == 4
    assert trips_at(FailureRate(0.5, last=10, minimum_calls=4), "FSSS") is None


def test_the_default_minimum_is_ten_or_the_window():
    assert FailureRate(0.5, last=100).minimum_calls == 10
    assert FailureRate(0.5, last=4).minimum_calls == 4
    assert FailureRate(0.5, within=60).minimum_calls == 10


def test_calls_that_left_the_window_are_forgotten():
    rule = FailureRate(0.5, last=4)

    assert trips_at(rule, "FSSSFSSSFSSSFSSS") is None
    assert trips_at(rule, "FSSSSSSSSSSSSFF") == 15
    assert trips_at(rule, "FSSSSSF") is None


@pytest.mark.parametrize(
    ("threshold", "calls", "enough"), [(0.1, 30, 3), (0.29, 100, 29), (0.7, 10, 7), (1, 5, 5)]
)
def test_a_share_is_reached_exactly_whatever_floats_do(threshold, calls, enough):
    rule = FailureRate(threshold, last=calls, minimum_calls=calls)

    assert trips_at(rule, "S" * (calls - enough) + "F" * enough) == calls
    assert trips_at(rule, "S" * (calls - enough + 1) + "F" * (enough - 1)) is None


def test_neutral_outcomes_are_not_calls(clock):
    breaker = CircuitBreaker(trip=FailureRate(0.5, last=4), clock=clock)

    for _ in range(10):
        breaker.acquire().ignore()
    states = play(breaker, "SFSF")

    assert states == ["CLOSED", "CLOSED", "CLOSED", "OPEN"]


def test_each_stay_in_closed_begins_from_nothing(clock):
    breaker = CircuitBreaker(3, 10, 1, trip=FailureRate(0.5, last=4), clock=clock)
    play(breaker, "FFFF")
    clock.now = 10.0
    play(breaker, "S")

    assert (breaker.state, breaker.failure_count) == ("CLOSED", 0)
    assert play(breaker, "FFF") == ["CLOSED"] * 3
    breaker.reset()
    assert play(breaker, "FFFF")[-1] == "OPEN"


def test_a_stale_result_is_not_counted(clock):
    breaker = CircuitBreaker(trip=FailureRate(0.5, last=2), clock=clock)
    late = breaker.acquire()
    breaker.reset()

    late.failure(ConnectionError())

    assert breaker.failure_count == 0
    assert play(breaker, "SS") == ["CLOSED"] * 2


# A rate over seconds


def timed(rule, moments, **options):
    """The moment at which a circuit opens that is told results at (second, letter)."""
    now = 0.0
    breaker = CircuitBreaker(trip=rule, clock=lambda: now, **options)
    for now, letter in moments:
        play(breaker, letter)
        if breaker.state == "OPEN":
            return now
    return None


def test_results_within_the_seconds_count_and_older_ones_do_not():
    rule = FailureRate(0.5, within=10, minimum_calls=2)

    assert timed(rule, [(0, "F"), (9.99, "F")]) == 9.99
    assert timed(rule, [(0, "F"), (10, "F")]) == 10
    assert timed(rule, [(0, "F"), (10.01, "F")]) is None


def test_an_idle_hour_forgets_everything():
    rule = FailureRate(0.5, within=10, minimum_calls=3)

    assert timed(rule, [(0, "FF"), (3600, "F"), (3601, "F")]) is None
    assert timed(rule, [(0, "FF"), (3600, "FF"), (3601, "F")]) == 3601


def test_time_alone_may_raise_the_rate_so_a_success_may_trip():
    rule = FailureRate(0.5, within=10, minimum_calls=3)

    assert timed(rule, [(0, "SSSSSSSS"), (9, "FF"), (9.5, "S"), (10.5, "S")]) == 10.5


def test_a_success_may_complete_the_minimum_over_seconds():
    rule = FailureRate(0.5, within=10, minimum_calls=4)

    assert timed(rule, [(0, "FF"), (1, "S"), (2, "S")]) == 2
    assert timed(rule, [(0, "FF"), (1, "S"), (10.5, "S")]) is None


def test_results_of_about_the_same_moment_leave_together_and_never_late():
    rule = FailureRate(0.5, within=100, minimum_calls=2)

    assert timed(rule, [(0, "S"), (0.9, "F"), (100, "F")]) == 0.9
    almost = FailureRate(0.6, within=100, minimum_calls=3)
    assert timed(almost, [(0, "SF"), (0.9, "F"), (100, "S")]) == 0.9
    assert timed(almost, [(0, "SS"), (0.9, "F"), (100.5, "FF")]) is None  # forgotten 0.4 s early
    assert timed(almost, [(0, "SS"), (1.0, "F"), (100.5, "FF")]) == 100.5


@pytest.mark.parametrize("successes", [1, 2, 3, 40])
@pytest.mark.parametrize("quietly", [True, False])
def test_successes_of_about_the_same_moment_are_all_counted(successes, quietly):
    """Whether in passing (through `call`) or by a permit: the next failures are that much rarer."""
    rule = FailureRate(0.5, within=100, minimum_calls=2)

    async def main():
        breaker = CircuitBreaker(trip=rule)
        await asyncio.sleep(5)
        for _ in range(successes):
            if quietly:
                await breaker.call(succeed)
            else:
                breaker.acquire().success()
            await asyncio.sleep(0.9 / successes)  # all within a hundredth of the window
        failures = 0
        while breaker.state == "CLOSED":
            breaker.acquire().failure(ConnectionError())
            failures += 1
        return failures

    assert run_virtual(main) == max(successes, 1)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("SSSF")), min_size=1, max_size=80),
    st.integers(1, 8),
    st.sampled_from([0.25, 0.5, 0.7]),
)
def test_a_rate_over_seconds_agrees_with_buckets_of_a_hundredth(steps, minimum, threshold):
    """Any number of results within one bucket, which leave the window with the bucket's first."""
    rule = FailureRate(threshold, within=6.25, minimum_calls=minimum)
    width, now, moments = 0.0625, 0, []
    for step, letter in steps:
        now += step
        moments.append((now / 64, letter))
    buckets, results, expected, failures = [], [], None, []
    for number, (moment, letter) in enumerate(moments, start=1):
        buckets = [opened for opened in buckets if opened + 6.25 >= moment]
        if not buckets or moment >= buckets[-1] + width:
            buckets.append(moment)
        results.append((buckets[-1], letter == "F"))
        bad = [failed for opened, failed in results if opened in buckets]
        failures.append(sum(bad))
        if len(bad) >= minimum and sum(bad) / len(bad) >= threshold:
            expected = number
            break

    assert quietly(rule, moments) == expected
    assert quietly(rule, moments, on_event=lambda _: None) == expected
    told = []
    assert quietly(rule, moments, told=told) == expected
    assert told == failures[: len(told)]


@pytest.mark.parametrize(
    ("rule", "moments", "opens"),
    [
        # Successes of a later bucket do not leave with those of an earlier one,
        ((0.5, 100, 2), [(0, "S"), (50, "SSS"), (120, "FF")], None),
        ((0.5, 100, 2), [(0, "SSS"), (50, "S"), (120, "F")], 5),
        # nor do those that come exactly when the earlier one closes.
        ((0.5, 100, 2), [(0, "S"), (1, "SSS"), (100.5, "FF")], None),
        # A success in passing trips as soon as older ones have left, though its bucket is open,
        ((0.5, 100, 2), [(0, "SS"), (99.5, "F"), (100.2, "S")], 4),
        # or when it completes the minimum.
        ((0.5, 100, 4), [(0, "FFSS")], 4),
        ((0.5, 100, 5), [(0, "FFSSF")], 5),
    ],
)
def test_successes_in_passing_are_forgotten_in_time_and_judged_in_time(rule, moments, opens):
    threshold, within, minimum = rule
    calls = [(float(moment), letter) for moment, letters in moments for letter in letters]

    assert quietly(FailureRate(threshold, within=within, minimum_calls=minimum), calls) == opens


def test_how_many_it_takes_is_that_of_the_window_just_now(clock):
    breaker = CircuitBreaker(trip=FailureRate(0.5, within=10, minimum_calls=4), clock=clock)
    clock.now = 1.0
    play(breaker, "S" * 20)
    assert breaker.failure_threshold == 10

    clock.now = 8.0
    play(breaker, "S" * 6)
    assert breaker.failure_threshold == 13
    clock.now = 12.0
    assert breaker.failure_threshold == 3
    clock.now = 3600.0
    assert breaker.failure_threshold == 2


async def test_the_window_passes_in_virtual_time():
    breaker = CircuitBreaker(trip=FailureRate(0.5, within=60, minimum_calls=10))
    for _ in range(9):
        with pytest.raises(ConnectionError):
            await breaker.call(fail)
    await asyncio.sleep(3600)

    for _ in range(9):
        await breaker.call(succeed)
    assert breaker.state == "CLOSED"
    for _ in range(9):
        with pytest.raises(ConnectionError):
            await breaker.call(fail)
    assert breaker.state == "OPEN"
    assert breaker.failure_count == 9


# Slow calls


async def take(seconds, error=None):
    await asyncio.sleep(seconds)
    if error is not None:
        raise error


@pytest.mark.parametrize(("seconds", "state"), [(1.99, "CLOSED"), (2.0, "CLOSED"), (2.01, "OPEN")])
async def test_slow_is_slower_than_the_limit(seconds, state):
    breaker = CircuitBreaker(trip=SlowCallRate(0.5, 2, last=4))

    await breaker.call(take, 0.1)
    await breaker.call(take, 0.1)
    await breaker.call(take, seconds)
    await breaker.call(take, seconds)

    assert breaker.state == state


async def test_a_slow_failure_is_slow_and_a_fast_one_is_a_call_like_others():
    breaker = CircuitBreaker(trip=SlowCallRate(0.5, 2, last=4))

    for seconds in (0.1, 0.1, 3):
        with pytest.raises(OSError, match="down"):
            await breaker.call(take, seconds, OSError("down"))
    assert (breaker.state, breaker.failure_count) == ("CLOSED", 1)
    with pytest.raises(OSError, match="down"):
        await breaker.call(take, 3, OSError("down"))

    assert breaker.state == "OPEN"


async def test_a_slow_probe_opens_the_circuit_again():
    recorder = Recorder()
    breaker = CircuitBreaker(trip=SlowCallRate(0.5, 2, last=2), on_event=recorder)
    await breaker.call(take, 3)
    await breaker.call(take, 3)
    await asyncio.sleep(30)

    await breaker.call(take, 3)
    assert (breaker.state, breaker.success_count) == ("OPEN", 0)
    await asyncio.sleep(30)
    await breaker.call(take, 1)
    await breaker.call(take, 1)

    assert breaker.state == "CLOSED"
    reasons = [event.reason for event in recorder if isinstance(event, StateChanged)]
    assert reasons == [
        "2 of 2 calls were slow",
        "the break is over",
        "a probe was slow",
        "the break is over",
        "the probes succeeded",
    ]


async def test_a_fast_probe_that_fails_opens_it_again_under_a_rule_of_slowness_too():
    recorder = Recorder()
    breaker = CircuitBreaker(trip=SlowCallRate(0.5, 2, last=2), on_event=recorder)
    await breaker.call(take, 3)
    await breaker.call(take, 3)
    await asyncio.sleep(30)

    with pytest.raises(OSError, match="down"):
        await breaker.call(take, 0.5, OSError("down"))

    assert (breaker.state, breaker.failure_count) == ("OPEN", 3)
    assert breaker.last_failure_time == asyncio.get_running_loop().time()
    assert breaker.retry_after == 30.0
    assert recorder[-1].reason == "a probe failed"


async def test_a_slow_probe_counts_as_no_failure_but_one_that_fails_slowly_does():
    breaker = CircuitBreaker(trip=SlowCallRate(0.5, 2, last=2))
    await breaker.call(take, 3)
    await breaker.call(take, 3)

    counts = []
    for error in (None, OSError("down")):
        await asyncio.sleep(30)
        if error is None:
            await breaker.call(take, 3)
        else:
            with pytest.raises(OSError, match="down"):
                await breaker.call(take, 3, error)
        counts.append((breaker.state, breaker.failure_count))

    assert counts == [("OPEN", 2), ("OPEN", 3)]


async def test_the_time_counts_in_every_way_of_calling():
    def breaker():
        return CircuitBreaker(trip=SlowCallRate(1, 2, last=1))

    decorated, block, permitted, streamed = breaker(), breaker(), breaker(), breaker()

    @streamed
    async def generate():
        yield 1
        await asyncio.sleep(3)
        yield 2

    await decorated(take)(3)
    async with block:
        await asyncio.sleep(3)
    permit = permitted.acquire()
    await asyncio.sleep(3)
    permit.success()
    assert [item async for item in generate()] == [1, 2]

    states = {each.state for each in (decorated, block, permitted, streamed)}
    assert states == {"OPEN"}


# Any of several


async def test_any_of_opens_by_whichever_rule_is_first():
    rule = any_of(ConsecutiveFailures(3), SlowCallRate(0.5, 2, last=4))
    by_failures, by_slowness = CircuitBreaker(trip=rule), CircuitBreaker(trip=rule)

    for _ in range(3):
        with pytest.raises(ConnectionError):
            await by_failures.call(fail)
    for _ in range(4):
        await by_slowness.call(take, 3)

    assert (by_failures.state, by_slowness.state) == ("OPEN", "OPEN")
    assert (by_failures.failure_count, by_slowness.failure_count) == (3, 4)


def test_any_of_tells_every_rule_of_every_result():
    rule = any_of(ConsecutiveFailures(3), FailureRate(0.5, last=10))

    assert trips_at(rule, "FFSFFSFFSF") == 10
    assert trips_at(rule, "SFFSFFF") == 7
    assert trips_at(any_of(FailureRate(0.5, last=10), ConsecutiveFailures(2)), "SFSFF") == 5


def test_any_of_probes_by_all_its_rules(clock):
    rule = any_of(ConsecutiveFailures(1), SlowCallRate(0.5, 2, last=4))
    breaker = CircuitBreaker(trip=rule, clock=clock)
    play(breaker, "F")
    clock.now = 30.0
    permit = breaker.acquire()
    clock.now = 33.0
    permit.success()

    assert breaker.state == "OPEN"


async def test_any_of_quiet_rules_is_quiet():
    breaker = CircuitBreaker(trip=any_of(ConsecutiveFailures(2), ConsecutiveFailures(5)))

    await breaker.call(succeed)
    assert breaker._generation.alert is False
    with pytest.raises(ConnectionError):
        await breaker.call(fail)
    assert breaker._generation.alert is True


# What listeners hear


def test_the_events_say_how_far_a_rate_has_come(clock):
    recorder = Recorder()
    breaker = CircuitBreaker(trip=FailureRate(0.3, last=20), clock=clock, on_event=recorder)

    play(breaker, "SSFSSSSFSS" + "SSSSFSSFSF" + "F")

    failures = [event for event in recorder if isinstance(event, CallFinished) and event.error]
    told = [(event.count, event.threshold) for event in failures]
    assert told == [(1, 3), (2, 3), (3, 5), (4, 6), (5, 6), (6, 6)]
    assert list(recorder)[-1].reason == "6 of 20 calls failed"


def test_a_rule_is_a_value():
    rule = FailureRate(0.5, last=20)

    assert rule == FailureRate(0.5, last=20, minimum_calls=10)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(any_of(rule)) == hash(any_of(rule))
    with pytest.raises(AttributeError):
        rule.threshold = 0.9
    first, second = CircuitBreaker(trip=rule), CircuitBreaker(trip=rule)
    play(first, "FFFFFFFFF")
    assert second.failure_count == 0


# Against a naive model


@given(
    st.text("SF", min_size=1, max_size=80),
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([0.1, 0.25, 0.5, 0.7, 1.0]),
)
def test_a_rate_over_calls_agrees_with_a_list_of_the_last_ones(letters, last, minimum, threshold):
    minimum = min(minimum, last)
    rule = FailureRate(threshold, last=last, minimum_calls=minimum)
    window, expected = deque(maxlen=last), None
    for number, letter in enumerate(letters, start=1):
        window.append(letter == "F")
        if len(window) >= minimum and sum(window) / len(window) >= threshold:
            expected = number
            break

    assert quietly(rule, [(0.0, letter) for letter in letters]) == expected
    assert trips_at(rule, letters) == expected
    assert trips_at(rule, letters, on_event=lambda _: None) == expected


@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from("SF")), min_size=1, max_size=60),
    st.integers(1, 8),
    st.sampled_from([0.25, 0.5, 0.7]),
)
def test_a_rate_over_seconds_agrees_with_a_list_of_moments(steps, minimum, threshold):
    rule = FailureRate(threshold, within=10, minimum_calls=minimum)
    # No two results within a hundredth of the window, so there is nothing to round.
    now, moments, results, expected = 0, [], [], None
    for step, letter in steps:
        now += step
        moments.append((now / 8, letter))
    for number, (moment, letter) in enumerate(moments, start=1):
        results.append((moment, letter == "F"))
        bad = [failed for when, failed in results if when >= moment - 10]
        if len(bad) >= minimum and sum(bad) / len(bad) >= threshold:
            expected = number
            break

    assert quietly(rule, moments) == expected
    assert quietly(rule, moments, on_event=lambda _: None) == expected


def quietly(rule, moments, told=None, **options):
    """The number of the call that opens the circuit, of calls made through `call` itself.

    `told` gets the `failure_count` after each.
    """

    async def main():
        breaker = CircuitBreaker(trip=rule, **options)
        for number, (moment, letter) in enumerate(moments, start=1):
            await asyncio.sleep(moment - asyncio.get_running_loop().time())
            if letter == "S":
                await breaker.call(succeed)
            else:
                with pytest.raises(ConnectionError):
                    await breaker.call(fail)
            if told is not None:
                told.append(breaker.failure_count)
            if breaker.state == "OPEN":
                return number
        return None

    return run_virtual(main)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 3), max_size=400))
def test_the_memory_over_seconds_is_bounded(steps):
    now = 0.0
    breaker = CircuitBreaker(trip=FailureRate(1, within=10), clock=lambda: now)
    for number, step in enumerate(steps):
        now += step / 100
        play(breaker, "SF"[number % 2])

    assert len(breaker._generation.tally._marks) <= RESOLUTION + 1


def test_the_memory_over_calls_grows_with_the_failures_in_the_window_only():
    breaker = CircuitBreaker(trip=FailureRate(0.9, last=1_000_000), clock=lambda: 0.0)
    play(breaker, "S" * 10_000 + "F" * 3)
    assert len(breaker._generation.tally._bad) == 3

    short = CircuitBreaker(trip=FailureRate(0.9, last=10), clock=lambda: 0.0)
    play(short, "SF" * 500)
    assert len(short._generation.tally._bad) == 5


def test_threads_lose_no_failure():
    breaker = CircuitBreaker(trip=FailureRate(1, last=1_000_000))

    def hammer():
        for _ in range(500):
            breaker.acquire().success()
            breaker.acquire().failure(ConnectionError())

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert breaker.failure_count == 2000
    assert breaker._generation.tally.total == 4000


# Bad arguments


@pytest.mark.parametrize("bad", [0, -0.1, 1.1, math.nan, math.inf, True, "0.5", None])
def test_a_threshold_is_a_fraction(bad):
    with pytest.raises((ValueError, TypeError), match=f"threshold must .*{bad!r}"):
        FailureRate(bad, last=10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give last .* or within .*last=None, within=None"),
        ({"last": 5, "within": 5}, "give last .* or within .*last=5, within=5"),
        ({"last": 0}, "last must be at least 1, got 0"),
        ({"last": 2.5}, "last must be a whole number, got 2.5"),
        ({"within": 0}, "within must be a finite number > 0, got 0"),
        ({"within": math.inf}, "within must be a finite number >= 0, got inf"),
        ({"last": 5, "minimum_calls": 6}, r"minimum_calls must not be more than last \(5\).*6"),
        ({"last": 5, "minimum_calls": 0}, "minimum_calls must be at least 1, got 0"),
    ],
)
def test_a_window_makes_sense(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        FailureRate(0.5, **options)
    with pytest.raises((ValueError, TypeError), match=words):
        SlowCallRate(0.5, 2, **options)


def test_the_minimum_over_seconds_may_be_large():
    assert FailureRate(0.5, within=1, minimum_calls=10_000).minimum_calls == 10_000


def test_other_arguments_are_checked():
    with pytest.raises(ValueError, match="slower_than must be a finite number > 0, got 0"):
        SlowCallRate(0.5, 0, last=10)
    with pytest.raises(ValueError, match="threshold must be at least 1, got 0"):
        ConsecutiveFailures(0)
    with pytest.raises(ValueError, match="rules must hold at least one rule"):
        any_of()
    with pytest.raises(TypeError, match=r"rules\[1\] must be a trip rule, got 3"):
        any_of(ConsecutiveFailures(1), 3)
    with pytest.raises(TypeError, match="trip must be a trip rule such as FailureRate, got 3"):
        CircuitBreaker(trip=3)
    with pytest.raises(ValueError, match="give failure_threshold or trip, not both"):
        CircuitBreaker(5, trip=ConsecutiveFailures(2))
