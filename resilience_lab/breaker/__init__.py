"""Part A of the challenge: stop calling what keeps failing, and probe whether it is well again."""

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.breaker.keyed import KeyedBreakers
from resilience_lab.breaker.permit import Permit
from resilience_lab.breaker.trip_rules import (
    ConsecutiveFailures,
    FailureRate,
    SlowCallRate,
    TripRule,
    any_of,
)
from resilience_lab.ground.outcomes import State

__all__ = [
    "CircuitBreaker",
    "ConsecutiveFailures",
    "FailureRate",
    "KeyedBreakers",
    "Permit",
    "SlowCallRate",
    "State",
    "TripRule",
    "any_of",
]
