"""What few think of in a circuit breaker: probes that hang, and clocks that jump."""

from __future__ import annotations

import asyncio

from resilience_lab.practice.contracts.bench import Bench, UntriedError
from resilience_lab.practice.contracts.breaker.subject import (
    AFTER,
    BREAK,
    Breaker,
)
from resilience_lab.practice.contracts.contract import Contract

BEYOND = Contract("circuit breaker")


@BEYOND.excellent(
    "gives the permit of a hung probe to another caller",
    done="The probe after the break never answered. Called again every 30 s.",
    expected="Within ten breaks a call reaches the service.",
    why="Without a timeout of its own, one hung probe keeps the circuit from ever closing.",
    hint="A permit is a lease: note when it was given, and in time let the next caller have it.",
)
async def _hung_probe(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.end_break()
    await breaker.start("ok")
    return None if await _another_gets_in(breaker) else "for ten breaks, every call was rejected"


@BEYOND.excellent(
    "takes a hung probe's late answer for old news",
    done="A probe hung, and another got its permit. Then the first one succeeded, while the second "
    "was still running, and a third call came.",
    expected="The third call is rejected: the second still has the permit.",
    why="An answer that comes after its lease is over would let the crowd in, one by one.",
    hint="Give each probe a token, and let only the present one's result count.",
)
async def _hung_probes_answer(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.end_break()
    answer = asyncio.Event()
    hung = await breaker.start("ok", until=answer)
    for _ in range(10):
        await asyncio.sleep(BREAK)
        try:
            await breaker.start("ok")
            break
        except UntriedError:
            continue
    else:
        raise UntriedError("nobody else got the permit")
    if (await breaker.ok()).reached:
        raise UntriedError("it lets in several probes at a time")
    answer.set()
    await hung
    return "the third call reached the service" if (await breaker.ok()).reached else None


@BEYOND.remark(
    "does not mind a wall clock that jumps",
    done="Opened it and set the wall clock back an hour; opened another and set it on an hour.",
    expected="The break of 30 s lasts 30 s, both times.",
    why="Wall clocks are set by people, by time servers and by leap seconds.",
    hint="Read time.monotonic() or the loop's time() instead of time.time() or datetime.now().",
)
async def _wall_clock(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.trip()
    bench.room.wall_offset -= 3600
    await asyncio.sleep(AFTER)
    if not (await breaker.ok()).reached:
        return "set back an hour: 31 s after it opened, a call was rejected"
    breaker = Breaker(bench)
    await breaker.trip()
    bench.room.wall_offset += 3600
    await asyncio.sleep(1)
    if (await breaker.ok()).reached:
        return "set on an hour: one second after it opened, a call reached the service"
    return None


async def _another_gets_in(breaker: Breaker) -> bool:
    for _ in range(10):
        await asyncio.sleep(BREAK)
        if (await breaker.ok()).reached:
            return True
    return False
