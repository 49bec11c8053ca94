"""What an error says about when to come back: its `retry_after`, in seconds.

Servers say it in the header of that name (RFC 9110, section 10.2.3), and so does an open breaker.
It comes from outside, so only what makes sense is believed.
"""

from __future__ import annotations

import math

from resilience_lab.errors import AllAgentsFailedError


def hint_of(error: BaseException) -> float:
    """The wait in seconds that `error` asks for; 0.0 if it asks for none that makes sense.

    In a group, all that failed together must be ready again: the longest wait counts. Of the agents
    of a chain, one is enough: the shortest, and none if one of them asks for none. What the group
    says of itself comes first.

    Examples
    --------
    >>> from resilience_lab import RateLimitedError
    >>> hint_of(RateLimitedError("gpt4", retry_after=20.0))
    20.0
    >>> hint_of(ExceptionGroup("both", [RateLimitedError("gpt4", 20.0), TimeoutError()]))
    20.0
    """
    try:
        hint = getattr(error, "retry_after", None)
    except Exception:  # a property that fails must not take the place of the error
        hint = None
    if isinstance(hint, int | float) and not isinstance(hint, bool) and hint > 0:
        try:
            return float(hint)
        except OverflowError:  # an int that no float can hold
            return math.inf
    if not isinstance(error, BaseExceptionGroup):
        return 0.0
    hints = map(hint_of, error.exceptions)
    return min(hints) if isinstance(error, AllAgentsFailedError) else max(hints)
