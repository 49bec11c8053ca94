"""Services that call each other under policies, in any order: how many calls reach each of them.

Users call the first service, which calls the next one, down to the lowest; that one alone has work
to do, and behaves as it is told. Each call on the way is made under a *nesting* of the shipped
policies, outermost first. What a retry adds, a timeout cuts off and a breaker holds back can then
be counted layer by layer: one extra try at the top is multiplied by every layer below it.

Everything runs in one process, so a caller that gives up cancels what it had called. Over a network
the other side often works on, and no one waits for its answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count, permutations
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from resilience_lab.breaker.breaker import CircuitBreaker
from resilience_lab.deadline import deadline
from resilience_lab.errors import CircuitOpenError
from resilience_lab.events.events import AttemptFinished, CallRejected
from resilience_lab.events.recorder import Recorder
from resilience_lab.ground.arguments import flag, non_negative, positive, whole
from resilience_lab.retry.backoff import Backoff
from resilience_lab.retry.budget import RetryBudget
from resilience_lab.retry.retry import Retry
from resilience_lab.virtual_time.run import run_virtual

if TYPE_CHECKING:
    import pandas as pd

Call: TypeAlias = Callable[[], Awaitable[str]]

POLICIES = ("retry", "breaker", "timeout")
NESTINGS: tuple[tuple[str, ...], ...] = tuple(
    nesting for size in range(len(POLICIES) + 1) for nesting in permutations(POLICIES, size)
)
"""Every way to nest some of the policies, outermost first; the first of them is none at all."""

LATENCY, SLOW = 0.1, 5.0
"""Seconds that the lowest service takes for a call, whatever comes of it, and when it is slow."""
OUTAGE = 10.0
"""How long it fails at first, in seconds, if it recovers."""
BEHAVIOURS = (
    "answers",
    "fails",
    "fails at first",
    "fails every third call",
    "is slow",
    "hangs",
)
"""What the lowest service does. Nothing is left to chance."""

BACKOFF = Backoff(1.0, jitter="none")
"""The waits between the tries of a retry: 1, 2, 4 ... seconds."""
FAILURES, BREAK = 3, 10.0
"""Failures in a row that open a breaker, and the seconds of its break; one probe closes it."""
BUDGET = 0.1
"""The ratio of a shared budget, which begins with a single token."""
PATIENCE = 300.0
"""The deadline in seconds of a user who has not set one: five minutes, then they leave."""


def written(nesting: Sequence[str]) -> str:
    """A nesting as one writes it: `retry( breaker( timeout ))`; `nothing` for none."""
    closing = " " + ")" * (len(nesting) - 1) if len(nesting) > 1 else ""
    return "( ".join(nesting) + closing if nesting else "nothing"


@dataclass(frozen=True)
class Link:
    """How one layer calls the next.

    Parameters
    ----------
    nesting
        The policies around the call, outermost first: one of `NESTINGS`.
    retries
        How many, >= 0; it counts only if there is a retry in the nesting.

    Raises
    ------
    ValueError, TypeError
        For a nesting that is none of `NESTINGS`, or for another number.
    """

    nesting: tuple[str, ...] = ("retry",)
    retries: int = 3

    def __post_init__(self) -> None:
        if self.nesting not in NESTINGS:
            raise ValueError(
                f"nesting must be a tuple of some of {', '.join(POLICIES)}, each at most once; "
                f"got {self.nesting!r}"
            )
        whole("retries", self.retries, at_least=0)

    @property
    def tries(self) -> int:
        """How often one call from above may be made, by its retries."""
        return self.retries + 1 if "retry" in self.nesting else 1


@dataclass(frozen=True)
class Layer:
    """One service, and what became of the calls to it over the link from above, as written."""

    service: str
    link: str
    calls: int
    """How many reached it."""
    answered: int
    failed: int
    cut_off: int
    """Cancelled from above before there was an answer."""
    rejected: int
    """Held back by the breaker of the link, so that they did not reach it."""


@dataclass(frozen=True)
class CompositionStory:
    """What became of all requests, and of the calls that they led to in each layer, from the top.

    `answered` and `waits` have an item for each request: whether it was answered, and the seconds
    from the request to its end.
    """

    layers: tuple[Layer, ...]
    answered: tuple[bool, ...]
    waits: tuple[float, ...]

    @property
    def amplification(self) -> float:
        """How many calls reached the lowest service for each request."""
        return self.layers[-1].calls / len(self.waits)

    def to_frame(self) -> pd.DataFrame:
        """One row a layer, from the top; the columns are the fields of `Layer`."""
        import pandas as pd

        return pd.DataFrame(map(asdict, self.layers))


def tell_composition(
    links: Sequence[Link],
    behaviour: str = "fails",
    *,
    requests: int = 5,
    apart: float = 1.0,
    timeout: float = 2.0,
    deadline: float = PATIENCE,
    budget: bool = False,
) -> CompositionStory:
    """Play requests from users through several services, each of which calls the next.

    Parameters
    ----------
    links
        The users' link to the first service first; there are as many services.
    behaviour
        What the lowest service does: one of `BEHAVIOURS`.
    requests, apart
        How many requests, >= 1, and how many seconds lie between two, >= 0.
    timeout, deadline
        Seconds, > 0: of every timeout, and of each request as a whole.
    budget
        Whether one `RetryBudget` is shared by all retries; each request earns a tenth of a retry.

    Returns
    -------
    CompositionStory
        What became of all requests, and of the calls to each service.

    Raises
    ------
    ValueError, TypeError
        For arguments that make no sense, such as no links at all.

    Examples
    --------
    >>> tell_composition([Link(retries=3)] * 3, requests=1).amplification
    64.0
    """
    _check(links, behaviour)
    whole("requests", requests, at_least=1)
    non_negative("apart", apart)
    positive("deadline", deadline)
    tokens = RetryBudget(BUDGET, burst=1) if flag("budget", budget) else None
    shared = _Shared(positive("timeout", timeout), tokens)
    call = shared.built(links, _lowest(behaviour))
    ends = run_virtual(_ask_all, call, requests, apart, deadline, shared.budget)
    answered, waits = zip(*ends, strict=True)
    return CompositionStory(_layers(links, shared.recorder), answered, waits)


def _check(links: Sequence[Link], behaviour: str) -> None:
    if not links:
        raise ValueError(f"links must hold at least one link, got {links!r}")
    for link in links:
        if not isinstance(link, Link):
            raise TypeError(f"links must be Links, got {link!r}")
    if behaviour not in BEHAVIOURS:
        raise ValueError(f"behaviour must be one of {', '.join(BEHAVIOURS)}; got {behaviour!r}")


def _name(number: int) -> str:
    return f"service {number}"


def _lowest(behaviour: str) -> Call:
    numbers = count(1)
    seconds = {"is slow": SLOW, "hangs": inf}.get(behaviour, LATENCY)

    async def work() -> str:
        number, now = next(numbers), asyncio.get_running_loop().time()
        await asyncio.sleep(seconds)
        if (
            behaviour == "fails"
            or (behaviour == "fails at first" and now < OUTAGE)
            or (behaviour == "fails every third call" and number % 3 == 0)
        ):
            raise ConnectionError("down")
        return "answer"

    return work


@dataclass(frozen=True)
class _Shared:
    """What all links of a story have in common."""

    timeout: float
    budget: RetryBudget | None
    recorder: Recorder = field(default_factory=Recorder)

    def built(self, links: Sequence[Link], lowest: Call) -> Call:
        """The call of the users: under all links, down to the `lowest` service."""
        call = lowest
        for number, link in reversed([*enumerate(links, start=1)]):
            call = self.recorder.watch(call, _name(number))
            for policy in reversed(link.nesting):
                call = self.under(policy, call, link, _name(number))
        return call

    def under(self, policy: str, call: Call, link: Link, name: str) -> Call:
        """`call`, under one policy of the link to the service called `name`."""
        if policy == "retry":
            retry = Retry(link.retries, BACKOFF, retry_on=_may_pass, budget=self.budget)
            # A retry within a retry is no new request: only the users' requests earn.
            return partial(retry.unless(lambda: False, earns=False).call, call)
        if policy == "breaker":
            breaker = CircuitBreaker(FAILURES, BREAK, 1, name=name, on_event=self.recorder)
            return partial(breaker.call, call)

        async def timed() -> str:
            async with asyncio.timeout(self.timeout):
                return await call()

        return timed


def _may_pass(error: Exception) -> bool:
    """An open circuit is not retried: it has said that it is of no use."""
    return not isinstance(error, CircuitOpenError)


async def _ask_all(
    call: Call, requests: int, apart: float, seconds: float, budget: RetryBudget | None
) -> list[tuple[bool, float]]:
    async with asyncio.TaskGroup() as group:
        users = []
        for _ in range(requests):
            users.append(group.create_task(_ask(call, seconds, budget)))
            await asyncio.sleep(apart)
    return [user.result() for user in users]


async def _ask(call: Call, seconds: float, budget: RetryBudget | None) -> tuple[bool, float]:
    """Whether a request is answered, and after how many seconds it ends."""
    now = asyncio.get_running_loop().time
    started = now()
    if budget is not None:
        budget.deposit()
    try:
        async with deadline(seconds):
            await call()
    except Exception:
        return False, now() - started
    return True, now() - started


def _layers(links: Sequence[Link], recorder: Recorder) -> tuple[Layer, ...]:
    seen: Counter[tuple[str, str]] = Counter()
    for event in recorder:
        if isinstance(event, AttemptFinished):
            seen[event.source, event.outcome] += 1
        elif isinstance(event, CallRejected):
            seen[event.source, "rejected"] += 1
    recorder.clear()  # an error's traceback leads to the frames that hold the recorder
    return tuple(_layer(_name(number), link, seen) for number, link in enumerate(links, start=1))


def _layer(name: str, link: Link, seen: Counter[tuple[str, str]]) -> Layer:
    answered, failed, cut_off, rejected = (
        seen[name, what] for what in ("success", "failed", "cancelled", "rejected")
    )
    calls = answered + failed + cut_off
    return Layer(name, written(link.nesting), calls, answered, failed, cut_off, rejected)
