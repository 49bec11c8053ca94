"""The quiz at the end of each notebook. Its text is in `questions/`, so no cell shows an answer."""

from __future__ import annotations

from resilience_lab.practice.questions.bank import quiz_questions
from resilience_lab.practice.questions.quiz import Question, Quiz


def start_here() -> Quiz:
    """Notebook 00."""
    return _quiz("00_start_here")


def circuit_breaker() -> Quiz:
    """Notebook 01."""
    return _quiz("01_circuit_breaker")


def backoff_and_jitter() -> Quiz:
    """Notebook 02."""
    return _quiz("02_backoff_and_jitter")


def fallback_agents() -> Quiz:
    """Notebook 03."""
    return _quiz("03_fallback_agents")


def composing_patterns() -> Quiz:
    """Notebook 04."""
    return _quiz("04_composing_patterns")


def retry_storms() -> Quiz:
    """Notebook 05."""
    return _quiz("05_retry_storms")


def libraries_compared() -> Quiz:
    """Notebook 07."""
    return _quiz("07_libraries_compared")


def _quiz(notebook: str) -> Quiz:
    return Quiz(
        *(Question(known.ask, known.options, known.right) for known in quiz_questions(notebook))
    )


__all__ = [
    "backoff_and_jitter",
    "circuit_breaker",
    "composing_patterns",
    "fallback_agents",
    "libraries_compared",
    "retry_storms",
    "start_here",
]
