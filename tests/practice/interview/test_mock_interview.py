"""A full mock interview, with a clock that the test moves and a kernel that it starts again."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from page import misplaced, unfolded

from resilience_lab.desk.store import Store, store
from resilience_lab.practice.bug_hunt.mutants import MUTANTS
from resilience_lab.practice.bug_hunt.report import HuntReport
from resilience_lab.practice.exam.report import MARKS, Behaviour, Report
from resilience_lab.practice.interview.briefs import PARTS
from resilience_lab.practice.interview.mock_interview import MockInterview

START = datetime(2026, 3, 2, 9, 30, tzinfo=timezone(timedelta(hours=1)))
KEY = "2026-03-02T09:30:00.000+01:00"
PATTERNS = [part.pattern for part in PARTS]
SAYINGS = ["through a timeout", "over in a second", "ask the next best", "we change seats"]


class WallClock:
    """The time of day; it goes on when the test says so."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def pass_(self, minutes=0.0, seconds=0.0):
        self.now += timedelta(minutes=minutes, seconds=seconds)


@pytest.fixture
def clock():
    return WallClock()


@pytest.fixture
def interview(clock, desk: Path):
    return MockInterview(now=clock)


def graded(pattern, *levels):
    """A report on `pattern` with one behaviour of each level, of which these were seen."""
    each = {
        level: Behaviour(level, level, "", "", "", "", "", marks) for level, marks in MARKS.items()
    }
    passed = tuple(each.pop(level) for level in levels)
    return Report(pattern, passed, tuple(each.values()))


def hunted(bugs, **false_alarms):
    names = [mutant.name for mutant in MUTANTS[:bugs]]
    return HuntReport((), dict.fromkeys(names, "test_it"), false_alarms)


def kept(desk: Path):
    return json.loads(desk.read_text(encoding="utf-8"))["interviews"]


def shown(interview):
    return unfolded(interview.briefs.value)


def test_before_the_start_nothing_runs_and_nothing_is_told(interview, clock, desk):
    clock.pass_(minutes=10)

    assert interview.status.text == "Not started."
    assert (interview.face.left, interview.face.running) == (3600.0, False)
    assert (interview.start.disabled, interview.next.disabled, interview.end.disabled) == (
        False,
        True,
        True,
    )
    assert interview.briefs.value == interview.table.value == ""
    assert not desk.exists()


def test_the_start_is_kept_with_the_first_part(interview, clock, desk):
    interview.start.click()

    times = {"began": 0.0, "must": None, "should": None}
    assert kept(desk) == {
        KEY: {"parts": {"circuit breaker": times}, "ended": None, "decision": "Not yet"}
    }
    assert (interview.face.left, interview.face.running) == (3600.0, True)
    assert interview.status.text == (
        "Part A: circuit breaker has begun: 20 minutes. Its brief is below."
    )
    assert interview.start.disabled


def test_each_brief_comes_when_its_part_begins_and_those_before_it_are_folded(interview, clock):
    interview.start.click()
    for number, part in enumerate(PARTS):
        if number:
            interview.next.click()
        html = interview.briefs.value
        assert [saying in html for saying in SAYINGS] == [n <= number for n in range(4)]
        assert html.count("<details open>") == 1
        assert f"<details open><summary>{part.title} ({part.minutes} minutes)" in html
        assert html.count("<details>") == number

    assert interview.next.disabled
    assert misplaced(interview.briefs.value) == []


def test_the_button_says_which_part_is_next(interview):
    interview.start.click()
    labels = []
    while not interview.next.disabled:
        labels.append(interview.next.description)
        interview.next.click()

    assert labels == [f"Next: {part.title}" for part in PARTS[1:]]
    assert interview.next.description == "Next part"


def test_the_parts_are_the_hour():
    assert sum(part.minutes for part in PARTS) == 60


def test_running_the_cell_again_loses_nothing(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=21)
    interview.next.click()
    clock.pass_(minutes=4)

    again = MockInterview(now=clock)

    assert (again.face.left, again.face.running) == (35 * 60.0, True)
    assert again.status.text == "Part B: retry with backoff. 35:00 of the hour left."
    assert "over in a second" in again.briefs.value
    assert again.start.disabled
    assert len(kept(desk)) == 1


def test_a_kernel_that_is_started_again_loses_nothing(interview, clock, desk):
    interview.start.click()
    interview.record(graded("circuit breaker", "must"))
    clock.pass_(minutes=25)
    store.cache_clear()

    again = MockInterview(now=clock)
    again.record(graded("circuit breaker", "must", "should"))

    assert again.face.left == 35 * 60.0
    times = kept(desk)[KEY]["parts"]["circuit breaker"]
    assert times == {"began": 0.0, "must": 0.0, "should": 1500.0}


def test_off_a_desk_a_cell_that_is_run_again_loses_nothing_either(clock, off_desk: Path):
    MockInterview(now=clock).start.click()
    clock.pass_(minutes=25)

    assert MockInterview(now=clock).face.left == 35 * 60.0
    assert list(off_desk.iterdir()) == []


def test_a_second_tab_joins_the_hour_that_runs(interview, clock, desk):
    other = MockInterview(now=clock)
    interview.start.click()
    clock.pass_(minutes=5)

    other.start.click()

    assert list(kept(desk)) == [KEY]
    assert other.status.text == "Part A: circuit breaker. 55:00 of the hour left."


def test_the_time_to_a_level_is_taken_from_the_beginning_of_its_part(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=20)
    interview.next.click()
    clock.pass_(minutes=7, seconds=30)
    interview.record(graded("retry with backoff", "must"))
    assert interview.status.text == "Part B: retry with backoff: must after 7:30."
    clock.pass_(minutes=2)
    interview.record(graded("retry with backoff", "must", "should"))
    assert interview.status.text == "Part B: retry with backoff: should after 9:30."

    times = kept(desk)[KEY]["parts"]["retry with backoff"]
    assert times == {"began": 1200.0, "must": 450.0, "should": 570.0}


def test_the_first_time_counts(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=5)
    interview.record(graded("circuit breaker", "must"))
    clock.pass_(minutes=5)
    interview.record(graded("circuit breaker"))
    interview.record(graded("circuit breaker", "must"))

    assert kept(desk)[KEY]["parts"]["circuit breaker"]["must"] == 300.0
    assert interview.status.text == "Part A: circuit breaker. 50:00 of the hour left."


def test_a_level_counts_only_with_those_below_it(interview, clock, desk):
    interview.start.click()
    interview.record(graded("circuit breaker", "should", "excellent"))

    assert kept(desk)[KEY]["parts"]["circuit breaker"]["should"] is None


def test_a_grade_for_a_part_that_has_not_begun_does_not_count(interview, clock, desk):
    interview.start.click()
    interview.record(graded("fallback agents", "must", "should"))

    assert list(kept(desk)[KEY]["parts"]) == ["circuit breaker"]
    assert interview.status.text == (
        "Part C: fallback agents has not begun, so its grade does not count yet."
    )


def test_a_grade_without_an_interview_is_only_handed_on(interview, desk):
    report = graded("circuit breaker", "must")

    assert interview.record(report) is report
    assert not desk.exists()


def test_what_is_no_report_is_refused(interview):
    with pytest.raises(TypeError, match="report must be what a grader returned, got 'fine'"):
        interview.record("fine")


def test_what_cannot_be_kept_costs_no_verdict(interview, monkeypatch, caplog):
    interview.start.click()

    def fails(*_):
        raise RuntimeError("no store")

    monkeypatch.setattr(Store, "change", fails)
    report = graded("circuit breaker", "must")

    assert interview.record(report) is report
    assert "no store" in caplog.text


def test_an_entry_that_goes_away_meanwhile_comes_back(interview, desk, monkeypatch):
    interview.start.click()
    change = Store.change

    def too_late(self, *arguments):
        desk.unlink()
        return change(self, *arguments)

    monkeypatch.setattr(Store, "change", too_late)
    interview.next.click()

    assert list(kept(desk)[KEY]["parts"]) == PATTERNS[:2]


@pytest.mark.parametrize(
    ("breaker", "retry", "fallback", "tests", "decision"),
    [
        (("must", "should"), ("must", "should"), ("must", "should"), hunted(27), "Strong hire"),
        (("must", "should"), ("must", "should"), ("must", "should"), hunted(26), "Hire"),
        (
            ("must", "should"),
            ("must", "should"),
            ("must", "should"),
            hunted(53, test_it="no"),
            "Hire",
        ),
        (("must",), ("must",), ("must",), hunted(14), "Hire"),
        (("must",), ("must",), ("must",), hunted(13), "Nearly"),
        (("must", "should"), ("must",), (), hunted(53), "Nearly"),
        (("must", "should"), (), (), hunted(53), "Not yet"),
    ],
)
def test_the_decision_is_that_of_the_report_card(
    interview, desk, breaker, retry, fallback, tests, decision
):
    interview.start.click()
    for pattern, levels in zip(PATTERNS, (breaker, retry, fallback), strict=False):
        interview.record(graded(pattern, *levels))
        interview.next.click()
    interview.record(tests)
    interview.end.click()

    assert kept(desk)[KEY]["decision"] == decision
    assert interview.status.text == f"The interview is over. Decision: {decision}."


def test_after_the_hour_nothing_counts_and_another_can_begin(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=60)
    interview.record(graded("circuit breaker", "must"))
    interview.next.click()

    assert kept(desk)[KEY]["parts"]["circuit breaker"]["must"] is None
    assert interview.status.text == "The interview is over. Decision: Not yet."
    assert (interview.next.disabled, interview.end.disabled) == (True, True)
    assert interview.briefs.value == ""
    assert (interview.face.left, interview.face.running) == (3600.0, False)

    assert interview.start.description == "Start another hour"
    interview.start.click()
    assert list(kept(desk)) == [KEY, "2026-03-02T10:30:00.000+01:00"]


def test_an_hour_that_was_ended_by_mistake_goes_on(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=10)
    interview.end.click()
    assert kept(desk)[KEY]["ended"] == 600.0
    assert (interview.end.description, interview.start.disabled) == ("Go on", False)
    assert not interview.face.running

    clock.pass_(minutes=1)
    interview.end.click()
    assert kept(desk)[KEY]["ended"] is None
    assert (interview.face.left, interview.face.running) == (49 * 60.0, True)
    assert interview.end.description == "End the interview"


def test_an_hour_that_was_ended_early_stays_as_long_as_it_was(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=10)
    interview.end.click()
    clock.pass_(minutes=60)

    interview.end.click()  # in a page that has stood since

    assert kept(desk)[KEY]["ended"] == 600.0


def test_a_clock_that_is_set_back_gives_no_more_than_the_hour(interview, clock):
    interview.start.click()
    clock.pass_(minutes=-90)

    assert MockInterview(now=clock).face.left == 3600.0


def test_no_level_is_reached_before_its_part_began(interview, clock, desk):
    interview.start.click()
    clock.pass_(minutes=20)
    interview.next.click()
    clock.pass_(minutes=-5)
    interview.record(graded("retry with backoff", "must"))

    assert kept(desk)[KEY]["parts"]["retry with backoff"]["must"] == 0.0


def test_the_clock_that_is_asked_otherwise_is_the_days(desk):
    interview = MockInterview()
    interview.start.click()

    (key,) = kept(desk)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", key)
    assert interview.face.running


def rehearse(interview, clock):
    """An attempt of 42 minutes, and one of 60 a day later that has reached more."""
    interview.start.click()
    clock.pass_(minutes=12, seconds=5)
    interview.record(graded("circuit breaker", "must"))
    clock.pass_(minutes=30)
    interview.end.click()
    clock.pass_(minutes=24 * 60)
    interview.start.click()
    clock.pass_(minutes=8)
    interview.record(graded("circuit breaker", "must", "should"))
    interview.next.click()
    clock.pass_(minutes=3)
    interview.record(graded("retry with backoff", "must"))


HEAD = (
    "begun             minutes  circuit breaker  retry with backoff  fallback agents  tests  "
    "decision"
)
FIRST = (
    "2026-03-02 09:30  42       12:05 / -        - / -               - / -            - / -  "
    "Not yet"
)


def test_the_last_attempts_are_compared(interview, clock):
    rehearse(interview, clock)

    assert repr(interview.attempts).splitlines()[1:] == [
        HEAD,
        FIRST,
        "2026-03-03 10:12  11       8:00 / 8:00      3:00 / -            - / -            - / -  "
        "running",
    ]
    clock.pass_(minutes=300)
    assert repr(interview.attempts).splitlines()[-1] == (
        "2026-03-03 10:12  60       8:00 / 8:00      3:00 / -            - / -            - / -  "
        "Nearly"
    )


def test_the_table_says_the_same_and_has_heads(interview, clock):
    rehearse(interview, clock)
    assert interview.table.value == ""  # while the hour runs, there is enough to look at

    interview.end.click()
    html = interview.attempts._repr_html_()

    assert html in interview.table.value
    assert misplaced(interview.table.value) == []
    assert html.count('scope="col"') == 7
    assert html.count('scope="row"') == 2
    assert unfolded(html).split() == repr(interview.attempts).replace(":\n", "\n").split()


def test_only_the_last_five_are_shown(interview, clock):
    for _ in range(7):
        interview.start.click()
        interview.end.click()
        clock.pass_(minutes=60)

    rows = repr(interview.attempts).splitlines()[2:]
    assert [row.split()[1] for row in rows] == ["11:30", "12:30", "13:30", "14:30", "15:30"]


def test_without_an_attempt_there_is_none_to_compare(interview):
    assert repr(interview.attempts) == "No mock interview yet."
    assert interview.attempts._repr_html_() == "<p>No mock interview yet.</p>"


def test_its_text_names_the_parts_and_then_the_attempts(interview, clock):
    told = (
        "A mock interview on one clock of 60 minutes, each brief in its time:\n"
        "   Part A: circuit breaker (20 minutes)\n"
        "   Part B: retry with backoff (15 minutes)\n"
        "   Part C: fallback agents (15 minutes)\n"
        "   Testing (10 minutes)"
    )
    assert interview._repr_mimebundle_()["text/plain"] == told

    rehearse(interview, clock)

    lines = interview._repr_mimebundle_()["text/plain"].splitlines()
    assert "\n".join(lines[:5]) == told
    assert lines[6:8] == [HEAD, FIRST]
