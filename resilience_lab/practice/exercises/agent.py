"""The agents that the exercises' chains ask."""

from __future__ import annotations

import asyncio
from typing import Any

from resilience_lab.fallback.agents import ScriptedAgent
from resilience_lab.practice.exercises.service import elapsed

_LATENCY = 0.125  # seconds; sums of it are exact


class Agent(ScriptedAgent):
    """Takes a moment for each outcome, and knows when it was asked."""

    def __init__(self, name: str, outcomes: list[Any]) -> None:
        super().__init__(name, outcomes)
        self.times: list[float] = []

    async def run(self, query: str) -> str:
        self.times.append(elapsed())
        await asyncio.sleep(_LATENCY)
        return await super().run(query)


def agents(*scripts: Any) -> list[Agent]:
    """An agent for each script: a list of outcomes, or one that is repeated for ever."""
    return [
        Agent(f"agent {i}", script if isinstance(script, list) else [script])
        for i, script in enumerate(scripts)
    ]
