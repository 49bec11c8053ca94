"""What a report says, as text and as HTML."""

from __future__ import annotations

import pytest
from page import folds, misplaced, unfolded

from resilience_lab.practice.exam.report import MARKS, Behaviour, Report


def behaviour(name, level="must", *, seen="as expected", marks=None):
    marks = MARKS[level] if marks is None else marks
    return Behaviour(name, level, "<did>", "this", seen, "because", "look", marks)


PASSED = (behaviour("adds up"), behaviour("is kind", "should"))
FAILED = (behaviour("takes <no> bribes", seen="it took & kept " + "one after the other, " * 6),)
REMARKS = (behaviour("reads minds", "excellent", seen="it did not", marks=0),)


MANY = tuple(behaviour(f"thing {n}", "excellent") for n in range(3))
UNTOUCHED = Report("virtue", (), FAILED, REMARKS, untouched="live is still <empty>")


def test_a_report_as_text_tells_three_in_full_and_of_the_rest_the_names():
    report = Report("virtue", PASSED, (*MANY, *FAILED), REMARKS)

    assert str(report) == repr(report)
    assert repr(report) == (
        "Virtue: 45 of 100\n"
        "Not yet: the challenge as set is not met.\n"
        "Seen: 1 of 2 must, 1 of 1 should, 0 of 4 excellent.\n"
        "\n"
        "To mend first:\n"
        "❌ must: takes <no> bribes\n"
        "   done:     <did>\n"
        "   expected: this\n"
        "   seen:     it took & kept one after the other, one after the other, one after the"
        " other, one\n"
        "             after the other, one after the other, one after the other,\n"
        "   why:      because\n"
        "   hint:     look\n"
        "❌ excellent: thing 0\n"
        "   done:     <did>\n"
        "   expected: this\n"
        "   seen:     as expected\n"
        "   why:      because\n"
        "   hint:     look\n"
        "❌ excellent: thing 1\n"
        "   done:     <did>\n"
        "   expected: this\n"
        "   seen:     as expected\n"
        "   why:      because\n"
        "   hint:     look\n"
        "\n"
        "And 2 more:\n"
        "❌ excellent: thing 2\n"
        "❌ remark: reads minds"
    )


def test_must_comes_before_should_before_excellent_before_remarks():
    missing = [behaviour(level, level) for level in ("excellent", "should", "must")]

    lines = repr(Report("virtue", (), tuple(missing), REMARKS)).splitlines()

    assert [line for line in lines if line.startswith("❌")] == [
        "❌ must: must",
        "❌ should: should",
        "❌ excellent: excellent",
        "❌ remark: reads minds",
    ]


def test_the_full_report_tells_everything():
    full = Report("virtue", PASSED, FAILED, REMARKS).full()

    assert (
        repr(full)
        == full
        == (
            "Virtue: 62 of 100\n"
            "Not yet: the challenge as set is not met.\n"
            "\n"
            "1 of 2 must (the challenge as set)\n"
            "✅ adds up\n"
            "❌ must: takes <no> bribes\n"
            "   done:     <did>\n"
            "   expected: this\n"
            "   seen:     it took & kept one after the other, one after the other, one after the"
            " other, one\n"
            "             after the other, one after the other, one after the other,\n"
            "   why:      because\n"
            "   hint:     look\n"
            "\n"
            "1 of 1 should (what production asks for)\n"
            "✅ is kind\n"
            "\n"
            "0 of 1 excellent (what few think of)\n"
            "❌ remark: reads minds\n"
            "   done:     <did>\n"
            "   expected: this\n"
            "   seen:     it did not\n"
            "   why:      because\n"
            "   hint:     look\n"
            "   marks:    none lost: this is a remark."
        )
    )


def test_a_skeleton_gets_one_line():
    told = "Virtue: 0 of 100. Nothing to grade yet: live is still <empty>."

    assert repr(UNTOUCHED) == told
    assert " ".join(unfolded(UNTOUCHED._repr_html_()).split()) == told.replace("100.", "100 .")
    assert folds(UNTOUCHED._repr_html_()) == []
    assert "takes <no> bribes" in UNTOUCHED.full()
    assert UNTOUCHED.summary == "Not yet: the challenge as set is not met."


def test_a_report_as_html_is_escaped_and_says_in_words_what_is_missing():
    html = Report("virtue", PASSED, FAILED, REMARKS)._repr_html_()

    assert "❌ <b>missing (must):</b> takes &lt;no&gt; bribes<dl>" in html
    assert "❌ <b>missing (remark):</b> reads minds<dl>" in html
    assert "<dd>&lt;did&gt;</dd>" in html
    assert "it took &amp; kept" in html
    assert "<summary>Hint</summary><p>look</p></details>" in html
    assert "none lost: this is a remark." in html
    assert "<no>" not in html


def test_in_a_notebook_three_are_open_and_the_rest_is_folded():
    html = Report("virtue", PASSED, (*MANY, *FAILED), REMARKS)._repr_html_()
    shown = unfolded(html)

    assert [name for name in ("takes", "thing 0", "thing 1", "thing 2") if name in shown] == [
        "takes",
        "thing 0",
        "thing 1",
    ]
    assert "adds up" not in shown
    assert folds(html) == ["Hint", "Hint", "Hint", "2 more missing", "2 seen"]


@pytest.mark.parametrize(
    "report",
    [
        Report("virtue", PASSED, (*MANY, *FAILED), REMARKS),
        Report("virtue", (), FAILED),
        Report("virtue", PASSED, ()),
        UNTOUCHED,
    ],
)
def test_the_html_is_valid(report):
    assert misplaced(report._repr_html_()) == []


def test_a_report_on_what_could_not_be_tried():
    report = Report("virtue", (), FAILED, REMARKS, "it is <3")

    assert report.summary == "Nothing to grade yet: it is <3."
    assert report.full() == repr(report)
    assert repr(report) == "Virtue: 0 of 100\nNothing to grade yet: it is <3."
    assert report._repr_html_() == (
        "<p><b>Virtue: 0 of 100</b><br>Nothing to grade yet: it is &lt;3.</p>"
    )


@pytest.mark.parametrize(
    ("failed", "score", "summary"),
    [
        ((), 100, "It does all that was asked, and what few think of. An excellent answer."),
        (FAILED[1:], 100, "It does all that was asked, and what few think of."),
        ((behaviour("x", "excellent"),), 99, "It does what was asked, and what production"),
        ((behaviour("x", "should"),), 98, "It does what was asked. It is not ready for"),
        ((behaviour("x"),), 97, "Not yet: the challenge as set is not met."),
    ],
)
def test_full_marks_are_for_those_who_lack_nothing(failed, score, summary):
    report = Report("virtue", tuple(behaviour(str(n)) for n in range(40)), failed)

    assert report.score == score
    assert report.summary.startswith(summary)


def test_a_level_without_behaviours_is_left_out():
    assert repr(Report("virtue", PASSED[:1], ())) == (
        "Virtue: 100 of 100\n"
        "It does all that was asked, and what few think of. An excellent answer.\n"
        "Seen: 1 of 1 must."
    )
