"""What a chain of fallback agents has to do.

The result may have any sensible shape: what counts is that it holds the answer, who gave it, and at
which level.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from resilience_lab.practice.contracts.agents import QUERY, Cast, ChainResult, mentions
from resilience_lab.practice.contracts.bench import Bench, UntriedError, finished
from resilience_lab.practice.contracts.contract import Contract
from resilience_lab.practice.contracts.service import ServiceError, UnheardOfError
from resilience_lab.practice.exam.wording import count, raised, shown

FALLBACK = Contract("fallback agents")

HOUR = 3600.0
NEVER = float("inf")


class Chain:
    """An orchestrator of the learner's."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.theirs = bench.build()

    async def ask(self, primary: Any, fallbacks: list[Any], query: str = QUERY) -> ChainResult:
        """What it answers; its errors come through."""
        return ChainResult(
            await self.bench.ask(self.theirs.execute_with_fallback, query, primary, fallbacks)
        )


def _down(name: str) -> ServiceError:
    return ServiceError(f"{name} is down")


# As set


@FALLBACK.must(
    "returns the primary agent's answer",
    done="Asked a primary agent that answers.",
    expected="A result that holds the answer.",
    why="Nearly every query goes this way.",
    hint="result = await primary_agent.run(query), and return it in a dict.",
)
async def _primary_answers(bench: Bench) -> str | None:
    answer = await Chain(bench).ask(*Cast().chain("the answer", "unused"))
    return None if answer.holds("the answer") else f"the result was {shown(answer.value)}"


@FALLBACK.must(
    "asks nobody else if the primary agent answers",
    done="Asked a primary agent that answers, with two fallbacks standing by.",
    expected="Only the primary agent is asked, and only once.",
    why="Each agent that is asked is paid for.",
    hint="Return as soon as there is an answer, and start no agent before its turn.",
)
async def _nobody_else(bench: Bench) -> str | None:
    cast = Cast()
    await Chain(bench).ask(*cast.chain("the answer", "unused", "unused"))
    return _unless(cast, "Primary")


@FALLBACK.must(
    "falls back when the primary agent fails",
    done="Asked a primary agent that fails, and a fallback that answers.",
    expected="A result that holds the fallback's answer.",
    why="That is what it is for.",
    hint="Catch the exception of each agent in turn, and go on with the next.",
)
async def _falls_back(bench: Bench) -> str | None:
    answer = await Chain(bench).ask(*Cast().chain(_down("Primary"), "second best"))
    return None if answer.holds("second best") else f"the result was {shown(answer.value)}"


@FALLBACK.must(
    "asks the fallbacks in order, and stops at the first answer",
    done="The primary agent fails, and there are three fallbacks that would answer.",
    expected="Asked are the primary agent and the first fallback, once each.",
    why="The order is the caller's choice: of quality, or of cost.",
    hint="for agent in [primary_agent, *fallback_agents], with a return inside.",
)
async def _in_order(bench: Bench) -> str | None:
    cast = Cast()
    await Chain(bench).ask(*cast.chain(_down("Primary"), "the answer", "unused", "unused"))
    return _unless(cast, "Primary", "Fallback1")


@FALLBACK.must(
    "goes on to the last fallback",
    done="The primary agent and three of four fallbacks fail, the last one answers.",
    expected="The last one's answer, after all were asked in order.",
    why="When everything is down but one, that one is all there is.",
    hint="Loop over all of fallback_agents.",
)
async def _to_the_last(bench: Bench) -> str | None:
    cast = Cast()
    names = ["Primary", "Fallback1", "Fallback2", "Fallback3"]
    answer, error = await finished(
        Chain(bench).ask(*cast.chain(*map(_down, names), "the last resort"))
    )
    if error is not None:
        return f"asked were {_listed(cast)}, and then {raised(error)}"
    if not answer.holds("the last resort"):
        return f"the result was {shown(answer.value)}"
    everybody = [*names, "Fallback4"]
    wrong = set(cast.asked) == set(everybody) and cast.asked != everybody
    return f"asked were {_listed(cast)}" if wrong else None


@FALLBACK.must(
    "falls back from any exception",
    done="The primary agent raised ConnectionError, TimeoutError, ValueError, and an exception of "
    "the examiner's own.",
    expected="The fallback answers, each time.",
    why="Each provider has errors of its own, and the one that nobody thought of comes at night.",
    hint="except Exception.",
)
async def _any_exception(bench: Bench) -> str | None:
    for error in (ConnectionError("1"), TimeoutError("1"), ValueError("1"), UnheardOfError("1")):
        answer, failed = await finished(Chain(bench).ask(*Cast().chain(error, "second best")))
        if failed is not None or not answer.holds("second best"):
            end = raised(failed) if failed else f"the result was {shown(answer.value)}"
            return f"{type(error).__name__}: {end}"
    return None


@FALLBACK.must(
    "says which agent answered",
    done="Let the primary agent answer, then the first fallback, then the second.",
    expected="The result names the one that answered, as in agent_used.",
    why="Bills, quality and the search for errors depend on who it was.",
    hint="Put agent.name into the result: the agent's of the loop, not the primary agent's.",
)
async def _says_who(bench: Bench) -> str | None:
    for answer, name, _ in await _answers(bench):
        if not answer.names(name):
            told = "did not say who" if answer.agent is None else f"said {shown(answer.agent)}"
            return f"{name} answered, and the result {told}"
    return None


@FALLBACK.must(
    "says at which level it was answered",
    done="Let the primary agent answer, then the first fallback, then the second.",
    expected="The result says 0, 1 and 2, as in fallback_level.",
    why="The share of answers from level 1 and above is what an alert watches.",
    hint="enumerate over [primary_agent, *fallback_agents]: the index is the level.",
)
async def _says_level(bench: Bench) -> str | None:
    for answer, name, levels in await _answers(bench):
        if not any(map(answer.is_level, levels)):
            told = "said no level" if answer.level is None else f"said {shown(answer.level)}"
            return f"{name} answered, and the result {told}"
    return None


@FALLBACK.must(
    "asks each agent the same question",
    done=f"Asked {QUERY!r} of a primary agent that fails and a fallback that answers.",
    expected="Both get that query, and nothing else.",
    why="A fallback that is told of the error answers a question about a stack trace.",
    hint="Do not assign to query.",
)
async def _same_question(bench: Bench) -> str | None:
    primary, fallbacks = Cast().chain(_down("Primary"), "the answer")
    await Chain(bench).ask(primary, fallbacks)
    if not primary.queries:
        raise UntriedError("nobody was asked")
    for agent in (primary, *fallbacks):
        for query in agent.queries:
            if not (query == QUERY or (isinstance(query, dict) and QUERY in query.values())):
                return f"{agent.name} was asked {shown(query)}"
    return None


@FALLBACK.must(
    "raises when nobody answers",
    done="Let all three agents fail.",
    expected="An error, or at least a result that says so: success=False.",
    why="An empty answer looks like a success: to the user, and to the monitoring.",
    hint="After the loop: raise.",
)
async def _raises(bench: Bench) -> str | None:
    cast = Cast()
    answer, error = await finished(Chain(bench).ask(*_all_down(cast)))
    if error is not None or answer.admits_failure:
        return None
    return f"it returned {shown(answer.value)}"


@FALLBACK.must(
    "does without fallbacks",
    done="Asked with an empty list of fallbacks: a primary agent that answers, and one that fails.",
    expected="The answer; and no error but that of the agent, or of the chain.",
    why="A list from a configuration may be empty.",
    hint="[primary_agent, *fallback_agents] is never empty.",
)
async def _no_fallbacks(bench: Bench) -> str | None:
    answer, error = await finished(Chain(bench).ask(*Cast().chain("the answer")))
    if error is not None or not answer.holds("the answer"):
        return raised(error) if error else f"the result was {shown(answer.value)}"
    await finished(Chain(bench).ask(*Cast().chain(_down("Primary"))))  # a slip would end the trial
    return None


@FALLBACK.must(
    "begins each query with the primary agent",
    done="Asked twice: the first time the primary agent fails, the second time it is well.",
    expected="The second query is answered by the primary agent.",
    why="Otherwise one hiccup means second best for ever.",
    hint="Keep nothing about one query in self.",
)
async def _begins_anew(bench: Bench) -> str | None:
    cast, chain = Cast(), Chain(bench)
    primary = cast.agent("Primary", _down("Primary"), "the answer")
    fallbacks = [cast.agent("Fallback1", "second best")]
    await chain.ask(primary, fallbacks)
    answer = await chain.ask(primary, fallbacks)
    return None if answer.holds("the answer") else f"the second result was {shown(answer.value)}"


# When calls overlap or are cancelled


@FALLBACK.should(
    "does not fall back when it is cancelled",
    done="Cancelled a query while the primary agent was thinking.",
    expected="No fallback is asked.",
    why="The user has gone: the next model would be paid to answer nobody.",
    hint="except Exception does not catch CancelledError; except BaseException does.",
)
async def _cancelled_asks_nobody(bench: Bench) -> str | None:
    asked_later, _ = await _cancelled(bench)
    return f"then asked were {', '.join(asked_later)}" if asked_later else None


@FALLBACK.should(
    "lets a cancellation through to the caller",
    done="Cancelled a query while the primary agent was thinking.",
    expected="The task ends as cancelled.",
    why="Timeouts and shutdown are cancellations. Code that swallows one makes them wait.",
    hint="If you catch CancelledError or BaseException, raise it again.",
)
async def _cancellation_passes(bench: Bench) -> str | None:
    _, task = await _cancelled(bench)
    if task.cancelled():
        return None
    if not task.done():
        return "it went on"
    error = task.exception()
    return raised(error) if error else f"it returned {shown(task.result().value)}"


@FALLBACK.should(
    "tells all errors when nobody answers",
    done="Let all three agents fail, each with an error of its own.",
    expected="All three can be found in what is raised (or returned): in its text, its notes, its "
    "causes or what it carries.",
    why="The first error is usually the one to look into, and the last one says the least.",
    hint="Collect the errors in a list, and raise an ExceptionGroup.",
)
async def _all_errors(bench: Bench) -> str | None:
    answer, error = await finished(Chain(bench).ask(*_all_down(Cast())))
    if error is None and not answer.admits_failure:
        return f"it returned {shown(answer.value)}"
    told = answer.value if error is None else error
    names = ("Primary", "Fallback1", "Fallback2")
    lost = [name for name in names if not mentions(told, f"{name} is down")]
    said = f"it returned {shown(told)}" if error is None else raised(error)
    return f"{said}, and nothing of the error of {', '.join(lost)}" if lost else None


@FALLBACK.should(
    "keeps two queries at the same time apart",
    done="Asked two things at the same time: a query that falls back, and one that does not.",
    expected="Each has its own answer, agent and level.",
    why="A server asks for many users at once. What is kept in self belongs to all of them.",
    hint="Local variables only.",
)
async def _apart(bench: Bench) -> str | None:
    chain, cast = Chain(bench), Cast()
    slow = cast.agent("Slow", _down("Slow"), seconds=1.0)
    second = cast.agent("Second", "second best", seconds=3.0)
    quick = cast.agent("Quick", "quick answer", seconds=2.0)
    answers = await asyncio.gather(chain.ask(slow, [second]), chain.ask(quick, [second]))
    alone = [await _answered_at(bench, level) for level in (1, 0)]
    asked = (("Second", "second best"), ("Quick", "quick answer"))
    for answer, (like, like_name, _), (name, said) in zip(answers, alone, asked, strict=True):
        same = answer.holds(said) and answer.level == like.level
        if not same or (like.names(like_name) and not answer.names(name)):
            return f"{name} answered, and the result was {shown(answer.value)}"
    return None


@FALLBACK.should(
    "leaves the caller's list alone",
    done="Asked with a list of two fallbacks, of which the first answers.",
    expected="Afterwards the same two are in the list.",
    why="The list is configuration. It would change with every query.",
    hint="No pop, insert or append on fallback_agents: make a new list.",
)
async def _list(bench: Bench) -> str | None:
    cast = Cast()
    primary, fallbacks = cast.chain(_down("Primary"), "the answer", "unused")
    before = [agent.name for agent in fallbacks]
    await Chain(bench).ask(primary, fallbacks)
    if not cast.asked:
        raise UntriedError("nobody was asked")
    after = [agent.name for agent in fallbacks]
    return None if before == after else f"afterwards it held {', '.join(after) or 'nothing'}"


@FALLBACK.should(
    "takes an empty answer for an answer",
    done="Let the primary agent answer with an empty text.",
    expected="That is the answer.",
    why="'Nothing found' is an answer. The next model might make something up.",
    hint="Only an exception is a failure. Do not test the answer.",
)
async def _empty(bench: Bench) -> str | None:
    answer, error = await finished(Chain(bench).ask(*Cast().chain("", "unused")))
    if error is not None:
        return raised(error)
    right = answer.holds("") and not answer.holds("unused")
    return None if right else f"the result was {shown(answer.value)}"


# What few think of


@FALLBACK.remark(
    "does not wait for a hung agent for ever",
    done="Let the primary agent hang, with a healthy fallback standing by.",
    expected="Within an hour the fallback answers, and the hung call is not left running.",
    why="A provider that accepts the connection and says nothing is the most common outage.",
    hint="asyncio.wait_for(agent.run(query), timeout), or async with asyncio.timeout(...).",
)
async def _hung(bench: Bench) -> str | None:
    cast = Cast()
    primary = cast.agent("Primary", "never", seconds=NEVER)
    query = asyncio.ensure_future(Chain(bench).ask(primary, [cast.agent("Fallback1", "answer")]))
    await asyncio.wait([query], timeout=HOUR)
    if not query.done():
        return "after an hour it was still waiting"
    answer, error = await finished(query)
    if error is not None or not answer.holds("answer"):
        return raised(error) if error else f"the result was {shown(answer.value)}"
    return "the hung call was left running" if primary.running else None


async def _answers(bench: Bench) -> list[tuple[ChainResult, str, set[int]]]:
    """Answers from the levels 0, 1 and, if it gets so far, 2."""
    answers = [await _answered_at(bench, level) for level in (0, 1)]
    with suppress(UntriedError):
        answers.append(await _answered_at(bench, 2))
    return answers


async def _answered_at(bench: Bench, level: int) -> tuple[ChainResult, str, set[int]]:
    """An answer when `level` agents are down, the agent that gave it, what its level may be.

    In the wrong order, the level may be the agent's place or the number of agents asked before.
    """
    cast, names = Cast(), ("Primary", "Fallback1", "Fallback2")
    outcomes = [*map(_down, names[:level]), *(f"said by {name}" for name in names[level:])]
    answer, error = await finished(Chain(bench).ask(*cast.chain(*outcomes)))
    if error is not None:
        raise UntriedError(f"with {count(level, 'agent')} down, {raised(error)}")
    for place, name in enumerate(names):
        if answer.holds(f"said by {name}"):
            return answer, name, {place, len(cast.asked) - 1}
    raise UntriedError(f"there was no answer in {shown(answer.value)}")


async def _cancelled(bench: Bench) -> tuple[list[str], asyncio.Future[ChainResult]]:
    """Who was asked after the cancellation, and the task."""
    cast = Cast()
    primary = cast.agent("Primary", "late", seconds=5.0)
    fallbacks = [cast.agent("Fallback1", "second best"), cast.agent("Fallback2", "third best")]
    task = asyncio.ensure_future(Chain(bench).ask(primary, fallbacks))
    if not await bench.until(lambda: bool(cast.asked)):
        raise UntriedError("nobody was asked")
    await asyncio.sleep(1)
    before = len(cast.asked)
    await bench.cancel(task)
    return cast.asked[before:], task


def _all_down(cast: Cast) -> tuple[Any, list[Any]]:
    return cast.chain(*map(_down, ("Primary", "Fallback1", "Fallback2")))


def _unless(cast: Cast, *names: str) -> str | None:
    """None if exactly these were asked, in this order."""
    return None if cast.asked == list(names) else f"asked were {_listed(cast)}"


def _listed(cast: Cast) -> str:
    return ", ".join(cast.asked) or "nobody"
