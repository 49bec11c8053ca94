"""Fault tolerance for multi-agent systems, to learn from and to use.

Three patterns, each a policy with one verb, outermost first:

    await retry.call(breaker.call, agent.run, query)

and a chain that falls back from agent to agent. Time is the event loop's, so the same policies run
in virtual time: see `run_virtual`.
"""

from importlib import import_module
from typing import Any

from resilience_lab.agents import BaseAgent, ScriptedAgent
from resilience_lab.backoff import JITTERS, Backoff
from resilience_lab.breaker import CircuitBreaker, Permit, State
from resilience_lab.budget import RetryBudget
from resilience_lab.deadline import deadline, time_remaining
from resilience_lab.errors import (
    AgentError,
    AgentTimeoutError,
    AllAgentsFailedError,
    CircuitOpenError,
    DeadlineExceededError,
    DeadlockError,
    RateLimitedError,
    ResilienceError,
    ResultRejectedError,
)
from resilience_lab.fallback import FallbackOrchestrator, FallbackResult
from resilience_lab.outcomes import Outcome
from resilience_lab.recorder import Recorder
from resilience_lab.retry import Retry, retry_with_backoff
from resilience_lab.simulation import run_virtual
from resilience_lab.transcript import Transcript

__version__ = "0.1.0"

_LIVE = {"ChatAgent", "FaultyServer", "SentimentAgent"}


def __getattr__(name: str) -> Any:
    """The agents of `resilience_lab.live`: imported when asked for, as they need the lab extra."""
    if name in _LIVE:
        return getattr(import_module("resilience_lab.live"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "JITTERS",
    "AgentError",
    "AgentTimeoutError",
    "AllAgentsFailedError",
    "Backoff",
    "BaseAgent",
    "CircuitBreaker",
    "CircuitOpenError",
    "DeadlineExceededError",
    "DeadlockError",
    "FallbackOrchestrator",
    "FallbackResult",
    "Outcome",
    "Permit",
    "RateLimitedError",
    "Recorder",
    "ResilienceError",
    "ResultRejectedError",
    "Retry",
    "RetryBudget",
    "ScriptedAgent",
    "State",
    "Transcript",
    "deadline",
    "retry_with_backoff",
    "run_virtual",
    "time_remaining",
]
