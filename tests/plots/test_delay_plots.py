"""Delays and total waits: the pictures hold the closed forms and the samples."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from resilience_lab import JITTERS, Backoff
from resilience_lab.plots import (
    cumulative_summary,
    cumulative_wait,
    delay_distributions,
    delay_statistics,
    delay_summary,
    total_waits,
)
from resilience_lab.plots.delays import KINDS
from resilience_lab.simulation import delay_table, expected_delay, sample_delays

RETRIES = 6
SAMPLES = 100_000


def recipes(*kinds, cap=10.0):
    return [Backoff(1, max_delay=cap, jitter=kind) for kind in kinds]


def stacked(backoffs, retries=RETRIES, samples=SAMPLES):
    return (
        pd.concat([sample_delays(backoff, retries, samples) for backoff in backoffs]),
        pd.concat([delay_table(backoff, retries) for backoff in backoffs]),
    )


@pytest.fixture(scope="module")
def every_kind():
    return stacked(recipes(*JITTERS))


def panel(figure, kind):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == kind)


def diamonds(axes):
    return axes.collections[-1].get_offsets().tolist()


def test_full_jitters_mean_is_half_the_ceiling(every_kind):
    frame, table = every_kind
    ceilings = [1, 2, 4, 8, 10, 10]

    statistics = delay_statistics(frame, table).set_index(["jitter", "retry"]).loc["full"]
    drawn = diamonds(panel(delay_distributions(frame, table), "full"))

    assert statistics["mean"].tolist() == pytest.approx([v / 2 for v in ceilings], rel=0.01)
    assert drawn == [[n, v / 2] for n, v in enumerate(ceilings)]


@pytest.mark.parametrize("kind", JITTERS)
def test_means_and_bounds_are_drawn_from_the_closed_forms(every_kind, kind):
    frame, table = every_kind
    (backoff,) = recipes(kind)

    axes = panel(delay_distributions(frame, table), kind)

    assert diamonds(axes) == [[n, expected_delay(backoff, n)] for n in range(RETRIES)]
    lows, highs = (lines.get_segments() for lines in axes.collections[-3:-1])
    drawn = [(low[0][1], high[0][1]) for low, high in zip(lows, highs, strict=True)]
    assert drawn == [backoff.bounds(n) for n in range(RETRIES)]


def test_the_histograms_are_the_samples_between_the_bounds(every_kind):
    frame, table = every_kind
    delays = frame[(frame["jitter"] == "decorrelated") & (frame["retry"] == 3)]["delay"]

    histogram = panel(delay_distributions(frame, table), "decorrelated").patches[3].get_data()

    counts, edges = np.histogram(delays[delays < 10], bins=25, range=(1, 10))
    assert histogram.edges.tolist() == edges.tolist()
    assert histogram.values == pytest.approx(2.6 + 0.8 * counts / counts.max())
    assert histogram.baseline == pytest.approx(2.6)


def test_the_quantiles_of_a_uniform_delay(every_kind):
    first = delay_statistics(*every_kind).set_index(["jitter", "retry"]).loc[("equal", 1)]

    assert first["samples"] == SAMPLES
    assert first[["p5", "p50", "p95"]].tolist() == pytest.approx([1.05, 1.5, 1.95], abs=0.01)


def test_the_share_at_the_cap_is_written_above(every_kind):
    frame, table = every_kind
    figure = delay_distributions(frame, table)

    shares = delay_statistics(frame, table).set_index("jitter")["at_cap"]
    # U(4, 12) draws above the cap of 10 s in one case of four, U(5, 15) in one of two.
    expected = [0, 0, 0, 0.25, 0.5, 0.5]
    assert shares["proportional"].tolist() == pytest.approx(expected, abs=0.01)
    assert shares["none"].tolist() == [0, 0, 0, 0, 1, 1]
    written = [text.get_text() for text in panel(figure, "proportional").texts]
    assert written == ["25%", "50%", "50%"]
    assert not panel(figure, "none").texts
    assert not panel(figure, "full").texts


def test_delays_without_spread_are_a_line(every_kind):
    axes = panel(delay_distributions(*every_kind), "none")

    lines = [lines.get_segments()[0] for lines in axes.collections[:RETRIES]]
    assert [line[0][1] for line in lines] == [1, 2, 4, 8, 10, 10]
    assert not axes.patches


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_each_kind_has_its_panel_and_its_labels(count):
    kinds = list(JITTERS)[:count]
    figure = delay_distributions(*stacked(recipes(*kinds), samples=50), "some kinds")

    assert [axes.get_title(loc="left") for axes in figure.axes] == kinds
    labelled = [axes.get_xlabel() == "retry (0 is the first)" for axes in figure.axes]
    assert labelled == [False] * (2 if count > 3 else 0) + [True] * (
        count if count < 4 else count - 2
    )
    assert figure.get_supylabel() == "delay in seconds"
    assert figure.get_suptitle() == "some kinds"


def test_many_retries_have_no_room_for_percentages():
    figure = delay_distributions(*stacked(recipes("decorrelated"), retries=31, samples=50))

    assert not figure.axes[0].texts


def test_the_summary_of_the_delays():
    frame, table = stacked(recipes("none", "proportional"), retries=4)

    none, proportional = delay_summary(frame, table).splitlines()

    assert none == (
        "none, 100000 samples: expected 1, 2, 4, 8 s; mean 1, 2, 4, 8 s; p95 1, 2, 4, 8 s; "
        "at the cap 0%, 0%, 0%, 0%."
    )
    assert "expected 1, 2, 4, 7.75 s; mean " in proportional
    assert proportional.endswith("at the cap 0%, 0%, 0%, 25%.")


def test_a_share_that_is_there_is_not_called_nothing():
    frame, table = stacked(recipes("decorrelated", cap=60), retries=4)

    assert delay_summary(frame, table).endswith("at the cap 0%, 0%, 0%, <1%.")


def test_two_backoffs_of_one_kind_are_refused():
    frame, table = stacked(recipes("full", "full"), samples=10)

    with pytest.raises(ValueError, match="unique"):
        delay_statistics(frame, table)


def test_total_waits_have_the_sum_of_the_expected_delays_as_their_mean(every_kind):
    waits = total_waits(every_kind[0])

    for backoff in recipes(*JITTERS):
        found = waits[waits["jitter"] == backoff.jitter]
        expected = np.cumsum([expected_delay(backoff, n) for n in range(RETRIES)])
        assert found["retries"].tolist() == [1, 2, 3, 4, 5, 6]
        assert found["mean"].tolist() == pytest.approx(expected.tolist(), rel=0.01)


def test_the_band_of_two_full_jitter_delays():
    """U(0, 1) + U(0, 2): P(sum <= x) is x**2 / 4 up to 1, so its 5% quantile is sqrt(0.2)."""
    frame, _ = stacked(recipes("full"), retries=2)

    second = total_waits(frame).iloc[1]

    assert second["p5"] == pytest.approx(math.sqrt(0.2), rel=0.02)
    assert second["p50"] == pytest.approx(1.5, rel=0.02)
    assert second["p95"] == pytest.approx(3 - math.sqrt(0.2), rel=0.02)


def test_totals_follow_each_history():
    """Decorrelated delays grow from each other, so their total spreads more than that of strangers.

    Shuffled, the same delays are independent, and extremes cancel out.
    """
    frame, _ = stacked(recipes("decorrelated", cap=1000))
    shuffled = frame.assign(
        delay=np.random.default_rng(1)
        .permuted(frame["delay"].to_numpy().reshape(RETRIES, SAMPLES), axis=1)
        .ravel()
    )

    together, strangers = (total_waits(data).iloc[-1] for data in (frame, shuffled))

    assert together["mean"] == pytest.approx(strangers["mean"])
    assert together["p95"] > 1.1 * strangers["p95"]


def test_the_figure_shows_means_and_bands_side_by_side(every_kind):
    frame, _ = every_kind
    waits = total_waits(frame)

    figure = cumulative_wait(frame, "in all")
    axes = figure.axes[0]

    for place, (_, part) in enumerate(waits.groupby("jitter", sort=False)):
        marks = axes.collections[place].get_offsets()
        assert marks[:, 1].tolist() == part["mean"].tolist()
        assert np.round(marks[:, 0]).tolist() == part["retries"].tolist()
        bars = axes.containers[place]
        assert [bar.get_y() for bar in bars] == part["p5"].tolist()
        assert [bar.get_y() + bar.get_height() for bar in bars] == pytest.approx(
            part["p95"].tolist()
        )
    edges = sorted(
        (bar.get_x(), bar.get_x() + bar.get_width()) for bars in axes.containers for bar in bars
    )
    assert all(left[1] < right[0] for left, right in pairwise(edges))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*JITTERS, "5-95% of the calls"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == (
        "number of retries",
        "total wait in seconds",
    )
    assert axes.get_title(loc="left") == "in all"


def test_the_summary_of_the_total_wait():
    frame, _ = stacked(recipes("none", "equal"), retries=3)

    none, equal = cumulative_summary(frame).splitlines()

    assert none == (
        "none: mean 1, 3, 7 s in all after 1 to 3 retries; the last from 7 s (5%) to 7 s (95%)."
    )
    assert equal.startswith("equal: mean 0.75, 2.25, 5.25 s in all after 1 to 3 retries; the last")


def test_shapes_and_colours_differ_for_every_kind():
    assert list(KINDS) == list(JITTERS)
    assert len({look["marker"] for look in KINDS.values()}) == len(KINDS)
    assert len({look["color"] for look in KINDS.values()}) == len(KINDS)


def test_nothing_sampled_is_an_empty_picture():
    frame, table = stacked(recipes("full"), retries=0)

    assert delay_summary(frame, table) == cumulative_summary(frame) == "0 samples."
    assert not delay_distributions(frame, table).axes[0].patches
    assert not cumulative_wait(frame).axes[0].patches


def test_nothing_to_wait_for_still_has_a_scale():
    frame, table = stacked([Backoff(0, jitter="full")], samples=10)

    assert delay_distributions(frame, table).axes[0].get_ylim() == (0, 1)


def test_a_thousand_seconds_are_written_in_whole_seconds():
    frame, table = stacked([Backoff(1200, max_delay=5000, jitter="none")], retries=2, samples=10)

    assert "expected 1200, 2400 s" in delay_summary(frame, table)
