"""The check of notebook 07's exercise: it names what is missing, and what a repair broke."""

from __future__ import annotations

import asyncio

from resilience_lab import CircuitBreaker
from resilience_lab.practice.exercises.repair import check_repair
from resilience_lab.practice.libraries.hyx import CircuitBreaker as Hyx


class Flagged(Hyx):
    """One probe at a time, by a flag that nobody takes down when the probe is cancelled."""

    probing = False

    async def call(self, func, *args, **kwargs):
        if self.state == "CLOSED":
            return await super().call(func, *args, **kwargs)
        if self.probing:
            raise RuntimeError("somebody is probing")
        self.probing = True
        try:
            result = await super().call(func, *args, **kwargs)
        except Exception:
            self.probing = False
            raise
        self.probing = False
        return result


class Locked(Hyx):
    """One call at a time, always."""

    def __init__(self, failure_threshold=3, recovery_timeout=30, success_threshold=2):
        super().__init__(failure_threshold, recovery_timeout, success_threshold)
        self.lock = asyncio.Lock()

    async def call(self, func, *args, **kwargs):
        async with self.lock:
            return await super().call(func, *args, **kwargs)


def test_the_library_as_it_is_lacks_the_permit():
    assert check_repair(Hyx).missing == ("lets one probe through at a time",)


def test_a_breaker_that_has_it_all_is_well_done():
    assert check_repair(CircuitBreaker).passed


def test_a_flag_without_finally_is_named():
    assert check_repair(Flagged).missing == ("gives the permit of a cancelled probe back",)


def test_a_lock_is_named():
    assert check_repair(Locked).missing == (
        "lets one probe through at a time",
        "lets calls run side by side",
    )


def test_what_is_no_breaker_is_missing_everything():
    assert len(check_repair(object()).missing) == 5
