"""Chains and compositions on the whiteboard: who is asked next, what nests in what, who shares."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from resilience_lab.events.events import AttemptFinished
from resilience_lab.events.recorder import Recorder
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.retry import Retry
from resilience_lab.simulation import shards
from resilience_lab.virtual_time.run import run_virtual
from resilience_lab.widgets.svg import axis
from resilience_lab.widgets.whiteboard.board import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Drawing,
    arrow,
    box,
    drawn,
    line,
    words,
)

LIMIT, LONG, SHORT = 10.0, 4.0, 2.0  # seconds


def agents_in_a_row() -> Drawing:
    """Three agents, what leads on to the next, and what does not."""
    xs, y, width, height = (14.0, 214.0, 414.0), 40.0, 92.0, 48.0
    names = (("best model", "level 0"), ("smaller", "level 1"), ("word list", "level 2"))
    row = "".join(
        box((x, y), width, height, *lines, colour=BLUE) for x, lines in zip(xs, names, strict=True)
    )
    reasons = (("timeout, 429,", "connection"), ("a refused", "answer"))
    leads = "".join(
        arrow((x + width + 4, y + 24), (x + 196, y + 24))
        + words(x + 146, y + 16, above)
        + words(x + 146, y + 42, below)
        for x, (above, below) in zip(xs, reasons, strict=False)
    )
    stops = "".join(
        arrow((x + width / 2, y + height + 4), (x + width / 2, 128), colour=RED) for x in xs
    )
    stops += words(260, 146, "our own bug: to the caller at once. Cancelled: nobody is asked.")
    frame = box((4, 22), 512, 82, colour=ORANGE, dashes="6 4")
    frame += words(8, 16, "one deadline around all, one timeout for each", anchor="start")
    told = (
        "result: answer · agent · level · attempts",
        "all failed: every error in order, and when to come back",
    )
    marks = [
        (row, (xs[0], y)),
        (leads, (160.0, 30.0)),
        (stops, (xs[0] + 32, 118.0)),
        (frame, (516.0, 22.0)),
        (box((14, 164), 492, 44, *told, colour=GREEN), (506.0, 164.0)),
    ]
    return drawn("agents", 530, 214, marks)


_NESTING = (
    ("timeout", GREEN, 262, "around the breaker: it comes as a", "cancellation, no circuit opens"),
    ("breaker", RED, 178, "around the retry: it counts one failure", "where four calls were made"),
    (
        "retry",
        BLUE,
        110,
        "around the deadline: each try gets a",
        "whole one, the user waits for all",
    ),
    ("deadline", ORANGE, 14, "nothing is further out:", "it bounds the sum of all the waits"),
)
"""From the inside out: its colour and place, and what goes wrong one place further out."""


def nesting() -> Drawing:
    """Brackets around the call, and under each what goes wrong one place further out."""
    marks = [(words(348, 30, "call", anchor="start", bold=True), (362.0, 9.0))]
    for depth, (name, colour, left, *wrong) in enumerate(_NESTING):
        foot, row = left + 20, 80 + 44 * depth
        strokes = words(left, 30, f"{name}(", anchor="start", bold=True)
        strokes += words(382 + 8 * depth, 30, ")", bold=True)
        strokes += line(f"M{foot} 38V{row - 4}h10", colour=colour, width=2)
        strokes += "".join(
            words(foot + 16, row + 16 * number, told, anchor="start")
            for number, told in enumerate(wrong)
        )
        marks.append((strokes, (left + 14.0, 9.0)))
    return drawn("nesting", 530, 238, marks)


def tries_and_a_deadline() -> Drawing:
    """Three tries that hang: with long timeouts past the deadline, with short ones within it."""
    past, within = three_tries(LONG), three_tries(SHORT)
    left, scale, end = 90.0, 26.0, 16.0  # pixels, pixels a second, seconds

    def row(y: float, name: str, tries: list[tuple[float, float]], colour: str) -> str:
        return words(left - 10, y + 18, name, anchor="end") + "".join(
            box((left + scale * begin, y), scale * (over - begin), 26, str(n), colour=colour,
                filled=0.3)
            for n, (begin, over) in enumerate(tries, start=1)
        )  # fmt: skip

    at = left + scale * LIMIT
    limit = line(f"M{at:g} 24V132", colour=ORANGE, width=3) + axis(left, scale * end, 132, end, "s")
    limit += words(at, 16, f"deadline, {LIMIT:g} s", bold=True)
    marks = [
        (limit, (at + 66, 11.0)),
        (row(38, f"{LONG:g} s each", past, RED), (left, 38.0)),
        (row(88, f"{SHORT:g} s each", within, GREEN), (left, 88.0)),
    ]
    times = {"limit": LIMIT, "long": LONG, "short": SHORT}
    return drawn("deadline", 550, 160, marks, past=past[-1][1], within=within[-1][1], **times)


def three_tries(seconds: float) -> list[tuple[float, float]]:
    """When each of three tries begins and ends; each hangs until its timeout of `seconds`."""
    return run_virtual(_three_tries, seconds)


async def _three_tries(seconds: float) -> list[tuple[float, float]]:
    recorder = Recorder()

    async def hang() -> None:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().create_future()

    with suppress(TimeoutError):
        await Retry(2, Backoff(1.0, jitter="none")).call(recorder.watch(hang, "agent"))
    ends = [event for event in recorder if isinstance(event, AttemptFinished)]
    return [(event.started, event.time) for event in ends]


def one_switch_or_ten() -> Drawing:
    """Ten shards, one of them dead, under one breaker and under one each."""
    shared = shards(shards=10, threshold=0.1)
    single = shards(shards=10, threshold=0.1, per_shard=True)
    left, side, gap = 20.0, 34.0, 8.0
    places = [left + (side + gap) * n for n in range(10)]
    width = places[-1] + side - left

    def row(y: float) -> str:
        healthy = "".join(box((x, y), side, side, colour=BLUE) for x in places if x != places[6])
        return healthy + box((places[6], y), side, side, "✖", colour=RED, filled=0.3)

    def share(y: float, value: float) -> str:
        return words(left + width + 14, y, f"{value:.0%}", anchor="start", bold=True)

    one = line(f"M{left:g} 34h{width:g}", colour=ORANGE, width=5)
    one += words(left + width / 2, 24, "one breaker over all") + share(68, shared)
    each = "".join(line(f"M{x:g} 132h{side:g}", colour=ORANGE, width=5) for x in places)
    each += words(left + width / 2, 122, "one breaker for each") + row(144) + share(166, single)
    marks = [(row(46), (left, 84.0)), (one, (left, 34.0)), (each, (left, 132.0))]
    return drawn("shards", 500, 188, marks, shared=shared, single=single)
