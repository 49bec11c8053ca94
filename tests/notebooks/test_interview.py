"""In the mock interview every stub is graded "not yet", and every solution gets full marks."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
from build_interview import SOURCE, cells

from resilience_lab.practice.bug_hunt.mutants import MUTANTS
from resilience_lab.practice.interview.briefs import PARTS

REPORTS = ("breaker_report", "retry_report", "fallback_report")


def run(variant: str) -> dict[str, Any]:
    """The names of a notebook after all of its cells, with the card as `card`."""
    namespace: dict[str, Any] = {}
    for cell in cells(SOURCE.read_text(encoding="utf-8"), variant):
        if cell.cell_type == "code":
            source = cell.source.replace("report_card(breaker", "card = report_card(breaker")
            exec(compile(source, f"<{cell['id']}>", "exec"), namespace)
    return namespace


@pytest.fixture(scope="module")
def blank() -> dict[str, Any]:
    return run("blank")


@pytest.fixture(scope="module")
def solved() -> dict[str, Any]:
    return run("solution")


def code(variant: str) -> list[str]:
    built = cells(SOURCE.read_text(encoding="utf-8"), variant)
    return [cell.source for cell in built if cell.cell_type == "code"]


@pytest.mark.parametrize("name", [*REPORTS, "tests_report"])
def test_an_untouched_skeleton_gets_one_line(blank: dict[str, Any], name: str):
    assert len(repr(blank[name]).splitlines()) == 1


def test_without_a_running_hour_nothing_is_recorded(blank: dict[str, Any]):
    assert repr(blank["interview"].attempts) == "No mock interview yet."


@pytest.mark.parametrize("variant", ["blank", "solution"])
def test_no_brief_stands_there_unfolded(variant: str):
    text = "\n".join(
        cell.source
        for cell in cells(SOURCE.read_text(encoding="utf-8"), variant)
        if cell.cell_type == "markdown"
    )
    unfolded = re.sub("<details>.*?</details>", "", text, flags=re.DOTALL)

    assert all(part.brief in text for part in PARTS)
    assert "The interviewer says" not in unfolded


@pytest.mark.parametrize("variant", ["blank", "solution"])
def test_a_cell_has_at_most_thirty_lines_unless_it_is_one_class(variant: str):
    long = [source for source in code(variant) if len(source.splitlines()) > 30]

    assert [len(ast.parse(source).body) for source in long] == [1] * len(long)
    assert {ast.parse(source).body[0].name for source in long} <= {
        "CircuitBreaker",
        "FallbackOrchestrator",
    }
    assert len(code(variant)[0].splitlines()) <= 12


@pytest.mark.parametrize("name", REPORTS)
def test_a_stub_is_not_yet_a_solution(blank: dict[str, Any], name: str):
    assert blank[name].summary.startswith(("Not yet", "Nothing to grade yet"))
    assert blank[name].score < 50


def test_the_blank_notebook_begins_with_one_good_test_and_much_to_catch(blank: dict[str, Any]):
    assert 0 < blank["tests_report"].score < len(MUTANTS) / 4
    assert not blank["tests_report"].false_alarms
    assert blank["card"].decision == "Not yet"


@pytest.mark.parametrize("name", REPORTS)
def test_a_solution_gets_full_marks(solved: dict[str, Any], name: str):
    assert solved[name].failed == ()
    assert solved[name].score == 100


def test_the_model_tests_catch_every_bug_without_a_false_alarm(solved: dict[str, Any]):
    assert solved["tests_report"].survivors == ()
    assert not solved["tests_report"].false_alarms
    assert solved["card"].decision == "Strong hire"
