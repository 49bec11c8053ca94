"""Two exercises on a circuit breaker of one's own: counting, and probing.

The learner's class has the interview's signature: `cls(failure_threshold, recovery_timeout,
success_threshold)`, `await breaker.call(func)`, and `breaker.state`, a string. A rejected call may
raise any exception, as long as `func` is not touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from resilience_lab.practice.contracts.service import Service
from resilience_lab.practice.exam.checklist import Checklist
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.examiner import Trial, examine

BREAK = 30.0


@marked
def check_counting(cls: type) -> Checklist:
    """Examine what the breaker counts, and when it opens and closes."""
    return examine(cls, _COUNTING)


@marked
def check_probing(cls: type) -> Checklist:
    """Examine what happens when the break is over and more than one call is about."""
    return examine(cls, _PROBING)


async def _call(breaker: Any, func: Callable[[], Any]) -> str | None:
    """The result, or None if the call failed or was rejected."""
    try:
        result: str = await breaker.call(func)
    except Exception:
        return None
    return result


async def _story(breaker: Any, service: Service, plot: str) -> None:
    """Play `plot`: s for a success, f for a failure."""
    for letter in plot:
        await _call(breaker, service.function("ok" if letter == "s" else ConnectionError("down")))


def _unless(expected: str, breaker: Any, after: str) -> str | None:
    state = str(breaker.state)
    return None if state == expected else f"after {after} the state was {state}"


async def _opens(cls: Any) -> str | None:
    breaker, service = cls(3, BREAK, 2), Service()
    await _story(breaker, service, "ff")
    early = _unless("CLOSED", breaker, "two failures")
    await _story(breaker, service, "f")
    return early or _unless("OPEN", breaker, "three failures")


async def _resets(cls: Any) -> str | None:
    breaker = cls(3, BREAK, 2)
    await _story(breaker, Service(), "ffsffsff")
    return _unless("CLOSED", breaker, "eight calls, never three failures in a row,")


async def _blocks(cls: Any) -> str | None:
    breaker, service = cls(3, BREAK, 2), Service()
    await _story(breaker, service, "fff")
    before = service.calls
    await asyncio.sleep(BREAK - 0.1)
    await _story(breaker, service, "s")
    return None if service.calls == before else "a call reached the service during the break"


async def _closes(cls: Any) -> str | None:
    breaker = cls(3, BREAK, 2)
    service = Service()
    await _story(breaker, service, "fff")
    await asyncio.sleep(BREAK)
    await _story(breaker, service, "s")
    early = _unless("HALF_OPEN", breaker, "the break and one success")
    await _story(breaker, service, "s")
    return early or _unless("CLOSED", breaker, "the break and two successes")


async def _reopens(cls: Any) -> str | None:
    breaker = cls(3, BREAK, 2)
    service = Service()
    await _story(breaker, service, "fff")
    await asyncio.sleep(BREAK)
    await _story(breaker, service, "sf")
    early = _unless("OPEN", breaker, "a probe that failed")
    before = service.calls
    await asyncio.sleep(BREAK - 0.1)
    await _story(breaker, service, "s")
    in_time = service.calls == before
    return early or (None if in_time else "the second break was shorter than the first")


async def _one_probe(cls: Any) -> str | None:
    breaker, service = await _after_the_break(cls)
    await asyncio.gather(*(_call(breaker, service.function("ok", seconds=1.0)) for _ in range(20)))
    probes = service.calls - 3
    return None if probes == 1 else f"20 callers came at once, {probes} reached the service"


async def _cancelled_probe(cls: Any) -> str | None:
    breaker, service = await _after_the_break(cls)
    probe = asyncio.ensure_future(_call(breaker, service.function("ok", seconds=1000.0)))
    await asyncio.sleep(1)
    probe.cancel()
    await asyncio.wait([probe])
    await asyncio.sleep(3 * BREAK)  # if it took that for a failure, the break is over again
    if await _call(breaker, service.function("ok")) != "ok":
        return "after a probe was cancelled, no call was ever let in again"
    return None


async def _hung_probe(cls: Any) -> str | None:
    breaker, service = await _after_the_break(cls)
    hung = asyncio.ensure_future(_call(breaker, service.function("ok", seconds=1_000_000.0)))
    await asyncio.sleep(10 * BREAK)
    answer = await _call(breaker, service.function("ok"))
    hung.cancel()
    return None if answer == "ok" else "one probe hung, and no call was let in for five minutes"


async def _late_success(cls: Any) -> str | None:
    breaker, service = cls(3, BREAK, 2), Service()
    late = [
        asyncio.ensure_future(_call(breaker, service.function("ok", seconds=BREAK + 1)))
        for _ in range(2)
    ]
    await asyncio.sleep(0)
    await _story(breaker, service, "fff")
    await asyncio.sleep(BREAK)
    probe = asyncio.ensure_future(_call(breaker, service.function("ok", seconds=10.0)))
    await asyncio.wait(late)
    seen = _unless("HALF_OPEN", breaker, "two slow successes from before the trip")
    await probe
    return seen


async def _late_failure(cls: Any) -> str | None:
    breaker, service = cls(3, BREAK, 2), Service()
    down = ConnectionError("down")
    late = [
        asyncio.ensure_future(_call(breaker, service.function(down, seconds=10.0)))
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    await _story(breaker, service, "fff")
    await asyncio.wait(late)
    await asyncio.sleep(BREAK - 10.0)
    if await _call(breaker, service.function("ok")) != "ok":
        return "failures that arrived during the break made it longer"
    return None


async def _after_the_break(cls: Any) -> tuple[Any, Service]:
    breaker, service = cls(3, BREAK, 2), Service()
    await _story(breaker, service, "fff")
    await asyncio.sleep(BREAK)
    return breaker, service


_COUNTING: dict[str, Trial] = {
    "opens after three failures in a row": _opens,
    "starts counting anew after a success": _resets,
    "blocks every call during the break": _blocks,
    "closes after two successful probes": _closes,
    "opens for another full break when a probe fails": _reopens,
}
_PROBING: dict[str, Trial] = {
    "lets one probe through, and nobody else meanwhile": _one_probe,
    "goes on after a probe was cancelled": _cancelled_probe,
    "goes on after a probe has hung": _hung_probe,
    "takes no late success for a probe's": _late_success,
    "takes no late failure for a reason to wait longer": _late_failure,
}
