"""Part C of the challenge: when the best agent cannot answer, ask the next best."""

from resilience_lab.fallback.agents import Agent, BaseAgent, ScriptedAgent
from resilience_lab.fallback.orchestrator import FallbackOrchestrator, FallbackResult
from resilience_lab.fallback.query import Attempt

__all__ = [
    "Agent",
    "Attempt",
    "BaseAgent",
    "FallbackOrchestrator",
    "FallbackResult",
    "ScriptedAgent",
]
