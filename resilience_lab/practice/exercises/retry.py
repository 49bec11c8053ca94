"""Two exercises on retries: the loop, and the delays.

`check_retry` takes `retry(func, max_retries, base_delay)`, a coroutine function as the interview
asks for it. `check_jitter` takes `delay(n, base, cap, rng)`, the wait in seconds before retry n.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from resilience_lab.practice.exam.checklist import Checklist
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.examiner import Trial, examine
from resilience_lab.practice.exercises.handle import in_one_go
from resilience_lab.practice.exercises.service import (
    DOWN,
    WELL,
    Service,
    elapsed,
    listed,
    result_or_error,
)
from resilience_lab.practice.exercises.traffic import repeated


@marked
def check_retry(retry: Any) -> Checklist:
    """Examine when `retry` calls, what it waits, and how it ends."""
    return examine(retry, _RETRY)


@marked
def check_jitter(delay: Any) -> Checklist:
    """Examine the delays for full jitter: U(0, min(cap, base * 2 ** n))."""
    return examine(delay, _JITTER)


async def _stops_at_success(retry: Any) -> str | None:
    service = Service((0.0, ConnectionError("1")), WELL)
    answer = await retry(service, 3, 1.0)
    if answer != "answer":
        return f"the second call returned 'answer', retry returned {answer!r}"
    return None if len(service.times) == 2 else f"{len(service.times)} calls instead of 2"


async def _counts(retry: Any) -> str | None:
    service = Service(DOWN)
    await result_or_error(retry(service, 3, 1.0))
    calls = len(service.times)
    return None if calls == 4 else f"max_retries=3 made {calls} calls"


async def _doubles(retry: Any) -> str | None:
    service = Service(DOWN, DOWN, DOWN, WELL)
    await result_or_error(retry(service, 3, 1.0))
    if service.times[:4] == [0.0, 1.0, 3.0, 7.0]:
        return None
    return f"expected calls at 0, 1, 3, 7 s, saw {listed(service.times)}"


async def _raises_the_last(retry: Any) -> str | None:
    service = Service(*((0.0, ConnectionError(str(number))) for number in range(10)))
    try:
        answer = await retry(service, 2, 1.0)
    except Exception as error:
        last = service.errors[-1]
        return None if error is last else f"the last error was {last!r}, raised was {error!r}"
    return f"every call failed, yet retry returned {answer!r}"


async def _ends_without_a_wait(retry: Any) -> str | None:
    service = Service(DOWN)
    await result_or_error(retry(service, 2, 1.0))
    idle = elapsed() - service.times[-1]
    return f"it waited {idle:g} s after the last call" if idle else None


async def _can_be_cancelled(retry: Any) -> str | None:
    service = Service(DOWN)
    task = asyncio.ensure_future(retry(service, 5, 10.0))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    if len(service.times) > 1:
        return "cancelled during a wait, it called again"
    return None if task.cancelled() else "a cancelled retry did not end as cancelled"


_RETRY: dict[str, Trial] = {
    "stops at the first success": _stops_at_success,
    "makes four calls for max_retries=3": _counts,
    "waits 1, 2 and 4 s for base_delay=1": _doubles,
    "raises the last error itself": _raises_the_last,
    "does not wait after the last call": _ends_without_a_wait,
    "ends at once when it is cancelled": _can_be_cancelled,
}


def _sample(delay: Any, n: int, cap: float = 60.0) -> list[float]:
    rng = random.Random(7)  # noqa: S311 - the same verdict at each run
    return list(map(float, in_one_go(repeated, delay, 2000, n, 1.0, cap, rng)))


async def _spreads(delay: Any) -> str | None:
    different = len(set(_sample(delay, 3)))
    return None if different > 1000 else f"2,000 delays had {different} different values"


async def _within(delay: Any) -> str | None:
    for n in (0, 1, 4):
        low, high = min(_sample(delay, n)), max(_sample(delay, n))
        if not 0 <= low <= high <= 2**n:
            return f"the delays before retry {n} went from {low:.2f} to {high:.2f} s"
    return None


async def _half(delay: Any) -> str | None:
    for n in (0, 3):
        mean = sum(_sample(delay, n)) / 2000
        if abs(mean - 2**n / 2) > 0.05 * 2**n:
            return f"the mean before retry {n} was {mean:.2f} s, expected {2**n / 2:g}"
    return None


async def _capped(delay: Any) -> str | None:
    highest = max(_sample(delay, 10, cap=20.0))
    return None if highest <= 20.0 else f"with a cap of 20 s, a delay was {highest:.0f} s"


async def _jittered_at_the_cap(delay: Any) -> str | None:
    different = len(set(_sample(delay, 10, cap=20.0)))
    return (
        None if different > 1000 else f"at the cap, 2,000 delays had {different} different values"
    )


async def _finite(delay: Any) -> str | None:
    highest = max(_sample(delay, 5000, cap=20.0))
    return None if highest <= 20.0 else f"a delay before retry 5,000 was {highest:.0f} s"


_JITTER: dict[str, Trial] = {
    "spreads the delays out": _spreads,
    "draws between 0 and the ceiling base * 2 ** n": _within,
    "waits half the ceiling on average": _half,
    "never waits longer than the cap": _capped,
    "still spreads them out at the cap": _jittered_at_the_cap,
    "works for retry 5,000 too": _finite,
}
