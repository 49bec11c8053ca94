"""The first exercise: a fallback chain written by hand, `await ask(query, agents)`.

The learner's function runs in virtual time against scripted agents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from resilience_lab.fallback.agents import BaseAgent
from resilience_lab.practice.exam.checklist import Checklist
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.agent import agents
from resilience_lab.practice.exercises.examiner import Trial, examine
from resilience_lab.practice.exercises.service import elapsed

Ask: TypeAlias = Callable[[str, Sequence[BaseAgent]], Awaitable[str]]

PATIENCE = 5.0
"""How long an agent may take, in seconds."""

_HANG = (float("inf"), "never")


@marked
def check_ask(ask: Ask) -> Checklist:
    """Examine `ask(query, agents)`: the first answer within `PATIENCE` seconds each, in order."""
    return examine(ask, _BEHAVIOURS)


async def _asks_the_first(ask: Ask) -> str | None:
    asked = agents("hello", "unused")
    answer = await ask("hi", asked)
    if answer != "hello":
        return f"the first agent said 'hello', ask returned {answer!r}"
    if asked[1].queries:
        return "the second agent was asked although the first had answered"
    return None


async def _falls_back(ask: Ask) -> str | None:
    asked = agents(ConnectionError("down"), ValueError("bad answer"), "hello")
    answer = await ask("hi", asked)
    if answer != "hello":
        return f"only the third agent could answer, with 'hello'; ask returned {answer!r}"
    return None


async def _cuts_off(ask: Ask) -> str | None:
    started = elapsed()
    answer = await ask("hi", agents(_HANG, "hello"))
    took = elapsed() - started
    if answer != "hello":
        return f"the first agent hangs, the second says 'hello'; ask returned {answer!r}"
    if took > PATIENCE + 0.2:
        return f"the answer took {took:.1f} s"
    return None


async def _raises(ask: Ask) -> str | None:
    try:
        answer = await ask("hi", agents(ConnectionError("one"), TimeoutError("two")))
    except Exception:
        return None
    return f"no agent could answer, yet ask returned {answer!r}"


async def _can_be_cancelled(ask: Ask) -> str | None:
    asked = agents(_HANG, "hello")
    task = asyncio.ensure_future(ask("hi", asked))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
    if asked[1].queries:
        return "cancelled in the middle of the first agent, it went on to the second"
    return None if task.cancelled() else "a cancelled task did not end as cancelled"


_BEHAVIOURS: dict[str, Trial] = {
    "asks the first agent, and no other if that one answers": _asks_the_first,
    "falls back to the next agent when one fails": _falls_back,
    f"cuts a hanging agent off after {PATIENCE:g} s": _cuts_off,
    "raises when no agent answers": _raises,
    "ends at once when it is cancelled": _can_be_cancelled,
}
