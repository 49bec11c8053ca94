"""What a retry with exponential backoff has to do.

Jitter is welcome. A retry that waits the same time in each run has to keep the schedule exactly;
one that does not is run many times, and has to keep it on average.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from resilience_lab.practice.contracts.bench import Bench, UntriedError, finished
from resilience_lab.practice.contracts.contract import Contract
from resilience_lab.practice.contracts.service import Service, ServiceError, UnheardOfError
from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.wording import count, raised, seconds, shown

RETRY = Contract("retry with backoff")

NEVER = float("inf")
SAMPLES = 100
"""How often a retry with jitter is run, for its waits to be judged by their mean."""

CAPS = ("max_delay", "max_wait", "max_backoff", "maximum_delay", "delay_cap", "cap")
"""What an argument for the longest wait is called."""


@dataclass(frozen=True)
class Run:
    """One run of the learner's retry: when it called, and how and when it ended."""

    times: list[float]
    value: Any
    error: Exception | None
    end: float

    @property
    def calls(self) -> int:
        return len(self.times)

    @property
    def waits(self) -> list[float]:
        """Seconds between the calls."""
        return [later - earlier for earlier, later in pairwise(self.times)]


async def _run(bench: Bench, *outcomes: Any, **options: Any) -> Run:
    """Retry a function that has these outcomes, the last one for ever."""
    service = Service()
    value, error = await finished(bench.ask(bench.subject, service.function(*outcomes), **options))
    return Run(service.times, value, error, bench.now)


async def _failing(bench: Bench, retries: int = 3, base: float = 1.0, **options: Any) -> Run:
    return await _run(
        bench, ServiceError("the service is down"), max_retries=retries, base_delay=base, **options
    )


async def _waiting(bench: Bench) -> Room:
    """The room, after a run that has waited at least once."""
    if not (await _failing(bench)).waits:
        raise UntriedError("there was no second call")
    return bench.room


async def _waits(bench: Bench, retries: int, base: float) -> list[list[float]]:
    """The waits of one run, or of many, if they are not the same each time."""
    runs = [(await _failing(bench, retries, base)).waits for _ in range(3)]
    if all(_close(run, runs[0]) for run in runs):
        return runs[:1]
    return [(await _failing(bench, retries, base)).waits for _ in range(SAMPLES)]


def _close(ones: list[float], others: list[float]) -> bool:
    return len(ones) == len(others) and all(
        abs(one - other) < 1e-6 for one, other in zip(ones, others, strict=True)
    )


def _means(samples: list[list[float]]) -> list[float]:
    """The mean of the first waits, of the second ones, and so on."""
    return [sum(waits) / len(waits) for waits in zip(*samples, strict=False)]


# As set


@RETRY.must(
    "calls once if the first call succeeds",
    done="Retried a function that returns 'answer' the first time.",
    expected="One call, no wait, and 'answer'.",
    why="Most calls succeed at once; a retry must cost them nothing.",
    hint="Return the result from inside the loop.",
)
async def _first_success(bench: Bench) -> str | None:
    began = bench.now
    run = await _run(bench, "answer")
    if run.error is not None:
        return raised(run.error)
    if run.value != "answer":
        return f"it returned {shown(run.value)}"
    if run.calls != 1:
        return f"{count(run.calls, 'call')}"
    return None if run.end == began else f"it took {run.end - began:g} s"


@RETRY.must(
    "calls again after a failure, and stops at the first success",
    done="Retried a function that fails twice and then returns 'answer', with max_retries=3.",
    expected="Three calls, and 'answer'.",
    why="That is what a retry is for. A call that goes on after the success is paid for twice.",
    hint="Catch the exception inside the loop, wait, and let the loop go round.",
)
async def _stops_at_success(bench: Bench) -> str | None:
    run = await _run(
        bench, ServiceError("1"), ServiceError("2"), "answer", max_retries=3, base_delay=1.0
    )
    if run.error is not None:
        return f"after {count(run.calls, 'call')}, {raised(run.error)}"
    if run.value != "answer":
        return f"it returned {shown(run.value)} after {count(run.calls, 'call')}"
    return None if run.calls == 3 else count(run.calls, "call")


@RETRY.must(
    "makes one call and max_retries more",
    done="Retried a function that always fails, with max_retries of 3, 1 and 0.",
    expected="4 calls, 2 calls and 1 call: waits of 1, 2 and 4 s have four calls around them.",
    why="Who takes retries for attempts never retries at max_retries=1, and one call too many is "
    "load upon a service that is down.",
    hint="range(max_retries + 1), and give up when attempt == max_retries.",
)
async def _how_often(bench: Bench) -> str | None:
    for retries in (3, 1, 0):
        calls = (await _failing(bench, retries)).calls
        if calls != retries + 1:
            return f"max_retries={retries}: {count(calls, 'call')}"
    return None


@RETRY.must(
    "waits base_delay first",
    done="Retried a function that fails, with a base_delay of 1 s and of 4 s; many times, if the "
    "waits differ from run to run.",
    expected="The first wait is base_delay; with jitter, roughly so on average.",
    why="How long a service needs is known where it is called, so the caller says it.",
    hint="delay = base_delay * 2 ** attempt, with the attempts counted from 0.",
)
async def _first_wait(bench: Bench) -> str | None:
    for base in (1.0, 4.0):
        samples = await _waits(bench, 2, base)
        means = _means(samples)
        if not means:
            raise UntriedError("there was no second call")
        exact = len(samples) == 1
        if not (abs(means[0] - base) < 1e-6 if exact else 0.35 * base <= means[0] <= 1.6 * base):
            return f"base_delay={base:g}: the first wait was {seconds(means[:1])}{_mean(exact)}"
    return None


@RETRY.must(
    "doubles the wait each time",
    done="Retried a function that always fails, with max_retries=4 and base_delay=1; many times, "
    "if the waits differ from run to run.",
    expected="Each wait is twice the one before: 1, 2, 4, 8 s. With jitter, so on average.",
    why="A long outage needs ever more patience. In a straight line, 1, 2, 3, 4, a thousand "
    "clients soon call far too often.",
    hint="delay = base_delay * 2 ** attempt.",
)
async def _doubles(bench: Bench) -> str | None:
    samples = await _waits(bench, 4, 1.0)
    means = _means(samples)
    if len(means) < 2:
        raise UntriedError("there were not two waits to compare")
    shares = [wait / 2**place for place, wait in enumerate(means)]
    exact = len(samples) == 1
    slack = 1 + 1e-6 if exact else 1.6
    if min(shares) > 0 and max(shares) <= slack * min(shares):
        return None
    return f"the waits were {seconds(means)}{_mean(exact)}"


@RETRY.must(
    "does not wait after the last call",
    done="Retried a function that always fails, with max_retries=3.",
    expected="The error comes out at the moment of the last failure.",
    why="There is nothing to wait for any more: the caller only gets the bad news later.",
    hint="Ask whether this was the last attempt before you sleep.",
)
async def _no_last_wait(bench: Bench) -> str | None:
    run = await _failing(bench)
    if not run.calls:
        raise UntriedError("it never called the function")
    late = run.end - run.times[-1]
    return None if late < 1e-6 else f"it ended {round(late, 2):g} s after the last call"


@RETRY.must(
    "raises the last error itself",
    done="Retried a function that fails each time with an error of its own, with max_retries=2.",
    expected="The error of the last call: not the first, not a new one, and no return value.",
    why="Callers act on the type of the error, and the last one is what holds now.",
    hint="In the last attempt: a bare raise.",
)
async def _last_error(bench: Bench) -> str | None:
    errors = [ServiceError(f"failure {number}") for number in range(1, 10)]
    run = await _run(bench, *errors, max_retries=2, base_delay=1.0)
    if run.error is None:
        return f"it returned {shown(run.value)}"
    if not run.calls:
        return raised(run.error)
    if run.error is errors[run.calls - 1]:
        return None
    return f"after {count(run.calls, 'failure')}, {raised(run.error)}"


@RETRY.must(
    "takes any returned value for a success",
    done="Retried functions that return None, 0, False, '' and an empty list.",
    expected="One call, and the very same value.",
    why="'No results' is an answer. It would be asked for again and again, and paid for each time.",
    hint="Only an exception is a failure. Do not test the result.",
)
async def _any_value(bench: Bench) -> str | None:
    values: tuple[Any, ...] = (None, 0, False, "", [])
    for value in values:
        run = await _run(bench, value)
        if run.error is not None or run.value is not value:
            end = raised(run.error) if run.error else f"it returned {shown(run.value)}"
            return f"for {value!r}, {end}"
        if run.calls != 1:
            return f"for {value!r}, {count(run.calls, 'call')}"
    return None


@RETRY.must(
    "retries whatever exception is raised",
    done="Retried functions that fail once, with ConnectionError, TimeoutError, ValueError, and an "
    "exception of the examiner's own.",
    expected="Two calls each, and the answer.",
    why="Nothing was said about the errors of the service, and each client library has its own.",
    hint="except Exception.",
)
async def _any_exception(bench: Bench) -> str | None:
    for error in (ConnectionError("1"), TimeoutError("1"), ValueError("1"), UnheardOfError("1")):
        run = await _run(bench, error, "answer", max_retries=2, base_delay=1.0)
        if run.value != "answer":
            end = raised(run.error) if run.error else f"it returned {shown(run.value)}"
            return f"{type(error).__name__}: after {count(run.calls, 'call')}, {end}"
    return None


@RETRY.must(
    "starts afresh each time",
    done="Retried a failing function twice, one after the other, with max_retries=2.",
    expected="As many calls and waits the second time as the first.",
    why="State that outlives a call makes the second user wait for what the first one suffered.",
    hint="Keep attempt and delay in local variables, and no list as a default argument.",
)
async def _afresh(bench: Bench) -> str | None:
    first, second = await _failing(bench, 2), await _failing(bench, 2)
    if not first.calls:
        raise UntriedError("it never called the function")
    if first.calls != second.calls:
        return f"{count(first.calls, 'call')} the first time, {second.calls} the second time"
    third, fourth = await _failing(bench, 2), await _failing(bench, 2)
    if _close(third.waits, fourth.waits) and not _close(first.waits, fourth.waits):
        return f"waits of {seconds(first.waits)} the first time, {seconds(fourth.waits)} the fourth"
    samples = [(await _failing(bench, 2)).waits for _ in range(SAMPLES)]
    half = SAMPLES // 2
    early, later = sum(map(sum, samples[:half])), sum(map(sum, samples[half:]))
    if early / 2 <= later <= early * 2:
        return None
    return f"its waits changed: {seconds(samples[0])} and later {seconds(samples[-1])}"


# When calls overlap or are cancelled


@RETRY.should(
    "ends at once when it is cancelled during a call",
    done="Cancelled it while the function was running.",
    expected="The task ends as cancelled, and the function is not called again.",
    why="The user has gone or a timeout has struck: another call would be for nobody.",
    hint="except Exception does not catch CancelledError; except BaseException does.",
)
async def _cancelled_call(bench: Bench) -> str | None:
    service = Service()
    function = service.function("answer", seconds=100.0)
    return await _cancelled(bench, service, function, after=1.0)


@RETRY.should(
    "ends at once when it is cancelled during a wait",
    done="Cancelled it while it was waiting for its second attempt.",
    expected="The task ends as cancelled, and the function is not called again.",
    why="Most of a retry's time is waiting, so that is where shutdown meets it.",
    hint="Let CancelledError pass through the sleep; if you must catch it, raise it again.",
)
async def _cancelled_wait(bench: Bench) -> str | None:
    service = Service()
    function = service.function(ServiceError("down"))
    return await _cancelled(bench, service, function, after=0.001, base_delay=8.0)


@RETRY.should(
    "leaves the event loop free while it waits",
    done="Retried a failing function, while another task counted the seconds.",
    expected="The other task goes on during the waits.",
    why="time.sleep stops the whole process: every other request stands still as well.",
    hint="await asyncio.sleep(delay), never time.sleep(delay).",
)
async def _loop_free(bench: Bench) -> str | None:
    slept = (await _waiting(bench)).slept
    return None if slept == 0 else f"it stopped the event loop for {slept:g} s with time.sleep"


@RETRY.should(
    "keeps two retries at the same time apart",
    done="Retried two failing functions at the same time, with max_retries of 3 and 1.",
    expected="4 calls and 2 calls.",
    why="Many tasks retry at once when a service fails. What they share, they spoil.",
    hint="No global and no attribute of the function: local variables only.",
)
async def _apart(bench: Bench) -> str | None:
    await _waiting(bench)
    alone = [(await _failing(bench, retries)).calls for retries in (3, 1)]
    runs = await asyncio.gather(_failing(bench, 3), _failing(bench, 1))
    together = [run.calls for run in runs]
    if together == alone:
        return None
    return (
        f"{together[0]} and {together[1]} calls at the same time, {alone[0]} and {alone[1]} alone"
    )


@RETRY.should(
    "keeps its jitter in bounds",
    done=f"Let a failing function be retried {SAMPLES} times, with base_delay=1 and max_retries=4.",
    expected="No wait exceeds its place in 1, 2, 4, 8 s by more than a half, or by more than a "
    "second. A retry without jitter has nothing to exceed.",
    why="Jitter is to spread the calls, not to make everybody wait for longer.",
    hint="random.uniform(0, delay) in place of delay is full jitter, and the most common choice.",
)
async def _jitter(bench: Bench) -> str | None:
    await _waiting(bench)
    samples = await _waits(bench, 4, 1.0)
    if len(samples) == 1:
        return None
    for place, waits in enumerate(zip(*samples, strict=False)):
        bound = max(1.5 * 2**place, 2**place + 1)
        if max(waits) > bound + 1e-6:
            return (
                f"wait {place + 1} was up to {seconds([max(waits)])}; {seconds([bound])} is enough"
            )
    return None


# What few think of


@RETRY.excellent(
    "waits as long as the service asks",
    done="Raised an error with the attribute retry_after=20, with base_delay=1.",
    expected="The next call comes 20 s later at the earliest, and within two minutes.",
    why="A rate limit counts the calls that come too early, too, and starts anew.",
    hint="getattr(error, 'retry_after', None), and wait at least that long.",
)
async def _hint(bench: Bench) -> str | None:
    run = await _run(bench, _asking(20.0), "answer", max_retries=3, base_delay=1.0)
    if not run.waits:
        raise UntriedError("there was no second call")
    wait = run.waits[0]
    return None if 20 - 1e-6 <= wait <= 120 else f"the next call came {seconds([wait])} later"


@RETRY.excellent(
    "is not upset by a hint that makes no sense",
    done="Raised errors with retry_after of None and of -5.",
    expected="It goes on as if there were no hint.",
    why="Hints come from other people's servers. A bad one must not turn a retry into a crash.",
    hint="Use the hint only if it is a number greater than 0.",
)
async def _bad_hint(bench: Bench) -> str | None:
    usual = await _waits(bench, 3, 1.0)
    for hint in (None, -5):
        run = await _run(bench, _asking(hint), "answer", max_retries=3, base_delay=1.0)
        if run.value != "answer":
            end = raised(run.error) if run.error else f"it returned {shown(run.value)}"
            return f"retry_after={hint}: {end}"
        if len(usual) == 1 and not _close(run.waits[:1], usual[0][:1]):
            return f"retry_after={hint}: the wait was {seconds(run.waits)}"
    return None


@RETRY.excellent(
    "keeps to its cap, if it has one",
    done=f"If it takes an argument such as {CAPS[0]}: set it to 5 s, with max_retries=6, and set "
    "jitter, if there is such an argument, to the most.",
    expected="No wait is longer than 5 s.",
    why="Doubled ten times, a second is a quarter of an hour. And a cap that jitter may exceed is "
    "none: the caller's own timeout relies on it.",
    hint="min(cap, base_delay * 2 ** attempt), and the jitter inside of it.",
)
async def _cap(bench: Bench) -> str | None:
    await _waiting(bench)
    options = _options(bench.subject)
    if not options:
        return None
    longest = 0.0
    for _ in range(20):
        run = await _failing(bench, 6, **options)
        longest = max([longest, *run.waits])
    return None if longest <= 5 + 1e-6 else f"the longest wait was {seconds([longest])}"


def _options(retry: Callable[..., Any]) -> dict[str, Any]:
    """Its cap of 5 s, and all the jitter that it can do; nothing, if it knows no cap."""
    parameters = inspect.signature(retry).parameters
    cap = next((name for name in CAPS if name in parameters), None)
    if cap is None:
        return {}
    options: dict[str, Any] = {cap: 5.0}
    jitter = parameters["jitter"].default if "jitter" in parameters else None
    if isinstance(jitter, bool):
        options["jitter"] = True
    elif isinstance(jitter, int | float):
        options["jitter"] = 1.0
    elif isinstance(jitter, str):
        options["jitter"] = "full"
    return options


async def _cancelled(
    bench: Bench, service: Service, function: Any, *, after: float, **options: Any
) -> str | None:
    task = asyncio.create_task(bench.ask(bench.subject, function, **options))
    if not await bench.until(lambda: bool(service.calls)):
        raise UntriedError("it never called the function")
    await asyncio.sleep(after)
    cancelled = await bench.cancel(task)
    if service.calls > 1:
        return f"the function was called {count(service.calls - 1, 'time')} more"
    if cancelled:
        return None
    if not task.done():
        return "it went on"
    error = task.exception()
    return raised(error) if error else f"it returned {shown(task.result())}"


def _asking(hint: float | None) -> ServiceError:
    error = ServiceError("too many requests")
    error.retry_after = hint  # type: ignore[attr-defined]
    return error


def _mean(exact: bool) -> str:
    return "" if exact else " on average"
