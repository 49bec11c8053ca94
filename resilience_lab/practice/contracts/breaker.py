"""What a circuit breaker has to do.

Nearly everything is seen from outside: which calls reach the service, and when. So it does not
matter how the breaker is written. Its state is read only where nothing else would tell.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from resilience_lab.practice.contracts.bench import Bench, UntriedError, finished
from resilience_lab.practice.contracts.contract import Contract
from resilience_lab.practice.contracts.service import Function, Service, ServiceError
from resilience_lab.practice.contracts.states import state_of
from resilience_lab.practice.exam.wording import count, raised, shown

BREAKER = Contract("circuit breaker")

BREAK = 30.0
AFTER = BREAK + 1
CROWD = 20
NEVER = float("inf")


@dataclass(frozen=True)
class Ending:
    """How one call through the breaker ended, and how often it reached the service."""

    reached: int
    value: Any
    error: Exception | None

    @property
    def rejected(self) -> bool:
        return not self.reached and self.error is not None


class Breaker:
    """A breaker of the learner's, and calls to put through it."""

    def __init__(
        self, bench: Bench, threshold: int = 3, timeout: float = BREAK, successes: int = 2
    ) -> None:
        self.bench = bench
        self.successes = successes
        self.theirs = bench.build(
            failure_threshold=threshold, recovery_timeout=timeout, success_threshold=successes
        )

    @property
    def state(self) -> str | None:
        return self.bench.room.call(state_of, self.theirs)

    async def call(self, outcome: Any, seconds: float = 0.0) -> Ending:
        """Put one call through, which takes `seconds` and then has this outcome."""
        service = Service()
        return await self._through(service, service.function(outcome, seconds=seconds))

    async def _through(self, service: Service, function: Function) -> Ending:
        value, error = await finished(self.bench.ask(self.theirs.call, function))
        return Ending(service.calls, value, error)

    async def ok(self) -> Ending:
        return await self.call("ok")

    async def fail(self) -> Ending:
        return await self.call(ServiceError("the service is down"))

    async def play(self, plot: str) -> list[Ending]:
        """One call after the other: s for a success, f for a failure."""
        return [await (self.ok() if letter == "s" else self.fail()) for letter in plot]

    async def start(
        self, outcome: Any, seconds: float = NEVER, until: asyncio.Event | None = None
    ) -> asyncio.Task[Ending]:
        """Begin a call in a task of its own, and return when it has reached the service."""
        service = Service()
        function = service.function(outcome, seconds=seconds, until=until)
        task = asyncio.create_task(self._through(service, function))
        if await self.bench.until(lambda: bool(service.calls)):
            return task
        if task.done():
            task.result()  # raises, if it was a slip
        raise UntriedError("a call that should have been let in was not")

    async def trip(self) -> None:
        """Fail until it rejects."""
        began = self.bench.now
        for _ in range(CROWD):
            reached = (await self.fail()).reached
            if self.bench.now > began:
                raise UntriedError(
                    f"a call that should end at once took {self.bench.now - began:g} s"
                )
            if not reached:
                return
        raise UntriedError(f"it did not open after {CROWD} failures in a row")

    async def end_break(self) -> None:
        """Fail until it rejects, and let the break pass."""
        await self.trip()
        await asyncio.sleep(AFTER)

    async def recover(self) -> None:
        """Let probes succeed until it is closed."""
        for done in range(CROWD):
            state = self.state
            if state == "CLOSED" or (state is None and done == self.successes):
                return
            await self.ok()
        raise UntriedError(f"it did not close after {CROWD} successful probes")

    async def is_closed(self) -> bool:
        """Whether it is closed, as its state says; else, whether it bears a failure."""
        state = self.state
        if state is not None:
            return state == "CLOSED"
        return bool((await self.play("fs"))[-1].reached)

    async def closes_after(self) -> int:
        """With how many successful probes it closes."""
        for done in range(CROWD):
            if self.state == "CLOSED":
                return done
            await self.ok()
        raise UntriedError(f"it did not say CLOSED after {CROWD} successful probes")


# As set


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
    "raises the function's own error",
    done="Let three calls in a row fail, each with an error of its own.",
    expected="Each caller gets that very error, also the one whose failure opens the circuit.",
    why="Callers act on the type, and whoever reads the log needs the cause.",
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


@BREAKER.must(
    "opens after failure_threshold failures in a row",
    done="With a failure_threshold of 3, 1 and 5: let so many calls fail, then called again.",
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


@BREAKER.must(
    "starts counting anew after a success",
    done="failure_threshold=3: two failures and a success, three times over (or "
    "fewer failures, if that opens it).",
    expected="It stays closed: there were never three failures in a row.",
    why="A breaker that adds up the failures of a lifetime opens in the end, however well all is.",
    hint="A success while CLOSED sets failure_count back to 0.",
)
async def _counts_anew(bench: Bench) -> str | None:
    nearly = "f" * (await _needed(bench) - 1)
    plot = f"{nearly}s" * 3
    for place, ending in enumerate(await Breaker(bench).play(plot), start=1):
        if not ending.reached:
            return f"call {place} did not reach the service"
    return None


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
    "closes after success_threshold successful probes",
    done="With a success_threshold of 2, 1 and 3: let so many calls succeed after the break.",
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


@BREAKER.must(
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


@BREAKER.must(
    "forgets the old failures when it closes",
    done="failure_threshold=3: let it open and close again, then two calls fail, and called again.",
    expected="It stays closed: two failures are not three.",
    why="Otherwise the first failure after a recovery opens it again.",
    hint="On closing, set failure_count back to 0.",
)
async def _forgets(bench: Bench) -> str | None:
    nearly = "f" * (await _needed(bench) - 1)
    breaker = Breaker(bench)
    await breaker.end_break()
    await breaker.recover()
    reached = [ending.reached for ending in await breaker.play(f"{nearly}s")]
    if all(reached):
        return None
    return f"after the recovery, it was open after {count(reached.index(0), 'failure')}"


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
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


@BREAKER.must(
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


# When calls overlap or are cancelled


@BREAKER.should(
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


@BREAKER.should(
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


@BREAKER.should(
    "takes no cancelled call for a failure",
    done="Cancelled five calls that were running on a closed circuit, and called again.",
    expected="It is still closed.",
    why="A user who closes the page says nothing about the service. Impatience opens no circuit.",
    hint="CancelledError is no Exception: do not catch BaseException to count failures.",
)
async def _cancelled_is_no_failure(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    for done in range(5):
        if not await _cancelled(breaker):
            if done == 0:
                raise UntriedError("a call that should have been let in was not")
            return f"it was open after {count(done, 'cancelled call')}"
    return None if (await breaker.ok()).reached else "it was open after 5 cancelled calls"


@BREAKER.should(
    "takes no cancelled call for a success",
    done="On a closed circuit: two failures, a cancelled call, a failure. After a break: cancelled "
    "three probes one after the other.",
    expected="The first breaker opens, and the other one does not close.",
    why="A probe that was cancelled because it was too slow must not close the circuit.",
    hint="A cancelled call changes no count. Beware of finally, and of except without a type.",
)
async def _cancelled_is_no_success(bench: Bench) -> str | None:
    nearly = await _needed(bench) - 1
    breaker = Breaker(bench)
    await breaker.play("f" * nearly)
    if not await _cancelled(breaker):
        raise UntriedError("a call that should have been let in was not")
    if (await breaker.play("fs"))[-1].reached:
        return "a cancelled call among the failures kept it from opening"
    breaker = Breaker(bench)
    await breaker.end_break()
    if not await _cancelled(breaker):
        raise UntriedError("the first call after the break was rejected")
    for _ in range(2):
        await _cancelled(breaker)
    return "three cancelled probes closed it" if await breaker.is_closed() else None


@BREAKER.should(
    "lets a cancellation through to the caller",
    done="Cancelled a task whose call was running.",
    expected="The task ends, as cancelled.",
    why="Timeouts and shutdown are cancellations. Whoever swallows one makes them wait.",
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


@BREAKER.should(
    "gives the permit of a cancelled probe back",
    done="Cancelled the probe after the break while it was running, and called again at once.",
    expected="The next call reaches the service.",
    why="The user who happened to be the probe goes away, and nobody may ever probe again.",
    hint="try/finally around the call, or an except BaseException that raises again.",
)
async def _permit_comes_back(bench: Bench) -> str | None:
    breaker = Breaker(bench)
    await breaker.end_break()
    if not await _cancelled(breaker):
        raise UntriedError("the first call after the break was rejected")
    return None if (await breaker.ok()).reached else "the next call was rejected"


@BREAKER.should(
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


@BREAKER.should(
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


@BREAKER.should(
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


@BREAKER.should(
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


@BREAKER.should(
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
    nearly = await _needed(bench) - 1
    breaker = Breaker(bench)
    success = await breaker.start("ok", 2 * BREAK)
    await breaker.end_break()
    await breaker.recover()
    await breaker.play("f" * nearly)
    await success
    if (await breaker.play("fs"))[-1].reached:
        return "a late success reset the count of failures"
    return None


# What few think of


@BREAKER.excellent(
    "gives the permit of a hung probe to somebody else",
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


@BREAKER.excellent(
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


@BREAKER.remark(
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


async def _cancelled(breaker: Breaker) -> bool:
    """Put a call through and cancel it after a second; whether it reached the service."""
    try:
        task = await breaker.start("ok")
    except UntriedError:
        return False
    await asyncio.sleep(1)
    await breaker.bench.cancel(task)
    return True


async def _needed(bench: Bench) -> int:
    """How many failures in a row open it; whether that is right is for another clause."""
    breaker = Breaker(bench)
    for done in range(CROWD):
        if not (await breaker.fail()).reached:
            return done
    raise UntriedError(f"it did not open after {CROWD} failures in a row")
