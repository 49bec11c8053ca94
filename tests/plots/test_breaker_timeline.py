"""The breaker timeline: the data in the figure, not only that it draws."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from resilience_lab import CircuitBreaker, Recorder, run_virtual
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
