"""`StormExplorer`, driven by values as a browser would."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from base64 import b64decode

import pytest

from resilience_lab.widgets.storm import StormExplorer
from resilience_lab.widgets.storm.scenario import Outage, Tactics, tell_storm


def picture(explorer):
    return ET.fromstring(explorer.load.value)


def lines(explorer):
    """The four curves: offered plainly and yours, answered plainly and yours."""
    return [path.attrib["d"] for path in picture(explorer).iter("path") if "V" in path.attrib["d"]]


def test_it_begins_with_jitter_beside_none():
    explorer = StormExplorer()

    assert explorer.yours == tell_storm(tactics=Tactics(jitter="full"))
    assert explorer.plain == tell_storm(tactics=Tactics())
    assert "calm after 24 s" in explorer.summary()
    assert "With 5 retries, full jitter, 96% of" in explorer.verdict.text


def test_the_picture_speaks_and_its_lines_have_a_step_for_each_second():
    explorer = StormExplorer()

    assert picture(explorer).attrib["role"] == "img"
    assert explorer.summary() == f"StormExplorer: {picture(explorer).attrib['aria-label']}"
    assert [line.count("V") for line in lines(explorer)] == [50] * 4
    top = min(float(step.split("h")[0]) for step in lines(explorer)[1].split("V")[1:])
    assert top == pytest.approx(22)  # the greatest count reaches the top of its panel


def test_every_control_counts():
    explorer = StormExplorer()
    changes = [
        (explorer.outage, {"clients": 60, "capacity": 40.0, "seconds": 3.0}),
        (explorer.tactics, {"retries": 2, "jitter": "equal", "budget": True, "breaker": True}),
    ]

    for controls, values in changes:
        for name, value in values.items():
            before = explorer.numbers.value
            controls[name].value = value
            assert explorer.numbers.value != before, name

    assert explorer.yours.outage == Outage(60, 40.0, 3.0)
    assert explorer.yours.tactics == Tactics(2, "equal", True, True)
    assert explorer.plain.tactics == Tactics(2)


def test_what_has_no_effect_without_retries_cannot_be_set():
    explorer = StormExplorer()

    explorer.tactics["retries"].value = 0

    assert explorer.tactics["jitter"].disabled
    assert explorer.tactics["budget"].disabled
    assert not explorer.tactics["breaker"].disabled


def test_it_says_so_when_the_storm_goes_on():
    explorer = StormExplorer(Outage(capacity=12.0))

    assert "the storm goes on" in explorer.verdict.text
    assert "<td>never</td>" in explorer.numbers.value


def test_without_an_outage_none_is_drawn():
    explorer = StormExplorer(Outage(seconds=0))

    assert "down" not in [text.text for text in picture(explorer).iter("text")]


def test_a_busy_picture_has_its_greatest_number_only_where_there_is_room():
    explorer = StormExplorer(Outage(clients=10, capacity=80.0))

    assert [text.text for text in picture(explorer).iter("text")].count("80") == 2
    assert explorer.problem.text == ""


def test_without_a_kernel_there_is_a_picture():
    bundle = StormExplorer()._repr_mimebundle_()

    assert bundle["text/plain"].startswith("StormExplorer: 100 clients")
    assert b64decode(bundle["image/png"]).startswith(b"\x89PNG")
