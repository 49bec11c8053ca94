"""resilience_lab itself: examined like the others, or the comparison would be worth nothing."""

from __future__ import annotations

import functools

from resilience_lab import CircuitBreaker, FallbackOrchestrator, retry_with_backoff
from resilience_lab.practice.libraries.library import ATTEMPT, Library

LIBRARY = Library(
    name="resilience_lab",
    used="CircuitBreaker and retry_with_backoff as they are, and "
    "FallbackOrchestrator(attempt_timeout=30).",
    subjects={
        "circuit breaker": CircuitBreaker,
        "retry with backoff": retry_with_backoff,
        "fallback agents": functools.partial(FallbackOrchestrator, attempt_timeout=ATTEMPT),
    },
)
