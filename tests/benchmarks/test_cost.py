"""What a call costs, beside a bare await and other libraries; what virtual time and storms cost.

`make bench` prints one table a group, the fastest first. Read the ratios in it, not the
nanoseconds: they drift with the machine, but one run treats all rows alike. Each library is used as
its own documentation shows, by decorator where it offers one.
"""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys

import pytest

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    ConsecutiveFailures,
    FailureRate,
    Retry,
    RetryBudget,
    SlowCallRate,
    run_virtual,
)
from resilience_lab.simulation import (
    adaptive_throttle,
    amplification,
    backoff_load,
    collapse,
    contention,
    metastable,
    retry_strategies,
    shards,
)

CALLS = 2000  # awaits a round, so that the loop around them weighs little


async def service():
    return "answer"


def bare():
    return service


# One function a row: it makes the coroutine function to be awaited.


def ours_call():
    breaker = CircuitBreaker()
    return lambda: breaker.call(service)


def ours_decorated():
    return CircuitBreaker()(service)


def keel():
    breaker = importlib.import_module("keel_circuit_breaker").CircuitBreaker()
    return lambda: breaker.call(service, "key")


def resilix():
    return importlib.import_module("resilix").CircuitBreaker(failures=3, reset_timeout=30)(service)


def nopanic():
    return importlib.import_module("nopanic").CircuitBreaker()(service)


def hyx():
    return importlib.import_module("hyx.circuitbreaker").consecutive_breaker()(service)


def ours_retry_call():
    retry = Retry()
    return lambda: retry.call(service)


def ours_retry_decorated():
    return Retry()(service)


def ours_retry_with_budget():
    retry = Retry(budget=RetryBudget())
    return lambda: retry.call(service)


def nopanic_retry():
    return importlib.import_module("nopanic").retry()(service)


def hyx_retry():
    return importlib.import_module("hyx.retry").retry()(service)


def tenacity_retry():
    return importlib.import_module("tenacity").retry(service)


def stamina_retry():
    return importlib.import_module("stamina").retry(on=Exception)(service)


def ours_both():
    retry, breaker = Retry(), CircuitBreaker()
    return lambda: retry.call(breaker.call, service)


BREAKERS = [bare, ours_call, ours_decorated, keel, resilix, nopanic, hyx]
RETRIES = [
    bare,
    ours_retry_call,
    ours_retry_decorated,
    ours_retry_with_budget,
    ours_both,
    nopanic_retry,
    hyx_retry,
    tenacity_retry,
    stamina_retry,
]


def measure(benchmark, make):
    call = make()

    async def round_of_calls():
        for _ in range(CALLS):
            await call()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        assert loop.run_until_complete(call()) == "answer"
        benchmark.pedantic(
            lambda: loop.run_until_complete(round_of_calls()), rounds=60, warmup_rounds=5
        )
    benchmark.extra_info["ns per call (min)"] = round(benchmark.stats.stats.min / CALLS * 1e9)


@pytest.mark.parametrize("make", BREAKERS)
@pytest.mark.benchmark(group="a successful call through a CLOSED breaker (2000 calls a round)")
def test_breaker(benchmark, make):
    measure(benchmark, make)


@pytest.mark.parametrize("make", RETRIES)
@pytest.mark.benchmark(group="a successful call through a retry (2000 calls a round)")
def test_retry(benchmark, make):
    measure(benchmark, make)


TRIP_RULES = {
    "consecutive failures": ConsecutiveFailures(3),
    "rate over 10 calls": FailureRate(0.5, last=10),
    "rate over 1,000,000 calls": FailureRate(0.5, last=1_000_000),
    "rate over 10 s": FailureRate(0.5, within=10),
    "rate over 1,000,000 s": FailureRate(0.5, within=1_000_000),
    "slow calls over 10 calls": SlowCallRate(0.5, 1, last=10),
}


@pytest.mark.parametrize("rule", TRIP_RULES)
@pytest.mark.benchmark(group="a successful call through a CLOSED breaker, by trip rule")
def test_trip_rule(benchmark, rule):
    breaker = CircuitBreaker(trip=TRIP_RULES[rule])
    measure(benchmark, lambda: lambda: breaker.call(service))


WAKE_UPS = 50_000


@pytest.mark.parametrize("tasks", [1, 200])
@pytest.mark.benchmark(group="virtual time: 50,000 timer wake-ups")
def test_wake_ups(benchmark, tasks):
    async def sleeper(seconds):
        for _ in range(WAKE_UPS // tasks):
            await asyncio.sleep(seconds)

    async def main():
        await asyncio.gather(*(sleeper(1 + i / tasks) for i in range(tasks)))

    benchmark.pedantic(run_virtual, args=(main,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["wake-ups a second"] = round(WAKE_UPS / benchmark.stats.stats.min)


@pytest.mark.benchmark(group="virtual time: an hour of 200 tasks that retry and wait for an answer")
def test_an_hour_of_two_hundred_clients(benchmark):
    async def slow_service():
        await asyncio.sleep(20)
        raise ConnectionError

    async def client(retry):
        loop = asyncio.get_running_loop()
        while loop.time() < 3600:
            with pytest.raises(ConnectionError):
                await retry.call(slow_service)

    async def main():
        await asyncio.gather(*(client(Retry(3, Backoff(10))) for _ in range(200)))
        return asyncio.get_running_loop().time()

    assert benchmark.pedantic(run_virtual, args=(main,), kwargs={"seed": 1}, rounds=3) >= 3600


@pytest.mark.benchmark(group="the contention table: 19 numbers of clients, 5 kinds, 100 trials")
def test_contention_table(benchmark):
    table = benchmark.pedantic(contention, rounds=3, warmup_rounds=1)

    assert len(table) == 19 * 5


SETTINGS = {
    "contention(100, 'full')": lambda: contention(100, "full"),
    "retry_strategies(0.2)": lambda: retry_strategies(0.2),
    "backoff_load()": backoff_load,
    "collapse(5.0)": lambda: collapse(5.0),
    "metastable(280)": lambda: metastable(280),
    "metastable(280, budget=0.1)": lambda: metastable(280, budget=0.1),
    "adaptive_throttle(500)": lambda: adaptive_throttle(500),
    "amplification(3, 3)": lambda: amplification(3, 3),
    "shards()": shards,
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.benchmark(group="one setting of a simulation")
def test_setting(benchmark, setting):
    benchmark.pedantic(SETTINGS[setting], rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("code", ["import asyncio", "import asyncio, resilience_lab"])
@pytest.mark.benchmark(group="a new interpreter that imports")
def test_import(benchmark, code):
    benchmark.pedantic(
        subprocess.run,
        args=([sys.executable, "-c", code],),
        kwargs={"check": True},
        rounds=20,
        warmup_rounds=1,
    )
