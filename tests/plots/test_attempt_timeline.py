"""The timeline of attempts and waits, from whatever does the retrying."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import combinations

import pytest

from resilience_lab import Backoff, Recorder, Retry, run_virtual
from resilience_lab.events import AttemptFinished, AttemptStarted, Event
from resilience_lab.plots import attempt_spans, attempt_summary, attempt_timeline, attempt_waits
from resilience_lab.plots.style import OUTCOMES


def service(failures, latency=0.5):
    """Takes `latency` seconds a call and fails that many times before it succeeds."""
    left = iter(range(failures))

    async def fetch():
        await asyncio.sleep(latency)
        if next(left, None) is not None:
            raise ConnectionError
        return "hello"

    return fetch


async def with_retry(fetch):
    await Retry(5, Backoff(1, jitter="none")).call(fetch)


async def with_tenacity(fetch):
    tenacity = pytest.importorskip("tenacity")
    await tenacity.retry(wait=tenacity.wait_exponential(1))(fetch)()


async def with_stamina(fetch):
    stamina = pytest.importorskip("stamina")
    doubling = {"wait_initial": 1, "wait_max": 60, "wait_jitter": 0}
    await stamina.retry(on=ConnectionError, attempts=6, **doubling)(fetch)()


async def by_hand(fetch):
    for wait in (1, 2, 4):
        try:
            return await fetch()
        except ConnectionError:
            await asyncio.sleep(wait)
    return await fetch()


EVERYBODY = [with_retry, with_tenacity, with_stamina, by_hand]


def record(*scenes):
    """What a recorder heard of each (name, retries, failures), each from 0.0 s on."""
    recorder = Recorder()
    for name, retries, failures in scenes:
        run_virtual(retries, recorder.watch(service(failures), name))
    return recorder.to_frame()


def drawn_bars(axes):
    rows = [label.get_text() for label in axes.get_yticklabels()]
    return [
        (
            rows[round(bar.get_y() + bar.get_height() / 2)],
            bar.get_x(),
            bar.get_x() + bar.get_width(),
        )
        for bar in axes.patches
    ]


def notes(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("retries", EVERYBODY)
def test_what_was_recorded_does_not_depend_on_who_retries(retries):
    frame = record(("fetch", retries, 3))

    spans = attempt_spans(frame)
    assert spans.to_numpy().tolist() == [
        ["fetch", 1, 0.0, 0.5, "failed"],
        ["fetch", 2, 1.5, 2.0, "failed"],
        ["fetch", 3, 4.0, 4.5, "failed"],
        ["fetch", 4, 8.5, 9.0, "success"],
    ]
    assert attempt_waits(frame)["wait"].tolist() == [1.0, 2.0, 4.0]
    assert attempt_summary(frame) == (
        "fetch: 4 attempts (1 success, 3 failed) in 9 s; waits 1, 2, 4 s, 7 s in all."
    )
    axes = attempt_timeline(frame).axes[0]
    assert drawn_bars(axes) == [
        ("fetch", start, end) for start, end in zip(spans["start"], spans["end"], strict=True)
    ]
    assert notes(axes) == ["1 s", "2 s", "4 s", "1", "2", "3", "4"]


def test_each_source_has_its_row_from_the_top():
    frame = record(*[(retries.__name__, retries, 1) for retries in EVERYBODY])

    figure = attempt_timeline(frame, "four ways")
    axes = figure.axes[0]

    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["with_retry", "with_tenacity", "with_stamina", "by_hand"]
    assert drawn_bars(axes) == [(row, start, start + 0.5) for row in rows for start in (0.0, 1.5)]
    assert axes.yaxis_inverted()
    assert axes.get_title(loc="left") == "four ways"
    assert axes.get_xlabel() == "seconds"
    assert len(attempt_summary(frame).splitlines()) == 4


def test_outcomes_have_a_colour_a_hatch_and_a_mark_and_stand_in_the_legend():
    frame = record(("fetch", by_hand, 1))

    figure = attempt_timeline(frame)
    axes = figure.axes[0]

    assert [bar.get_hatch() or "" for bar in axes.patches] == [
        OUTCOMES[outcome]["hatch"] for outcome in ("failed", "success")
    ]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["success", "failed", "wait"]
    looks = [(style["marker"], style["hatch"]) for style in OUTCOMES.values()]
    assert len(set(looks)) == len(looks)


def test_the_dashed_lines_are_the_waits():
    frame = record(("fetch", by_hand, 2))

    axes = attempt_timeline(frame).axes[0]

    (lines,) = [c for c in axes.collections if c.get_linestyle()[0][1] is not None]
    drawn = [(start[0], end[0]) for start, end in lines.get_segments()]
    waits = attempt_waits(frame)
    assert drawn == list(zip(waits["start"], waits["end"], strict=True)) == [(0.5, 1.5), (2.0, 4.0)]


def test_a_cancelled_attempt_and_one_that_still_runs():
    recorder = Recorder()
    for event in (
        AttemptStarted(0.0, "a", 1),
        AttemptFinished(1.0, "a", 1, 0.0, "cancelled", None),
        AttemptStarted(3.0, "a", 2),
        Event(4.0, "somebody else"),
    ):
        recorder(event)
    frame = recorder.to_frame()

    assert attempt_spans(frame).to_numpy().tolist() == [
        ["a", 1, 0.0, 1.0, "cancelled"],
        ["a", 2, 3.0, 4.0, "running"],
    ]
    assert attempt_summary(frame) == (
        "a: 2 attempts (1 cancelled, 1 running) in 4 s; waits 2 s, 2 s in all."
    )
    assert drawn_bars(attempt_timeline(frame).axes[0]) == [("a", 0.0, 1.0), ("a", 3.0, 4.0)]


def test_two_of_one_name_that_start_together_are_told_apart_by_their_number():
    recorder = Recorder()
    for _ in range(2):
        recorder(AttemptStarted(0.0, "twin", 1))
    recorder(AttemptFinished(1.0, "twin", 1, 0.0, "success", None))

    assert attempt_spans(recorder.to_frame())["outcome"].tolist() == ["success", "running"]


def test_attempts_at_the_same_time_share_the_row_and_are_no_wait():
    recorder = Recorder()
    fetch = recorder.watch(service(0, latency=2), "hedged")

    async def main():
        first = asyncio.create_task(fetch())
        await asyncio.sleep(1)
        second = asyncio.create_task(fetch())
        await asyncio.gather(first, second)
        await asyncio.sleep(3)
        await fetch()

    run_virtual(main)
    frame = recorder.to_frame()

    assert attempt_waits(frame)[["start", "end"]].to_numpy().tolist() == [[3.0, 6.0]]
    first, second, third = attempt_timeline(frame).axes[0].patches
    assert first.get_y() + first.get_height() <= second.get_y()
    assert third.get_y() == first.get_y()


def test_instant_attempts_are_marks_and_waits_without_room_go_unwritten():
    async def main(fetch):
        for wait in (0.01, 100, 0):
            with suppress(ConnectionError):
                await fetch()
            await asyncio.sleep(wait)

    recorder = Recorder()
    run_virtual(main, recorder.watch(service(9, latency=0), "fetch"))
    axes = attempt_timeline(recorder.to_frame()).axes[0]

    marks = [points.get_offsets()[0].tolist() for points in axes.collections[1:]]
    assert marks == [[0.0, 0.0], [0.01, 0.0], [100.01, 0.0]]
    assert notes(axes) == ["100 s", "1", "3"]
    assert attempt_summary(recorder.to_frame()).endswith("waits 0.01, 100 s, 100 s in all.")


def test_one_attempt_has_no_wait():
    frame = record(("fetch", by_hand, 0))

    assert attempt_summary(frame) == "fetch: 1 attempt (1 success) in 0.5 s; no wait."
    legend = attempt_timeline(frame).legends[0].get_texts()
    assert [text.get_text() for text in legend] == ["success"]


def test_the_summary_lists_eight_waits_at_most():
    recorder = Recorder()
    retry = Retry(9, Backoff(1, multiplier=1, jitter="none"))
    run_virtual(retry.call, recorder.watch(service(9), "fetch"))

    assert "waits 1, 1, 1, 1, 1, 1, 1, 1, ... s, 9 s in all" in attempt_summary(recorder.to_frame())


def test_what_is_written_neither_overlaps_nor_leaves_the_picture():
    recorder = Recorder()
    for kind in ("full", "decorrelated"):
        retry = Retry(30, Backoff(0.2, max_delay=20, jitter=kind))
        name = f"{kind} with a name as long as the margin"
        run_virtual(retry.call, recorder.watch(service(30, latency=0.2), name), seed=1)
    figure = attempt_timeline(recorder.to_frame())
    figure.draw_without_rendering()

    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) > 20
    assert not any(box.overlaps(other) for box, other in combinations(boxes, 2))
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_names_are_cut_to_the_margin_and_no_formulas():
    recorder = Recorder()
    run_virtual(recorder.watch(service(0), "a\n$x$ and what is longer than the margin"))
    figure = attempt_timeline(recorder.to_frame())

    (label,) = figure.axes[0].get_yticklabels()
    assert label.get_text() == "a $x$ and what is longe…"
    assert not label.get_parse_math()


def test_nothing_recorded_is_an_empty_picture():
    frame = Recorder().to_frame()

    assert attempt_summary(frame) == "0 attempts."
    axes = attempt_timeline(frame).axes[0]
    assert drawn_bars(axes) == notes(axes) == []
