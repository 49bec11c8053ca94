"""The plans are honest: their minutes are what the notebooks promise, and they add up."""

from __future__ import annotations

import re

import pytest

from resilience_lab.desk.course import course_folder
from resilience_lab.practice.last_hour.minutes import course_cells, minutes, promised, sittings
from resilience_lab.practice.last_hour.plan import (
    Plan,
    Task,
    cards_in,
    last_hour,
    one_evening,
    one_week,
    plans,
    spare_time,
)
from resilience_lab.widgets.whiteboard import DRAWINGS

EACH = pytest.mark.parametrize(
    "plan", [one_week(), spare_time(), one_evening(), last_hour()], ids=lambda plan: plan.title
)


def test_a_week_and_spare_time_are_the_whole_course_at_its_promised_minutes():
    tasks = [task for plan in (one_week(), spare_time()) for task in plan.tasks if task.notebook]

    names = {path.stem for path in course_folder().glob("*.ipynb")}
    assert sorted(task.notebook for task in tasks) == sorted(names - {"08_last_hour"})
    for task in tasks:
        assert task.minutes == promised(course_cells(task.notebook))


def test_a_week_has_seven_days_and_no_day_is_longer_than_an_hour_and_a_half():
    days: dict[str, int] = {}
    for task in one_week().tasks:
        days[task.when] = days.get(task.when, 0) + task.minutes

    assert list(days) == [f"day {day}" for day in range(1, 8)]
    assert max(days.values()) <= 90


def test_an_evening_takes_first_sittings_at_what_they_take():
    firsts = [task for task in one_evening().tasks if task.what == "the first sitting"]

    assert [task.notebook[:2] for task in firsts] == ["01", "02", "03", "04"]
    for task in firsts:
        spent = minutes(sittings(course_cells(task.notebook))[0])
        assert spent <= task.minutes < spent + 5


def test_an_evening_is_no_longer_than_three_hours():
    assert 120 <= one_evening().minutes <= 180


def test_the_last_hour_is_an_hour():
    hour = last_hour()

    assert hour.minutes == 60
    assert f"draw the {len(DRAWINGS)} drawings" in repr(hour)
    assert min(task.minutes for task in hour.tasks) >= 5


def test_a_card_takes_between_half_a_minute_and_one():
    assert 10 < cards_in(10) < 20
    assert cards_in(0) == 0


@pytest.mark.parametrize("plan", [spare_time(), one_evening(), last_hour()])
def test_a_task_begins_when_the_one_before_it_ends(plan: Plan):
    begins = 0
    for task in plan.tasks:
        assert task.when == f"{begins // 60}:{begins % 60:02}"
        begins += task.minutes


@EACH
def test_text_and_page_say_the_same(plan: Plan):
    text, page = repr(plan), plan._repr_html_()

    assert f"{plan.title}: {plan.minutes} minutes (" in text
    assert plan.heading in page
    for task in plan.tasks:
        assert f"{task.minutes:3} min" in text
        assert task.what in text
        assert page.count(f'<a href="{task.notebook}.ipynb">') >= bool(task.notebook)
    assert page.count("<tr>") == len(plan.tasks) + 1


def test_what_to_do_is_escaped():
    page = Plan("a<b", (Task("0:00", "c & d", 70),))

    assert page.heading == "a<b: 70 minutes (1 h 10 min)"
    assert "a&lt;b" in page._repr_html_()
    assert "c &amp; d" in page._repr_html_()


def test_all_plans_are_shown_one_below_the_other():
    shown = plans()

    titles = ["One week", "And if there is time", "One evening", "The last hour"]
    assert re.findall(r"^(\w.*?):", repr(shown), re.MULTILINE) == titles
    assert shown._repr_html_().count("<table>") == 4
