"""The circuit breaker on the whiteboard: its states, and a result that comes late."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.events.events import StateChanged
from resilience_lab.events.recorder import Recorder
from resilience_lab.virtual_time.run import run_virtual
from resilience_lab.widgets.state_diagram import HEIGHT, WIDTH, states
from resilience_lab.widgets.svg import axis
from resilience_lab.widgets.whiteboard.board import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    Drawing,
    box,
    drawn,
    line,
    words,
)

_COLOURS = {"CLOSED": GREEN, "OPEN": RED, "HALF_OPEN": ORANGE}
_LEFT, _SCALE, _END = 14.0, 9.0, 50.0  # of the time line: pixels, pixels a second, seconds


def three_states() -> Drawing:
    """Three boxes, four arrows, a condition on each: the defaults of `CircuitBreaker`."""
    breaker = CircuitBreaker()
    failures, successes = breaker.failure_threshold, breaker.success_threshold
    length = breaker.recovery_timeout
    labels = {
        ("CLOSED", "OPEN"): f"{failures} failures in a row",
        ("OPEN", "HALF_OPEN"): f"a call after {length:g} s",
        ("HALF_OPEN", "OPEN"): "1 failure",
        ("HALF_OPEN", "CLOSED"): f"{successes} successes",
    }
    # The picture is drawn in one go; the numbers go round it.
    marks = [(states(labels), (10, 20)), ("", (430, 20)), ("", (280, 206)), ("", (70, 108))]
    numbers = {"failures": failures, "successes": successes, "length": length}
    return drawn("states", WIDTH, HEIGHT, marks, **numbers)


def late_result() -> Drawing:
    """A slow call that is let in before the trip and comes back while a probe is out."""
    told = tell_late_result()
    trip, probe = (time for time, _ in told.states[1:])
    band = "".join(
        box((_at(begin), 12), _at(end) - _at(begin), 28, state, colour=_COLOURS[state], filled=0.2)
        for (begin, state), end in zip(told.states, (trip, probe, _END), strict=True)
    )
    crosses = "".join(words(_at(time), 74, "✖", bold=True) for time in told.failures)
    crosses += words(_at(trip) + 12, 74, "three failures are settled", anchor="start")
    begins, ends = _at(told.admitted), _at(told.late)
    slow = line(f"M{begins:g} 106H{ends:g}", colour=BLUE, width=4)
    slow += line(f"M{begins:g} 98v16") + words(_at(20), 98, "a slow call")
    circle = f'<circle cx="{ends:g}" cy="106" r="8" fill="none" stroke="{RED}" stroke-width="3"/>'
    circle += words(ends - 14, 132, "late: it changes nothing", anchor="end")
    probing = line(f"M{_at(probe):g} 160H{_at(told.probed):g}", colour=BLUE, width=4)
    probing += words(_at(probe) - 8, 165, "the probe's result counts", anchor="end")
    marks = [
        (band + axis(_LEFT, _SCALE * _END, 178, _END, "s"), (_LEFT, 12.0)),
        (crosses, (_at(trip) + 196, 69.0)),
        (slow, (begins, 126.0)),
        (circle, (ends + 22, 106.0)),
        (probing, (_at(told.probed) + 16, 160.0)),
    ]
    return drawn("late result", 500, 206, marks, trip=trip, probe=probe, **vars(told))


@dataclass(frozen=True)
class LateResult:
    """When what happened in that story, in seconds, and the successes after each result."""

    states: tuple[tuple[float, str], ...]
    failures: tuple[float, ...]
    admitted: float
    late: float
    probed: float
    after_late: int
    after_probe: int


def tell_late_result() -> LateResult:
    """The story, told by the shipped breaker in virtual time."""
    return run_virtual(_late_result)


async def _late_result() -> LateResult:
    now = asyncio.get_running_loop().time
    recorder = Recorder()
    breaker = CircuitBreaker(on_event=recorder)

    async def fail() -> None:
        raise ConnectionError("down")

    async def until(moment: float) -> None:
        await asyncio.sleep(moment - now())

    await until(2.0)
    slow = asyncio.create_task(breaker.call(until, 42.0))
    failures = (4.0, 6.0, 8.0)
    for moment in failures:
        await until(moment)
        with suppress(ConnectionError):
            await breaker.call(fail)
    await until(38.0)
    probe = asyncio.create_task(breaker.call(until, 46.0))
    await slow
    after_late = breaker.success_count
    await probe
    changes = [event for event in recorder if isinstance(event, StateChanged)]
    return LateResult(
        states=((0.0, "CLOSED"), *((event.time, str(event.after)) for event in changes)),
        failures=failures,
        admitted=2.0,
        late=42.0,
        probed=46.0,
        after_late=after_late,
        after_probe=breaker.success_count,
    )


def _at(time: float) -> float:
    return _LEFT + _SCALE * time
