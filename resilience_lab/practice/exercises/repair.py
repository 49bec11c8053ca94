"""Checks the exercise of notebook 07: a library's breaker that lets one probe through at a time.

The examiner is the one that all libraries were put through; the exercise asks for these few of its
behaviours, the last two of which a hasty repair breaks.
"""

from __future__ import annotations

from typing import Any

from resilience_lab.practice.exam.checklist import Checklist, Verdict
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.interview.grader import grade_breaker

_ASKED = (
    "opens after failure_threshold failures in a row",
    "closes after success_threshold successful probes",
    "lets one probe through at a time",
    "gives the permit of a cancelled probe back",
    "lets calls run side by side",
)


@marked
def check_repair(cls: Any) -> Checklist:
    """The verdict on a class with the signature of the challenge's `CircuitBreaker`."""
    report = grade_breaker(cls)
    seen = {behaviour.name: (True, "") for behaviour in report.passed}
    seen |= {behaviour.name: (False, behaviour.seen) for behaviour in report.missing}
    return Checklist(tuple(Verdict(name, *seen[name]) for name in _ASKED))
