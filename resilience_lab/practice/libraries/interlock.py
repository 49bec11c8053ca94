"""interlock-cb: a breaker by failure rate and slow calls, with its state machine apart from I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import interlock

from resilience_lab.practice.libraries.library import Library


class CircuitBreaker:
    """A failure rate of 100 % over the last `failure_threshold` calls: all of them in a row.

    Its probes are judged as a round, by their failure rate. A round of one is the only one in which
    a failed probe opens the circuit again at once, as the challenge asks.
    """

    def __init__(
        self, failure_threshold: int = 3, recovery_timeout: float = 30, success_threshold: int = 2
    ) -> None:
        del success_threshold
        self._breaker = interlock.CircuitBreaker(
            name="circuit",
            config=interlock.Config(
                failure_rate_threshold=1.0,
                minimum_number_of_calls=failure_threshold,
                window_size=failure_threshold,
                permitted_calls_in_half_open=1,
                wait_duration_in_open=recovery_timeout,
            ),
        )

    @property
    def state(self) -> interlock.State:
        return self._breaker.state

    async def call(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await self._breaker.call_async(func, *args, **kwargs)


_NO_TIMEOUT = (
    "'A call that hangs forever would never be counted as slow or failed'; its TimeoutStrategy is "
    "what ends it (docstring of CallTimeoutError)."
)

LIBRARY = Library(
    name="interlock-cb",
    used="a Config with failure_rate_threshold=1.0 over a window of failure_threshold calls, and a "
    "probe round of one (documentation, Configuration). Its retry is tenacity's, and its fallback "
    "is for 'a cached value, an empty response', not for another agent.",
    subjects={"circuit breaker": CircuitBreaker},
    choices={
        "does not close before success_threshold successful probes": "It 'decides on the probe "
        "rate, not a fixed success count' (documentation, Migrating).",
        "gives the permit of a hung probe to another caller": _NO_TIMEOUT,
        "takes a hung probe's late answer for old news": _NO_TIMEOUT,
    },
)
