"""Fault tolerance for multi-agent systems, to learn from and to use.

Three patterns, each a policy with one verb, outermost first:

    await retry.call(breaker.call, agent.run, query)

and a chain that falls back from agent to agent. Time is the event loop's, so the same policies run
in virtual time: see `run_virtual`.

Importing this package costs next to nothing, because a name's module is loaded when the name is
first used. The agents of `resilience_lab.live` need the lab extra; everything else needs only the
standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# Not lazily: the function has the name of its module, and has to win.
from resilience_lab.deadline import deadline, time_remaining
from resilience_lab.ground import names_on_demand

if TYPE_CHECKING:
    from resilience_lab.breaker.breaker import CircuitBreaker
    from resilience_lab.breaker.keyed import KeyedBreakers
    from resilience_lab.breaker.permit import Permit
    from resilience_lab.breaker.trip_rules import (
        ConsecutiveFailures,
        FailureRate,
        SlowCallRate,
        any_of,
    )
    from resilience_lab.deadline import no_deadline
    from resilience_lab.errors import (
        AgentAnswerError,
        AgentConnectionError,
        AgentError,
        AgentResponseError,
        AgentStatusError,
        AgentTimeoutError,
        AllAgentsFailedError,
        CircuitOpenError,
        DeadlineExceededError,
        DeadlockError,
        RateLimitedError,
        RequestRefusedError,
        ResilienceError,
        ResultRejectedError,
        ServerFaultError,
        StreamInterruptedError,
    )
    from resilience_lab.events.recorder import Recorder
    from resilience_lab.events.transcript import Transcript
    from resilience_lab.fallback.agents import Agent, BaseAgent, ScriptedAgent
    from resilience_lab.fallback.orchestrator import FallbackOrchestrator, FallbackResult
    from resilience_lab.ground.outcomes import Outcome, State
    from resilience_lab.live import ChatAgent as ChatAgent
    from resilience_lab.live import FaultyServer as FaultyServer
    from resilience_lab.live import SentimentAgent as SentimentAgent
    from resilience_lab.retry.backoff import JITTERS, Backoff
    from resilience_lab.retry.budget import RetryBudget
    from resilience_lab.retry.retry import Retry
    from resilience_lab.retry.with_backoff import retry_with_backoff
    from resilience_lab.simulation import run_virtual

__version__ = "0.1.0"

__all__ = [  # without the live agents, so that `import *` needs no extra
    "JITTERS",
    "Agent",
    "AgentAnswerError",
    "AgentConnectionError",
    "AgentError",
    "AgentResponseError",
    "AgentStatusError",
    "AgentTimeoutError",
    "AllAgentsFailedError",
    "Backoff",
    "BaseAgent",
    "CircuitBreaker",
    "CircuitOpenError",
    "ConsecutiveFailures",
    "DeadlineExceededError",
    "DeadlockError",
    "FailureRate",
    "FallbackOrchestrator",
    "FallbackResult",
    "KeyedBreakers",
    "Outcome",
    "Permit",
    "RateLimitedError",
    "Recorder",
    "RequestRefusedError",
    "ResilienceError",
    "ResultRejectedError",
    "Retry",
    "RetryBudget",
    "ScriptedAgent",
    "ServerFaultError",
    "SlowCallRate",
    "State",
    "StreamInterruptedError",
    "Transcript",
    "any_of",
    "deadline",
    "no_deadline",
    "retry_with_backoff",
    "run_virtual",
    "time_remaining",
]

__getattr__, __dir__ = names_on_demand(
    __name__,
    {
        "breaker": (
            "CircuitBreaker",
            "ConsecutiveFailures",
            "FailureRate",
            "KeyedBreakers",
            "Permit",
            "SlowCallRate",
            "any_of",
        ),
        "deadline": ("no_deadline",),
        "errors": (
            "AgentAnswerError",
            "AgentConnectionError",
            "AgentError",
            "AgentResponseError",
            "AgentStatusError",
            "AgentTimeoutError",
            "AllAgentsFailedError",
            "CircuitOpenError",
            "DeadlineExceededError",
            "DeadlockError",
            "RateLimitedError",
            "RequestRefusedError",
            "ResilienceError",
            "ResultRejectedError",
            "ServerFaultError",
            "StreamInterruptedError",
        ),
        "events": ("Recorder", "Transcript"),
        "fallback": (
            "Agent",
            "BaseAgent",
            "FallbackOrchestrator",
            "FallbackResult",
            "ScriptedAgent",
        ),
        "ground.outcomes": ("Outcome", "State"),
        "live": ("ChatAgent", "FaultyServer", "SentimentAgent"),
        "retry": ("JITTERS", "Backoff", "Retry", "RetryBudget", "retry_with_backoff"),
        "virtual_time": ("run_virtual",),
    },
)
