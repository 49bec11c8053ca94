"""The first exercise: every way to get it wrong is named, and the solution passes."""

from __future__ import annotations

import asyncio

import pytest

from resilience_lab.practice.exam.checklist import Checklist, Verdict
from resilience_lab.practice.exercises.chain import check_ask

FIRST = "asks the first agent, and no other if that one answers"
FALLS_BACK = "falls back to the next agent when one fails"
CUTS_OFF = "cuts a hanging agent off after 5 s"
RAISES = "raises when no agent answers"
CANCELLED = "ends at once when it is cancelled"
ALL = (FIRST, FALLS_BACK, CUTS_OFF, RAISES, CANCELLED)


async def solution(query, agents):
    errors = []
    for agent in agents:
        try:
            async with asyncio.timeout(5):
                return await agent.run(query)
        except Exception as error:
            errors.append(error)
    raise ExceptionGroup("no agent answered", errors)


async def with_wait_for(query, agents):
    for agent in agents[:-1]:
        try:
            return await asyncio.wait_for(agent.run(query), 5)
        except (TimeoutError, ConnectionError, ValueError):
            pass
    return await asyncio.wait_for(agents[-1].run(query), 5)


@pytest.mark.parametrize("ask", [solution, with_wait_for])
def test_a_correct_solution_passes(ask):
    report = check_ask(ask)

    assert report.passed
    assert report.missing == ()
    assert repr(report).endswith("5 of 5 behaviours. Well done.")


async def stub(query, agents):
    """As the notebook gives it."""


async def first_only(query, agents):
    async with asyncio.timeout(5):
        return await agents[0].run(query)


async def no_timeout(query, agents):
    for agent in agents:
        try:
            return await agent.run(query)
        except Exception as error:
            last = error
    raise last


async def patient(query, agents):
    for agent in agents:
        try:
            return await asyncio.wait_for(agent.run(query), 60)
        except Exception as error:
            last = error
    raise last


async def apologetic(query, agents):
    for agent in agents:
        try:
            return await asyncio.wait_for(agent.run(query), 5)
        except Exception:
            continue
    return "sorry"


async def swallows_cancellation(query, agents):
    for agent in agents:
        try:
            return await asyncio.wait_for(agent.run(query), 5)
        except BaseException as error:
            last = error
    raise last


async def swallows_it_quietly(query, agents):
    try:
        return await solution(query, agents)
    except asyncio.CancelledError:
        return None


async def asks_everybody(query, agents):
    answers = await asyncio.gather(
        *(asyncio.wait_for(agent.run(query), 5) for agent in agents), return_exceptions=True
    )
    for answer in answers:
        if isinstance(answer, str):
            return answer
    raise RuntimeError


async def never_gives_up(query, agents):
    while True:
        try:
            return await agents[-1].run(query)
        except Exception:
            continue


@pytest.mark.parametrize(
    ("ask", "missing"),
    [
        (stub, ALL),
        (first_only, (FALLS_BACK, CUTS_OFF)),
        (no_timeout, (CUTS_OFF,)),
        (patient, (CUTS_OFF,)),
        (apologetic, (RAISES,)),
        (swallows_cancellation, (CANCELLED,)),
        (swallows_it_quietly, (CANCELLED,)),
        (asks_everybody, (FIRST, CANCELLED)),
        (never_gives_up, (FIRST, RAISES, CANCELLED)),
    ],
)
def test_what_is_missing_is_named(ask, missing):
    report = check_ask(ask)

    assert not report.passed
    assert report.missing == missing


def test_what_was_seen_instead_is_told():
    lines = repr(check_ask(no_timeout)).splitlines()

    assert lines == [
        f"✅ {FIRST}",
        f"✅ {FALLS_BACK}",
        f"❌ {CUTS_OFF}",
        "   it waits for ever",
        f"✅ {RAISES}",
        f"✅ {CANCELLED}",
        "4 of 5 behaviours. Not yet.",
    ]


def test_errors_of_the_learners_code_are_told_without_a_traceback():
    async def wrong_name(query, agents):
        return await agents.run(query)

    async def silent(query, agents):
        raise RuntimeError

    def not_async(query, agents):
        return "hello"

    assert "it raised AttributeError: 'list' object" in repr(check_ask(wrong_name))
    assert f"❌ {FIRST}\n   it raised RuntimeError()" in repr(check_ask(silent))
    assert f"❌ {FIRST}\n   it raised TypeError" in repr(check_ask(not_async))


def test_a_report_is_a_value():
    report = Checklist((Verdict("a", True), Verdict("b", False, "nothing")))

    assert report == Checklist((Verdict("a", True), Verdict("b", False, "nothing")))
    assert repr(report) == "✅ a\n❌ b\n   nothing\n1 of 2 behaviours. Not yet."
