"""The interview room: exercises with an examiner, grades, predictions and quizzes.

A name's module is loaded when the name is first used, so that a notebook which only has a quiz
does not load the examiner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience_lab.practice.bug_hunt.hunt import grade_tests
    from resilience_lab.practice.exam.report import Report
    from resilience_lab.practice.interview.grader import grade_breaker, grade_fallback, grade_retry
    from resilience_lab.practice.last_hour.standing import progress
    from resilience_lab.practice.libraries import examine_library
    from resilience_lab.practice.questions.prediction import predict

__all__ = [
    "Report",
    "examine_library",
    "grade_breaker",
    "grade_fallback",
    "grade_retry",
    "grade_tests",
    "predict",
    "progress",
]

_HOMES = {
    "Report": "exam.report",
    "examine_library": "libraries",
    "grade_breaker": "interview.grader",
    "grade_fallback": "interview.grader",
    "grade_retry": "interview.grader",
    "grade_tests": "bug_hunt",
    "predict": "questions.prediction",
    "progress": "last_hour.standing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
