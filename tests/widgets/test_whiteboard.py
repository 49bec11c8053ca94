"""The whiteboard: what is drawn speaks, is computed, and agrees with the notebooks."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from resilience_lab.desk.course import course_folder
from resilience_lab.widgets.whiteboard import DRAWINGS, Drawing, Step, whiteboard
from resilience_lab.widgets.whiteboard.breaker import tell_late_result
from resilience_lab.widgets.whiteboard.fallback import LIMIT, LONG, SHORT, three_tries
from resilience_lab.widgets.whiteboard.retry import CAP, drawn_delays, returns

COLOURS = {"none", "currentColor", "#009E73", "#D55E00", "#E69F00", "#0072B2"}
EVERY = pytest.mark.parametrize("name", DRAWINGS)


def course_text(number: str) -> str:
    """Sources and outputs of a notebook, on one line."""
    (path,) = course_folder().glob(f"{number}_*[a-z].ipynb")
    return " ".join(json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False).split())


@EVERY
def test_a_drawing_is_an_image_with_words_in_the_colours_of_the_page(name: str):
    drawing = whiteboard(name)

    picture = ET.fromstring(drawing.svg)

    assert picture.attrib["role"] == "img"
    assert picture.attrib["aria-label"] == f"{drawing.title}. {drawing.shows}"
    used = set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawing.svg))
    assert used <= COLOURS
    assert not [node for node in picture.iter("text") if "fill" in node.attrib]


@EVERY
def test_each_stroke_has_its_number_and_its_sentence_in_the_order_of_drawing(name: str):
    drawing = whiteboard(name)

    picture = ET.fromstring(drawing.svg)
    numbers = [node.text for node in picture.iter("text") if node.get("font-size") == "11"]

    count = len(drawing.steps)
    assert count >= 3
    assert numbers == [str(number) for number in range(1, count + 1)]
    lines = repr(drawing).splitlines()
    assert lines == [
        f"{drawing.title}. {drawing.shows}",
        *(f"{number}. {step.says}" for number, step in enumerate(drawing.steps, start=1)),
    ]
    assert not re.search(r"[{}]", repr(drawing))
    page = drawing._repr_html_()
    assert page.count("<li>") == count
    assert drawing.svg in page


@EVERY
def test_a_drawing_is_the_same_each_time(name: str):
    assert whiteboard(name) == whiteboard(name)


def test_no_number_stands_outside_its_picture():
    for name in DRAWINGS:
        drawing = whiteboard(name)
        for step in drawing.steps:
            x, y = step.at
            assert 9 <= x <= drawing.width - 9, (name, step.at)
            assert 8 <= y <= drawing.height - 9, (name, step.at)


def test_sentences_are_escaped_in_the_page():
    drawing = Drawing("a < b", ("00",), "c & d", 100, 50, (Step("e > f", "", (10, 10)),))

    page = drawing._repr_html_()

    assert "<b>a &lt; b</b>" in page
    assert 'aria-label="a &lt; b. c &amp; d"' in page
    assert "<li>e &gt; f</li>" in page


def test_drawings_go_by_number_and_by_name_and_are_listed():
    assert whiteboard(1) == whiteboard("states")
    assert whiteboard(len(DRAWINGS)) == whiteboard("shards")
    listed = repr(whiteboard()).splitlines()
    assert listed[0] == " 1. states: Three states, four arrows (00, 01, 06, 07)"
    assert [line[4:].partition(":")[0] for line in listed] == list(DRAWINGS)


@pytest.mark.parametrize("which", [0, 99, -1, "state", True])
def test_a_drawing_that_does_not_exist_is_named(which):
    with pytest.raises(ValueError, match=rf"which must be one of 1 'states', .*; got {which!r}"):
        whiteboard(which)


def test_every_notebook_that_has_a_list_has_a_drawing():
    lists = {
        path.name[:2]
        for path in course_folder().glob("*.ipynb")
        if "**On the whiteboard.**" in Path(path).read_text(encoding="utf-8")
    }
    drawn = {number for name in DRAWINGS for number in whiteboard(name).notebooks}

    assert {"00", "01", "02", "03", "04", "05", "06", "07"} == lists == drawn


def test_the_late_result_is_what_the_breaker_does():
    told = tell_late_result()

    assert told.states == ((0.0, "CLOSED"), (8.0, "OPEN"), (38.0, "HALF_OPEN"))
    assert told.admitted < told.states[1][0]
    assert told.states[2][0] < told.late < told.probed
    assert (told.after_late, told.after_probe) == (0, 1)
    assert "still 0 successes" in repr(whiteboard("late result"))


def test_the_dots_lie_under_their_stair_and_are_spread_under_the_roof():
    for retry, waits in enumerate(zip(*drawn_delays(), strict=True)):
        ceiling = min(CAP, 2.0**retry)
        assert all(0 <= wait <= ceiling for wait in waits)
        assert min(waits) < 0.2 * ceiling < 0.8 * ceiling < max(waits)


def test_the_herd_comes_back_at_once_and_with_jitter_it_does_not():
    assert returns("none") == {1.0: 100, 3.0: 100, 7.0: 100, 15.0: 100}
    spread = returns("full")
    assert spread.total() == 400
    assert max(spread.values()) == 17


def test_three_tries_end_before_or_after_the_deadline():
    assert three_tries(LONG) == [(0.0, 4.0), (5.0, 9.0), (11.0, 15.0)]
    assert three_tries(SHORT)[-1][1] == 9.0 < LIMIT


@pytest.mark.parametrize(
    ("name", "said", "notebook", "there"),
    [
        ("herd", "at most 17 in a tenth", "02", "17 calls"),
        ("herd", "1, 3, 7 and 15 s", "05", "1, 3, 7, 15 s"),
        ("delays", "are 12 days", "02", "12 days"),
        ("budget", "make 4 times the load", "02", "(4x)"),
        ("budget", "ratio: 1.1 times", "02", "(1.1x)"),
        ("tree", "64 calls for one request", "04", "64 leaves"),
        ("tree", "makes 1.1 calls a request", "04", "1.1"),
        ("storm", "With one retry that is half", "05", "With one retry that is half"),
        ("storm", "ten per cent nine tenths", "05", "nine tenths"),
        ("shards", "29% of the calls", "05", "29%"),
        ("shards", "90% succeed", "05", "90%"),
    ],
)
def test_a_number_is_the_same_on_the_whiteboard_and_in_the_notebook(
    name: str, said: str, notebook: str, there: str
):
    assert said in repr(whiteboard(name))
    assert there in course_text(notebook)
