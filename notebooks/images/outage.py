"""Draws outage.svg, the picture in the README, from a run in virtual time: `make picture`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import matplotlib as mpl

from resilience_lab import CircuitBreaker, Recorder, run_virtual
from resilience_lab.plots import breaker_summary, breaker_timeline

PICTURE = Path(__file__).with_suffix(".svg")


async def outage(recorder: Recorder) -> None:
    """A call every four seconds to a service that is down from second 20 to second 75."""
    breaker = CircuitBreaker(failure_threshold=3, recovery_timeout=30, on_event=recorder)

    async def service() -> None:
        if 20 <= asyncio.get_running_loop().time() < 75:
            raise ConnectionError

    for _ in range(31):
        with suppress(Exception):
            await breaker.call(service)
        await asyncio.sleep(4)


if __name__ == "__main__":
    recorder = Recorder()
    run_virtual(outage, recorder)
    frame = recorder.to_frame()
    mpl.rcParams["svg.hashsalt"] = "resilience_lab"  # the same ids in the file at each run
    figure = breaker_timeline(frame, "A call every 4 s, a service that is down from 20 s to 75 s")
    figure.savefig(PICTURE, metadata={"Date": None, "Creator": None})
    print(breaker_summary(frame))
