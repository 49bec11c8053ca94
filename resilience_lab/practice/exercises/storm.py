"""Two exercises on load: a budget for retries, and a throttle that stands before the backend.

`check_budget` takes a class `Budget(ratio, burst)` with `first_call()` and `may_retry()`.
`check_throttle` takes a class `Throttle(k, rng)` with `should_send(now)` and `accepted(now)`: the
client-side adaptive throttling of Betsy Beyer et al., "Site Reliability Engineering", O'Reilly,
2016, chapter 21. `rng` is a `random.Random`, `now` the time in seconds.
"""

from __future__ import annotations

import random
from typing import Any

from resilience_lab.practice.exam.checklist import Checklist
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.examiner import Trial, examine
from resilience_lab.practice.exercises.handle import in_one_go
from resilience_lab.practice.exercises.traffic import (
    Backend,
    down,
    drive,
    overloaded,
    two_of_three,
    well,
)

WINDOW = 120.0
"""How far the throttle looks back, in seconds."""

_RATIO, _BURST = 0.25, 4  # sums of quarters are exact, however a learner adds them
_ENOUGH = 1000  # retries that nobody should get
_K = 2.0


@marked
def check_budget(budget: Any) -> Checklist:
    """Examine what a bucket of tokens grants, call by call."""
    return examine(budget, _BUDGET)


@marked
def check_throttle(throttle: Any) -> Checklist:
    """Examine what a client sends to backends that are well, overloaded, down, and well again."""
    return examine(throttle, _THROTTLE)


# The budget


def _granted(budget: Any, most: int = _ENOUGH) -> int:
    """How many retries it grants in a row."""
    return next((n for n in range(most) if not budget.may_retry()), most)


def _calls(budget: Any, count: int) -> None:
    for _ in range(count):
        budget.first_call()


def _emptied(budget: Any) -> Any:
    bucket = budget(_RATIO, _BURST)
    _granted(bucket)
    return bucket


async def _begins_full(budget: Any) -> str | None:
    granted = _granted(budget(_RATIO, _BURST))
    return None if granted == _BURST else f"with burst={_BURST}, it granted {granted} at once"


async def _earns(budget: Any) -> str | None:
    bucket = _emptied(budget)
    _calls(bucket, 12)
    granted = _granted(bucket)
    if granted == 3:
        return None
    return f"empty, then 12 first calls with ratio={_RATIO}: it granted {granted} instead of 3"


async def _wants_a_whole_token(budget: Any) -> str | None:
    bucket = _emptied(budget)
    _calls(bucket, 2)
    return "it granted a retry for half a token" if bucket.may_retry() else None


async def _refuses_for_nothing(budget: Any) -> str | None:
    bucket = _emptied(budget)
    for _ in range(20):
        bucket.may_retry()
    _calls(bucket, 4)
    if bucket.may_retry():
        return None
    return "it had refused 20 retries, then earned a token, and still refused"


async def _is_capped(budget: Any) -> str | None:
    bucket = budget(_RATIO, _BURST)
    _calls(bucket, 1000)
    granted = _granted(bucket)
    return None if granted <= _BURST else f"after a quiet time it granted {granted} at once"


async def _is_its_own(budget: Any) -> str | None:
    first, second = budget(_RATIO, _BURST), budget(_RATIO, _BURST)
    granted, after = _granted(first), _granted(second)
    if granted == after:
        return None
    return f"one budget granted {granted}, and after it another one, just as new, {after}"


_BUDGET: dict[str, Trial] = {
    "begins with burst tokens": _begins_full,
    "earns ratio tokens with each first call": _earns,
    "grants a retry for a whole token only": _wants_a_whole_token,
    "takes nothing for a retry that it refuses": _refuses_for_nothing,
    "never holds more than burst tokens": _is_capped,
    "is not shared with other budgets": _is_its_own,
}


# The throttle


def _sent(client: Any, backend: Backend, *when: float) -> tuple[int, int, int]:
    return in_one_go(drive, client, backend, *when)


def _made(throttle: Any) -> Any:
    return throttle(_K, random.Random(11))  # noqa: S311 - the same verdict at each run


async def _lets_pass(throttle: Any) -> str | None:
    made, sent, _ = _sent(_made(throttle), well, 2.0, 0.0, 300.0)
    return None if sent == made else f"all was accepted, and it sent {sent} of {made}"


async def _bears_a_little(throttle: Any) -> str | None:
    made, sent, _ = _sent(_made(throttle), two_of_three(), 2.0, 0.0, 300.0)
    if sent == made:
        return None
    return f"two of three were accepted, k was {_K:g}, and it sent {sent} of {made}"


async def _holds_back(throttle: Any) -> str | None:
    made, sent, _ = _sent(_made(throttle), down, 2.0, 0.0, 300.0)
    return None if sent < made / 10 else f"nothing was accepted, and it sent {sent} of {made}"


async def _keeps_asking(throttle: Any) -> str | None:
    client = _made(throttle)
    _sent(client, down, 1.0, 0.0, 200.0)
    _, sent, _ = _sent(client, down, 1.0, 200.0, 3200.0)
    return None if sent else "it did not ask once in 50 minutes: the backend may be well by now"


async def _sends_k_times(throttle: Any) -> str | None:
    client, backend = _made(throttle), overloaded(2.5)
    _sent(client, backend, 4.0, 0.0, 300.0)
    _, sent, accepted = _sent(client, backend, 4.0, 300.0, 1500.0)
    if abs(sent - _K * accepted) < 0.2 * _K * accepted:
        return None
    return f"k was {_K:g}; it sent {sent}, of which {accepted} were accepted"


async def _looks_back(throttle: Any) -> str | None:
    client = _made(throttle)
    _sent(client, well, 10.0, 0.0, 60.0)
    made, sent, _ = _sent(client, down, 10.0, 60.0, 115.0)
    if sent == made:
        return None
    return f"well for 60 s, down for 55 s: more than half was accepted, it sent {sent} of {made}"


async def _forgets(throttle: Any) -> str | None:
    client, later = _made(throttle), 61.0 + WINDOW
    _sent(client, down, 10.0, 0.0, 60.0)
    made, sent, _ = _sent(client, well, 1.0, later, later + 100.0)
    if sent == made:
        return None
    return f"down until 60 s, well and asked from {later:g} s on: it sent {sent} of {made}"


_THROTTLE: dict[str, Trial] = {
    "sends everything while everything is accepted": _lets_pass,
    "sends everything while more than one in k is accepted": _bears_a_little,
    "holds back when nothing is accepted": _holds_back,
    "but asks now and then, or it would never know": _keeps_asking,
    "sends an overloaded backend k times what it accepts": _sends_k_times,
    "looks back over two minutes": _looks_back,
    "and no further": _forgets,
}
