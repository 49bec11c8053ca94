"""`BackoffExplorer`, driven by values as a browser would."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from base64 import b64decode

import numpy as np
import pytest

from resilience_lab.retry.backoff import JITTERS, Backoff
from resilience_lab.simulation.delays import expected_delay
from resilience_lab.widgets.backoff import FORMULAS, BackoffExplorer, wait_table


def test_the_table_tells_the_quantiles_of_each_wait_and_of_their_sum():
    delays = np.array([[0.0, 1.0, 2.0], [4.0, 4.0, 7.0]])

    table = wait_table(Backoff(2.0), delays)

    assert list(table) == ["0", "1", "total"]
    assert table["0"]["p50"] == table["0"]["mean"] == 1.0
    assert table["1"]["max"] == 7.0
    assert table["total"]["p50"] == 5.0
    assert table["total"]["mean"] == 6.0
    assert [row["formula"] for row in table.values()] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("jitter", JITTERS)
def test_every_kind_of_jitter_has_the_mean_that_the_formula_says(jitter):
    explorer = BackoffExplorer()

    explorer.jitter.value = jitter

    assert explorer.backoff == Backoff(jitter=jitter)
    for n in range(8):
        row = explorer.waits[str(n)]
        assert row["formula"] == expected_delay(explorer.backoff, n)
        assert row["mean"] == pytest.approx(row["formula"], rel=0.05)
        assert row["p5"] <= row["p50"] <= row["p95"] <= row["max"] <= 60.0


@pytest.mark.parametrize("jitter", JITTERS)
def test_the_picture_has_a_strip_for_each_retry_and_one_for_the_total(jitter):
    explorer = BackoffExplorer()
    explorer.jitter.value = jitter
    explorer.sliders["retries"].value = 3

    svg = ET.fromstring(explorer.strips.value)
    texts = [element.text for element in svg.iter("text")]

    assert svg.attrib["aria-label"] in explorer.summary()
    assert [text for text in texts if text in {"retry 0", "retry 3", "total wait"}] == [
        "retry 0",
        "total wait",
    ]
    assert f"delay before retry n = {FORMULAS[jitter]}" in texts


def test_the_share_at_the_cap_is_written_beside_its_strip():
    explorer = BackoffExplorer()
    explorer.sliders["max_delay"].value = 2

    explorer.jitter.value = "none"
    assert ">100%</text>" in explorer.strips.value
    explorer.jitter.value = "proportional"
    assert ">50%</text>" in explorer.strips.value  # U(1, 3) is over 2 half the time
    explorer.jitter.value = "full"
    assert "%</text>" not in explorer.strips.value


def test_a_small_share_at_the_cap_is_not_called_none():
    explorer = BackoffExplorer()

    explorer.jitter.value = "decorrelated"

    assert ">&lt;1%</text>" in explorer.strips.value
    assert ">0%</text>" not in explorer.strips.value


def test_every_slider_is_a_setting_of_the_backoff():
    explorer = BackoffExplorer()

    for name in ("base_delay", "multiplier", "max_delay"):
        control = explorer.sliders[name]
        for value in (control.max, control.min + control.step):
            control.value = value
            assert getattr(explorer.backoff, name) == pytest.approx(value)
        assert control.description
    assert explorer.problem.text == ""


def test_the_same_settings_give_the_same_picture():
    explorer = BackoffExplorer()
    before = explorer.strips.value, explorer.table.value

    explorer.jitter.value = "equal"
    assert (explorer.strips.value, explorer.table.value) != before
    explorer.jitter.value = "full"

    assert (explorer.strips.value, explorer.table.value) == before


def test_a_cap_below_the_base_is_a_sentence():
    explorer = BackoffExplorer()
    explorer.sliders["max_delay"].value = 2

    explorer.sliders["base_delay"].value = 2.5
    assert "max_delay must be at least base_delay (2.5), got 2.0" in explorer.problem.text
    explorer.sliders["max_delay"].value = 3

    assert explorer.problem.text == ""
    assert "base 2.5 s, multiplier 2, cap 3 s" in explorer.summary()


def test_the_total_wait_is_announced():
    explorer = BackoffExplorer()

    explorer.jitter.value = "none"

    assert explorer.total.text.startswith("Total wait of 8 retries: mean 183 s (by formula 183 s)")
    assert explorer.total.text in explorer.summary()


def test_its_words_and_picture_do_without_a_kernel():
    bundle = BackoffExplorer()._repr_mimebundle_()

    assert bundle["text/plain"] == (
        "BackoffExplorer: jitter full, base 1 s, multiplier 2, cap 60 s. Total wait of 8 retries: "
        "mean 91.7 s (by formula 91.5 s), p50 92 s, p95 136 s, max 168 s."
    )
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG")
