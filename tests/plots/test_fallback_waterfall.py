"""The waterfall of a fallback chain."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress

import pytest

from resilience_lab import (
    Backoff,
    CircuitBreaker,
    FallbackOrchestrator,
    Recorder,
    Retry,
    ScriptedAgent,
    run_virtual,
)
from resilience_lab.events import AgentFinished, QueryAnswered, QueryReceived
from resilience_lab.plots import fallback_summary, fallback_turns, fallback_waterfall
from resilience_lab.plots.style import OUTCOMES


def ask(recorder, *agents, times=1, **options):
    chain = FallbackOrchestrator(on_event=recorder, **options)

    async def main():
        for _ in range(times):
            with suppress(Exception):
                await chain.execute_with_fallback("?", agents[0], agents[1:])
            await asyncio.sleep(1)

    run_virtual(main)
    return recorder.to_frame()


@pytest.fixture
def frame():
    """The second of two queries: by then the first agent's breaker is open."""
    agents = [
        ScriptedAgent("down", [ConnectionError]),
        ScriptedAgent("slow", [(60, "too late")]),
        ScriptedAgent("flaky", [(1, "fine"), (1, ValueError), (2, "bad"), (1, ValueError)]),
        ScriptedAgent("rude", ["bad"]),
        ScriptedAgent("local", [(0.5, "fine")]),
        ScriptedAgent("spare", ["fine"]),
    ]
    breakers = {"down": 1, "slow": 9, "flaky": 9, "rude": 9, "local": 9}
    return ask(
        Recorder(),
        *agents,
        times=2,
        attempt_timeout=10,
        retry=Retry(2, Backoff(1, jitter="none"), retry_on=ValueError),
        breaker=lambda agent: CircuitBreaker(breakers[agent.name], 60),
        accept=lambda answer: answer != "bad",
    )


def rows(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def words(axes):
    return {rows(axes)[round(text.xy[1])]: text.get_text() for text in axes.texts}


def test_the_turns_of_the_last_query(frame):
    turns = fallback_turns(frame)

    assert turns.iloc[:5].to_numpy().tolist() == [
        ["down", 0, "skipped", 0, 0.0, 0.0],
        ["slow", 1, "timeout", 1, 0.0, 10.0],
        ["flaky", 2, "rejected", 2, 10.0, 14.0],
        ["rude", 3, "rejected", 1, 14.0, 14.0],
        ["local", 4, "success", 1, 14.0, 14.5],
    ]
    assert turns.loc[5, ["agent", "outcome", "calls"]].tolist() == ["spare", "not asked", 0]
    assert math.isnan(turns["start"][5])
    assert math.isnan(turns["end"][5])


def test_the_summary_says_it_in_words(frame):
    assert fallback_summary(frame) == (
        "down: skipped; slow: timeout, 10 s; flaky: rejected, 2 calls, 4 s; rude: rejected, 0 s; "
        "local: success, 0.5 s; spare: not asked. The query: answered at level 4, 14.5 s."
    )


def test_each_agent_has_a_row_a_bar_and_its_outcome_in_words(frame):
    figure = fallback_waterfall(frame, "one query")
    axes = figure.axes[0]

    assert rows(axes) == ["down", "slow", "flaky", "rude", "local", "spare", "the query"]
    drawn = {
        rows(axes)[round(bar.get_y() + bar.get_height() / 2)]: (
            bar.get_x(),
            bar.get_x() + bar.get_width(),
        )
        for bar in axes.patches
    }
    turns = fallback_turns(frame).iloc[:5]
    assert drawn == {
        **dict(zip(turns["agent"], zip(turns["start"], turns["end"], strict=True), strict=True)),
        "the query": (0.0, 14.5),
    }
    assert words(axes) == {
        "down": "skipped",
        "slow": "timeout, 10 s",
        "flaky": "rejected, 2 calls, 4 s",
        "rude": "rejected, 0 s",
        "local": "success, 0.5 s",
        "spare": "not asked",
        "the query": "answered at level 4, 14.5 s",
    }
    assert axes.get_title(loc="left") == "one query"
    assert axes.get_xlabel() == "seconds since the query was received"
    assert axes.yaxis_inverted()


def test_bars_are_hatched_by_outcome_and_the_legend_tells(frame):
    figure = fallback_waterfall(frame)

    hatches = [bar.get_hatch() or "" for bar in figure.axes[0].patches][:-1]
    turns = fallback_turns(frame)["outcome"].tolist()
    assert hatches == [OUTCOMES[outcome]["hatch"] for outcome in turns if outcome in OUTCOMES]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["success", "timeout", "rejected", "skipped"]


def test_what_is_written_stays_within_the_picture(frame):
    figure = fallback_waterfall(frame)
    figure.draw_without_rendering()

    for text in figure.axes[0].texts:
        assert text.get_window_extent().x1 <= figure.bbox.x1


def test_no_answer():
    frame = ask(Recorder(), ScriptedAgent("a", [(2, OSError)]), ScriptedAgent("b", [(1, OSError)]))

    assert fallback_summary(frame) == ("a: failed, 2 s; b: failed, 1 s. The query: no answer, 3 s.")
    assert words(fallback_waterfall(frame).axes[0])["the query"] == "no answer, 3 s"


def test_a_query_under_way_has_no_result_yet(frame):
    part = frame[frame["event"] != "QueryAnswered"]
    first_turn = part[: part.index[part["agent"] == "slow"][0]]

    assert fallback_turns(first_turn)["outcome"].tolist() == ["failed"] + ["no result"] * 5
    axes = fallback_waterfall(first_turn).axes[0]
    assert words(axes)["slow"] == "no result"
    assert words(axes)["the query"] == "no result yet"


def test_queries_of_one_moment_after_each_other_are_kept_apart():
    recorder = Recorder()
    agent = ScriptedAgent("a", ["first", OSError])
    chain = FallbackOrchestrator(on_event=recorder)

    async def main():
        for _ in range(2):
            with suppress(Exception):
                await chain.execute_with_fallback("?", agent, [])

    run_virtual(main)

    assert fallback_summary(recorder.to_frame()) == "a: failed, 0 s. The query: no answer, 0 s."


def test_queries_under_way_together_are_kept_apart_by_when_they_were_received():
    recorder = Recorder()
    chain = FallbackOrchestrator(on_event=recorder)

    async def query(start, latency):
        await asyncio.sleep(start)
        agent = ScriptedAgent("a", [(latency, "fine")])
        await chain.execute_with_fallback("?", agent, [])

    async def main():
        await asyncio.gather(query(0, 5), query(1, 2))

    run_virtual(main)

    assert fallback_summary(recorder.to_frame()) == (
        "a: success, 2 s. The query: answered at level 0, 2 s."
    )


def test_on_a_real_clock_an_event_may_be_a_little_late():
    recorder = Recorder()
    recorder(QueryReceived(5.0, "chain", "?", ("a",)))
    recorder(AgentFinished(7.002, "chain", "a", 0, "success", None, 1, 0.0, 2.0))
    recorder(QueryAnswered(7.004, "chain", "fine", "a", 0, 2.001))

    assert fallback_summary(recorder.to_frame()) == (
        "a: success, 2 s. The query: answered at level 0, 2 s."
    )


def test_of_two_chains_one_can_be_chosen():
    recorder = Recorder()
    ask(recorder, ScriptedAgent("a", [(1, "fine")]), name="inner")
    frame = ask(recorder, ScriptedAgent("b", [(2, "fine")]), name="outer")

    assert fallback_turns(frame)["agent"].tolist() == ["b"]
    assert fallback_turns(frame[frame["source"] == "inner"])["agent"].tolist() == ["a"]


def test_nothing_recorded_is_an_empty_picture():
    frame = Recorder().to_frame()

    assert fallback_turns(frame).empty
    assert fallback_summary(frame) == "No query."
    axes = fallback_waterfall(frame).axes[0]
    assert (rows(axes), len(axes.patches), len(axes.texts)) == ([], 0, 0)
