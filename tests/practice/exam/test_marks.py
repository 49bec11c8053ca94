"""The marks for exercises: the best is kept, and keeping it disturbs no verdict."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from pathlib import Path

import pytest

from resilience_lab.desk.store import Store, store
from resilience_lab.practice import exercises
from resilience_lab.practice.bug_hunt.reference import CircuitBreaker
from resilience_lab.practice.exam.checklist import Checklist, Verdict
from resilience_lab.practice.exam.marks import marked
from resilience_lab.practice.exercises.chain import check_ask
from resilience_lab.practice.exercises.repair import check_repair


def attempt(seen: int, of: int = 5, untouched: str = "") -> None:
    """Have an exercise checked, of which `seen` behaviours are seen."""

    def check_it(subject):
        verdicts = tuple(Verdict(str(n), n < seen, "no") for n in range(of))
        return Checklist(verdicts, untouched)

    marked(check_it)(None)


def mark():
    store.cache_clear()
    return store().get("exercises", "check_it")


def test_the_first_result_is_kept(desk: Path):
    attempt(3)

    assert mark() == {"seen": 3, "of": 5, "passed": False}


def test_a_better_result_takes_its_place_and_a_worse_one_does_not(desk: Path):
    for seen in (2, 4, 1):
        attempt(seen)
    assert mark() == {"seen": 4, "of": 5, "passed": False}

    attempt(5)
    attempt(0)
    assert mark() == {"seen": 5, "of": 5, "passed": True}


def test_what_was_passed_stays_passed_if_the_course_asks_for_more(desk: Path):
    attempt(5)
    attempt(5, of=7)
    assert mark() == {"seen": 5, "of": 5, "passed": True}

    attempt(7, of=7)
    assert mark() == {"seen": 7, "of": 7, "passed": True}


def test_a_skeleton_is_no_attempt(desk: Path):
    attempt(0, untouched="it is still empty")

    assert mark() is None
    assert not desk.exists()


def test_a_mark_that_cannot_be_kept_is_logged_and_the_verdict_comes(
    monkeypatch: pytest.MonkeyPatch, desk: Path, caplog: pytest.LogCaptureFixture
):
    def fails(*_):
        raise RuntimeError("no store")

    monkeypatch.setattr(Store, "change", fails)

    async def ask(query, agents):
        return await agents[0].run(query)

    with caplog.at_level(logging.ERROR, logger="resilience_lab"):
        checklist = check_ask(ask)

    assert len(checklist.verdicts) == 5
    assert "the result could not be kept" in caplog.text
    assert "no store" in caplog.text


def test_nothing_is_written_where_there_is_no_desk(off_desk: Path):
    attempt(3)

    assert list(off_desk.iterdir()) == []
    assert store().get("exercises", "check_it") == {"seen": 3, "of": 5, "passed": False}


def test_the_mark_has_the_name_of_the_check_and_no_other_is_made(desk: Path):
    check_repair(CircuitBreaker)

    assert store().section("exercises") == {"check_repair": {"seen": 5, "of": 5, "passed": True}}
    assert store().section("interviews") == {}


def test_every_check_of_the_course_is_marked():
    modules = [
        importlib.import_module(f"{exercises.__name__}.{info.name}")
        for info in pkgutil.iter_modules(exercises.__path__)
    ]
    checks = [
        value
        for module in modules
        for name, value in vars(module).items()
        if name.startswith("check_")
    ]

    assert len(checks) >= 12
    assert all(hasattr(check, "__wrapped__") for check in checks)
