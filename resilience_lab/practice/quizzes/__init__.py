"""The questions at the end of each notebook: kept here, so that no cell shows the answers."""

from resilience_lab.practice.quizzes.backoff_and_jitter import backoff_and_jitter
from resilience_lab.practice.quizzes.circuit_breaker import circuit_breaker
from resilience_lab.practice.quizzes.composing_patterns import composing_patterns
from resilience_lab.practice.quizzes.fallback_agents import fallback_agents
from resilience_lab.practice.quizzes.libraries_compared import libraries_compared
from resilience_lab.practice.quizzes.retry_storms import retry_storms
from resilience_lab.practice.quizzes.start_here import start_here

__all__ = [
    "backoff_and_jitter",
    "circuit_breaker",
    "composing_patterns",
    "fallback_agents",
    "libraries_compared",
    "retry_storms",
    "start_here",
]
