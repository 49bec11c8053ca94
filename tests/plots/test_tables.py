"""A table that says of each cell what it is about."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pandas as pd

from resilience_lab.plots import Table


def html(table):
    return ET.fromstring(table._repr_html_()).find("table")


def texts(element, tag):
    return ["".join(cell.itertext()) for cell in element.iter(tag)]


def test_levels_of_columns_are_one_head():
    frame = pd.DataFrame({"depth": [1, 1, 2], "budget": [0.1, 0.1, 0.1], "retries": [1, 3, 3]})
    frame = frame.assign(value=[2.0, 4.0, 1.25]).pivot(
        index="depth", columns=["budget", "retries"], values="value"
    )

    head = html(Table(frame)).find("thead")

    assert texts(head, "th") == ["depth", "budget 0.1, retries 1", "budget 0.1, retries 3"]
    assert {cell.attrib["scope"] for cell in head.iter("th")} == {"col"}


def test_equal_neighbours_in_an_outer_level_are_one_cell():
    rows = pd.MultiIndex.from_tuples(
        [("must", "a"), ("must", "b"), ("should", "b")], names=["level", "behaviour"]
    )
    body = html(Table(pd.DataFrame({"x": [1, 2, 3]}, index=rows))).find("tbody")

    heads = [(cell.text, cell.attrib["scope"]) for cell in body.iter("th")]
    assert heads == [
        ("must", "rowgroup"),
        ("a", "row"),
        ("b", "row"),
        ("should", "rowgroup"),
        ("b", "row"),
    ]
    assert [cell.attrib.get("rowspan") for cell in body.iter("th")][:2] == ["2", None]
    assert texts(body, "td") == ["1", "2", "3"]


def test_a_last_level_is_never_joined():
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["same", "same"], name="row"))

    assert texts(html(Table(frame)).find("tbody"), "th") == ["same", "same"]


def test_no_head_is_empty():
    table = html(Table(pd.DataFrame({"x": [0.5]})))

    assert texts(table.find("thead"), "th") == ["x"]
    assert texts(table.find("tbody"), "td") == ["0.5"]


def test_many_columns_have_their_names_upright():
    few, many = (pd.DataFrame([range(n)], columns=list("abcdefgh")[:n]) for n in (6, 7))

    assert "vertical-rl" not in Table(few)._repr_html_()
    assert Table(many)._repr_html_().count("vertical-rl") == 7


def test_it_has_a_caption_and_everything_is_escaped():
    table = Table(pd.DataFrame({"<a>": ["<b>"]}, index=["<c>"]), "<d>")

    assert texts(html(table), "caption") == ["<d>"]
    assert texts(html(table), "td") == ["", "<b>"]


def test_on_a_narrow_page_it_can_be_scrolled_by_keys():
    frame = pd.DataFrame({"x": [1]})

    for table, name in ((Table(frame), "table"), (Table(frame, "Calls"), "Calls")):
        region = ET.fromstring(table._repr_html_())
        assert (region.attrib["role"], region.attrib["tabindex"]) == ("region", "0")
        assert region.attrib["aria-label"] == name


def test_an_empty_frame_is_an_empty_table():
    assert texts(html(Table(pd.DataFrame({"x": []}))).find("tbody"), "td") == []


def test_as_text_it_is_what_pandas_prints():
    frame = pd.DataFrame({"x": [1]})

    assert repr(Table(frame)) == repr(frame)
