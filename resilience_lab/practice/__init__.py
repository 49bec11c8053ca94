"""The interview room: exercises with an examiner, grades, predictions and quizzes.

A name's module is loaded when the name is first used, so that a notebook which only has a quiz
does not load the examiner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resilience_lab.ground import names_on_demand

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

__getattr__, __dir__ = names_on_demand(
    __name__,
    {
        "bug_hunt": ("grade_tests",),
        "exam.report": ("Report",),
        "interview.grader": ("grade_breaker", "grade_fallback", "grade_retry"),
        "last_hour.standing": ("progress",),
        "libraries": ("examine_library",),
        "questions.prediction": ("predict",),
    },
)
