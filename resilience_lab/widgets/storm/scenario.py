"""An outage of one service, told under several policies: the same outage, the same callers.

Clients call a service now and then. It goes down for a while, and at that moment the connection of
every client breaks, so all of them call again at once. What comes next is their policies' doing:
the calls may come back in waves, or spread out, or be held back. The service can answer some
calls a second; turning a call away costs it less, but not nothing. (Marc Brooker, "Exponential
Backoff And Jitter", AWS Architecture Blog, 2015, names the waves a thundering herd.)

When the clients call for themselves is drawn from the seed alone. So two stories of one outage
differ in nothing but the policies: a paired comparison.
"""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Never

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.breaker.trip_rules import FailureRate
from resilience_lab.errors import CircuitOpenError
from resilience_lab.ground.arguments import flag, non_negative, positive, whole
from resilience_lab.retry.backoff import JITTERS, Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry
from resilience_lab.virtual_time.run import run_virtual

if TYPE_CHECKING:
    import pandas as pd

DURATION = 50
"""Seconds that are told."""
OUTAGE_AT = 10.0
"""When the service goes down, in seconds."""
LONGEST = 30.0
"""How long it may be down, in seconds, so that there is an afterwards."""
PERIOD = 10.0
"""How often each client calls for itself: once in as many seconds."""
QUEUE = 1.0
"""Seconds of work that may wait at the service; what comes on top is turned away."""
REFUSAL = 0.2
"""What it costs the service to turn a call away, in answers."""
BASE_DELAY = 1.0
"""The first ceiling of the backoff, in seconds; each next one is twice as high."""
BUDGET = 0.1
"""The ratio of the budget that all clients share."""
RULE, BREAK = FailureRate(0.5, within=5.0, minimum_calls=20), 5.0
"""When the breaker that all clients share opens, and for how many seconds."""


@dataclass(frozen=True)
class Outage:
    """What befalls all policies alike.

    Parameters
    ----------
    clients
        How many clients call the service, >= 1.
    capacity
        How many calls a second the service answers, > 0.
    seconds
        How long it is down, >= 0 and at most `LONGEST`.

    Raises
    ------
    ValueError, TypeError
        For anything else.
    """

    clients: int = 100
    capacity: float = 25.0
    seconds: float = 8.0

    def __post_init__(self) -> None:
        whole("clients", self.clients, at_least=1)
        positive("capacity", self.capacity)
        non_negative("seconds", self.seconds, at_most=LONGEST)


@dataclass(frozen=True)
class Tactics:
    """The policies around each call.

    Parameters
    ----------
    retries
        How many, >= 0.
    jitter
        The kind of jitter of their delays, a key of `JITTERS`.
    budget, breaker
        Whether all clients share a `RetryBudget`, and a `CircuitBreaker`.

    Raises
    ------
    ValueError, TypeError
        For anything else.

    Examples
    --------
    >>> print(Tactics(3, "full", budget=True))
    3 retries, full jitter, a budget
    """

    retries: int = 5
    jitter: str = "none"
    budget: bool = False
    breaker: bool = False

    def __post_init__(self) -> None:
        whole("retries", self.retries, at_least=0)
        if self.jitter not in JITTERS:
            raise ValueError(f"jitter must be one of {', '.join(JITTERS)}; got {self.jitter!r}")
        flag("budget", self.budget)
        flag("breaker", self.breaker)

    def __str__(self) -> str:
        if not self.retries:
            words = ["no retries"]
        else:
            jitter = "no" if self.jitter == "none" else self.jitter
            words = [f"{self.retries} retries", f"{jitter} jitter"]
            words += ["a budget"] if self.budget else []
        return ", ".join([*words, "a breaker"] if self.breaker else words)


@dataclass(frozen=True)
class StormStory:
    """What the service saw, second by second, and what became of the clients' calls."""

    outage: Outage
    tactics: Tactics
    wanted: int
    """Calls that the clients made for themselves, first tries only."""
    offered: tuple[int, ...]
    """Calls that reached the service in each second, retries included."""
    refused: tuple[int, ...]
    """Those of them that it did not take on, being down or overloaded."""
    answered: tuple[int, ...]
    """Answers in each second."""

    @property
    def peak(self) -> int:
        """The most calls that reached the service in one second after the outage."""
        return max(self.offered[math.ceil(OUTAGE_AT + self.outage.seconds) :])

    @property
    def calls(self) -> int:
        """Calls that reached the service."""
        return sum(self.offered)

    @property
    def success(self) -> float:
        """The share of the clients' calls that were answered in the end."""
        return sum(self.answered) / self.wanted

    @property
    def calm_after(self) -> int | None:
        """Seconds from the outage's end until no call is turned away any more.

        None if that is not within the story.
        """
        end = math.ceil(OUTAGE_AT + self.outage.seconds)
        storms = [t for t in range(end, DURATION) if self.refused[t]]
        calm_from = max(storms, default=end - 1) + 1
        return None if calm_from >= DURATION else calm_from - end

    def to_frame(self) -> pd.DataFrame:
        """A row for each second: t, offered and answered (calls), and the tactics in words."""
        import pandas as pd

        return pd.DataFrame(
            {
                "t": range(DURATION),
                "offered": self.offered,
                "answered": self.answered,
                "tactics": str(self.tactics),
            }
        )


def tell_storm(
    outage: Outage = Outage(),
    tactics: Tactics = Tactics(),
    seed: int = 0,
) -> StormStory:
    """Play an outage under the tactics of all clients, with the shipped policies, in virtual time.

    Parameters
    ----------
    outage
        The clients, the service, and how long it is down.
    tactics
        The policies around each call.
    seed
        An int >= 0. The same one gives the same calls of the clients, whatever the tactics.

    Returns
    -------
    StormStory
        What the service saw, second by second, and what became of the calls.

    Notes
    -----
    The cost grows with the calls: clients * (DURATION / PERIOD + retries).

    Examples
    --------
    >>> tell_storm(Outage(clients=5, seconds=0)).success
    1.0
    """
    return run_virtual(_play, outage, tactics, whole("seed", seed, at_least=0))


@dataclass
class _Service:
    """Answers what it can, in the order of arrival, unless it is down."""

    outage: Outage
    free: float = 0.0  # when it will be done with all that it has accepted
    offered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)

    async def __call__(self) -> str:
        now = _now()
        self.offered.append(now)
        if OUTAGE_AT <= now < OUTAGE_AT + self.outage.seconds:
            self._refuse(now, "down")
        work = 1 / self.outage.capacity
        self.free = max(self.free, now)
        if self.free + work > now + QUEUE:
            self.free += REFUSAL * work
            self._refuse(now, "overloaded")
        self.free += work
        await asyncio.sleep(self.free - now)
        self.answered.append(_now())
        return "answer"

    def _refuse(self, now: float, why: str) -> Never:
        self.refused.append(now)
        raise ConnectionError(why)


async def _play(outage: Outage, tactics: Tactics, seed: int) -> StormStory:
    service = _Service(outage)
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    moments = _moments(outage, rng)
    retry = Retry(
        tactics.retries,
        Backoff(BASE_DELAY, jitter=tactics.jitter, rng=rng),
        retry_on=lambda error: not isinstance(error, CircuitOpenError),
        budget=RetryBudget(BUDGET) if tactics.budget else None,
    )
    call: Any = service
    if tactics.breaker:
        breaker = CircuitBreaker(trip=RULE, recovery_timeout=BREAK, success_threshold=1)
        call = lambda: breaker.call(service)  # noqa: E731

    tasks = []
    for moment in moments:
        await asyncio.sleep(moment - _now())
        tasks.append(asyncio.create_task(retry.call(call)))
    await asyncio.sleep(DURATION - _now())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return StormStory(
        outage,
        tactics,
        len(moments),
        _per_second(service.offered),
        _per_second(service.refused),
        _per_second(service.answered),
    )


def _moments(outage: Outage, rng: random.Random) -> list[float]:
    """When clients call for themselves, in order."""
    phases = [rng.uniform(0, PERIOD) for _ in range(outage.clients)]
    rounds = [phase + PERIOD * turn for turn in range(int(DURATION / PERIOD)) for phase in phases]
    return sorted([*rounds, *[OUTAGE_AT] * (outage.clients if outage.seconds else 0)])


def _per_second(moments: list[float]) -> tuple[int, ...]:
    counts = [0] * (DURATION + 1)
    for moment in moments:
        counts[int(moment)] += 1
    return tuple(counts[:DURATION])  # what is due at the very end comes after the story


def _now() -> float:
    return asyncio.get_running_loop().time()
