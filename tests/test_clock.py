"""Whose time it is, and the cheaper way to read it."""

from __future__ import annotations

import asyncio
import time

from resilience_lab.clock import at_hand, loop_time


async def test_on_a_virtual_loop_time_is_virtual():
    await asyncio.sleep(3600)

    assert loop_time() == 3600.0
    assert at_hand(loop_time) is loop_time


def test_on_asyncios_own_loop_it_is_the_steady_clock():
    async def main():
        return at_hand(loop_time)

    assert asyncio.run(main()) is time.monotonic


def test_outside_a_loop_it_is_the_steady_clock_too():
    before = time.monotonic()

    assert before <= loop_time() <= time.monotonic()
    assert at_hand(loop_time) is time.monotonic


def test_a_clock_of_ones_own_is_read_as_it_is():
    def clock():
        return 5.0

    assert at_hand(clock) is clock
