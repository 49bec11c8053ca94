"""The classic three-part transcript, live: scripted agents, shipped policies, virtual time.

Each part is an ordinary coroutine that also runs in real time. The waits, the timeout and the
thirty seconds really pass, on whichever clock the loop has.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.errors import RateLimitedError
from resilience_lab.events.events import Listener, Section
from resilience_lab.fallback.agents import ScriptedAgent
from resilience_lab.fallback.orchestrator import FallbackOrchestrator
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.retry import Retry


async def circuit_breaker_test(listener: Listener) -> None:
    """Three failures trip the breaker, a break later two probes close it."""
    _begin(listener, "Circuit Breaker Test")
    agent = ScriptedAgent("gpt4", [*[ConnectionError("connection reset")] * 3, "I am well again"])
    breaker = CircuitBreaker(name="gpt4", on_event=listener)

    async def ask() -> None:
        with suppress(Exception):  # the listener tells what happened
            await breaker.call(agent.run, "How are you?")

    for _ in range(5):
        await ask()
    await asyncio.sleep(breaker.retry_after)
    for _ in range(2):
        await ask()


async def retry_test(listener: Listener) -> None:
    """Two failures, one and two seconds of waiting, and success."""
    _begin(listener, "Retry with Exponential Backoff")
    agent = ScriptedAgent("gpt4", [*[ConnectionError("connection reset")] * 2, "Here I am"])
    retry = Retry(3, Backoff(1.0, jitter="none"), on_event=listener)
    await retry.call(agent.run, "Are you there?")


async def fallback_test(listener: Listener) -> None:
    """The first agent times out, the second is rate limited, the local one answers."""
    _begin(listener, "Fallback Agent Test")
    primary = ScriptedAgent("GPT4Agent", [(60.0, "an answer that comes too late")])
    fallbacks = [
        ScriptedAgent("GPT35Agent", [RateLimitedError("GPT35Agent", retry_after=20.0)]),
        ScriptedAgent("LocalLLM", ["Sentiment: Positive (confidence: 0.78)"]),
    ]
    orchestrator = FallbackOrchestrator(attempt_timeout=10.0, on_event=listener)
    await orchestrator.execute_with_fallback("Analyze customer sentiment", primary, fallbacks)


async def classic(listener: Listener) -> None:
    """All three parts in turn.

    Parameters
    ----------
    listener
        Is told each event, such as a `Transcript`, which prints them.
    """
    await circuit_breaker_test(listener)
    await retry_test(listener)
    await fallback_test(listener)


def _begin(listener: Listener, title: str) -> None:
    listener(Section(asyncio.get_running_loop().time(), "demo", title))
