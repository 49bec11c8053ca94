"""Part B of the challenge: try again later, and know when to stop."""

from resilience_lab.retry.backoff import JITTERS, Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry
from resilience_lab.retry.with_backoff import retry_with_backoff

__all__ = ["JITTERS", "Backoff", "Retry", "RetryBudget", "retry_with_backoff"]
