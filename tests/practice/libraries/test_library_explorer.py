"""`LibraryExplorer`: driven as a browser would drive it, by setting values."""

from __future__ import annotations

import pytest

from resilience_lab.practice.libraries import LIBRARIES, examine_library
from resilience_lab.practice.libraries.explorer import LibraryExplorer

DESIGN = "◇ does not close before success_threshold successful probes"


@pytest.fixture
def explorer(monkeypatch):
    """Of two libraries that are examined beforehand."""
    examinations = {name: examine_library(name) for name in ("circuitbreaker", "tenacity")}
    monkeypatch.setattr(
        "resilience_lab.practice.libraries.explorer.examine_library", examinations.__getitem__
    )
    return LibraryExplorer(examinations)


def test_what_is_missing_comes_first(explorer):
    marks = [option[0] for option in explorer.behaviour.options]

    assert explorer.library.value == "circuitbreaker"
    assert set(marks) == {"◇", "✗", "✓"}
    assert marks == sorted(marks, key=lambda mark: mark == "✓")
    assert explorer.behaviour.value == DESIGN


def test_a_documented_choice_is_told_with_its_place(explorer):
    lines = explorer.summary().splitlines()

    assert lines[0].startswith("library: circuitbreaker 2")
    assert lines[1] == f"behaviour: circuit breaker, must: {DESIGN}"
    assert "documented: It 'closes if the test-execution succeeded' (README)." in lines
    assert explorer._repr_mimebundle_()["text/plain"] == explorer.summary()


def test_choosing_a_behaviour_shows_what_was_done_and_seen(explorer):
    explorer.behaviour.value = "✗ lets one probe through at a time"

    assert "20 calls reached the service" in explorer.words.html
    assert "documented" not in explorer.words.html


def test_choosing_a_library_shows_its_behaviours(explorer):
    explorer.behaviour.value = "✗ lets one probe through at a time"

    explorer.library.value = "tenacity"

    assert explorer.behaviour.value == "✓ calls once if the first call succeeds"
    assert "retry with backoff, must" in explorer.words.html


def test_words_are_escaped_before_they_become_html(explorer):
    explorer.behaviour.value = DESIGN

    assert "&#x27;closes if the test-execution succeeded&#x27;" in explorer.words.html


def test_it_examines_all_libraries_unless_told_otherwise():
    assert LibraryExplorer().library.options == LIBRARIES
