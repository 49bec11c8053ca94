"""The examiner faults no correct solution, whatever its style, and gives known marks to drafts."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from resilience_lab.practice import grade_breaker, grade_fallback, grade_retry
from resilience_lab.practice.bug_hunt import reference
from resilience_lab.practice.bug_hunt.mutant import SUBJECTS
from resilience_lab.practice.exam.report import Report

HERE = Path(__file__).parent
NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "01_circuit_breaker.ipynb"
GRADES = {"breaker": grade_breaker, "retry": grade_retry, "fallback": grade_fallback}


def module_from(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


SOLUTIONS = [module_from(file) for file in sorted((HERE / "solutions").glob("*.py"))]
ANSWERS = [
    pytest.param(pattern, getattr(module, subject), id=f"{pattern}-{module.__name__}")
    for module in SOLUTIONS
    for pattern, subject in SUBJECTS.items()
    if hasattr(module, subject)
]
TIPS = module_from(HERE / "drafts" / "the_challenges_tips.py")


def failed(report: Report) -> list[str]:
    return [behaviour.name for behaviour in report.failed]


def test_there_are_solutions_in_many_styles():
    assert len(SOLUTIONS) >= 10
    for pattern in SUBJECTS:
        assert sum(answer.values[0] == pattern for answer in ANSWERS) >= 8


@pytest.mark.parametrize(("pattern", "answer"), ANSWERS)
def test_a_correct_solution_gets_full_marks(pattern, answer):
    report = GRADES[pattern](answer)

    assert failed(report) == []
    assert report.score == 100


@pytest.mark.parametrize(("pattern", "subject"), SUBJECTS.items())
def test_the_model_solution_gets_full_marks(pattern, subject):
    report = GRADES[pattern](getattr(reference, subject))

    assert failed(report) == []
    assert report.score == 100


THE_USUAL_DRAFT = [
    "starts counting anew after a success",
    "lets one probe through at a time",
    "ignores a late failure during the break",
    "takes no late success for a probe's",
    "takes no late failure for a probe's",
    "ignores results from before the trip after the recovery, too",
    "takes a hung probe's late answer for old news",
]


def test_the_draft_of_the_first_notebook_gets_its_marks():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    names = {"asyncio": asyncio}
    exec("\n".join(source for source in sources if "class Naive" in source), names)

    report = grade_breaker(names["NaiveBreaker"])

    assert failed(report) == ["passes all arguments on", *THE_USUAL_DRAFT]
    assert report.score == 77


@pytest.mark.parametrize(
    ("pattern", "missing", "score"),
    [
        ("breaker", THE_USUAL_DRAFT, 81),
        ("retry", ["makes one call and max_retries more", "waits as long as the service asks"], 90),
        ("fallback", ["tells all errors when nobody answers"], 95),
    ],
)
def test_the_tips_of_the_challenge_get_their_marks(pattern, missing, score):
    report = GRADES[pattern](getattr(TIPS, SUBJECTS[pattern]))

    assert failed(report) == missing
    assert report.score == score
