"""Two exercises on fallback chains: one that says who answered, and one that skips.

`check_provenance` takes `await ask(query, agents)`, which returns a dict: `result`, `agent_used`,
`fallback_level` and `attempts`, a list of dicts with `agent` and `outcome` ("success" or another
word). An `AgentError`, a `ConnectionError` and a `TimeoutError` lead on to the next agent.
`check_skipping` takes a class: `Chain(agents)`, and `await chain.ask(query)` returns the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from resilience_lab.errors import RateLimitedError
from resilience_lab.practice.exam.checklist import Checklist
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.agent import agents
from resilience_lab.practice.exercises.examiner import Trial, examine
from resilience_lab.practice.exercises.service import elapsed, result_or_error

BREAK = 30.0
"""How long an agent is skipped, in seconds."""


@marked
def check_provenance(ask: Any) -> Checklist:
    """Examine whom `ask` names, what it takes for a failure, and how it ends."""
    return examine(ask, _PROVENANCE)


@marked
def check_skipping(cls: Any) -> Checklist:
    """Examine which agents a chain asks, and which it leaves in peace for a while."""
    return examine(cls, _SKIPPING)


def _difference(told: Any, **expected: Any) -> str | None:
    if not isinstance(told, Mapping):
        return f"ask returned {told!r}, not a dict"
    for key, value in expected.items():
        if key not in told:
            return f"the dict has no {key!r}"
        if told[key] != value:
            return f"{key!r} was {told[key]!r}, expected {value!r}"
    return None


def _ledger(told: Any) -> list[str]:
    """A line for each entry, or one that says why there is none."""
    if not isinstance(told, Mapping) or "attempts" not in told:
        return [str(_difference(told, attempts=[]))]
    return [_line(attempt) for attempt in told["attempts"]]


def _line(attempt: Any) -> str:
    if isinstance(attempt, Mapping) and {"agent", "outcome"} <= attempt.keys():
        return f"{attempt['agent']}: {attempt['outcome']}"
    return f"{attempt!r}, not a dict with 'agent' and 'outcome'"


async def _names_who_answered(ask: Any) -> str | None:
    asked = agents(ConnectionError("down"), RateLimitedError("agent 1"), "hello", "unused")
    problem = _difference(
        await ask("hi", asked), result="hello", agent_used="agent 2", fallback_level=2
    )
    first = agents("hello", "unused")
    return problem or _difference(await ask("hi", first), agent_used="agent 0", fallback_level=0)


async def _keeps_a_ledger(ask: Any) -> str | None:
    asked = agents(ConnectionError("down"), TimeoutError("slow"), "hello", "unused")
    ledger = _ledger(await ask("hi", asked))
    if ledger[-3:] == ["agent 0: failed", "agent 1: failed", "agent 2: success"]:
        return None
    return f"two agents failed, the third answered; the ledger: {', '.join(ledger) or 'empty'}"


async def _begins_anew(ask: Any) -> str | None:
    asked = agents("hello")
    await ask("hi", asked)
    told = await ask("hi", asked)
    problem = _difference(told)
    entries = len(_ledger(told))
    return problem or (
        f"one agent, asked twice; the second ledger had {entries} entries" if entries > 1 else None
    )


async def _refuses_nothing(ask: Any) -> str | None:
    for nothing in ("", "  \n"):
        told = await ask("hi", agents(nothing, "hello"))
        problem = _difference(told, result="hello")
        if problem:
            return f"the first agent said {nothing!r}, the second 'hello'; {problem}"
        if "agent 0: success" in _ledger(told)[-2:]:
            return "the empty answer stood in the ledger as a success"
    try:
        told = await ask("hi", agents("", ""))
    except Exception:
        return None
    return f"all agents said nothing, yet ask returned {told!r}"


async def _shows_bugs(ask: Any) -> str | None:
    bug = TypeError("a bug of ours")
    try:
        told = await ask("hi", agents(bug, "hello"))
    except Exception as error:
        return None if error is bug else f"the first agent raised {bug!r}, ask raised {error!r}"
    return f"the first agent raised {bug!r}, ask returned {told!r}"


async def _raises_every_error(ask: Any) -> str | None:
    errors = [ConnectionError("one"), RateLimitedError("two"), TimeoutError("three")]
    try:
        told = await ask("hi", agents(*errors))
    except Exception as raised:
        held = list(getattr(raised, "exceptions", ()))
        return None if held == errors else f"three agents failed, ask raised {raised!r}"
    return f"no agent could answer, yet ask returned {told!r}"


_PROVENANCE: dict[str, Trial] = {
    "names the agent that answered, and its level": _names_who_answered,
    "enters every agent that was asked in the ledger, with its outcome": _keeps_a_ledger,
    "begins a new ledger for each query": _begins_anew,
    "takes an empty answer for a failure": _refuses_nothing,
    "does not hide a bug behind the next agent": _shows_bugs,
    "raises a group of all errors, in order, when none answers": _raises_every_error,
}


async def _ask(chain: Any, times: int = 1) -> Any:
    """What the last of `times` queries returned or raised."""
    told: Any = None
    for _ in range(times):
        told = await result_or_error(chain.ask("hi"))
    return told


async def _asks_in_order(cls: Any) -> str | None:
    asked = agents(ConnectionError("down"), "hello", "unused")
    told = await _ask(cls(asked))
    if told != "hello":
        return f"the second agent said 'hello'; ask told {told!r}"
    return "the third agent was asked although the second had answered" if asked[2].times else None


async def _skips(cls: Any) -> str | None:
    asked = agents(ConnectionError("down"), "hello")
    chain = cls(asked)
    await _ask(chain, 3)
    calls, started = len(asked[0].times), elapsed()
    if calls < 3:
        return f"the first agent was asked in {calls} of the first three queries"
    told = await _ask(chain)
    if told != "hello":
        return f"the first agent had failed three times, the second was well; ask told {told!r}"
    if elapsed() - started > BREAK / 2:
        return f"the fourth query took {elapsed() - started:.1f} s"
    return "after three failures it was asked again at once" if len(asked[0].times) > 3 else None


async def _resets(cls: Any) -> str | None:
    down = ConnectionError("down")
    asked = agents([down, down, "hello"] * 4, "second best")
    await _ask(cls(asked), 12)
    calls = len(asked[0].times)
    return None if calls == 12 else f"never three failures in a row, yet {calls} calls of 12"


async def _leaves_in_peace(cls: Any) -> str | None:
    asked = agents(ConnectionError("down"), "hello")
    chain = cls(asked)
    await _ask(chain, 3)
    failed = elapsed()
    while elapsed() < failed + BREAK:
        await _ask(chain)
        await asyncio.sleep(1.0)
    calls = sum(failed <= time < failed + BREAK - 1 for time in asked[0].times)
    if calls:
        return f"it was called {calls} times in the thirty seconds after three failures"
    return None if asked[0].times else "the first agent was never asked"


async def _asks_again(cls: Any) -> str | None:
    asked = agents([*[ConnectionError("down")] * 3, "well again"], "second best")
    chain = cls(asked)
    await _ask(chain, 3)
    for _ in range(3):  # queries in between must not make it longer
        await asyncio.sleep(BREAK / 3)
        told = await _ask(chain)
    return None if told == "well again" else f"thirty seconds later ask told {told!r}"


async def _counts_apart(cls: Any) -> str | None:
    down = ConnectionError("down")
    chain = cls(agents(down, down, [down, "hello"]))
    await _ask(chain)
    told = await _ask(chain)
    return None if told == "hello" else f"each agent had failed once or twice; ask told {told!r}"


async def _raises(cls: Any) -> str | None:
    chain = cls(agents(ConnectionError("one"), TimeoutError("two")))
    for why in ("failed", "failed", "failed", "is skipped"):
        told = await _ask(chain)
        if not isinstance(told, Exception):
            return f"every agent {why}, yet ask returned {told!r}"
    return None


_SKIPPING: dict[str, Trial] = {
    "asks the agents in order until one answers": _asks_in_order,
    "skips an agent after three failures in a row, without waiting": _skips,
    "starts counting anew after a success": _resets,
    "leaves it in peace for thirty seconds": _leaves_in_peace,
    "asks it again after thirty seconds": _asks_again,
    "counts for each agent apart": _counts_apart,
    "raises when every agent has failed or is skipped": _raises,
}
