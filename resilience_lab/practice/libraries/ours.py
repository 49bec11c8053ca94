"""resilience_lab itself: examined like the others, or the comparison would be worth nothing."""

from __future__ import annotations

import functools

from resilience_lab.breaker import CircuitBreaker
from resilience_lab.fallback import FallbackOrchestrator
from resilience_lab.practice.libraries.library import ATTEMPT, Library
from resilience_lab.retry import retry_with_backoff

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
