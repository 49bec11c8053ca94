"""The hunt counts what honest tests catch, names what they miss, and survives the others."""

# ruff: noqa: N803 - parameters are named after the classes that they take

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import suppress

import pytest
import strong_suite
from page import folds, misplaced, unfolded

from resilience_lab.practice import grade_tests
from resilience_lab.practice.bug_hunt.hunt import run_asyncio
from resilience_lab.practice.bug_hunt.mutants import MUTANTS

NAMES = {mutant.name for mutant in MUTANTS}


async def opens_after_three(CircuitBreaker):
    breaker = CircuitBreaker(failure_threshold=3)
    for _ in range(3):
        with suppress(ConnectionError):
            await breaker.call(down)
    assert breaker.state == "OPEN"


async def down():
    raise ConnectionError("down")


async def closes_after_five_seconds(CircuitBreaker):
    breaker = CircuitBreaker(failure_threshold=1, recovery_timeout=30, success_threshold=1)
    with suppress(ConnectionError):
        await breaker.call(down)
    await asyncio.sleep(5)
    assert await breaker.call(asyncio.sleep, 0, "ok") == "ok"


def test_a_strong_suite_catches_every_mutant():
    report = grade_tests(strong_suite)

    assert (report.score, report.out_of) == (len(MUTANTS), len(MUTANTS))
    assert set(report.caught) == NAMES
    assert report.survivors == ()
    assert report.false_alarms == {}


def test_one_test_catches_what_it_can_and_the_rest_survives():
    report = grade_tests(opens_after_three)

    assert report.caught == {
        "opens one failure late": "opens_after_three",
        "hides the error that tripped it": "opens_after_three",
    }
    assert report.score == 2
    assert {mutant.name for mutant in report.survivors} == NAMES - set(report.caught)


def test_the_first_test_that_fails_has_caught_it():
    async def later(CircuitBreaker):
        await opens_after_three(CircuitBreaker)

    report = grade_tests([opens_after_three, later])

    assert set(report.caught.values()) == {"opens_after_three"}


def test_a_false_alarm_scores_nothing():
    report = grade_tests([closes_after_five_seconds])

    assert report.score == 0
    assert report.tests == ()
    assert list(report.false_alarms) == ["closes_after_five_seconds"]
    why = report.false_alarms["closes_after_five_seconds"]
    assert why.startswith(
        "on a correct solution, it raised CircuitOpenError: the circuit is open; "
        "try again in 25.0 s (line "
    )
    assert why.endswith(': assert await breaker.call(asyncio.sleep, 0, "ok") == "ok")')


def test_a_false_alarm_does_not_spoil_the_others():
    report = grade_tests([closes_after_five_seconds, opens_after_three])

    assert report.score == 2
    assert list(report.false_alarms) == ["closes_after_five_seconds"]


def test_an_assertion_without_a_message_is_shown_as_it_stands(tmp_path):
    file = tmp_path / "learners_tests.py"
    file.write_text('def test_it(CircuitBreaker):\n    assert CircuitBreaker().state == "OPEN"\n')
    names = {}
    exec(compile(file.read_text(), str(file), "exec"), names)

    report = grade_tests(names)

    assert report.false_alarms["test_it"] == (
        "on a correct solution, it raised AssertionError "
        '(line 2: assert CircuitBreaker().state == "OPEN")'
    )


def test_one_that_passes_only_once_is_no_test():
    runs = []

    def first_time_only(CircuitBreaker):
        runs.append(CircuitBreaker)
        assert len(runs) == 1, "again"

    report = grade_tests(first_time_only)

    assert report.score == 0
    assert report.false_alarms["first_time_only"].startswith(
        "it passes on a correct solution, but not twice: it raised AssertionError: again "
    )


def test_one_that_cannot_be_run_does_not_count():
    report = grade_tests({"test_it": lambda clock: None})

    assert report.false_alarms["test_it"].startswith("it takes 'clock'")


def test_one_that_cannot_even_be_called_does_not_count():
    def by_position(CircuitBreaker, /):
        """Cannot be given anything by name."""

    why = grade_tests(by_position).false_alarms["by_position"]

    assert why.startswith("on a correct solution, it raised TypeError: ")
    assert "(line" not in why


def test_two_tests_of_one_name_do_not_stand_in_for_each_other():
    def namesake(CircuitBreaker):
        raise ValueError

    namesake.__name__ = "opens_after_three"

    report = grade_tests([namesake, opens_after_three])

    assert report.score == 2
    assert list(report.false_alarms) == ["opens_after_three"]


def test_no_tests_catch_nothing():
    report = grade_tests([])

    assert (report.score, report.tests, dict(report.false_alarms)) == (0, (), {})
    assert "0 of" in repr(report)


def test_a_plain_function_may_use_asyncio_run():
    def in_a_loop_of_its_own(CircuitBreaker):
        asyncio.run(opens_after_three(CircuitBreaker))

    assert grade_tests(in_a_loop_of_its_own).score == 2


def test_the_stand_in_for_asyncio_run_takes_no_time():
    async def hour():
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_asyncio(hour(), debug=False) == 3600


def test_what_a_test_replaces_is_put_back():
    before = asyncio.run, asyncio.sleep, random.random, time.time

    async def careless(retry_with_backoff):
        waits = []

        async def sleep(seconds):
            waits.append(seconds)

        asyncio.sleep = sleep
        random.random = time.time = lambda: 0.0
        with suppress(ConnectionError):
            await retry_with_backoff(down)
        assert waits == [1, 2, 4]

    report = grade_tests(careless)

    assert report.false_alarms == {}
    assert "starts with the second delay" in report.caught
    assert (asyncio.run, asyncio.sleep, random.random, time.time) == before


async def test_it_works_inside_a_running_loop():
    assert grade_tests(opens_after_three).score == 2


def loops_for_ever(CircuitBreaker):
    while True:
        pass


async def waits_for_ever(CircuitBreaker):
    await asyncio.Event().wait()


async def sleeps_for_ever(CircuitBreaker):
    while True:  # noqa: ASYNC110
        await asyncio.sleep(1)


def leaves(CircuitBreaker):
    sys.exit(3)


def interrupts(CircuitBreaker):
    raise KeyboardInterrupt


async def loops_when_it_stays_closed(CircuitBreaker):
    breaker = CircuitBreaker(1)
    while breaker.state == "CLOSED":
        with suppress(ConnectionError):
            await breaker.call(down)
        if breaker.failure_count > 1:
            while True:
                pass


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (loops_for_ever, "went round and round"),
        (waits_for_ever, "waited for ever"),
        (sleeps_for_ever, "went on and on"),
        (leaves, "SystemExit"),
        (interrupts, "KeyboardInterrupt"),
    ],
)
def test_a_hostile_test_is_a_false_alarm_like_any_other(hostile, why):
    report = grade_tests([hostile, opens_after_three])

    assert why in report.false_alarms[hostile.__name__]
    assert report.score == 2


async def is_long(CircuitBreaker):
    for _ in range(300):
        await opens_after_three(CircuitBreaker)


@pytest.mark.parametrize("hostile", [loops_for_ever, sleeps_for_ever])
def test_one_that_hangs_leaves_a_long_one_its_time(hostile):
    report = grade_tests([hostile, is_long])

    assert list(report.false_alarms) == [hostile.__name__]
    assert report.score == 2


def test_the_time_begins_at_zero_as_in_the_notebooks():
    async def calls_at(retry_with_backoff):
        times = []

        async def fail():
            times.append(asyncio.get_running_loop().time())
            raise ConnectionError

        with suppress(ConnectionError):
            await retry_with_backoff(fail)
        assert times == [0, 1, 3, 7]

    assert grade_tests(calls_at).false_alarms == {}


def test_a_mutant_that_makes_a_test_hang_is_caught():
    report = grade_tests(loops_when_it_stays_closed)

    assert "opens one failure late" in report.caught


def test_prints_and_stray_errors_of_tests_are_not_shown(capsys):
    async def noisy(retry_with_backoff):
        print("hello")
        print("hello", file=sys.stderr)
        asyncio.get_running_loop().create_task(down())
        await asyncio.sleep(1)

    grade_tests(noisy)

    assert capsys.readouterr() == ("", "")


def test_the_report_is_the_same_each_time():
    async def by_chance(retry_with_backoff):
        assert random.random() < 0.9

    state = random.getstate()
    reports = [grade_tests([by_chance, strong_suite]) for _ in range(2)]

    assert repr(reports[0]) == repr(reports[1])
    assert reports[0]._repr_html_() == reports[1]._repr_html_()
    assert random.getstate() == state


def test_the_full_text_tells_the_story_of_each_survivor():
    report = grade_tests([opens_after_three, closes_after_five_seconds])

    text = report.full()

    assert text.startswith(
        f"2 of {len(MUTANTS)} bugs caught by 1 test.\n\nCircuitBreaker: 2 of 25."
    )
    assert "✅ opens one failure late: opens_after_three\n" in text
    assert (
        "❌ lets everyone probe\n"
        "   The break is over, fifty callers are waiting, and all fifty meet the weak service.\n"
        "   To catch it: Send several callers at once after the break and count who gets through.\n"
        "   Seen in: circuitbreaker 2.1.3, whose README promises one test execution; "
    ) in text
    assert "retry_with_backoff: no test that counts takes it, so 15 bugs pass unseen." in text
    assert "❌ knows no cap" not in text
    assert "⚠️ closes_after_five_seconds does not count\n   on a correct solution, it" in text


def test_three_failures_are_told_in_full_and_a_false_alarm_first():
    text = repr(grade_tests([opens_after_three, closes_after_five_seconds]))
    head, first, rest = text.split("\n\n")

    assert head.splitlines() == [
        f"2 of {len(MUTANTS)} bugs caught by 1 test.",
        "CircuitBreaker: 2 of 25.",
        "retry_with_backoff: no test that counts takes it, so 15 bugs pass unseen.",
        "FallbackOrchestrator: no test that counts takes it, so 13 bugs pass unseen.",
    ]
    assert [line for line in first.splitlines() if not line.startswith("   ")] == [
        "To mend first:",
        "⚠️ closes_after_five_seconds does not count",
        "❌ never forgets a failure",
        "❌ forgets to clear the count when it closes",
    ]
    assert rest.startswith("And 21 more:\n❌ closes after one probe\n❌ needs one probe too many\n")
    assert len(rest.splitlines()) == 22


def test_the_test_that_the_notebook_gives_does_not_tell_what_got_past_it():
    async def test_after_the_break_one_success_does_not_close_it_yet(CircuitBreaker):
        await opens_after_three(CircuitBreaker)

    report = grade_tests(test_after_the_break_one_success_does_not_close_it_yet)

    told = (
        f"2 of {len(MUTANTS)} bugs caught by 1 test. "
        "Write tests of your own: then it is told what gets past them."
    )
    assert report.untouched
    assert repr(report) == told
    assert unfolded(report._repr_html_()).split() == told.split()
    assert "❌ lets everyone probe" in report.full()


def test_where_nothing_is_caught_nothing_is_folded_as_caught():
    async def says_nothing(CircuitBreaker):
        assert CircuitBreaker

    html = grade_tests(says_nothing)._repr_html_()

    assert folds(html) == ["22 more to mend"]
    assert misplaced(html) == []


def test_a_complete_hunt_has_nothing_to_mend():
    report = grade_tests(strong_suite)

    assert "To mend first" not in repr(report)
    assert folds(report._repr_html_()) == [f"{len(MUTANTS)} caught"]
    assert misplaced(report._repr_html_()) == []


def test_the_html_says_the_same_and_is_escaped():
    async def test(CircuitBreaker):
        raise ValueError("<script>alert('&')</script>")

    test.__name__ = "<b>"
    report = grade_tests([opens_after_three, test])

    html = report._repr_html_()

    assert f"2 of {len(MUTANTS)} bugs caught by 1 test." in html
    assert "<li>✅ opens one failure late: <code>opens_after_three</code></li>" in html
    assert "<summary>❌ lets everyone probe</summary>" in html
    assert misplaced(html) == []
    assert folds(html) == ["21 more to mend", "2 caught"]
    assert "opens one failure late" not in unfolded(html)
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "⚠️ <b>" not in html


def test_what_is_no_test_is_refused():
    with pytest.raises(TypeError, match="tests must be"):
        grade_tests("test_it")
