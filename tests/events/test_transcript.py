"""Promises, section 8: `Transcript` and the classic transcript."""

from __future__ import annotations

import asyncio
import io
import math
import runpy
import sys
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from resilience_lab import (
    Backoff,
    BaseAgent,
    CircuitBreaker,
    CircuitOpenError,
    FallbackOrchestrator,
    Retry,
    ScriptedAgent,
    Transcript,
    run_virtual,
)
from resilience_lab.demo import classic
from resilience_lab.events import Event, Section

CLASSIC = (Path(__file__).parents[1] / "classic_transcript.txt").read_text(encoding="utf-8")


class Lines(list):
    """A transcript's lines, kept."""

    def __init__(self):
        super().__init__()
        self.listener = Transcript(self.append)


async def boom():
    raise OSError


def test_promise_8_the_classic_transcript_line_by_line():
    lines = Lines()

    run_virtual(classic, lines.listener)

    assert "\n".join(lines) + "\n" == CLASSIC


def test_promise_8_it_prints_by_default(capsys):
    run_virtual(classic, Transcript())

    assert capsys.readouterr().out == CLASSIC


def test_promise_8_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["resilience_lab"])

    runpy.run_module("resilience_lab", run_name="__main__")

    assert capsys.readouterr().out == CLASSIC


def test_promise_8_on_a_stdout_that_is_no_file(monkeypatch):
    monkeypatch.setattr("sys.argv", ["resilience_lab"])
    monkeypatch.setattr("sys.stdout", io.StringIO())

    runpy.run_module("resilience_lab", run_name="__main__")

    assert sys.stdout.getvalue() == CLASSIC


async def test_the_waits_of_the_demo_really_pass():
    await classic(lambda _: None)

    assert asyncio.get_running_loop().time() == 30 + (1 + 2) + 10


async def test_what_the_classic_story_does_not_show():
    lines = Lines()
    breaker = CircuitBreaker(1, 1, probe_timeout=5, on_event=lines.listener)
    breaker.acquire().success()
    breaker.acquire().failure(asyncio.CancelledError())
    breaker.acquire().ignore()
    breaker.acquire().failure(OSError())
    await asyncio.sleep(1)
    hung = breaker.acquire()
    with suppress(CircuitOpenError):
        breaker.acquire()
    await asyncio.sleep(5)
    breaker.acquire().failure(OSError())
    hung.success()
    breaker.isolate()
    breaker.reset()

    assert lines == [
        "Attempt 1: ✅ SUCCESS",
        "Attempt 2: ⚪ IGNORED (CancelledError)",
        "Attempt 3: ⚪ IGNORED (no error)",
        "Attempt 4: ❌ FAILED (failures: 1/1)",
        ">>> Circuit OPEN - blocking requests",
        "",
        "[1 second later...]",
        ">>> Circuit HALF_OPEN - testing recovery",
        "",
        "Attempt 5: ⛔ BLOCKED (circuit is half-open)",
        ">>> No answer from a probe for 5 s - its permit is free again",
        "Attempt 6: ❌ FAILED (OSError)",
        ">>> Circuit OPEN - blocking requests",
        "",
        ">>> Circuit OPEN - isolated by hand",
        "",
        ">>> Circuit CLOSED - reset by hand",
    ]


async def test_a_probe_right_at_the_end_of_the_break_needs_no_time_line():
    lines = Lines()
    clock = [0.0]
    breaker = CircuitBreaker(1, 1, on_event=lines.listener, clock=lambda: clock[0])
    breaker.acquire().failure(OSError())
    clock[0] = 1.0
    lines.listener(Event(1.0, "the test"))

    breaker.acquire()

    assert lines[-1] == ">>> Circuit HALF_OPEN - testing recovery"
    assert "later" not in "".join(lines)


async def test_a_retry_that_gives_up():
    lines = Lines()
    with pytest.raises(OSError):
        await Retry(1, Backoff(1, jitter="none"), on_event=lines.listener).call(boom)

    assert lines == [
        "Attempt 1: Failed → Retry in 1.0s",
        "Attempt 2: Failed → Gave up: max_retries is 1 ❌",
    ]


async def test_a_chain_that_fails():
    lines = Lines()
    lines.listener(Section(0.0, "test", "Fallback"))
    orchestrator = FallbackOrchestrator(
        attempt_timeout=5,
        breaker=lambda agent: CircuitBreaker(name=agent.name),
        accept=lambda text: text != "no",
        on_event=lines.listener,
    )
    agents = [
        ScriptedAgent("isolated", ["unused"]),
        ScriptedAgent("hanging", [(math.inf, "never")]),
        ScriptedAgent("refusing", ["no"]),
        ScriptedAgent("broken", [ValueError("bug")]),
    ]
    orchestrator.breaker_of(agents[0]).isolate()

    with pytest.raises(ExceptionGroup):
        await orchestrator.execute_with_fallback("hi", agents[0], agents[1:])

    assert lines == [
        "=== Fallback ===",
        "",
        'Query: "hi"',
        "",
        "Primary (isolated): ⛔ SKIPPED (circuit is open)",
        "Fallback 1 (hanging): ❌ FAILED (timeout)",
        "Fallback 2 (refusing): ❌ FAILED (answer refused)",
        "Fallback 3 (broken): ❌ FAILED (ValueError)",
        "",
        "No result: all 4 agents failed: isolated (skipped), hanging (timeout), "
        "refusing (rejected), broken (failed)",
    ]


async def test_the_losers_of_a_race_are_cancelled():
    lines = Lines()
    chain = FallbackOrchestrator(hedge_after=1, on_event=lines.listener)

    await chain.execute_with_fallback(
        "hi", ScriptedAgent("slow", [(math.inf, "never")]), [ScriptedAgent("fast", ["hello"])]
    )

    assert lines[2:4] == ["Primary (slow): ⚪ CANCELLED", "Fallback 1 (fast): ✅ SUCCESS"]


async def test_a_query_that_is_cancelled():
    lines = Lines()
    chain = FallbackOrchestrator(on_event=lines.listener)
    query = asyncio.create_task(
        chain.execute_with_fallback("hi", ScriptedAgent("slow", [(math.inf, "never")]), [])
    )
    await asyncio.sleep(1)
    query.cancel("by the user")
    await asyncio.wait([query])

    assert lines[2:] == ["Primary (slow): ⚪ CANCELLED", "", "No result: cancelled"]


async def test_a_stream_that_its_reader_leaves():
    lines = Lines()
    chain = FallbackOrchestrator(on_event=lines.listener)
    async with aclosing(
        chain.stream_with_fallback("hi", ScriptedAgent("a", [["one", (9, "two")]]), [])
    ) as stream:
        await anext(stream)

    assert lines[2:] == [
        "Primary (a): ⚪ CANCELLED",
        "",
        "No result: the reader left before the end",
    ]


async def test_an_error_without_words_is_named():
    class MuteError(Exception):
        def __str__(self):
            raise AttributeError("no words")

    for error in (ValueError(), MuteError()):
        lines = Lines()
        chain = FallbackOrchestrator(fallback_on=OSError, on_event=lines.listener)
        with pytest.raises(type(error)):
            await chain.execute_with_fallback("hi", ScriptedAgent("a", [error]), [])

        name = type(error).__name__
        assert lines[2:] == [f"Primary (a): ❌ FAILED ({name})", "", f"No result: {name}"]


async def test_an_agent_that_does_not_answer_with_text():
    class Forgetful(BaseAgent):
        async def run(self, query):
            pass

    lines = Lines()
    await FallbackOrchestrator(on_event=lines.listener).execute_with_fallback(
        "hi", Forgetful(), [ScriptedAgent("b", ["hello"])]
    )

    assert lines[2] == "Primary (Forgetful): ❌ FAILED (no text)"


async def test_a_breaker_that_only_observes_says_what_it_would_have_blocked():
    lines = Lines()
    breaker = CircuitBreaker(1, 30, observe_only=True, on_event=lines.listener)
    breaker.acquire().failure(OSError())
    breaker.acquire()
    await asyncio.sleep(30)
    breaker.acquire()
    breaker.acquire()

    assert lines == [
        "Attempt 1: ❌ FAILED (failures: 1/1)",
        ">>> Circuit OPEN - blocking requests",
        "",
        ">>> Only observing - would have blocked (circuit is open)",
        "",
        "[30 seconds later...]",
        ">>> Circuit HALF_OPEN - testing recovery",
        "",
        ">>> Only observing - would have blocked (circuit is half-open)",
    ]


def test_write_must_be_a_function():
    for nothing in (3, None):
        with pytest.raises(TypeError, match=f"write must be callable, got {nothing}"):
            Transcript(nothing)
