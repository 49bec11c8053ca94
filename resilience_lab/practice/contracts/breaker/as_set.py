"""The circuit breaker as the challenge sets it: one call after the other."""

from __future__ import annotations

import asyncio
from typing import Any

from resilience_lab.practice.contracts.bench import Bench, UntriedError
from resilience_lab.practice.contracts.breaker.subject import (
    AFTER,
    BREAK,
    CROWD,
    Breaker,
    failures_to_open,
)
from resilience_lab.practice.contracts.contract import Contract
from resilience_lab.practice.contracts.service import Service, ServiceError
from resilience_lab.practice.exam.wording import count, raised, shown

AS_SET = Contract("circuit breaker")


@AS_SET.must(
    "returns what the function returns",
    done="Called functions that return 'ok', None, 0 and an empty list.",
    expected="The very same values.",
    why="The breaker stands in every call's way; it must not change an answer.",
    hint="result = await func(*args, **kwargs), and at the end: return result.",
)
async def _returns(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    values: tuple[Any, ...] = ("ok", None, 0, [])
    for value in values:
        ending = await breaker.call(value)
        if ending.error is not None:
            return f"for {value!r}, {raised(ending.error)}"
        if ending.value is not value:
            return f"for {value!r}, it returned {shown(ending.value)}"
    return None


@AS_SET.must(
    "passes all arguments on",
    done="Called call(func, 1, 'two', colour='blue').",
    expected="func(1, 'two', colour='blue').",
    why="A lost keyword argument raises no error: temperature=0 never reaches the model.",
    hint="async def call(self, func, *args, **kwargs), and hand both to func.",
)
async def _arguments(bench: Bench) -> str | None:
    breaker, service = Breaker(bench), Service()
    await bench.ask(breaker.theirs.call, service.function("ok"), 1, "two", colour="blue")
    if service.arguments == ((1, "two"), {"colour": "blue"}):
        return None
    args, kwargs = service.arguments
    said = ", ".join([*map(shown, args), *(f"{name}={shown(kwargs[name])}" for name in kwargs)])
    return f"func({said})"


@AS_SET.must(
    "calls the function once",
    done="Put one call through that succeeds, and one that fails.",
    expected="Each reaches the service once.",
    why="A call may cost money or book a flight. To repeat it is a retry's job.",
    hint="There should be one place in call that awaits func.",
)
async def _once(bench: Bench) -> str | None:
    for ending in await Breaker(bench).play("sf"):
        if ending.reached != 1:
            return f"one call reached the service {count(ending.reached, 'time')}"
    return None


@AS_SET.must(
    "raises the function's own error",
    done="Let three calls in a row fail, each with an error of its own.",
    expected="Each caller gets that very error, also the one whose failure opens the circuit.",
    why="Callers act on the type, and the reader of the log needs the cause.",
    hint="In the except clause: count, then a bare raise.",
)
async def _own_error(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    for number in range(1, 4):
        error = ServiceError(f"failure {number}")
        ending = await breaker.call(error)
        if ending.error is None:
            return f"the service raised an error, and call returned {shown(ending.value)}"
        if not ending.reached:
            return None if number > 1 else "the first call did not reach the service"
        if ending.error is not error:
            return f"at failure {number} of 3, {raised(ending.error)}"
    return None


@AS_SET.must(
    "opens after failure_threshold failures in a row",
    done="With a failure_threshold of 3, 1 and 5: let that many calls fail, then called again.",
    expected="All of the failing calls reach the service, and the next call does not.",
    why="Too early, and a hiccup cuts off a healthy service; too late, and a dead one is hammered.",
    hint="Count the failure first, then compare: failure_count >= failure_threshold.",
)
async def _opens(bench: Bench) -> str | None:
    for threshold in (3, 1, 5):
        breaker = Breaker(bench, threshold)
        reached = [ending.reached for ending in await breaker.play("f" * threshold + "s")]
        if not reached[0]:
            return f"failure_threshold={threshold}: the first call did not reach the service"
        if not all(reached[:-1]):
            early = count(reached.index(0), "failure")
            return f"failure_threshold={threshold}: it was open after {early}"
        if reached[-1]:
            late = count(threshold, "failure")
            return f"failure_threshold={threshold}: after {late}, the next call reached the service"
    return None


@AS_SET.must(
    "starts counting anew after a success",
    done="failure_threshold=3: two failures and a success, three times over (or "
    "fewer failures, if that opens it).",
    expected="It stays closed: there were never three failures in a row.",
    why="A breaker that adds up the failures of a lifetime opens in the end, however well all is.",
    hint="A success while CLOSED sets failure_count back to 0.",
)
async def _counts_anew(bench: Bench) -> str | None:
    nearly = "f" * (await failures_to_open(bench) - 1)
    plot = f"{nearly}s" * 3
    for place, ending in enumerate(await Breaker(bench).play(plot), start=1):
        if not ending.reached:
            return f"call {place} did not reach the service"
    return None


@AS_SET.must(
    "rejects every call during the break",
    done="recovery_timeout=30: opened it, and called at once, after 10 s and after 29 s.",
    expected="Each call raises an error at once, and the function is not touched.",
    why="The service gets its rest, and the callers do not wait for what cannot come.",
    hint="While OPEN and too early: raise, before anything else.",
)
async def _rejects(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.trip()
    for wait in (0.0, 10.0, 19.0):
        await asyncio.sleep(wait)
        ending = await breaker.ok()
        if ending.reached:
            return "a call reached the service"
        if not ending.rejected:
            return f"no error was raised: call returned {shown(ending.value)}"
    return None


@AS_SET.must(
    "lets a call through once recovery_timeout has passed",
    done="recovery_timeout=30, then 5: opened it, and called one second too early (the first "
    "breaker) or one second after the break (another).",
    expected="The early call is rejected, the other one reaches the service.",
    why="That call is how it finds out that the service is well again.",
    hint="Remember when it opened, and compare the time since then with recovery_timeout.",
)
async def _ends_the_break(bench: Bench) -> str | None:
    for timeout in (BREAK, 5.0):
        early, later = Breaker(bench, timeout=timeout), Breaker(bench, timeout=timeout)
        await early.trip()
        await later.trip()
        await asyncio.sleep(timeout - 1)
        if (await early.ok()).reached:
            return f"recovery_timeout={timeout:g}: a call reached the service a second too early"
        await asyncio.sleep(2)
        if not (await later.ok()).reached:
            return f"recovery_timeout={timeout:g}: a second after the break, a call was rejected"
    return None


@AS_SET.must(
    "counts a rejected call for nothing",
    done="Opened it, and called every 5 s during the break of 30 s.",
    expected="The call after the break reaches the service; failure_count, if there is one, stays.",
    why="Callers go on knocking. If each rejection prolonged the break, it would never end.",
    hint="Reject outside of the try whose except clause counts failures.",
)
async def _rejections(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.trip()
    before = getattr(breaker.theirs, "failure_count", None)
    for _ in range(6):
        await breaker.ok()
        await asyncio.sleep(5)
    after = getattr(breaker.theirs, "failure_count", None)
    await asyncio.sleep(1)
    if not (await breaker.ok()).reached:
        return "the call a second after the break was rejected, too"
    if before != after:
        return f"failure_count was {shown(before)} before the rejections and {shown(after)} after"
    return None


@AS_SET.must(
    "closes after success_threshold successful probes",
    done="With a success_threshold of 2, 1 and 3: let that many calls succeed after the break.",
    expected="It is closed: its state says so, or one failure does not open it.",
    why="A breaker that stays half-open turns callers away from a service that has proved itself.",
    hint="Count the success first, then compare: success_count >= success_threshold.",
)
async def _closes(bench: Bench) -> str | None:
    for successes in (2, 1, 3):
        breaker = Breaker(bench, successes=successes)
        await breaker.end_break()
        done = await breaker.play("s" * successes)
        if not all(ending.reached for ending in done):
            return f"success_threshold={successes}: a probe was rejected"
        if not await breaker.is_closed():
            told = count(successes, "successful probe")
            return f"success_threshold={successes}: after {told} it was not closed"
    return None


@AS_SET.must(
    "does not close before success_threshold successful probes",
    done="success_threshold=3: let two calls succeed after the break.",
    expected="It is still half-open: its state says so, or a failure opens it at once.",
    why="After one lucky answer the whole crowd would meet a service that is still ill.",
    hint="In HALF_OPEN, a success only counts; the last one needed closes.",
)
async def _not_too_soon(bench: Bench) -> str | None:
    breaker = Breaker(bench, successes=3)
    await breaker.end_break()
    if not all(ending.reached for ending in await breaker.play("ss")):
        raise UntriedError("a call after the break was rejected")
    return "after two successes it was closed" if await breaker.is_closed() else None


@AS_SET.must(
    "forgets the old failures when it closes",
    done="failure_threshold=3: let it open and close again, then two calls fail, and called again.",
    expected="It stays closed: two failures are not three.",
    why="Otherwise the first failure after a recovery opens it again.",
    hint="On closing, set failure_count back to 0.",
)
async def _forgets(bench: Bench) -> str | None:
    nearly = "f" * (await failures_to_open(bench) - 1)
    breaker = Breaker(bench)
    await breaker.end_break()
    await breaker.recover()
    reached = [ending.reached for ending in await breaker.play(f"{nearly}s")]
    if all(reached):
        return None
    return f"after the recovery, it was open after {count(reached.index(0), 'failure')}"


@AS_SET.must(
    "a failed probe opens it again",
    done="Let the first call after the break fail, and called again at once.",
    expected="The second call is rejected.",
    why="The service has just said that it is still down.",
    hint="In HALF_OPEN one failure is enough, whatever the count says.",
)
async def _reopens(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.end_break()
    probe, after = await breaker.play("fs")
    if not probe.reached:
        raise UntriedError("the first call after the break was rejected")
    return "the second call reached the service" if after.reached else None


@AS_SET.must(
    "takes a full break after a failed probe",
    done="recovery_timeout=30: let a probe fail, and called 29 s later (the first breaker) or 31 s "
    "later (another).",
    expected="After 29 s the call is rejected, after 31 s it reaches the service.",
    why="The second break is as needed as the first. Else a dead service is called on and on.",
    hint="Opening again begins a new break: set the time of opening there, too.",
)
async def _full_break(bench: Bench) -> str | None:
    early, later = Breaker(bench), Breaker(bench)
    for breaker in (early, later):
        await breaker.trip()
    await asyncio.sleep(AFTER)
    for breaker in (early, later):
        await breaker.trip()
    await asyncio.sleep(BREAK - 1)
    if (await early.ok()).reached:
        return "29 s after the failed probe, a call reached the service"
    await asyncio.sleep(2)
    return None if (await later.ok()).reached else "31 s after it, a call was rejected"


@AS_SET.must(
    "counts the probes of each recovery anew",
    done="success_threshold=2: a successful probe, a failed one, and after the break two more.",
    expected="The second recovery takes as many successes as the first.",
    why="A service that answers every second probe would be taken for healthy.",
    hint="On entering HALF_OPEN, set success_count back to 0.",
)
async def _each_recovery(bench: Bench) -> str | None:
    first, second = Breaker(bench), Breaker(bench)
    for breaker in (first, second):
        await breaker.trip()
    await asyncio.sleep(AFTER)
    if first.state is None:
        await second.play("sf")
        await asyncio.sleep(AFTER)
        if not (await second.ok()).reached:
            raise UntriedError("a call after the second break was rejected")
        return "it was over after one success" if await second.is_closed() else None
    needed = await first.closes_after()
    if needed == 0:
        raise UntriedError("it said CLOSED before any probe")
    await second.play("s" * (needed - 1))
    await second.trip()
    await asyncio.sleep(AFTER)
    took = await second.closes_after()
    if took == needed:
        return None
    return f"the first recovery took {needed} successful probes, the second one {took}"


@AS_SET.must(
    "counts for itself alone",
    done="Made two breakers, and let one of them open.",
    expected="The other one still lets calls through.",
    why="Each service has its own breaker. One that is down must not cut off the others.",
    hint="Set everything that changes in __init__, on self.",
)
async def _alone(bench: Bench) -> str | None:
    one, other = Breaker(bench), Breaker(bench)
    await one.trip()
    return None if (await other.ok()).reached else "the other one was open, too"


@AS_SET.must(
    "tells its state",
    done="Read breaker.state when it was new, open, while a probe was running, and closed again.",
    expected="CLOSED, OPEN, HALF_OPEN, CLOSED: as strings in any spelling, or as an Enum.",
    why="A dashboard and a person on call at night want to know which of the three it is.",
    hint="Keep the state in self.state. A call that is let through after the break sets HALF_OPEN.",
)
async def _tells(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    states = [breaker.state]
    await breaker.trip()
    states.append(breaker.state)
    await asyncio.sleep(AFTER)
    probe = await breaker.start("ok", 1.0)
    states.append(breaker.state)
    await probe
    for _ in range(CROWD):
        if breaker.state == "CLOSED":
            break
        await breaker.ok()
    states.append(breaker.state)
    if states == ["CLOSED", "OPEN", "HALF_OPEN", "CLOSED"]:
        return None
    return ", ".join(state or "nothing that is one of the three" for state in states)
