"""What a report says, as text and as HTML."""

from __future__ import annotations

import pytest

from resilience_lab.practice.report import MARKS, Behaviour, Report


def behaviour(name, level="must", *, seen="as expected", marks=None):
    marks = MARKS[level] if marks is None else marks
    return Behaviour(name, level, "<did>", "this", seen, "because", "look", marks)


PASSED = (behaviour("adds up"), behaviour("is kind", "should"))
FAILED = (behaviour("takes <no> bribes", seen="it took & kept " + "one after the other, " * 6),)
REMARKS = (behaviour("reads minds", "excellent", seen="it did not", marks=0),)


def test_a_report_as_text():
    report = Report("virtue", PASSED, FAILED, REMARKS)

    assert str(report) == repr(report)
    assert repr(report) == (
        "Virtue: 62 of 100\n"
        "Not yet: the challenge as set is not met.\n"
        "\n"
        "must (the challenge as set): 1 of 2\n"
        "✅ adds up\n"
        "❌ takes <no> bribes\n"
        "   done:     <did>\n"
        "   expected: this\n"
        "   seen:     it took & kept one after the other, one after the other, one after the"
        " other, one\n"
        "             after the other, one after the other, one after the other,\n"
        "   why:      because\n"
        "   hint:     look\n"
        "\n"
        "should (what production asks for): 1 of 1\n"
        "✅ is kind\n"
        "\n"
        "excellent (what few think of): 0 of 1\n"
        "❌ reads minds\n"
        "   done:     <did>\n"
        "   expected: this\n"
        "   seen:     it did not\n"
        "   why:      because\n"
        "   hint:     look\n"
        "   marks:    none lost: this is a remark."
    )


def test_a_report_as_html_is_escaped_and_says_in_words_what_is_missing():
    html = Report("virtue", PASSED, FAILED, REMARKS)._repr_html_()

    assert "❌ <b>missing:</b> takes &lt;no&gt; bribes<dl>" in html
    assert "<dd>&lt;did&gt;</dd>" in html
    assert "it took &amp; kept" in html
    assert "✅ seen: adds up" in html
    assert "<summary>Hint</summary>look</details>" in html
    assert html.count("a remark: no marks lost") == 1
    assert "<no>" not in html


def test_a_report_on_what_could_not_be_tried():
    report = Report("virtue", (), FAILED, REMARKS, "it is <3")

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
        "\n"
        "must (the challenge as set): 1 of 1\n"
        "✅ adds up"
    )
