"""`report_card`: each decision from the reports alone, and every word of it from the data."""

from __future__ import annotations

import pytest
from page import misplaced

from resilience_lab.practice.bug_hunt.mutants import MUTANTS
from resilience_lab.practice.bug_hunt.report import HuntReport
from resilience_lab.practice.exam.report import MARKS, Behaviour, Report
from resilience_lab.practice.interview.report_card import report_card

BUGS = len(MUTANTS)


def behaviour(name, level, marks=None):
    marks = MARKS[level] if marks is None else marks
    return Behaviour(name, level, "done", "expected", "seen", f"Why: {name}.", "hint", marks)


MUST, SHOULD, BEST = (
    behaviour(name, level)
    for name, level in (("opens", "must"), ("probes", "should"), ("leases", "excellent"))
)
ALL = (MUST, SHOULD, BEST)


def part(*missing, problem=""):
    """A report on one of each level, with these missing."""
    passed = tuple(b for b in ALL if b not in missing)
    return Report("circuit breaker", passed, missing, problem=problem)


def hunt(caught=BUGS, **false_alarms):
    names = [mutant.name for mutant in MUTANTS[:caught]]
    return HuntReport((), dict.fromkeys(names, "test_it"), false_alarms)


NOT_AS_SET, AS_SET, SAFE = part(*ALL), part(SHOULD, BEST), part(BEST)
HALF, QUARTER = -(-BUGS // 2), -(-BUGS // 4)


@pytest.mark.parametrize(
    ("parts", "tests", "decision"),
    [
        ((SAFE, SAFE, SAFE), hunt(HALF), "Strong hire"),
        ((SAFE, SAFE, SAFE), hunt(HALF - 1), "Hire"),
        ((SAFE, SAFE, SAFE), hunt(HALF, test_wrong="it failed"), "Hire"),
        ((SAFE, SAFE, AS_SET), hunt(), "Hire"),
        ((AS_SET, AS_SET, AS_SET), hunt(QUARTER), "Hire"),
        ((AS_SET, AS_SET, AS_SET), hunt(QUARTER - 1), "Nearly"),
        ((SAFE, SAFE, NOT_AS_SET), hunt(), "Nearly"),
        ((SAFE, NOT_AS_SET, NOT_AS_SET), hunt(), "Not yet"),
        ((NOT_AS_SET, NOT_AS_SET, NOT_AS_SET), hunt(0), "Not yet"),
    ],
)
def test_the_decision_follows_the_rules(parts, tests, decision):
    assert report_card(*parts, tests).decision == decision


def test_a_level_is_reached_only_with_all_levels_below_it():
    told = repr(report_card(part(MUST), part(SHOULD), part(), hunt()))

    assert "Circuit breaker: not yet (50 of 100)" in told
    assert "Circuit breaker: must (66 of 100)" in told
    assert "Circuit breaker: excellent (100 of 100)" in told


def test_a_remark_costs_no_level():
    remark = behaviour("is tidy", "excellent", marks=0)
    report = Report("retry", ALL, (), (remark,))

    told = repr(report_card(report, report, report, hunt()))

    assert "Retry: excellent (100 of 100)" in told
    assert "Missing: is tidy. Why: is tidy." in told


def test_strengths_are_the_hardest_and_what_is_missing_the_weightiest():
    passed = tuple(behaviour(f"does {n}", "must") for n in range(4))
    failed = (BEST, SHOULD, *(behaviour(f"lacks {n}", "excellent") for n in range(3)))
    report = Report("retry", (*passed, behaviour("is safe", "should")), failed)

    told = repr(report_card(report, report, report, hunt()))

    assert "   Strengths: is safe; does 0; does 1.\n" in told
    assert (
        "   Missing: probes. Why: probes.\n"
        "   Missing: leases. Why: leases.\n"
        "   Missing: lacks 0. Why: lacks 0.\n"
        "   And 2 more.\n"
    ) in told


def test_where_the_challenge_is_not_met_no_strength_is_told():
    assert "Strengths" not in repr(report_card(*[part(MUST)] * 3, hunt()))


def test_what_could_not_be_graded_says_so():
    report = part(*ALL, problem="it is no class")

    told = repr(report_card(report, SAFE, SAFE, hunt()))

    assert "Circuit breaker: not yet (0 of 100)\n   Nothing to grade: it is no class.\n" in told


def test_the_tests_are_told_by_what_got_past_them():
    survivors = MUTANTS[-5:]

    told = repr(report_card(SAFE, SAFE, SAFE, hunt(BUGS - 5, test_wrong="it failed")))

    assert f"Tests: {BUGS - 5} of {BUGS} bugs\n" in told
    assert "   False alarm: test_wrong: it failed.\n" in told
    for bug in survivors[:3]:
        assert f"   Unseen: code which {bug.name}. {bug.story}\n" in told
    assert survivors[3].name not in told
    assert "   And 2 more.\n" in told


def test_before_the_first_test_of_ones_own_no_bug_is_told():
    card = report_card(SAFE, SAFE, SAFE, hunt(0))

    assert f"Tests: 0 of {BUGS} bugs\n   No test of your own yet.\n" in repr(card)
    assert "Unseen" not in repr(card)


def test_what_is_still_empty_comes_first():
    empty = Report("retry", (), ALL, untouched="retry is still empty")

    told = repr(report_card(NOT_AS_SET, empty, SAFE, hunt(0)))

    assert "Retry: not yet (0 of 100)\n   Nothing to grade: retry is still empty.\n" in told
    assert told.endswith("Next: retry: retry is still empty.")


def test_a_complete_hunt_says_so():
    assert "   No bug got past these tests.\n" in repr(report_card(SAFE, SAFE, SAFE, hunt()))


@pytest.mark.parametrize(
    ("parts", "tests", "step"),
    [
        (
            (part(BEST), part(BEST, MUST), part(SHOULD)),
            hunt(),
            "circuit breaker: opens. Why: opens.",
        ),
        ((part(), part(), part()), hunt(0, test_wrong="no"), "repair the false alarm of test_wr"),
        ((part(), part(), part()), hunt(0), f"a test that notices code which {MUTANTS[0].name}."),
        ((part(), part(), part()), hunt(), "do it again in a month, in less time."),
    ],
)
def test_the_next_step_is_what_weighs_most(parts, tests, step):
    assert report_card(*parts, tests).next_step.startswith(step)


def test_the_page_tells_the_same_and_is_escaped():
    odd = Report("retry", (), (behaviour("<b>waits</b>", "must"),))
    card = report_card(odd, SAFE, SAFE, hunt(3, test_wrong="<script>"))

    html = card._repr_html_()

    assert "<b>waits</b>" not in html
    assert "<script>" not in html
    for words in ("Nearly.", "False alarm", "Next:"):
        assert words in html
    assert html.count('<th scope="row"') == 4
    assert misplaced(html) == []


@pytest.mark.parametrize("position", range(4))
def test_what_is_no_report_is_refused_by_name(position):
    arguments = [SAFE, SAFE, SAFE, hunt()]
    arguments[position] = str
    names = ["breaker_report", "retry_report", "fallback_report", "tests_report"]

    with pytest.raises(TypeError, match=f"{names[position]} must be .*, got <class 'str'>"):
        report_card(*arguments)
