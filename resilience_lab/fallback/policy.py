"""How the agents of a chain are asked: plain values that a query and its turns are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from resilience_lab.events.events import Listener
from resilience_lab.ground.arguments import function, non_negative, positive, text
from resilience_lab.ground.outcomes import ErrorFilter, matcher
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry


@dataclass(frozen=True, kw_only=True, eq=False)
class ChainPolicy:
    """The rules of a `FallbackOrchestrator`, whose arguments these are; it checks them.

    Raises `ValueError` or `TypeError` for a rule that makes no sense.
    """

    attempt_timeout: float | None = None
    hedge_after: float | None = None
    retry: Retry | None = None
    budget: RetryBudget | None = None
    fallback_on: ErrorFilter = Exception
    accept: Callable[[str], bool] | None = None
    on_event: Listener | None = None
    name: str = "fallback"
    falls_back: Callable[[Exception], bool] = field(init=False)
    """Whether the next agent is asked after this error."""

    def __post_init__(self) -> None:
        timeout, hedge = self.attempt_timeout, self.hedge_after
        if not (self.retry is None or isinstance(self.retry, Retry)):
            raise TypeError(f"retry must be a Retry or None, got {self.retry!r}")
        if not (self.budget is None or isinstance(self.budget, RetryBudget)):
            raise TypeError(f"budget must be a RetryBudget or None, got {self.budget!r}")
        function("accept", self.accept)
        function("on_event", self.on_event)
        text("name", self.name)
        vars(self).update(  # as a frozen value may, while it is being made
            attempt_timeout=None if timeout is None else positive("attempt_timeout", timeout),
            hedge_after=None if hedge is None else non_negative("hedge_after", hedge),
            falls_back=matcher("fallback_on", self.fallback_on),
        )
