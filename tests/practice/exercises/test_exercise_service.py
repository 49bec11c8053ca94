"""What the exercises' policies call: the service and the agents do as they are told, and say so."""

from __future__ import annotations

import asyncio

import pytest

from resilience_lab.practice.exam.room import START
from resilience_lab.practice.exercises.agent import agents
from resilience_lab.practice.exercises.service import DOWN, Service, listed, result_or_error
from resilience_lab.practice.exercises.traffic import (
    down,
    drive,
    overloaded,
    repeated,
    two_of_three,
    well,
)
from resilience_lab.virtual_time.loop import VirtualLoop


def run(main):
    """In virtual time from the moment at which a trial begins."""
    loop = VirtualLoop(START)
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def test_the_service_plays_its_steps_and_the_last_for_ever():
    service = Service((2.0, "slow"), DOWN)

    async def main():
        return [await result_or_error(service()) for _ in range(3)]

    first, second, third = run(main)

    assert first == "slow"
    assert [second, third] == service.errors
    assert second is not third
    assert (service.times, service.ends) == ([0.0, 2.0, 2.0], [2.0, 2.0, 2.0])


def test_a_call_that_is_cancelled_is_not_running_any_more():
    service = Service((5.0, "late"))

    async def main():
        task = asyncio.ensure_future(service())
        await asyncio.sleep(1)
        running = service.running
        task.cancel()
        await asyncio.wait([task])
        return running, service.running, service.ends

    assert run(main) == (1, 0, [1.0])


def test_agents_know_when_they_were_asked():
    first, second = agents(["one", ConnectionError("down")], "again and again")

    async def main():
        asked = [first, first, second, second]
        return [await result_or_error(agent.run("hi")) for agent in asked]

    one, down, *again = run(main)

    assert (one, str(down), again) == ("one", "down", ["again and again"] * 2)
    assert (first.name, first.times) == ("agent 0", [0.0, 0.125])
    assert (second.name, second.times) == ("agent 1", [0.25, 0.375])


@pytest.mark.parametrize(("times", "text"), [([0.0, 1.5], "0, 1.5"), ([], "never")])
def test_times_are_listed(times, text):
    assert listed(times) == text


class Client:
    """Sends every second request."""

    def __init__(self):
        self.asked, self.heard = [], []

    def should_send(self, now):
        self.asked.append(now)
        return len(self.asked) % 2 == 1

    def accepted(self, now):
        self.heard.append(now)


@pytest.mark.parametrize(
    ("backend", "heard"),
    [
        (well, [10.0, 11.0, 12.0, 13.0]),
        (down, []),
        (two_of_three(), [10.0, 11.0, 13.0]),
        (overloaded(1.5), [10.0, 12.0]),
    ],
)
def test_traffic_is_made_sent_and_accepted(backend, heard):
    client = Client()

    made, sent, accepted = drive(client, backend, 2.0, 10.0, 14.0)

    assert client.asked == [10.0 + number / 2 for number in range(8)]
    assert (made, sent, accepted) == (8, 4, len(heard))
    assert client.heard == heard


def test_repeated_calls():
    assert repeated(divmod, 3, 7, 4) == [(1, 3)] * 3
