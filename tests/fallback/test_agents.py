"""Promises, section 6: `BaseAgent`; and `ScriptedAgent`."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

import pytest

from resilience_lab import BaseAgent, ScriptedAgent
from resilience_lab.errors import AgentAnswerError


class Echo(BaseAgent):
    async def run(self, query):
        return query


class Named(Echo):
    name = "by class"


class OwnInit(Echo):
    def __init__(self, name):
        self.name = name


@dataclass
class Data(Echo):
    name: str
    model: str


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (Echo(), "Echo"),
        (Echo("given"), "given"),
        (Named(), "by class"),
        (Named("given"), "given"),
        (OwnInit("own"), "own"),
        (Data("data", "m"), "data"),
    ],
)
def test_an_agent_is_called_as_it_says_or_after_its_class(agent, name):
    assert agent.name == name


def test_its_repr_names_it():
    assert repr(Echo("gpt4")) == "<Echo 'gpt4'>"


def test_other_missing_attributes_are_still_missing():
    with pytest.raises(AttributeError, match="'Echo' object has no attribute 'nam'"):
        _ = Echo().nam


def test_an_agent_must_be_able_to_run():
    with pytest.raises(TypeError, match="run"):
        BaseAgent()


async def test_promise_6_7_a_whole_answer_in_one_chunk_is_text_too():
    class Forgetful(BaseAgent):
        async def run(self, query):
            pass

    assert [chunk async for chunk in Echo().stream("hi")] == ["hi"]
    with pytest.raises(AgentAnswerError, match="run returned None"):
        await anext(Forgetful().stream("hi"))


async def test_a_script_is_played_in_order_and_its_end_repeated():
    error = OSError("down")
    agent = ScriptedAgent("gpt4", ["one", error, KeyError, (2.0, "late"), (1, error)])

    assert await agent.run("a") == "one"
    with pytest.raises(OSError, match="down") as raised:
        await agent.run("b")
    assert raised.value is error
    with pytest.raises(KeyError):
        await agent.run("c")
    assert await agent.run("d") == "late"
    assert asyncio.get_running_loop().time() == 2.0
    for _ in range(2):
        with pytest.raises(OSError, match="down"):
            await agent.run("e")
    assert asyncio.get_running_loop().time() == 4.0
    assert agent.queries == ["a", "b", "c", "d", "e", "e"]


async def test_an_error_that_is_raised_again_does_not_grow():
    agent = ScriptedAgent("gpt4", [OSError("down")])
    lengths = []

    for _ in range(3):
        with pytest.raises(OSError) as raised:
            await agent.run("hi")
        lengths.append(len(raised.traceback))

    assert len(set(lengths)) == 1


async def test_an_infinite_latency_hangs():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1000):
            await ScriptedAgent("gpt4", [(math.inf, "never")]).run("hi")


@pytest.mark.parametrize(
    ("outcomes", "complaint"),
    [
        ("hello", "outcomes must be a list of outcomes, got 'hello'"),
        (None, "outcomes must be a list of outcomes, got None"),
        ([], "outcomes must hold at least one outcome"),
        ([3], "an outcome must be an answer or an exception, got 3"),
        ([KeyboardInterrupt], "an outcome must be an answer or an exception, got <class"),
        ([(1.0, None)], "an outcome must be an answer or an exception, got None"),
        ([(-1, "a")], "a latency must be a number of seconds >= 0, got -1"),
        ([(math.nan, "a")], "a latency must be a number of seconds >= 0, got nan"),
        ([("a", "b")], "a latency must be a number of seconds >= 0, got 'a'"),
        ([(True, "b")], "a latency must be a number of seconds >= 0, got True"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(outcomes, complaint):
    with pytest.raises((ValueError, TypeError), match=complaint):
        ScriptedAgent("gpt4", outcomes)


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_must_be_a_string(name):
    with pytest.raises((ValueError, TypeError), match="name must"):
        ScriptedAgent(name, ["a"])
