"""The fallback exercises: each typical mistake is named, correct solutions of any style pass."""

from __future__ import annotations

import asyncio
import time

import pytest

from resilience_lab import AgentError, CircuitBreaker, FallbackOrchestrator, ResultRejectedError
from resilience_lab.practice.exercises.provenance import check_provenance, check_skipping

FAILURES = (AgentError, ConnectionError, TimeoutError)

LEVEL = "names the agent that answered, and its level"
LEDGER = "enters every agent that was asked in the ledger, with its outcome"
NEW_LEDGER = "begins a new ledger for each query"
EMPTY = "takes an empty answer for a failure"
BUG = "does not hide a bug behind the next agent"
ALL_FAIL = "raises a group of all errors, in order, when none answers"

ORDER = "asks the agents in order until one answers"
SKIPS = "skips an agent after three failures in a row, without waiting"
RESETS = "starts counting anew after a success"
PEACE = "leaves it in peace for thirty seconds"
AGAIN = "asks it again after thirty seconds"
APART = "counts for each agent apart"
RAISES = "raises when every agent has failed or is skipped"


async def by_hand(query, agents):
    return await the_loop(query, agents, [])


async def the_loop(
    query, agents, attempts, failures=FAILURES, accept=str.strip, refused="rejected"
):
    errors = []
    for level, agent in enumerate(agents):
        try:
            answer = await agent.run(query)
            if not accept(answer):
                raise ResultRejectedError(answer)
        except (*failures, ResultRejectedError) as error:
            outcome = refused if isinstance(error, ResultRejectedError) else "failed"
            errors.append(error)
            attempts.append({"agent": agent.name, "outcome": outcome})
            continue
        attempts.append({"agent": agent.name, "outcome": "success"})
        return {
            "result": answer,
            "agent_used": agent.name,
            "fallback_level": level,
            "attempts": attempts,
        }
    raise ExceptionGroup("no agent answered", errors)


async def orchestrated(query, agents):
    orchestrator = FallbackOrchestrator(fallback_on=FAILURES, accept=lambda text: text.strip())
    result = await orchestrator.execute_with_fallback(query, agents[0], agents[1:])
    named = {"timeout": "failed"}
    for attempt in result["attempts"]:
        attempt["outcome"] = named.get(attempt["outcome"], attempt["outcome"])
    return result


async def stub(query, agents): ...


async def only_the_answer(query, agents):
    return (await by_hand(query, agents))["result"]


async def level_from_one(query, agents):
    told = await by_hand(query, agents)
    return told | {"fallback_level": told["fallback_level"] + 1}


async def names_the_primary(query, agents):
    return await by_hand(query, agents) | {"agent_used": agents[0].name}


async def no_ledger(query, agents):
    told = await by_hand(query, agents)
    del told["attempts"]
    return told


async def only_failures_in_the_ledger(query, agents):
    told = await by_hand(query, agents)
    return told | {"attempts": told["attempts"][:-1]}


async def ledger_of_names(query, agents):
    told = await by_hand(query, agents)
    return told | {"attempts": [attempt["agent"] for attempt in told["attempts"]]}


async def one_ledger_for_all(query, agents, attempts=[]):  # noqa: B006 - the mistake in question
    return await the_loop(query, agents, attempts)


async def takes_any_answer(query, agents):
    return await the_loop(query, agents, [], accept=lambda answer: True)


async def takes_blanks(query, agents):
    return await the_loop(query, agents, [], accept=bool)


async def empty_is_a_success(query, agents):
    return await the_loop(query, agents, [], refused="success")


async def none_when_all_are_empty(query, agents):
    try:
        return await by_hand(query, agents)
    except ExceptionGroup as group:
        if group.subgroup(ResultRejectedError):
            return None
        raise


async def catches_everything(query, agents):
    return await the_loop(query, agents, [], failures=(Exception,))


async def wraps_the_bug(query, agents):
    try:
        return await by_hand(query, agents)
    except TypeError as error:
        raise RuntimeError("an agent is broken") from error


async def raises_the_last(query, agents):
    try:
        return await by_hand(query, agents)
    except ExceptionGroup as group:
        raise group.exceptions[-1] from None


async def gives_up_silently(query, agents):
    try:
        return await by_hand(query, agents)
    except ExceptionGroup:
        return {"result": None, "agent_used": None, "fallback_level": None, "attempts": []}


@pytest.mark.parametrize(
    ("ask", "missing"),
    [
        (by_hand, ()),
        (orchestrated, ()),
        (stub, (LEVEL, LEDGER, NEW_LEDGER, EMPTY, BUG, ALL_FAIL)),
        (only_the_answer, (LEVEL, LEDGER, NEW_LEDGER, EMPTY)),
        (level_from_one, (LEVEL,)),
        (names_the_primary, (LEVEL,)),
        (no_ledger, (LEDGER,)),
        (only_failures_in_the_ledger, (LEDGER,)),
        (ledger_of_names, (LEDGER,)),
        (one_ledger_for_all, (NEW_LEDGER,)),
        (takes_any_answer, (EMPTY,)),
        (takes_blanks, (EMPTY,)),
        (empty_is_a_success, (EMPTY,)),
        (none_when_all_are_empty, (EMPTY,)),
        (catches_everything, (BUG,)),
        (wraps_the_bug, (BUG,)),
        (raises_the_last, (ALL_FAIL,)),
        (gives_up_silently, (EMPTY, ALL_FAIL)),
    ],
)
def test_what_is_missing_in_the_provenance_is_named(ask, missing):
    assert check_provenance(ask).missing == missing


class Careful:
    """A chain that skips; the wrong ones below differ from it in one thing each."""

    def __init__(self, agents):
        self.agents = agents
        self.failures = {agent.name: 0 for agent in agents}
        self.since = {}

    def now(self):
        return asyncio.get_running_loop().time()

    def resting(self, name):
        return name in self.since and self.now() - self.since[name] < 30

    async def skip(self, name):
        """Leave it in peace."""

    def failed(self, name):
        self.failures[name] += 1
        if self.failures[name] >= 3:
            self.since[name] = self.now()

    def succeeded(self, name):
        self.failures[name] = 0

    async def ask(self, query):
        errors = []
        for agent in self.agents:
            if self.resting(agent.name):
                await self.skip(agent.name)
                continue
            try:
                answer = await agent.run(query)
            except FAILURES as error:
                self.failed(agent.name)
                errors.append(error)
            else:
                self.succeeded(agent.name)
                return answer
        raise RuntimeError(f"no agent answered: {errors}")


class Orchestrated:
    def __init__(self, agents):
        self.agents = agents
        self.orchestrator = FallbackOrchestrator(breaker=lambda _: CircuitBreaker())

    async def ask(self, query):
        first, *rest = self.agents
        return (await self.orchestrator.execute_with_fallback(query, first, rest))["result"]


class Stub(Careful):
    async def ask(self, query): ...


class NeverSkips(Careful):
    def resting(self, name):
        return False


class SkipsAtOnce(Careful):
    def failed(self, name):
        self.since[name] = self.now()


class Waits(Careful):
    async def ask(self, query):
        for name, since in self.since.items():
            if self.resting(name):
                await asyncio.sleep(since + 30 - self.now())
        return await super().ask(query)


class NeverResets(Careful):
    def succeeded(self, name):
        """Forgets nothing."""


class ShortBreak(Careful):
    def resting(self, name):
        return name in self.since and self.now() - self.since[name] < 10


class SkipsForEver(Careful):
    def resting(self, name):
        return name in self.since


class MonotonicClock(Careful):
    def now(self):
        return time.monotonic()


class EachSkipExtendsTheBreak(Careful):
    async def skip(self, name):
        self.since[name] = self.now()


class OneCountForAll(Careful):
    def __init__(self, agents):
        super().__init__(agents)
        self.count = 0

    def failed(self, name):
        self.count += 1
        if self.count >= 3:
            self.since[name] = self.now()

    def succeeded(self, name):
        if name == "agent 0":
            self.count = 0


class OneBreakForAll(Careful):
    def resting(self, name):
        return any(super(OneBreakForAll, self).resting(other) for other in self.since)


class SwallowsTheEnd(Careful):
    async def ask(self, query):
        try:
            return await super().ask(query)
        except RuntimeError:
            return None


class ForgetsToRaiseWhenAllAreSkipped(Careful):
    async def ask(self, query):
        if all(self.resting(agent.name) for agent in self.agents):
            return None
        return await super().ask(query)


class StartsAtTheEnd(Careful):
    def __init__(self, agents):
        super().__init__(agents[::-1])


class AsksThemAll(Careful):
    async def ask(self, query):
        answers = await asyncio.gather(
            *(agent.run(query) for agent in self.agents), return_exceptions=True
        )
        good = [answer for answer in answers if isinstance(answer, str)]
        if not good:
            raise RuntimeError("no agent answered")
        return good[0]


@pytest.mark.parametrize(
    ("cls", "missing"),
    [
        (Careful, ()),
        (Orchestrated, ()),
        (Stub, (ORDER, SKIPS, RESETS, PEACE, AGAIN, APART, RAISES)),
        (NeverSkips, (SKIPS, PEACE)),
        (SkipsAtOnce, (SKIPS, RESETS, AGAIN, APART)),
        (Waits, (SKIPS,)),
        (NeverResets, (RESETS,)),
        (ShortBreak, (PEACE,)),
        (SkipsForEver, (AGAIN,)),
        (MonotonicClock, ()),
        (EachSkipExtendsTheBreak, (AGAIN,)),
        (OneCountForAll, (APART,)),
        (OneBreakForAll, (SKIPS,)),
        (SwallowsTheEnd, (RAISES,)),
        (ForgetsToRaiseWhenAllAreSkipped, (RAISES,)),
        (StartsAtTheEnd, (ORDER, SKIPS, RESETS, PEACE, AGAIN)),
        (AsksThemAll, (ORDER, SKIPS, PEACE)),
    ],
)
def test_what_is_missing_in_the_skipping_is_named(cls, missing):
    assert check_skipping(cls).missing == missing


@pytest.mark.parametrize(
    ("report", "seen"),
    [
        (lambda: check_provenance(stub), "ask returned None, not a dict"),
        (lambda: check_provenance(no_ledger), "the dict has no 'attempts'"),
        (lambda: check_provenance(level_from_one), "'fallback_level' was 3, expected 2"),
        (
            lambda: check_provenance(ledger_of_names),
            "'agent 0', not a dict with 'agent' and 'outcome'",
        ),
        (lambda: check_provenance(one_ledger_for_all), "the second ledger had"),
        (lambda: check_skipping(Waits), "the fourth query took 30.1 s"),
        (lambda: check_skipping(ShortBreak), "it was called 2 times in the thirty seconds"),
        (lambda: check_skipping(OneCountForAll), "ask told RuntimeError("),
    ],
)
def test_what_was_seen_is_told(report, seen):
    assert seen in repr(report())
