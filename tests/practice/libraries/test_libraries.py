"""`examine_library` and `compare_libraries`: fair, the same at each run, and hard on ourselves."""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.metadata import version

import pandas as pd
import purgatory
import pybreaker
import pytest
import stamina
from hyx.circuitbreaker import consecutive_breaker

from resilience_lab import BaseAgent, ScriptedAgent, run_virtual
from resilience_lab.practice.exam.report import Behaviour, Report
from resilience_lab.practice.libraries import (
    BY_DESIGN,
    LEGEND,
    LIBRARIES,
    MISSING,
    NOT_OFFERED,
    SEEN,
    compare_libraries,
    examine_library,
)
from resilience_lab.practice.libraries.hyx import FallbackOrchestrator as HyxChain

BREAKER, RETRY, FALLBACK = "circuit breaker", "retry with backoff", "fallback agents"

BREAKERS = [
    "pybreaker",
    "aiobreaker",
    "circuitbreaker",
    "purgatory",
    "hyx",
    "nopanic",
    "interlock-cb",
    "resilience_lab",
]
RETRIES = ["hyx", "tenacity", "stamina", "nopanic", "resilience_lab"]
FALLBACKS = ["hyx", "nopanic", "resilience_lab"]

examined = cache(examine_library)


def missing(name):
    return {behaviour.name for _, behaviour, mark in examined(name).marks() if mark != SEEN}


class DownError(Exception):
    """The service has failed."""


async def ok():
    return "ok"


async def down():
    raise DownError


class Agent(BaseAgent):
    def __init__(self, name, answer=None):
        self.name = name
        self.answer = answer

    async def run(self, query):
        if self.answer is None:
            raise DownError(query)
        return self.answer


async def use(breaker, *functions):
    for function in functions:
        with suppress(Exception):
            await breaker.call(function)


# The examination


def test_resilience_lab_has_every_behaviour():
    reports = examined("resilience_lab").reports

    assert list(reports) == [BREAKER, RETRY, FALLBACK]
    for report in reports.values():
        assert not report.failed, report
        assert report.score == 100


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_library_comes_with_its_version_and_could_be_examined(name):
    examination = examined(name)

    assert (examination.name, examination.version) == (name, version(name))
    assert examination.patterns
    for pattern, report in examination.reports.items():
        assert report.pattern == pattern
        assert not report.problem
        assert report.score >= 75


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_documented_choice_is_told_for_what_is_missing_and_nothing_else(name):
    assert set(examined(name).choices) <= missing(name)


@pytest.mark.parametrize("name", LIBRARIES)
def test_an_examination_is_the_same_at_each_run(name):
    assert examine_library(name) == examined(name)


def test_in_half_open_most_breakers_let_everybody_in():
    crowd = {name: examined(name).seen("lets one probe through at a time") for name in BREAKERS}

    assert crowd == {
        **dict.fromkeys(BREAKERS, "20 calls reached the service"),
        "nopanic": "2 calls reached the service",
        "interlock-cb": "as expected",
        "resilience_lab": "as expected",
    }


async def test_hyxs_chain_hands_on_the_errors_that_it_is_given():
    agents = [ScriptedAgent(name, [ConnectionError(f"{name} is down")]) for name in "abc"]

    with pytest.raises(ConnectionError, match="c is down") as raised:
        await HyxChain().execute_with_fallback("hi", agents[0], agents[1:])

    assert raised.value.__notes__ == ["before that: b is down", "before that: a is down"]


def test_what_each_retry_lacks():
    lacks = {name: missing(name) - missing_of_breaker(name) for name in RETRIES}

    assert lacks == {
        "hyx": {"raises the last error itself", "waits as long as the service asks"},
        "tenacity": set(),
        "stamina": set(),
        "nopanic": set(),
        "resilience_lab": set(),
    }


def missing_of_breaker(name):
    report = examined(name).reports.get(BREAKER)
    return {behaviour.name for behaviour in report.missing} if report else set()


def test_each_fallback_does_all_that_is_asked():
    assert [examined(name).reports[FALLBACK].score for name in FALLBACKS] == [100, 100, 100]


def test_which_library_offers_what():
    offered = {
        pattern: [name for name in LIBRARIES if pattern in examined(name).patterns]
        for pattern in (BREAKER, RETRY, FALLBACK)
    }

    assert offered == {BREAKER: BREAKERS, RETRY: RETRIES, FALLBACK: FALLBACKS}


def test_its_text_says_how_it_was_used_what_is_missing_and_why():
    text = repr(examined("circuitbreaker"))

    assert text.startswith(
        f"circuitbreaker {version('circuitbreaker')}\n"
        "used: a CircuitBreaker object as a decorator (README).\n"
        "\n"
        "circuit breaker: "
    )
    assert "✗ lets one probe through at a time: 20 calls reached the service\n" in text
    assert (
        "◇ does not close before success_threshold successful probes: after two successes it was "
        "closed\n"
        "    documented: It 'closes if the test-execution succeeded' (README).\n"
    ) in text
    assert "returns what the function returns" not in text


def test_what_was_seen_is_told_only_of_what_was_tried():
    assert examined("tenacity").seen("doubles the wait each time") == "as expected"
    with pytest.raises(ValueError, match="not tried on tenacity, got 'tells its state'"):
        examined("tenacity").seen("tells its state")


def test_an_unknown_library_is_refused_with_the_names_of_the_known_ones():
    with pytest.raises(ValueError, match=r"one of pybreaker, .*, resilience_lab, got 'polly'"):
        examine_library("polly")


@pytest.mark.parametrize("name", ["pybreaker", "interlock-cb"])
def test_a_library_that_is_not_installed_is_named_with_the_extra_that_has_it(name, monkeypatch):
    module = name.removesuffix("-cb")
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"resilience_lab.practice.libraries.{module}", raising=False)

    with pytest.raises(ImportError, match=rf"{name} is not .* 'resilience_lab\[peers\]'") as caught:
        examine_library(name)

    assert caught.value.name == module


# The table


def test_the_table_has_a_mark_for_each_behaviour_and_library():
    table = compare_libraries(["tenacity", "circuitbreaker"])

    assert list(table.columns) == ["tenacity", "circuitbreaker"]
    assert table.index.names == ["pattern", "level", "behaviour"]
    assert table.index.is_unique
    assert list(table.index.unique("pattern")) == [BREAKER, RETRY, FALLBACK]
    assert set(table["tenacity"].xs(BREAKER)) == {NOT_OFFERED}
    assert set(table["tenacity"].xs(RETRY)) == {SEEN}
    marks = table["circuitbreaker"].xs(BREAKER)
    assert marks["must", "tells its state"] == SEEN
    assert marks["must", "does not close before success_threshold successful probes"] == BY_DESIGN
    assert marks["should", "lets one probe through at a time"] == MISSING


def test_the_table_compares_all_libraries_unless_told_otherwise():
    table = compare_libraries()

    assert tuple(table.columns) == LIBRARIES
    assert set(table.to_numpy().flat) == set(LEGEND)
    pd.testing.assert_frame_equal(table[["hyx", "nopanic"]], compare_libraries(["hyx", "nopanic"]))


def test_marks_are_made_from_what_the_grader_reports(monkeypatch):
    name = "does not close before success_threshold successful probes"
    passed = behaviour("tells its state")
    by_design, failed = behaviour(name), behaviour("counts for itself alone")
    monkeypatch.setattr(
        "resilience_lab.practice.libraries._GRADERS",
        {BREAKER: lambda _: Report(BREAKER, (passed,), (by_design, failed))},
    )

    marks = [mark for _, _, mark in examine_library("aiobreaker").marks()]
    column = compare_libraries(["aiobreaker"])["aiobreaker"].xs(BREAKER).xs("must")

    assert marks == [SEEN, BY_DESIGN, MISSING]
    assert list(column[[passed.name, by_design.name, failed.name]]) == marks
    assert column["passes all arguments on"] == NOT_OFFERED


def behaviour(name):
    return Behaviour(name, "must", "done", "expected", "seen", "why", "hint", 3)


def prose(name):
    """Docstrings and README of an installed library, on one line and without markup."""
    files = metadata.distribution(name)
    texts = [path.read_text() for path in files.files if path.suffix == ".py"]
    words = " ".join([*texts, files.metadata.get_payload() or ""]).split()
    return " ".join(words).replace("``", "").lower()


@pytest.mark.parametrize("name", LIBRARIES)
def test_what_is_quoted_from_a_docstring_or_a_readme_is_there(name):
    text = prose(name)

    for words in examined(name).choices.values():
        if "docstring" in words or "README" in words:
            for quote in re.findall(r"'(.+?)'", words):
                assert quote.lower() in text, quote


# The adapters


@pytest.mark.parametrize("name", BREAKERS)
def test_a_breakers_adapter_passes_calls_and_states_on(name):
    cls = examined(name).library.subjects[BREAKER]

    async def experiment():
        breaker = cls(failure_threshold=2, recovery_timeout=3600, success_threshold=2)
        states = [str(breaker.state)]
        answer = await breaker.call(lambda: ok())
        await use(breaker, down, down, ok)
        return answer, [*states, str(breaker.state)]

    answer, states = run_virtual(experiment)
    assert answer == "ok"
    if name == "nopanic":  # a rate: the success before the failures still counts
        assert states == ["closed", "closed"]
    else:
        assert "clos" in states[0].lower()
        assert "open" in states[1].lower()


@pytest.mark.parametrize("name", RETRIES)
def test_a_retrys_adapter_keeps_to_the_schedule_and_its_cap(name):
    retry = examined(name).library.subjects[RETRY]
    times = []

    async def failing():
        times.append(asyncio.get_running_loop().time())
        await down()

    async def experiment():
        with suppress(Exception):
            await retry(failing, max_retries=3, base_delay=2.0, max_delay=5.0)

    run_virtual(experiment)

    assert times == pytest.approx([0, 2, 6, 11])


@pytest.mark.parametrize(("name", "wait"), [("tenacity", 21), ("stamina", 20), ("nopanic", 21.05)])
def test_what_each_retry_makes_of_a_hint(name, wait):
    retry = examined(name).library.subjects[RETRY]
    error = DownError()
    error.retry_after = 20
    errors = [error]

    async def asking():
        if errors:
            raise errors.pop()
        return asyncio.get_running_loop().time()

    assert run_virtual(retry, asking) == pytest.approx(wait)


@pytest.mark.parametrize("name", FALLBACKS)
def test_a_fallbacks_adapter_says_who_answered(name):
    cls = examined(name).library.subjects[FALLBACK]

    async def experiment():
        return await cls().execute_with_fallback(
            "query", Agent("Primary"), [Agent("Second"), Agent("Third", "answer")]
        )

    answer = run_virtual(experiment)

    assert (answer["result"], answer["agent_used"], answer["fallback_level"]) == (
        "answer",
        "Third",
        2,
    )


# What the adapters' docstrings say of the libraries


def test_hyxs_context_manager_takes_a_cancelled_call_for_a_success():
    async def experiment():
        breaker = consecutive_breaker(failure_threshold=2)

        async def guarded(function):
            async with breaker:
                await function()

        with suppress(DownError):
            await guarded(down)
        cancelled = asyncio.create_task(guarded(lambda: asyncio.sleep(10)))
        await asyncio.sleep(1)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        with suppress(DownError):
            await guarded(down)
        return breaker.state.name

    assert run_virtual(experiment) == "working"


def test_staminas_backoff_hook_is_asked_about_a_cancellation_too():
    asked, calls = [], []

    def hook(error):
        asked.append(type(error))
        return True

    async def slow():
        calls.append("call")
        await asyncio.sleep(10)

    async def experiment():
        caller = stamina.AsyncRetryingCaller(attempts=2, wait_jitter=0)
        task = asyncio.create_task(caller(hook, slow))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])

    run_virtual(experiment)

    assert asked == [asyncio.CancelledError]
    assert len(calls) == 2


@pytest.mark.parametrize("name", ["pybreaker", "purgatory"])
def test_an_excluded_cancellation_is_taken_for_a_success(name):
    async def experiment():
        if name == "pybreaker":
            breaker = pybreaker.CircuitBreaker(fail_max=2, exclude=[asyncio.CancelledError])
        else:
            factory = purgatory.AsyncCircuitBreakerFactory(2, exclude=[asyncio.CancelledError])
            breaker = await factory.get_breaker("circuit")

        async def guarded(function):
            if name == "pybreaker":
                with breaker.calling():
                    await function()
            else:
                async with breaker:
                    await function()

        with suppress(Exception):
            await guarded(down)
        cancelled = asyncio.create_task(guarded(lambda: asyncio.sleep(10)))
        await asyncio.sleep(1)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        with suppress(Exception):
            await guarded(down)
        await guarded(ok)  # not open

    run_virtual(experiment)
