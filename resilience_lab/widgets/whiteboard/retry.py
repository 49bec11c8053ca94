"""Retries on the whiteboard: the delays, the herd, the budget, the tree and the circle."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import islice

from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.retry import Retry
from resilience_lab.simulation import amplification
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
    dot,
    drawn,
    line,
    words,
)

RETRIES, CLIENTS, SEED = 6, 40, 7
CAP = 10.0  # seconds
HERD, TRIES = 100, 4


def delays_under_a_cap() -> Drawing:
    """A staircase with a roof, and under each step what `Backoff` draws for forty clients."""
    left, floor, step, tall = 46.0, 160.0, 70.0, 12.0  # pixels; tall: of a second
    ceilings = [Backoff(1.0, max_delay=CAP, jitter="none").bounds(n)[1] for n in range(RETRIES)]
    stairs = line(f"M{left:g} {floor:g}h{step * RETRIES:g}M{left:g} {floor:g}V16")
    for n, high in enumerate(ceilings):
        x, y = left + step * n, floor - tall * high
        stairs += line(f"M{x:g} {y:g}h{step:g}") + words(x + step / 2, floor + 18, f"retry {n}")
        if high < CAP:
            stairs += words(x + step / 2, y - 6, f"{high:g}")
    roof_at, right = floor - tall * CAP, left + step * RETRIES
    roof = line(f"M{left:g} {roof_at:g}H{right:g}", colour=RED, dashes="6 4")
    roof += words(left + 6, roof_at - 8, f"the cap, {CAP:g} s", anchor="start")
    dots = "".join(
        dot(left + step * (n + 0.1 + 0.8 * client / CLIENTS), floor - tall * delay, 2.5, BLUE)
        for client, delays in enumerate(drawn_delays())
        for n, delay in enumerate(delays)
    )
    marks = [
        (stairs + words(20, floor - 60, "s"), (left + 12, floor - 26)),
        (roof, (right + 14, roof_at)),
        (dots, (right + 14, floor - 60)),
        ("", (right - step / 2, roof_at - 16)),
    ]
    days = 2.0**20 / 86_400
    return drawn("delays", 500, 186, marks, cap=CAP, clients=CLIENTS, days=days)


def a_herd() -> Drawing:
    """When a hundred clients that failed together come back, without jitter and with it."""
    left, scale, end = 30.0, 26.0, 16.0  # pixels, pixels a second, seconds
    spikes, spread = returns("none"), returns("full")
    most = max(spread.values())

    def bars(counts: Counter[float], floor: float) -> str:
        return "".join(
            line(f"M{left + scale * t:.1f} {floor:g}v{-0.8 * n:.1f}", colour=BLUE, width=2.5)
            for t, n in sorted(counts.items())
            if t <= end
        )

    herd = bars(spikes, 100) + line(f"M{left:g} 100h{scale * end:g}")
    herd += words(left + 440, 60, f"{max(spikes.values())}", anchor="start", bold=True)
    calm = bars(spread, 190) + axis(left, scale * end, 190, end, "s")
    calm += words(left + 440, 182, f"{most} at most", anchor="start", bold=True)
    fall = line(f"M{left:g} 100v-80", colour=RED, width=2.5)
    fall += words(left + 8, 14, "all fail", anchor="start")
    marks = [
        (fall, (12.0, 20.0)),
        (herd + words(left + 250, 60, "no jitter"), (left + 2 * scale, 40.0)),
        (calm + words(left + 250, 150, "full jitter"), (12.0, 182.0)),
    ]
    moments = [f"{moment:g}" for moment in sorted(spikes)]
    told = f"{', '.join(moments[:-1])} and {moments[-1]}"
    return drawn("herd", 550, 218, marks, clients=HERD, most=most, spikes=told)


def load_and_budget() -> Drawing:
    """Two bars: the calls of an outage without a budget and with one."""
    free, bounded = amplification(1, 3), amplification(1, 3, budget=0.1)
    left, unit = 130.0, 75.0  # pixels; unit: the first calls

    def bar(y: float, name: str, load: float, colour: str) -> str:
        return (
            words(left - 10, y + 24, name, anchor="end")
            + box((left, y), unit * load, 38, colour=colour, filled=0.4)
            + words(left + unit * load + 10, y + 24, f"{load:g} times", anchor="start", bold=True)
        )

    normal = line(f"M{left + unit:g} 8V140", dashes="4 4")
    normal += words(left + unit, 158, "the first calls: 1")
    marks = [
        (normal, (left + unit, 12.0)),
        (bar(24, "3 retries each", free, RED), (left, 24.0)),
        (bar(86, "a budget of 10 %", bounded, GREEN), (left, 86.0)),
    ]
    return drawn("budget", 510, 168, marks, free=free, bounded=bounded)


def tree_of_retries() -> Drawing:
    """Four branches at each of three levels: sixty-four leaves."""
    leaves, bounded = amplification(3, 3), amplification(3, 3, budget=0.1)
    rows, middle = (24, 74, 124, 174), 190.0
    levels = [
        [middle + 352 * ((n + 0.5) / 4**depth - 0.5) for n in range(4**depth)] for depth in range(4)
    ]

    def branches(depth: int) -> str:
        above, below, parents = rows[depth - 1], rows[depth], levels[depth - 1]
        return "".join(
            line(f"M{x:.1f} {below}L{parents[n // 4]:.1f} {above}", width=1.5 if depth < 3 else 0.8)
            for n, x in enumerate(levels[depth])
        ) + words(376, below + 4, f"{len(levels[depth])} calls", anchor="start", bold=depth == 3)

    budget = line(f"M{middle:g} 204v26", colour=GREEN, width=4)
    budget += words(
        middle + 14, 222, f"with one shared budget: {bounded:g}", anchor="start", bold=True
    )
    marks = [
        (dot(middle, rows[0], 5, BLUE) + branches(1), (middle - 26, rows[0])),
        (branches(2), (12.0, rows[2])),
        (branches(3), (12.0, rows[3] + 12.0)),
        (budget, (middle - 20, 217.0)),
    ]
    return drawn("tree", 470, 236, marks, leaves=leaves, bounded=bounded)


def circle_of_a_storm() -> Drawing:
    """Slow, timeouts, retries, more load, slow: what keeps a service down."""
    top, right, bottom, left = (150.0, 28.0), (246.0, 112.0), (150.0, 196.0), (54.0, 112.0)

    def place(at: tuple[float, float], name: str, colour: str = "currentColor") -> str:
        return box((at[0] - 42, at[1] - 16), 84, 32, name, colour=colour)

    slow = place(top, "slow", RED) + arrow((308.0, 28.0), (196.0, 28.0), colour=ORANGE)
    slow += words(314, 33, "an outage, long over", anchor="start")
    rule = words(322, 112, "calm as long as", anchor="start")
    rule += words(322, 134, "load · (1 + retries) < capacity", anchor="start", bold=True)
    marks = [
        (slow, (108.0, 12.0)),
        (arrow((196, 36), (250, 92), bend=14) + place(right, "timeouts"), (288.0, 128.0)),
        (arrow((250, 132), (196, 192), bend=14) + place(bottom, "retries"), (192.0, 212.0)),
        (
            arrow((104, 192), (50, 132), bend=14)
            + place(left, "more load")
            + arrow((50, 92), (104, 32), bend=14),
            (12.0, 128.0),
        ),
        (rule, (312.0, 92.0)),
    ]
    return drawn("storm", 550, 224, marks)


def drawn_delays() -> list[list[float]]:
    """The first waits of each client in seconds, full jitter, drawn by the shipped `Backoff`."""
    backoff = Backoff(1.0, max_delay=CAP, jitter="full", rng=random.Random(SEED))  # noqa: S311
    return [list(islice(backoff.delays(), RETRIES)) for _ in range(CLIENTS)]


def returns(jitter: str) -> Counter[float]:
    """How many clients of the herd call again in each tenth of a second after the failure."""
    return run_virtual(_herd, jitter, seed=SEED)


async def _herd(jitter: str) -> Counter[float]:
    now = asyncio.get_running_loop().time
    calls: Counter[float] = Counter()

    async def service() -> None:
        calls[round(now(), 1)] += 1
        raise ConnectionError("the service is down")

    retry = Retry(TRIES, Backoff(1.0, jitter=jitter))
    await asyncio.gather(*(retry.call(service) for _ in range(HERD)), return_exceptions=True)
    return calls - Counter({0.0: HERD})
