"""The breaker timeline: the data in the figure, not only that it draws."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from resilience_lab import CircuitBreaker, CircuitOpenError, Recorder, Retry, run_virtual
from resilience_lab.plots import (
    breaker_bands,
    breaker_calls,
    breaker_summary,
    breaker_timeline,
)
from resilience_lab.plots.breaker import MARKS


@pytest.fixture
def frame():
    """A call every second; the service fails from 2 s to 6 s; the break lasts 5 s."""
    recorder = Recorder()

    async def main():
        breaker = CircuitBreaker(2, 5, success_threshold=1, on_event=recorder)

        async def service():
            if 2 <= asyncio.get_running_loop().time() < 6:
                raise ConnectionError

        for _ in range(12):
            with suppress(Exception):
                await breaker.call(service)
            await asyncio.sleep(1)
        breaker.acquire().ignore()

    run_virtual(main)
    return recorder.to_frame()


def test_the_calls_and_their_fates(frame):
    calls = breaker_calls(frame)

    assert dict(calls.groupby("fate")["time"].apply(list)) == {
        "answered": [0.0, 1.0, 8.0, 9.0, 10.0, 11.0],
        "blocked": [4.0, 5.0, 6.0, 7.0],
        "failed": [2.0, 3.0],
        "ignored": [12.0],
    }


def test_the_bands_are_the_states(frame):
    assert breaker_bands(frame) == [
        (0.0, 3.0, "CLOSED"),
        (3.0, 8.0, "OPEN"),
        (8.0, 12.0, "CLOSED"),
    ]


def test_the_summary_says_it_in_words(frame):
    assert breaker_summary(frame) == (
        "13 calls: 6 answered, 2 failed, 4 blocked, 1 ignored. "
        "Time: CLOSED 7 s, OPEN 5 s, HALF_OPEN 0 s."
    )


def test_the_figure_shows_each_call_in_the_row_of_its_fate(frame):
    axes = breaker_timeline(frame, "an outage").axes[0]

    rows = [label.get_text() for label in axes.get_yticklabels()]
    drawn = {
        rows[int(points.get_offsets()[0][1])]: points.get_offsets()[:, 0].tolist()
        for points in axes.collections
    }
    assert rows == list(MARKS)[::-1]
    assert drawn == dict(breaker_calls(frame).groupby("fate")["time"].apply(list))
    assert axes.get_title(loc="left") == "an outage"
    bands = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    assert bands == [(start, end) for start, end, _ in breaker_bands(frame)]


def test_shapes_differ_so_that_grey_will_do():
    assert len({mark["marker"] for mark in MARKS.values()}) == len(MARKS)


def test_without_changes_there_is_one_band():
    recorder = Recorder()
    breaker = CircuitBreaker(on_event=recorder, clock=lambda: 3.0)
    breaker.acquire().success()

    assert breaker_bands(recorder.to_frame()) == [(3.0, 3.0, "CLOSED")]


def test_nothing_recorded_is_an_empty_picture():
    frame = Recorder().to_frame()

    assert breaker_summary(frame).startswith("0 calls: 0 answered")
    assert len(breaker_timeline(frame).axes[0].collections) == 0


def test_only_rejections_are_all_blocked():
    recorder = Recorder()
    breaker = CircuitBreaker(on_event=recorder, clock=lambda: 0.0)
    breaker.isolate()
    with suppress(Exception):
        breaker.acquire()

    assert list(breaker_calls(recorder.to_frame())["fate"]) == ["blocked"]


# Several breakers in one recording


@pytest.fixture
def two():
    """Breaker a opens at 2 s and stays so; b has one call at 4 s, and a retry tells of itself."""
    recorder = Recorder()

    async def main():
        a = CircuitBreaker(1, 30, name="a", on_event=recorder)
        b = CircuitBreaker(1, 30, name="b", on_event=recorder)
        a.acquire().success()
        await asyncio.sleep(2)
        a.acquire().failure(ConnectionError())
        with suppress(CircuitOpenError):
            a.acquire()
        await asyncio.sleep(2)
        b.acquire().success()
        await Retry(on_event=recorder).call(asyncio.sleep, 1)

    run_virtual(main)
    return recorder.to_frame()


def test_each_of_several_breakers_has_a_line_of_its_own(two):
    assert breaker_summary(two) == (
        "a: 3 calls: 1 answered, 1 failed, 1 blocked, 0 ignored. "
        "Time: CLOSED 2 s, OPEN 3 s, HALF_OPEN 0 s.\n"
        "b: 1 calls: 1 answered, 0 failed, 0 blocked, 0 ignored. "
        "Time: CLOSED 5 s, OPEN 0 s, HALF_OPEN 0 s."
    )
    assert breaker_summary(two, "b") == breaker_summary(two).splitlines()[1].removeprefix("b: ")


def test_the_calls_of_several_breakers_say_whose_they_are(two):
    calls = breaker_calls(two)

    assert calls.to_numpy().tolist() == [
        [0.0, "a", "answered"],
        [2.0, "a", "failed"],
        [2.0, "a", "blocked"],
        [4.0, "b", "answered"],
    ]
    assert list(breaker_calls(two, "a").columns) == ["time", "fate"]
    assert len(breaker_calls(two, "a")) == 3


def test_the_bands_are_those_of_one_breaker(two):
    assert breaker_bands(two, "a") == [(0.0, 2.0, "CLOSED"), (2.0, 5.0, "OPEN")]
    assert breaker_bands(two, "b") == [(0.0, 5.0, "CLOSED")]
    with pytest.raises(ValueError, match="source must be one of a, b; got None"):
        breaker_bands(two)


@pytest.mark.parametrize("function", [breaker_bands, breaker_calls, breaker_summary])
def test_a_breaker_that_is_not_there_is_named(two, function):
    with pytest.raises(ValueError, match="source must be one of a, b; got 'c'"):
        function(two, "c")
    with pytest.raises(ValueError, match="source must be one of none; got 'c'"):
        function(Recorder().to_frame(), "c")


def test_several_breakers_are_drawn_one_above_the_other(two):
    upper, lower = breaker_timeline(two, "both").axes

    assert (upper.get_title(loc="left"), upper.get_title(loc="right")) == ("both", "a")
    assert (lower.get_title(loc="right"), lower.get_xlabel()) == ("b", "seconds")
    for axes, source in ((upper, "a"), (lower, "b")):
        bands = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
        assert bands == [(start, end) for start, end, _ in breaker_bands(two, source)]
        assert sum(len(marks.get_offsets()) for marks in axes.collections) == len(
            breaker_calls(two, source)
        )
    assert len(breaker_timeline(two, source="b").axes) == 1


def test_a_call_that_an_observing_breaker_let_through_is_drawn_as_it_ended():
    recorder = Recorder()
    breaker = CircuitBreaker(1, observe_only=True, on_event=recorder, clock=lambda: 0.0)
    for _ in range(2):
        breaker.acquire().failure(ConnectionError())
    breaker.acquire().success()

    calls = breaker_calls(recorder.to_frame())

    assert list(calls["fate"]) == ["failed", "failed", "answered"]
