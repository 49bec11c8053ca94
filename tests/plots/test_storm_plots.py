"""The pictures of retry storms have the data of their frames."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from resilience_lab.plots import (
    contention_curves,
    contention_summary,
    goodput_over_time,
    goodput_summary,
    strategy_summary,
    strategy_tradeoff,
)

CONTENTION = pd.DataFrame(
    [
        (10, "full", 40.0, 500.0),
        (20, "full", 100.4, 1234.0),
        (10, "no_backoff", 50.0, 400.0),
        (20, "no_backoff", 150.0, 600.0),
    ],
    columns=["clients", "kind", "calls", "time_ms"],
)
STRATEGIES = pd.DataFrame(
    [
        (0.2, "no_retries", 80.0, 100.0),
        (0.2, "three_retries", 99.8, 125.0),
        (1.0, "no_retries", 0.0, 100.0),
        (1.0, "three_retries", 0.0, 400.0),
    ],
    columns=["f", "strategy", "success", "load"],
)


def single(sent, goodput, column="sent"):
    return pd.DataFrame({"t": range(len(sent)), column: sent, "goodput": goodput})


LASTING = single([10] * 5 + [30] * 25, [10] * 5 + [0] * 25)
BRIEF = single([10] * 5 + [30] * 5 + [10] * 20, [10] * 5 + [0] * 5 + [10] * 20)
TWO_RUNS = pd.concat(
    [
        single([40] * 30, [40] * 30, "offered").assign(run=0),
        single([40] * 10 + [100] * 20, [40] * 10 + [0] * 20, "offered").assign(run=1),
    ]
)


# Contention


def test_both_panels_of_contention_have_a_line_for_each_kind():
    calls, time = contention_curves(CONTENTION, title="Contention").axes

    for axes, values in ((calls, [40.0, 100.4]), (time, [0.5, 1.234])):
        full, no_backoff = axes.lines
        assert list(full.get_xdata()) == [10, 20]
        assert list(full.get_ydata()) == values
        assert full.get_marker() != no_backoff.get_marker()
        assert full.get_color() != no_backoff.get_color()
        assert axes.get_xlabel() == "clients"
    assert calls.figure.get_suptitle() == "Contention"
    labels = [text.get_text() for text in calls.figure.legends[0].texts]
    assert labels == ["full", "no backoff"]


def test_what_was_published_is_drawn_as_rings():
    published = CONTENTION[CONTENTION["clients"] == 10]

    figure = contention_curves(CONTENTION, published)

    calls, time = figure.axes
    assert list(calls.lines[-1].get_ydata()) == [40.0, 50.0]
    assert list(time.lines[-1].get_ydata()) == [0.5, 0.4]
    assert calls.lines[-1].get_linestyle() == "None"
    assert figure.legends[0].texts[-1].get_text() == "published"


def test_the_summary_of_contention_tells_both_ends():
    assert contention_summary(CONTENTION) == (
        "full: 10 clients make 40 calls in 0.5 s, 20 clients make 100 calls in 1.23 s.\n"
        "no_backoff: 10 clients make 50 calls in 0.4 s, 20 clients make 150 calls in 0.6 s."
    )


def test_a_single_number_of_clients_is_told_once():
    assert contention_summary(CONTENTION[:1]) == "full: 10 clients make 40 calls in 0.5 s."


# Strategies


def test_each_strategy_is_a_line_through_its_failure_rates():
    figure = strategy_tradeoff(STRATEGIES, "Who may retry")

    (axes,) = figure.axes
    none, three = axes.lines
    assert (list(none.get_xdata()), list(none.get_ydata())) == ([100.0, 100.0], [80.0, 0.0])
    assert (list(three.get_xdata()), list(three.get_ydata())) == ([125.0, 400.0], [99.8, 0.0])
    assert none.get_marker() != three.get_marker()
    assert axes.get_title(loc="left") == "Who may retry"
    assert [text.get_text() for text in figure.legends[0].texts] == ["no retries", "three retries"]


def test_each_failure_rate_is_written_where_it_costs_most():
    (axes,) = strategy_tradeoff(STRATEGIES).axes

    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        ("0.2", (125.0, 99.8)),
        ("1", (400.0, 0.0)),
    ]


def test_the_summary_of_strategies_has_each_number():
    assert strategy_summary(STRATEGIES) == (
        "Success/load in %:\n"
        "no retries: 80/100 (f=0.2), 0/100 (f=1).\n"
        "three retries: 100/125 (f=0.2), 0/400 (f=1)."
    )


# Collapse and metastability


def test_each_of_the_named_runs_has_a_panel_with_what_is_sent_and_the_goodput():
    figure = goodput_over_time({"at 10": LASTING, "at 5": BRIEF}, (5.0, 8.0), "A database")

    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "A database: at 10",
        "A database: at 5",
    ]
    for axes, frame in zip(figure.axes, (LASTING, BRIEF), strict=True):
        sent, goodput = axes.lines
        assert list(sent.get_ydata()) == list(frame["sent"])
        assert list(goodput.get_ydata()) == list(frame["goodput"])
        assert sent.get_linestyle() != goodput.get_linestyle()
        assert axes.patches[0].get_x() == 5.0
        assert axes.patches[0].get_width() == 3.0
        assert axes.get_ylim()[0] == 0
        assert axes.get_ylim()[1] >= 30


def test_of_several_runs_each_is_a_faint_line():
    (axes,) = goodput_over_time({"no backoff": TWO_RUNS}, (5.0, 8.0)).axes

    assert [line.get_ydata()[-1] for line in axes.lines] == [40, 40, 100, 0]
    assert all(line.get_alpha() < 1 for line in axes.lines)
    assert len({to_hex(line.get_color()) for line in axes.lines}) == 2
    assert axes.get_title(loc="left") == "no backoff"


def test_the_summary_is_about_the_end():
    assert goodput_summary({"at 10": LASTING, "at 5": BRIEF}) == (
        "at 10: at the end 30 sent and 0 answered in time, a second.\n"
        "at 5: at the end 10 sent and 10 answered in time, a second."
    )


@pytest.mark.parametrize(("runs", "collapsed"), [([0], "0 of 1"), ([1], "1 of 1"), ([0, 1], "1")])
def test_a_run_without_goodput_at_the_end_has_collapsed(runs, collapsed):
    told = goodput_summary({"three tries": TWO_RUNS[TWO_RUNS["run"].isin(runs)]})

    assert told.startswith(f"three tries: {collapsed}")
    assert "runs collapse" in told


def test_the_end_is_the_last_twenty_seconds_and_no_more():
    late = single([10] * 10 + [30] * 20, [1] * 10 + [0] * 20).assign(run=0)
    later = single([10] * 11 + [30] * 19, [1] * 11 + [0] * 19).assign(run=0)

    assert "1 of 1 runs collapse" in goodput_summary({"late": late})
    assert "0 of 1 runs collapse" in goodput_summary({"later": later})
