"""The meter ends what does not end by itself, whatever it catches, and leaves no trace."""

# ruff: noqa: S110, SIM105 - code that a learner might write

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest

from resilience_lab.practice.exam import line_limit
from resilience_lab.practice.exam.line_limit import Meter, RanOn

LINES = 2000


@pytest.fixture
def meter():
    meter = Meter()
    meter.refill(LINES)
    return meter


def one_line():
    while True: pass  # noqa: E701 # fmt: skip


def two_lines():
    while True:
        _ = 1


def catches_everything():
    while True:
        try:
            pass
        except BaseException:
            pass


def keeps_every_error():
    errors = []
    while True:
        try:
            while True:
                try:
                    pass
                except BaseException as error:
                    errors.append(error)
        except BaseException as error:
            errors.append(error)


def goes_on_in_the_handler():
    try:
        while True:
            pass
    except BaseException:
        while True:
            pass


def generator():
    return sum(1 for _ in iter(int, 1))


def comprehension():
    return [None for _ in iter(int, 1)]


def recursion_that_catches_everything():
    while True:
        try:
            recursion_that_catches_everything()
        except BaseException:
            pass


@pytest.mark.parametrize(
    "endless",
    [
        one_line,
        two_lines,
        catches_everything,
        keeps_every_error,
        goes_on_in_the_handler,
        generator,
        comprehension,
        recursion_that_catches_everything,
    ],
)
def test_an_endless_loop_is_ended(meter, endless):
    before = sys.gettrace()

    with pytest.raises(RanOn):
        meter.call(endless)

    assert meter.overrun
    assert not meter.running
    assert sys.gettrace() is before


def test_it_counts_the_lines_of_the_learners_code_alone(meter):
    def learners():
        a = 1
        return sorted([a, 2, 3], key=abs)

    assert meter.call(learners) == [1, 2, 3]
    assert LINES - 10 < meter.left < LINES
    assert not meter.overrun


def test_endless_recursion_is_found_while_there_is_room_to_count(meter):
    def recursion():
        recursion()

    meter.refill(100_000)
    with pytest.raises(RecursionError):
        meter.call(recursion)

    assert not meter.overrun


async def spins_when_cancelled():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        two_lines()


def test_a_coroutine_is_counted_in_each_of_its_steps(meter):
    async def main():
        task = asyncio.ensure_future(meter.drive(spins_when_cancelled()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.exception()

    assert isinstance(asyncio.run(main()), RanOn)


def test_results_errors_and_values_pass_through_a_driven_coroutine(meter):
    async def answers():
        return await asyncio.wait_for(asyncio.sleep(0, "answer"), 1)

    async def fails():
        await asyncio.sleep(0)
        raise ValueError("no")

    assert asyncio.run(meter.drive(answers())) == "answer"
    with pytest.raises(ValueError, match="no"):
        asyncio.run(meter.drive(fails()))


def test_what_is_sent_into_a_driven_coroutine_arrives(meter):
    class Asks:
        def __await__(self):
            return (yield "question")

    driven = meter.drive(Asks()).__await__()

    assert next(driven) == "question"
    with pytest.raises(StopIteration) as stop:
        driven.send("answer")
    assert stop.value.value == "answer"


def test_a_driven_coroutine_can_be_closed(meter):
    closed = []

    class Waits:
        def __await__(self):
            try:
                yield
            finally:
                closed.append(True)

    driven = meter.drive(Waits()).__await__()
    next(driven)
    driven.close()

    assert closed == [True]


def test_the_counting_itself(meter):
    """Called by hand, for what runs in a trace function is not measured."""

    def learners():
        return sys._getframe()

    frame = learners()
    assert meter.enter(frame, "call", None) is None  # not running
    meter.running = True
    pythons = SimpleNamespace(f_code=asyncio.run.__code__)
    assert meter.enter(pythons, "call", None) is None
    line = meter.enter(frame, "call", None)
    assert line(frame, "line", None) is line
    frame.f_trace = line
    assert meter.enter(frame, "call", None) is line  # a generator that goes on
    another = Meter()
    another.running = True
    assert another.enter(frame, "call", None) is not line
    meter.running = False
    meter.left = 0
    with pytest.raises(RanOn):
        line(frame, "line", None)
    meter.refill(10)
    deep = type(line)(meter, too_deep=True)
    with pytest.raises(RecursionError):
        deep(frame, "line", None)


def test_an_error_of_the_meters_starts_it_again(meter):
    def learners():
        return sys._getframe()

    meter.running = True
    line = meter.enter(learners(), "call", None)
    meter.running = False
    meter.left = 0
    with pytest.raises(RanOn):
        line(None, "line", None)
    meter.refill(1000)
    meter.running = True
    before = sys.gettrace()
    try:
        line.__del__()
        assert sys.gettrace() == meter.enter
    finally:
        sys.settrace(before)
        sys._getframe().f_trace = before
        meter.running = False


def test_a_generator_that_goes_on_is_counted_in_each_of_its_steps(meter):
    def numbers():
        while True:
            yield 1

    endless = numbers()
    meter.call(next, endless)

    def takes():
        while True:
            next(endless)

    before = meter.left
    with pytest.raises(RanOn):
        meter.call(takes)
    assert before > 0 > meter.left


def test_topped_up_the_count_begins_anew_but_once_overrun_never(meter):
    def some_lines():
        for _ in range(LINES // 4):
            pass

    for _ in range(10):
        meter.top_up(LINES)
        meter.call(some_lines)
    with pytest.raises(RanOn):
        meter.call(two_lines)
    meter.top_up(LINES)
    with pytest.raises(RanOn):
        meter.call(some_lines)


def test_a_call_within_a_call_is_counted_once_and_the_count_goes_on(meter):
    def outer():
        meter.call(lambda: None)
        while True:
            pass

    with pytest.raises(RanOn):
        meter.call(outer)
    assert not meter.running


def test_a_meter_that_is_counting_already_just_calls(meter):
    before = sys.gettrace()
    meter.running = True

    assert meter.call(sys.gettrace) is before


def test_when_ready_the_trace_function_stays_and_goes_at_the_end(meter):
    before = sys.gettrace()
    sys.settrace(None)
    try:
        with meter.ready():
            kept = sys.gettrace()
            meter.call(lambda: None)
            with pytest.raises(RanOn):
                meter.call(catches_nothing)
            still = sys.gettrace()
        after = sys.gettrace()
    finally:
        sys.settrace(before)

    assert (kept, still, after) == (meter.enter, meter.enter, None)


def catches_nothing():
    while True:
        pass


def test_when_ready_the_trace_function_of_another_stays_in_place(meter):
    def anothers(*_):
        return None

    before = sys.gettrace()
    sys.settrace(anothers)
    try:
        with meter.ready():
            kept = sys.gettrace()
            meter.call(lambda: None)
            still = sys.gettrace()
    finally:
        sys.settrace(before)

    assert (kept, still) == (anothers, anothers)


def test_when_ready_a_call_changes_no_trace_function(meter, monkeypatch):
    """With a record in place of Python's own, for a real change would end what is measured."""
    kept = [None]
    record = SimpleNamespace(gettrace=lambda: kept[-1], settrace=kept.append)
    monkeypatch.setattr(line_limit, "sys", record)

    with meter.ready():
        assert meter.call(lambda: "called") == "called"

    assert kept == [None, meter.enter, None]
