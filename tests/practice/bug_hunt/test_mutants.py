"""Each mutant is the model solution with one defect, and each defect can be caught."""

from __future__ import annotations

import inspect
import traceback

import pytest

from resilience_lab.practice import grade_breaker, grade_fallback, grade_retry
from resilience_lab.practice.bug_hunt import reference
from resilience_lab.practice.bug_hunt.mutant import SUBJECTS, Mutant, load_reference
from resilience_lab.practice.bug_hunt.mutants import MUTANTS
from resilience_lab.simulation import run_virtual

NAMED = {
    "opens one failure late": ("opens after failure_threshold failures in a row",),
    "never forgets a failure": ("starts counting anew after a success",),
    "forgets to clear the count when it closes": ("forgets the old failures when it closes",),
    "closes after one probe": ("does not close before success_threshold successful probes",),
    "needs one probe too many": ("closes after success_threshold successful probes",),
    "adds up the probes of several recoveries": ("counts the probes of each recovery anew",),
    "ignores the failure of a probe": (
        "a failed probe opens it again",
        "takes a full break after a failed probe",
        "counts the probes of each recovery anew",
    ),
    "takes no second break": (
        "a failed probe opens it again",
        "takes a full break after a failed probe",
        "counts the probes of each recovery anew",
    ),
    "prolongs the break with each rejection": ("counts a rejected call for nothing",),
    "forgets how long the break should be": (
        "lets a call through once recovery_timeout has passed",
    ),
    "lets everyone probe": (
        "lets one probe through at a time",
        "takes a hung probe's late answer for old news",
    ),
    "holds a lock around the call": (
        "lets calls run side by side",
        "ignores a late success during the break",
        "ignores a late failure during the break",
        "takes no late success for a probe's",
        "takes no late failure for a probe's",
        "ignores results from before the trip after the recovery, too",
        "gives the permit of a hung probe to another caller",
        "takes a hung probe's late answer for old news",
    ),
    "counts successes while it is open": ("ignores a late success during the break",),
    "takes late failures for new ones": ("ignores a late failure during the break",),
    "takes a late success for a probe's": ("takes no late success for a probe's",),
    "takes a late failure for a probe's": ("takes no late failure for a probe's",),
    "counts failures of the last outage after the recovery": (
        "ignores results from before the trip after the recovery, too",
    ),
    "loses the permit of a cancelled probe": ("gives the permit of a cancelled probe back",),
    "waits for a hung probe for ever": (
        "gives the permit of a hung probe to another caller",
        "takes a hung probe's late answer for old news",
    ),
    "counts a cancellation as a failure": (
        "takes no cancelled call for a failure",
        "gives the permit of a cancelled probe back",
    ),
    "counts a cancellation as a success": ("takes no cancelled call for a success",),
    "swallows the cancellation": ("lets a cancellation through to the caller",),
    "hides the error that tripped it": ("raises the function's own error",),
    "drops keyword arguments": ("passes all arguments on",),
    "reads the wall clock": ("does not mind a wall clock that jumps",),
    "takes retries for attempts": ("makes one call and max_retries more",),
    "makes one call too many": ("makes one call and max_retries more",),
    "waits longer in a straight line": ("doubles the wait each time",),
    "never waits longer": ("doubles the wait each time",),
    "starts with the second delay": ("waits base_delay first",),
    "waits after the last call": ("does not wait after the last call",),
    "returns nothing when all calls fail": ("raises the last error itself",),
    "replaces the last error by its own": ("raises the last error itself",),
    "retries a cancelled call": ("ends at once when it is cancelled during a call",),
    "cannot be cancelled while it waits": ("ends at once when it is cancelled during a wait",),
    "stops the whole event loop while it waits": (
        "ends at once when it is cancelled during a wait",
        "leaves the event loop free while it waits",
    ),
    "comes back before it was asked to": ("waits as long as the service asks",),
    "takes an empty answer for a failure": ("takes any returned value for a success",),
    "jitters over the cap": ("keeps to its cap, if it has one",),
    "knows no cap": ("keeps to its cap, if it has one",),
    "stops at the first fallback": (
        "goes on to the last fallback",
        "tells all errors when nobody answers",
    ),
    "asks the fallbacks in the wrong order": (
        "asks the fallbacks in order, and stops at the first answer",
    ),
    "counts the levels from one": ("says at which level it was answered",),
    "always names the primary": ("says which agent answered",),
    "asks everybody at once": (
        "asks nobody else if the primary agent answers",
        "asks the fallbacks in order, and stops at the first answer",
        "goes on to the last fallback",
    ),
    "falls back when it is cancelled": (
        "does not fall back when it is cancelled",
        "lets a cancellation through to the caller",
    ),
    "waits for a hung agent for ever": ("does not wait for a hung agent for ever",),
    "falls back from connection errors only": ("falls back from any exception",),
    "loses the first error": ("tells all errors when nobody answers",),
    "says only that all have failed": ("tells all errors when nobody answers",),
    "returns an empty answer when all fail": (
        "raises when nobody answers",
        "tells all errors when nobody answers",
    ),
    "tells the next agent of the error": ("asks each agent the same question",),
    "changes the caller's list": ("leaves the caller's list alone",),
}
"""For each mutant, which behaviours the examiner says are missing: those that break, and no more.

A second name follows from the first. With a lock around the call, for instance, no two calls
overlap, and nothing can be seen that needs overlapping calls.
"""

GRADES = {"breaker": grade_breaker, "retry": grade_retry, "fallback": grade_fallback}

by_name = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@by_name
def test_a_mutant_differs_from_the_reference_in_one_place(mutant):
    original = inspect.getsource(reference)
    start = original.index(mutant.before)
    end = start + len(mutant.before)

    assert mutant.source == original[:start] + mutant.after + original[end:]
    assert mutant.before != mutant.after


@by_name
def test_a_mutant_has_the_name_of_what_it_mutates_and_a_story(mutant):
    subject = mutant.subject()

    assert subject.__name__ == SUBJECTS[mutant.pattern]
    assert subject is not getattr(reference, subject.__name__)
    assert mutant.story.endswith(".")
    assert mutant.hint.endswith(".")


@by_name
def test_the_examiner_names_what_is_missing_and_no_more_than_follows(mutant):
    report = GRADES[mutant.pattern](mutant.subject())

    assert tuple(behaviour.name for behaviour in report.missing) == NAMED[mutant.name]
    assert (report.score < 100) == bool(report.failed)


def test_there_are_many_and_no_two_are_alike():
    for pattern, at_least in (("breaker", 20), ("retry", 12), ("fallback", 12)):
        assert sum(mutant.pattern == pattern for mutant in MUTANTS) >= at_least
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({mutant.source for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(("before", "times"), [("no such line", 0), ("self.state = ", 4)])
def test_a_patch_that_does_not_fit_exactly_once_is_refused(before, times):
    mutant = Mutant("misfit", "breaker", "", "", before, "")

    with pytest.raises(ValueError, match=f"misfit: before must occur once, got {times} times"):
        _ = mutant.source


def test_a_traceback_shows_the_mutated_line():
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == "drops keyword arguments")

    async def answer(*, temperature):
        return temperature

    async def main():
        await mutant.subject()().call(answer, temperature=0)

    with pytest.raises(TypeError) as caught:
        run_virtual(main)
    shown = "".join(traceback.format_exception(caught.value))
    assert "<mutant: drops keyword arguments>" in shown
    assert "result = await func(*args)\n" in shown


def test_each_load_is_a_module_of_its_own():
    first, second = load_reference(), load_reference()

    assert first["CircuitBreaker"] is not second["CircuitBreaker"]
    assert first["CircuitBreaker"].__module__ == "reference"
