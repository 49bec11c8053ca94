"""Every exercise is examined in the room of the mock interview: a verdict always comes."""

# ruff: noqa: ASYNC110, ASYNC250, ASYNC251, RUF006 - code that a learner might write

from __future__ import annotations

import asyncio
import builtins
import datetime
import gc
import logging
import random
import sys
import threading
import time
import warnings
from datetime import datetime as datetime_itself
from time import monotonic, sleep

import pytest

from resilience_lab import CircuitBreaker
from resilience_lab.practice.exercises.breaker import check_counting, check_probing
from resilience_lab.practice.exercises.chain import check_ask
from resilience_lab.practice.exercises.composition import check_composition, check_hedging
from resilience_lab.practice.exercises.examiner import examine
from resilience_lab.practice.exercises.provenance import check_provenance, check_skipping
from resilience_lab.practice.exercises.repair import check_repair
from resilience_lab.practice.exercises.retry import check_jitter, check_retry
from resilience_lab.practice.exercises.storm import check_budget, check_throttle

RAN_ON = "it never came to an end: it went round and round without awaiting anything"
ENDLESS = "it never came to an end: it went on and on, awaiting one thing after another"


def function(act):
    async def answer(*args):
        return await act()

    return answer


def plain(act):
    def answer(*args):
        return act()

    return answer


def composed(act):
    return lambda service: function(act)


def class_with(*names, coroutine=True):
    def of(act):
        made = function(act) if coroutine else plain(act)
        method = staticmethod(made)
        given = {"state": "CLOSED", "__init__": lambda self, *args, **options: None}
        return type("Answer", (), given | dict.fromkeys(names, method))

    return of


WITH_AWAIT = [
    (check_ask, function),
    (check_provenance, function),
    (check_retry, function),
    (check_hedging, function),
    (check_composition, composed),
    (check_counting, class_with("call")),
    (check_probing, class_with("call")),
    (check_repair, class_with("call")),
    (check_skipping, class_with("ask")),
]
PLAIN = [
    (check_jitter, plain),
    (check_budget, class_with("first_call", "may_retry", coroutine=False)),
    (check_throttle, class_with("should_send", "accepted", coroutine=False)),
]


def exercises(table):
    return pytest.mark.parametrize(
        ("check", "answer"), [pytest.param(*row, id=row[0].__name__) for row in table]
    )


def world():
    """What the room changes while an answer is in it."""
    return (
        time.time, time.monotonic, time.sleep, datetime.datetime, threading.Lock,
        threading.Thread.start, builtins.input, sys.stdout, sys.stderr, sys.unraisablehook,
        sys.gettrace(), warnings.filters[:], logging.root.manager.disable, random.getstate(),
        threading.active_count(), monotonic, sleep, datetime_itself,
    )  # fmt: skip


def examined(check, subject):
    """The verdict, which must leave everything as it was."""
    before = world()
    checklist = check(subject)
    assert world() == before
    return checklist


def spins():
    while True: pass  # noqa: E701 # fmt: skip


def counts_for_ever():
    number = 0
    while True:
        number += 1


def catches_everything():
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def exits():
    sys.exit(3)


def interrupts():
    raise KeyboardInterrupt


def ends_generators():
    raise GeneratorExit


class Odd(BaseException):
    """An error that is no Exception."""


def raises_an_odd_one():
    raise Odd("no Exception")


HOSTILE = [
    (spins, RAN_ON),
    (counts_for_ever, RAN_ON),
    (catches_everything, RAN_ON),
    (exits, "it raised SystemExit: 3"),
    (interrupts, "it raised KeyboardInterrupt"),
]


@exercises([*WITH_AWAIT, *PLAIN])
@pytest.mark.parametrize(("act", "verdict"), HOSTILE)
def test_what_never_ends_or_exits_gets_its_verdict(check, answer, act, verdict):
    async def awaited():
        return act()

    subject = answer(act if (check, answer) in PLAIN else awaited)
    checklist = examined(check, subject)

    assert repr(check(subject)) == repr(checklist)
    assert verdict in str(checklist.full())
    assert not checklist.passed


@exercises(PLAIN)
@pytest.mark.parametrize(
    ("act", "verdict"),
    [(ends_generators, "it raised GeneratorExit"), (raises_an_odd_one, "it raised Odd: no Except")],
)
def test_other_errors_that_are_no_exceptions_get_theirs(check, answer, act, verdict):
    assert verdict in str(examined(check, answer(act)).full())


async def goes_round():
    while True:
        await asyncio.sleep(0)


async def refuses_to_end():
    while True:
        try:
            await asyncio.sleep(1)
        except BaseException:
            continue


@exercises(WITH_AWAIT)
@pytest.mark.parametrize("act", [goes_round, refuses_to_end])
def test_what_awaits_for_ever_gets_its_verdict(check, answer, act):
    assert ENDLESS in str(examined(check, answer(act)).full())


async def hangs():
    await asyncio.Event().wait()


async def exits_in_a_task():
    await asyncio.create_task(raises(SystemExit(3)))


async def raises(error):
    raise error


async def cancels_itself():
    raise asyncio.CancelledError


async def recurs():
    return await recurs()


async def waits_for_a_thread():
    threading.Thread(target=print).start()


async def locks_twice():
    lock = threading.Lock()
    with lock, lock:
        pass


async def asks():
    return input("Continue? ")


async def sleeps_really():
    time.sleep(1_000_000)
    sleep(1_000_000)


async def leaves_a_task_that_spins():
    async def background():
        try:
            await asyncio.sleep(1000)
        finally:
            while True:
                pass

    asyncio.ensure_future(background())
    await asyncio.sleep(0)


async def fails():
    raise ValueError


async def is_odd():
    raise Odd


@exercises(WITH_AWAIT)
@pytest.mark.parametrize(
    "act",
    [
        hangs, exits_in_a_task, cancels_itself, recurs, waits_for_a_thread, locks_twice, asks,
        sleeps_really, leaves_a_task_that_spins, fails, is_odd,
    ],
)  # fmt: skip
def test_a_verdict_comes_whatever_else_happens(check, answer, act, capfd):
    assert not examined(check, answer(act)).passed
    gc.collect()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("act", "verdict"),
    [
        (hangs, "it waits for ever"),
        (exits_in_a_task, "it raised SystemExit: 3"),
        (cancels_itself, "it raised CancelledError()"),
        (recurs, "it called itself without end"),
        (waits_for_a_thread, "it started a thread, and asyncio code needs none"),
        (locks_twice, "it waited for a lock"),
        (asks, "it asked for input"),
        (leaves_a_task_that_spins, RAN_ON),
        (fails, "it raised ValueError()"),
        (is_odd, "it raised Odd()"),
    ],
)
def test_the_verdict_is_in_words(act, verdict):
    assert f"❌ asks the first agent, and no other if that one answers\n   {verdict}" in repr(
        check_ask(function(act))
    )


def test_an_error_without_a_text_of_its_own_is_named():
    class UnprintableError(Exception):
        def __str__(self):
            raise RuntimeError

        def __repr__(self):
            raise RuntimeError

    async def unprintable():
        raise UnprintableError

    assert "it raised a UnprintableError" in repr(check_ask(function(unprintable)))


@exercises([*WITH_AWAIT, *PLAIN])
def test_what_is_printed_goes_nowhere(check, answer, capfd):
    def noisy():
        print("hello")
        print("hello", file=sys.stderr)
        logging.getLogger("learner").critical("hello")
        warnings.warn("hello", stacklevel=1)

    async def noisy_too():
        noisy()
        asyncio.sleep(1)  # never awaited

    examined(check, answer(noisy if (check, answer) in PLAIN else noisy_too))

    gc.collect()
    assert capfd.readouterr() == ("", "")


async def test_a_cell_of_a_running_loop_gets_its_verdict_too():
    assert RAN_ON in repr(check_counting(class_with("call")(function(goes_round_without_await))))
    await asyncio.sleep(0)


async def goes_round_without_await():
    spins()


CLOCKS = {
    "time.time": lambda: time.time(),
    "time.monotonic": lambda: time.monotonic(),
    "monotonic": lambda: monotonic(),
    "time.perf_counter_ns": lambda: time.perf_counter_ns() / 1e9,
    "datetime.now": lambda: datetime_itself.now().timestamp(),
    "datetime.now(UTC)": lambda: datetime.datetime.now(datetime.UTC).timestamp(),
    "loop.time": lambda: asyncio.get_running_loop().time(),
}


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("check", [check_counting, check_probing, check_repair])
def test_a_right_breaker_passes_on_any_clock(check, clock):
    class Breaker(CircuitBreaker):
        def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
            super().__init__(failure_threshold, recovery_timeout, success_threshold, clock=clock)

    assert check(Breaker).passed, check(Breaker)


class FromTheChallenge:
    """As the challenge's text suggests it: `last_failure_time` is 0 or None until it fails."""

    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        self.failure_threshold = failure_threshold
        self.recovery_timeout = recovery_timeout
        self.success_threshold = success_threshold
        self.state = "CLOSED"
        self.failure_count = self.success_count = 0
        self.last_failure_time = None

    async def call(self, func):
        if self.state == "OPEN":
            opened = self.last_failure_time
            if opened and time.time() - opened < self.recovery_timeout:
                raise RuntimeError("circuit is open")
            self.state, self.success_count = "HALF_OPEN", 0
        try:
            result = await func()
        except Exception:
            self.failure_count += 1
            self.last_failure_time = time.time()
            if self.state == "HALF_OPEN" or self.failure_count >= self.failure_threshold:
                self.state = "OPEN"
            raise
        self.failure_count = 0
        if self.state == "HALF_OPEN":
            self.success_count += 1
            if self.success_count >= self.success_threshold:
                self.state = "CLOSED"
        return result


def test_the_challenges_own_clock_is_right():
    assert check_counting(FromTheChallenge).passed, check_counting(FromTheChallenge)


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_a_right_chain_that_skips_passes_on_any_clock(clock):
    class Chain:
        def __init__(self, agents):
            self.agents, self.failures, self.since = agents, {}, {}

        async def ask(self, query):
            errors = []
            for agent in self.agents:
                if agent.name in self.since and clock() - self.since[agent.name] < 30:
                    continue
                try:
                    answer = await agent.run(query)
                except Exception as error:
                    errors.append(error)
                    failures = self.failures[agent.name] = self.failures.get(agent.name, 0) + 1
                    if failures >= 3:
                        self.since[agent.name] = clock()
                else:
                    self.failures[agent.name] = 0
                    return answer
            raise ExceptionGroup("no agent answered", [*errors, TimeoutError("all skipped")])

    assert check_skipping(Chain).passed, check_skipping(Chain)


@pytest.mark.parametrize("wait", [lambda s: time.sleep(s), lambda s: sleep(s)])
def test_a_retry_that_sleeps_really_takes_no_time_and_misses_only_the_cancellation(wait):
    async def retry(func, max_retries, base_delay):
        for attempt in range(max_retries + 1):
            try:
                return await func()
            except Exception:
                if attempt == max_retries:
                    raise
                wait(base_delay * 2**attempt)
        return None

    assert check_retry(retry).missing == ("ends at once when it is cancelled",)


def test_a_trial_that_hangs_costs_no_other_its_verdict():
    """The room gives less only to what comes after a second one that has used everything up."""

    async def loops(subject):
        while True:
            await subject()

    async def works(subject):
        for _ in range(5000):
            await subject()

    async def awaits():
        await asyncio.sleep(0)

    assert examine(awaits, {"a": loops, "b": works}).missing == ("a",)


def test_a_plain_function_has_the_whole_limit_for_each_call():
    class Slow:
        """1000 calls of 300 lines each are more than a trial may take, and no loop without end."""

        def __init__(self, ratio, burst):
            self.ratio, self.burst, self.tokens = ratio, burst, burst

        def first_call(self):
            for _ in range(150):
                self.tokens += self.ratio / 150
            self.tokens = min(self.burst, round(self.tokens, 6))

        def may_retry(self):
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True

    assert check_budget(Slow).passed, check_budget(Slow)
