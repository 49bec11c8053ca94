"""The cheat sheet: its numbers are the package's and the notebooks'; saving loses nothing."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resilience_lab.desk.course import DeskError, course_folder
from resilience_lab.practice.last_hour.cheat_sheet import CheatSheet, Section, cheat_sheet
from resilience_lab.practice.questions.bank import known_predictions

SHEET = cheat_sheet()
TEXT = repr(SHEET)


def said(term: str) -> str:
    """What the sheet says about `term`."""
    (found,) = [told for section in SHEET.sections for name, told in section.rows if name == term]
    return found


def notebook(number: str) -> str:
    """What stands in a notebook, and what its reveals tell."""
    (path,) = course_folder().glob(f"{number}_*[a-z].ipynb")
    told = [
        f"{known.answer}. {known.why}"
        for known in known_predictions().values()
        if known.notebook == path.stem
    ]
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]]
    return " ".join(" ".join([*sources, *told]).split())


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("CLOSED", "3 failures in a row open it"),
        ("OPEN", "for 30 s"),
        ("HALF_OPEN", "1 at a time"),
        ("HALF_OPEN", "2 successes close it"),
        ("ceiling", "1, 2, 4 s"),
        ("counting", "max_retries=3 is up to 4 calls; base 1 s, cap 60 s, full jitter"),
        ("a hint", "over 60 s"),
        ("availability", "twice 99.9% is 99.9999%"),
        ("breaker outside", "where 4 calls were made"),
        ("4³ = 64", "3 retries in three layers"),
    ],
)
def test_the_defaults_and_formulas_are_the_packages(term: str, told: str):
    assert told in said(term)


@pytest.mark.parametrize(
    ("on_the_sheet", "number", "in_the_notebook"),
    [
        ("once in 8,000 calls", "01", "about once in 8,000 calls"),
        ("1,000 failing calls make 1,109", "02", "1109 calls"),
        ("under a budget: 1.1", "04", "1.1"),
        ("4³ = 64", "04", "64 leaves"),
        ("400% → 110%", "05", "one curve that runs to 400%, one that turns down at 110%"),
        ("57% fewer", "05", "57%"),
        ("17, 0, 0 of 30", "05", "17, 0 and 0"),
        ("at 280 of 300 a second", "05", "At 280 a second"),
        ("at 145 it does", "05", "no, no, yes"),
        ("29% of 90%", "05", "29% out of 90"),
        ("2 times: what is accepted", "05", "twice what is accepted"),
        ("full: U(0, v)", "02", "| full | U(0, v) |"),
        ("equal: v/2 + U(0, v/2)", "02", "| equal | v/2 + U(0, v/2) |"),
        ("· U(0.5, 1.5)), mean v", "02", "v * U(0.5, 1.5), at most the cap"),
        ("U(base, 3s)", "02", "U(base, 3 * the delay before)"),
    ],
)
def test_a_number_is_the_same_on_the_sheet_and_in_its_notebook(
    on_the_sheet: str, number: str, in_the_notebook: str
):
    assert on_the_sheet in TEXT
    assert in_the_notebook in notebook(number)


def test_everything_one_must_know_is_there():
    assert [section.title for section in SHEET.sections] == [
        "Say first",
        "Circuit breaker",
        "Backoff with jitter",
        "Fallback agents",
        "Orders",
        "Numbers",
        "Do not say",
    ]
    assert "deadline( retry( breaker( timeout( call ))))" in TEXT
    assert not re.search(r"[{}]", TEXT)


class _Reader(HTMLParser):
    """The texts of the cells, and the elements that are open at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("th", "td"):
            self.cells.append("")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("th", "td"):
            self.cells[-1] += data


@pytest.mark.parametrize("page", [SHEET._repr_html_(), SHEET._page()], ids=["shown", "saved"])
def test_the_page_says_the_same_as_the_text(page: str):
    reader = _Reader()
    reader.feed(page)

    assert reader.open == []
    rows = [cell for section in SHEET.sections for row in section.rows for cell in row]
    assert reader.cells == rows
    assert "://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_picture_of_the_states_stands_with_the_breaker():
    pictures = {section.title: section.picture for section in SHEET.sections if section.picture}

    assert list(pictures) == ["Circuit breaker"]
    assert 'role="img"' in pictures["Circuit breaker"]


def test_text_is_escaped():
    sheet = CheatSheet("a < b", "c & d", (Section("<e>", (("f<", "g>"),)),))

    for page in (sheet._repr_html_(), sheet._page()):
        assert "<e>" not in page
        assert "f&lt;" in page
        assert "a < b" in unescape(page)


def test_a_page_to_print_is_saved_into_the_current_folder(off_desk: Path):
    told = SHEET.save()

    path = off_desk / "cheat_sheet.html"
    assert path.read_text(encoding="utf-8") == SHEET._page()
    assert repr(told) == f"Written: {path}. Open it in a browser and print it: one side of A4."


def test_saving_twice_is_saving_once_and_what_stands_there_stays(off_desk: Path):
    path = off_desk / "cheat_sheet.html"
    SHEET.save()
    SHEET.save()
    assert os.listdir(off_desk) == [path.name]

    path.write_text("my own notes", encoding="utf-8")
    told = SHEET.save()

    assert path.read_text(encoding="utf-8") == "my own notes"
    assert (off_desk / "cheat_sheet.new.html").read_text(encoding="utf-8") == SHEET._page()
    assert "cheat_sheet.new.html" in told


def test_a_page_that_cannot_be_written_is_a_sentence(off_desk: Path):
    (off_desk / "file").write_text("", encoding="utf-8")

    with pytest.raises(DeskError, match=r"x\.html cannot be written: "):
        SHEET.save("file/x.html")
