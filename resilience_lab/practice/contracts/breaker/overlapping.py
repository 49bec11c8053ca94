"""A circuit breaker when calls overlap, come late or are cancelled."""

from __future__ import annotations

import asyncio

from resilience_lab.practice.contracts.bench import Bench, UntriedError
from resilience_lab.practice.contracts.breaker.subject import (
    AFTER,
    BREAK,
    CROWD,
    Breaker,
    cancelled_call,
    failures_to_open,
)
from resilience_lab.practice.contracts.contract import Contract
from resilience_lab.practice.contracts.service import ServiceError
from resilience_lab.practice.exam.wording import count, raised, shown

OVERLAPPING = Contract("circuit breaker")


@OVERLAPPING.should(
    "lets calls run side by side",
    done="Started five calls of one second each at the same time, on a closed circuit.",
    expected="All five have finished when one would have.",
    why="With a lock around the call, one slow answer holds up everybody.",
    hint="Hold a lock, if any, for the decisions only, never while func is awaited.",
)
async def _side_by_side(bench: Bench) -> str | None:
    breaker, began = Breaker(bench), bench.now
    if not (await breaker.call("ok", 1.0)).reached:
        raise UntriedError("a call that should have been let in was not")
    alone, began = bench.now - began, bench.now
    await asyncio.gather(*(breaker.call("ok", 1.0) for _ in range(5)))
    took = bench.now - began
    return None if took == alone else f"one call took {alone:g} s, the five {took:g} s"


@OVERLAPPING.should(
    "lets one probe through at a time",
    done=f"When the break was over, {CROWD} callers came at once; the service took a second.",
    expected=f"One call reaches the service, the other {CROWD - 1} are rejected at once.",
    why="Recovering services are weak. The whole crowd at once brings them down again.",
    hint="Remember that a probe is on its way, before the first await; forget it when it is done.",
)
async def _one_probe(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.end_break()
    crowd = await asyncio.gather(*(breaker.call("ok", 1.0) for _ in range(CROWD)))
    reached = sum(ending.reached > 0 for ending in crowd)
    if reached == 0:
        raise UntriedError("the first call after the break was rejected")
    return None if reached == 1 else f"{count(reached, 'call')} reached the service"


@OVERLAPPING.should(
    "takes no cancelled call for a failure",
    done="Cancelled five calls that were running on a closed circuit, and called again.",
    expected="It is still closed.",
    why="A user who closes the page says nothing about the service. Impatience opens no circuit.",
    hint="CancelledError is no Exception: do not catch BaseException to count failures.",
)
async def _cancelled_is_no_failure(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    for done in range(5):
        if not await cancelled_call(breaker):
            if done == 0:
                raise UntriedError("a call that should have been let in was not")
            return f"it was open after {count(done, 'cancelled call')}"
    return None if (await breaker.ok()).reached else "it was open after 5 cancelled calls"


@OVERLAPPING.should(
    "takes no cancelled call for a success",
    done="On a closed circuit: two failures, a cancelled call, a failure. After a break: cancelled "
    "three probes one after the other.",
    expected="The first breaker opens, and the other one does not close.",
    why="A probe that was cancelled because it was too slow must not close the circuit.",
    hint="A cancelled call changes no count. Beware of finally, and of except without a type.",
)
async def _cancelled_is_no_success(bench: Bench) -> str | None:
    nearly = await failures_to_open(bench) - 1
    breaker = Breaker(bench)
    await breaker.play("f" * nearly)
    if not await cancelled_call(breaker):
        raise UntriedError("a call that should have been let in was not")
    if (await breaker.play("fs"))[-1].reached:
        return "a cancelled call among the failures kept it from opening"
    breaker = Breaker(bench)
    await breaker.end_break()
    if not await cancelled_call(breaker):
        raise UntriedError("the first call after the break was rejected")
    for _ in range(2):
        await cancelled_call(breaker)
    return "three cancelled probes closed it" if await breaker.is_closed() else None


@OVERLAPPING.should(
    "lets a cancellation through to the caller",
    done="Cancelled a task whose call was running.",
    expected="The task ends, as cancelled.",
    why="Timeouts and shutdown are cancellations. Code that swallows one makes them wait.",
    hint="If you catch CancelledError or BaseException, raise it again.",
)
async def _cancellation_passes(bench: Bench) -> str | None:
    task = await Breaker(bench).start("ok")
    if await bench.cancel(task):
        return None
    if not task.done():
        return "it went on running"
    ending = task.result()
    end = raised(ending.error) if ending.error else f"it returned {shown(ending.value)}"
    return f"{end}, as if nothing had been"


@OVERLAPPING.should(
    "gives the permit of a cancelled probe back",
    done="Cancelled the probe after the break while it was running, and called again at once.",
    expected="The next call reaches the service.",
    why="The user who happened to be the probe goes away, and nobody may ever probe again.",
    hint="try/finally around the call, or an except BaseException that raises again.",
)
async def _permit_comes_back(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.end_break()
    if not await cancelled_call(breaker):
        raise UntriedError("the first call after the break was rejected")
    return None if (await breaker.ok()).reached else "the next call was rejected"


@OVERLAPPING.should(
    "ignores a late success during the break",
    done="Three slow calls began before it opened, and succeeded 10 s into the break of 30 s.",
    expected="Calls are rejected as before, and let through after the break as before.",
    why="The answer tells of a time before the trip. The service may be as dead as it was.",
    hint="Note at the beginning of call in which stay in a state it began; compare at the end.",
)
async def _late_success_in_the_break(bench: Bench) -> str | None:
    during, after = Breaker(bench), Breaker(bench)
    late = [await breaker.start("ok", 10.0) for breaker in (during, after) for _ in range(3)]
    await during.trip()
    await after.trip()
    await asyncio.wait(late)
    await asyncio.sleep(1)
    if (await during.ok()).reached:
        return "a second later, a call reached the service: the break was off"
    await asyncio.sleep(20)
    return None if (await after.ok()).reached else "after the break, a call was rejected"


@OVERLAPPING.should(
    "ignores a late failure during the break",
    done="Five slow calls began before it opened, and failed 10 s into the break of 30 s.",
    expected="31 s after it opened, a call reaches the service.",
    why="Under load many calls are out when it opens. Each would begin the break anew.",
    hint="A failure that comes while OPEN must not touch the time of opening.",
)
async def _late_failure_in_the_break(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    late = [await breaker.start(ServiceError("late"), 10.0) for _ in range(5)]
    await breaker.trip()
    await asyncio.wait(late)
    await asyncio.sleep(21)
    return None if (await breaker.ok()).reached else "it was rejected: the break had become longer"


@OVERLAPPING.should(
    "takes no late success for a probe's",
    done="success_threshold=2: two slow calls from before it opened succeeded while the first "
    "probe was running.",
    expected="It does not close.",
    why="Old answers would close a circuit whose only real probe says that the service is down.",
    hint="Count a success only if the call began in this very stay in HALF_OPEN.",
)
async def _late_success_in_half_open(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    late = [await breaker.start("ok", AFTER + 4) for _ in range(2)]
    await breaker.end_break()
    probe = await breaker.start(ServiceError("still down"), 10.0)
    await asyncio.wait(late)
    if breaker.state is None:
        await asyncio.wait([probe])
    return "the late answers closed it" if await breaker.is_closed() else None


@OVERLAPPING.should(
    "takes no late failure for a probe's",
    done="A slow call from before it opened failed while a probe was running. Then the probe "
    "succeeded, and another call came.",
    expected="That call reaches the service.",
    why="An old error would send a service that is well again into another break.",
    hint="Count a failure only if the call began in this very stay in HALF_OPEN.",
)
async def _late_failure_in_half_open(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    late = await breaker.start(ServiceError("late"), AFTER + 4)
    await breaker.end_break()
    probe = await breaker.start("ok", 10.0)
    await asyncio.wait([late, probe])
    return None if (await breaker.ok()).reached else "it was rejected: it had opened again"


@OVERLAPPING.should(
    "ignores results from before the trip after the recovery, too",
    done="Slow calls began before it opened and ended after it had closed: three failures on one "
    "breaker; on another, a success between the second and the third of three new failures.",
    expected="The late failures do not open it, and the late success does not reset the count.",
    why="Otherwise the last outage opens a circuit whose service is well.",
    hint="'Closed' twice is not the same stay: give each stay in a state a number of its own.",
)
async def _late_after_recovery(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    late = [await breaker.start(ServiceError("late"), 2 * BREAK) for _ in range(3)]
    await breaker.end_break()
    await breaker.recover()
    await asyncio.wait(late)
    if not (await breaker.ok()).reached:
        return "three late failures opened it"
    nearly = await failures_to_open(bench) - 1
    breaker = Breaker(bench)
    success = await breaker.start("ok", 2 * BREAK)
    await breaker.end_break()
    await breaker.recover()
    await breaker.play("f" * nearly)
    await success
    if (await breaker.play("fs"))[-1].reached:
        return "a late success reset the count of failures"
    return None
