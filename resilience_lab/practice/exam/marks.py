"""The marks for the exercises: the best result of each is kept in the learner's progress.

A mark is `{"seen": behaviours seen, "of": behaviours tried, "passed": all of them}` in the section
"exercises", by the name of the check. A skeleton that is still empty is no attempt.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from resilience_lab.desk.store import store
from resilience_lab.practice.exam.checklist import Checklist

Check: TypeAlias = Callable[[Any], Checklist]


def marked(check: Check) -> Check:
    """For a check that learners call: each call is an attempt, and the best one is kept."""

    @functools.wraps(check)
    def checked(subject: Any) -> Checklist:
        checklist = check(subject)
        if not checklist.untouched:
            with undisturbed():
                _keep(check.__name__, checklist)
        return checklist

    return checked


@contextmanager
def undisturbed() -> Iterator[None]:
    """To keep something must not cost the learner the verdict: what goes wrong is logged."""
    try:
        yield
    except Exception:
        logging.getLogger("resilience_lab").exception("the result could not be kept")


def _keep(name: str, checklist: Checklist) -> None:
    of = len(checklist.verdicts)
    mark = {"seen": checklist.score, "of": of, "passed": checklist.passed}
    store().change("exercises", name, lambda earlier: max(mark, earlier or mark, key=_rank))


def _rank(mark: dict[str, Any]) -> tuple[bool, float]:
    """The course may change, and with it the number of behaviours; what was passed is passed."""
    return mark["passed"], mark["seen"] / mark["of"]
