"""A checklist as text and as a notebook shows it."""

from __future__ import annotations

from page import folds, misplaced, unfolded

from resilience_lab.practice.exam.checklist import Checklist, Verdict

SEEN = Verdict("<adds> up", True)
MISSING = tuple(Verdict(f"does {n}", False, f"saw <{n}>") for n in range(5))
MIXED = Checklist((MISSING[0], SEEN, *MISSING[1:]))


def test_as_text_three_are_told_in_full_and_of_the_rest_the_names():
    assert repr(MIXED) == (
        "❌ does 0\n"
        "   saw <0>\n"
        "✅ <adds> up\n"
        "❌ does 1\n"
        "   saw <1>\n"
        "❌ does 2\n"
        "   saw <2>\n"
        "❌ does 3\n"
        "❌ does 4\n"
        "1 of 6 behaviours. Not yet."
    )


def test_the_full_text_has_them_all():
    assert MIXED.full().count("   saw <") == 5
    assert repr(MIXED.full()) == MIXED.full()


def test_in_a_notebook_three_are_open_and_the_rest_is_folded():
    html = MIXED._repr_html_()
    shown = unfolded(html)

    assert "1 of 6 behaviours. Not yet." in shown
    assert [n for n in range(5) if f"missing: does {n}" in " ".join(shown.split())] == [0, 1, 2]
    assert "saw <2>" in shown
    assert folds(html) == ["2 more missing", "1 seen"]
    assert "✅ &lt;adds&gt; up" in html


def test_the_html_is_valid_whatever_is_missing():
    for verdicts in ((SEEN,), MISSING, MISSING[:2], (SEEN, *MISSING)):
        assert misplaced(Checklist(verdicts)._repr_html_()) == []


def test_a_skeleton_gets_one_line():
    empty = Checklist(MISSING, "ask is still <empty>")

    told = "Nothing to check yet: ask is still <empty> (saw <0>)."
    assert repr(empty) == told
    assert unfolded(empty._repr_html_()).strip() == told
    assert misplaced(empty._repr_html_()) == []
    assert not empty.passed
    assert len(empty.missing) == 5
