"""What mutants say of the libraries we compare with was seen in those very libraries."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import re
import threading
from contextlib import suppress
from datetime import timedelta

import aiobreaker
import circuitbreaker
import hyx.circuitbreaker.states
import nopanic
import purgatory
import purgatory.domain.model
import pybreaker
import pytest
import tenacity

from resilience_lab.practice.bug_hunt.mutants import MUTANTS

PEERS = ("aiobreaker", "circuitbreaker", "hyx", "nopanic", "purgatory", "pybreaker", "tenacity")


async def ok(seconds=0.0):
    await asyncio.sleep(seconds)


async def down(seconds=0.0):
    await asyncio.sleep(seconds)
    raise ConnectionError("down")


async def three_failures(call):
    for _ in range(3):
        with suppress(Exception):
            await call(down)


@pytest.mark.parametrize("peer", PEERS)
def test_the_version_that_is_named_is_the_one_that_was_tried(peer):
    named = {
        version
        for mutant in MUTANTS
        for version in re.findall(rf"\b{peer} (\d[\d.]*\d)", mutant.shipped_by)
    }

    assert named == {importlib.metadata.version(peer)}


async def test_circuitbreaker_lets_everyone_probe(monkeypatch):
    breaker = circuitbreaker.CircuitBreaker(failure_threshold=3, recovery_timeout=30)
    now = 0.0
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: now)
    reached = 0

    @breaker
    async def service(healthy):
        nonlocal reached
        reached += 1
        await (ok(1.0) if healthy else down())

    await three_failures(lambda _: service(False))
    now = 31.0
    await asyncio.gather(*(service(True) for _ in range(20)))

    assert reached == 3 + 20
    about = importlib.metadata.metadata("circuitbreaker")
    assert "allows one test-execution" in (about["Description"] or about.get_payload())


async def test_circuitbreaker_is_closed_by_a_late_success():
    breaker = circuitbreaker.CircuitBreaker(failure_threshold=3, recovery_timeout=30)
    late = asyncio.create_task(breaker.call_async(ok, 1.0))
    await asyncio.sleep(0)
    await three_failures(breaker.call_async)
    assert breaker.state == "open"

    await late

    assert breaker.state == "closed"


async def test_circuitbreaker_is_closed_by_a_cancellation():
    breaker = circuitbreaker.CircuitBreaker(failure_threshold=3, recovery_timeout=30)
    call = asyncio.create_task(breaker.call_async(ok, 1.0))
    await asyncio.sleep(0)
    await three_failures(breaker.call_async)
    assert breaker.state == "open"

    call.cancel()
    await asyncio.wait([call])

    assert breaker.state == "closed"


async def test_circuitbreaker_begins_the_break_anew_with_a_late_failure(monkeypatch):
    now = 0.0
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: now)
    breaker = circuitbreaker.CircuitBreaker(failure_threshold=3, recovery_timeout=30)
    late = asyncio.create_task(breaker.call_async(down, 1.0))
    await asyncio.sleep(0)
    await three_failures(breaker.call_async)
    now = 20.0

    await asyncio.wait([late])

    assert breaker.open_remaining == 30
    assert isinstance(late.exception(), ConnectionError)


async def test_aiobreaker_begins_the_break_anew_with_a_late_failure():
    breaker = aiobreaker.CircuitBreaker(fail_max=3, timeout_duration=timedelta(seconds=30))
    late = asyncio.create_task(breaker.call_async(down, 1.0))
    await asyncio.sleep(0)
    await three_failures(breaker.call_async)
    breaker._state_storage.opened_at -= timedelta(seconds=20)  # twenty seconds later
    before = breaker._state_storage.opened_at

    await asyncio.wait([late])

    assert breaker._state_storage.opened_at - before >= timedelta(seconds=20)
    assert late.exception() is not None


async def test_purgatory_counts_cancellations():
    breaker = await purgatory.AsyncCircuitBreakerFactory(default_threshold=3).get_breaker("api")

    async def guarded():
        async with breaker:
            await ok(1.0)

    calls = [asyncio.create_task(guarded()) for _ in range(3)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)

    assert breaker.context.state == "opened"


async def test_nopanic_waits_for_a_hung_probe():
    now = 0.0
    breaker = nopanic.CircuitBreaker(
        min_calls=3, reset_timeout=30, half_open_max_calls=1, clock=lambda: now
    )
    await three_failures(breaker(down))
    now = 31.0
    hung = asyncio.create_task(breaker(ok)(1e9))
    await asyncio.sleep(0)
    now = 1e6

    with pytest.raises(nopanic.CircuitOpen):
        await breaker(ok)()
    hung.cancel()


def test_pybreaker_holds_its_lock_during_the_call():
    breaker = pybreaker.CircuitBreaker()
    got_it = []

    def service():
        other = threading.Thread(target=lambda: got_it.append(breaker._lock.acquire(False)))
        other.start()
        other.join()

    breaker.call(service)

    assert got_it == [False]


@pytest.mark.parametrize(
    ("module", "reading"),
    [
        (pybreaker, "datetime.now(UTC)"),
        (aiobreaker.state, "datetime.utcnow()"),
        (purgatory.domain.model, "time.time()"),
        (hyx.circuitbreaker.states, "datetime.utcnow()"),
    ],
)
def test_four_breakers_read_the_wall_clock(module, reading):
    source = inspect.getsource(module)

    assert reading in source
    assert "monotonic" not in source


async def test_tenacity_retries_a_cancelled_call():
    calls = 0

    async def service():
        nonlocal calls
        calls += 1
        await ok(5.0)

    retry = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_not_exception_type(ValueError), stop=tenacity.stop_after_attempt(3)
    )
    task = asyncio.create_task(retry(service))
    await asyncio.sleep(1.0)
    task.cancel()
    await asyncio.wait([task])

    assert calls == 2
    assert not task.cancelled()
