"""What an interviewer would write after the hour: from the four reports, and from nothing else.

The decision follows four plain rules, so that it can be explained: "strong hire" needs all three
patterns safe when calls overlap, half of the bugs caught and no false alarm; "hire" needs all three
as set, and a quarter of the bugs; "nearly" needs two of the three as set. The rest is "not yet",
which is where everybody begins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import takewhile

from resilience_lab.practice.bug_hunt.report import HuntReport
from resilience_lab.practice.exam.markup import table
from resilience_lab.practice.exam.report import LEVELS, Level, Report

TOLD = 3
"""How many strengths, and how many missing behaviours, are told of each part."""

_DECISIONS = {
    "Strong hire": "I would want this person in the room when our own breaker misbehaves.",
    "Hire": "It does what was asked, and the tests find real bugs. The rest can be learned here.",
    "Nearly": "Most of what was asked is there. With the missing part done, I would say yes.",
    "Not yet": "Everybody begins here. Another hour, with the hints, and this reads differently.",
}


def report_card(
    breaker_report: Report,
    retry_report: Report,
    fallback_report: Report,
    tests_report: HuntReport,
) -> ReportCard:
    """The card for one interview. `TypeError` if an argument is not what its grader returned."""
    parts = {
        "breaker_report": breaker_report,
        "retry_report": retry_report,
        "fallback_report": fallback_report,
    }
    for name, report in parts.items():
        if not isinstance(report, Report):
            raise TypeError(f"{name} must be a Report, got {report!r}")
    if not isinstance(tests_report, HuntReport):
        raise TypeError(f"tests_report must be what grade_tests returns, got {tests_report!r}")
    return ReportCard((breaker_report, retry_report, fallback_report), tests_report)


@dataclass(frozen=True)
class ReportCard:
    """The reports on the three patterns, and on the tests, read as one."""

    parts: tuple[Report, Report, Report]
    tests: HuntReport

    @property
    def decision(self) -> str:
        """`Strong hire`, `Hire`, `Nearly` or `Not yet`, by the rules above."""
        return decided([*map(reached, self.parts), reached(self.tests)])

    @property
    def next_step(self) -> str:
        """The one thing to do next: what is missing and weighs most."""
        for part in self.parts:
            if part.nothing_yet:
                return f"{part.pattern}: {part.nothing_yet}."
        missing = [(part.pattern, behaviour) for part in self.parts for behaviour in part.failed]
        pattern, heaviest = max(missing, key=lambda pair: pair[1].marks, default=("", None))
        if heaviest:
            return f"{pattern}: {heaviest.name}. {heaviest.why}"
        if self.tests.false_alarms:
            return f"repair the false alarm of {next(iter(self.tests.false_alarms))}."
        if self.tests.survivors:
            bug = self.tests.survivors[0]
            return f"a test that notices code which {bug.name}. {bug.hint}"
        return "do it again in a month, in less time."

    def __repr__(self) -> str:
        lines = ["Report card", f"{self.decision}. {_DECISIONS[self.decision]}"]
        for title, level, notes in self._rows():
            lines += ["", f"{title}: {level}", *(f"   {note}" for note in notes)]
        return "\n".join([*lines, "", f"Next: {self.next_step}"])

    def _repr_html_(self) -> str:
        rows = (
            (escape(title), escape(level), "<br>".join(map(escape, notes)))
            for title, level, notes in self._rows()
        )
        return (
            f"<p><b>{self.decision}.</b> {_DECISIONS[self.decision]}</p>"
            f"{table('What each part reached', ('part', 'level', 'notes'), rows)}"
            f"<p><b>Next:</b> {escape(self.next_step)}</p>"
        )

    def _rows(self) -> Iterator[tuple[str, str, list[str]]]:
        """For each part its title, the level that was reached, and notes."""
        for part in self.parts:
            yield part.pattern.capitalize(), _level(part), list(_notes(part))
        yield "Tests", f"{self.tests.score} of {self.tests.out_of} bugs", list(_hunt(self.tests))


def decided(parts: Sequence[Collection[Level]]) -> str:
    """The decision for the levels that were reached in the three patterns, and in the tests."""
    *_, tests = parts
    as_set = sum("must" in part for part in parts[:3])
    if all("should" in part for part in parts):
        return "Strong hire"
    if as_set == 3 and "must" in tests:
        return "Hire"
    return "Nearly" if as_set >= 2 else "Not yet"


def reached(part: Report | HuntReport) -> tuple[Level, ...]:
    """The levels that are complete, from the first up to the first with something missing.

    Tests have levels, too: a quarter of the bugs is "must", half of them and no false alarm
    "should", all of them "excellent".
    """
    if isinstance(part, HuntReport):
        shares: dict[Level, bool] = {
            "must": 4 * part.score >= part.out_of,
            "should": 2 * part.score >= part.out_of and not part.false_alarms,
            "excellent": part.score == part.out_of and not part.false_alarms,
        }
        return tuple(level for level, got in shares.items() if got)
    missing = {behaviour.level for behaviour in part.failed}
    return tuple(takewhile(lambda level: level not in missing, LEVELS))


def _level(part: Report) -> str:
    return f"{(*('not yet',), *reached(part))[-1]} ({part.score} of 100)"


def _notes(part: Report) -> Iterator[str]:
    if part.nothing_yet:
        yield f"Nothing to grade: {part.nothing_yet}."
        return
    if "must" in reached(part):
        hardest = sorted(part.passed, key=lambda b: list(LEVELS).index(b.level), reverse=True)
        yield f"Strengths: {'; '.join(behaviour.name for behaviour in hardest[:TOLD])}."
    missing = sorted(part.missing, key=lambda behaviour: -behaviour.marks)
    for behaviour in missing[:TOLD]:
        yield f"Missing: {behaviour.name}. {behaviour.why}"
    if len(missing) > TOLD:
        yield f"And {len(missing) - TOLD} more."


def _hunt(tests: HuntReport) -> Iterator[str]:
    if tests.untouched:
        yield "No test of your own yet."
        return
    for name, why in tests.false_alarms.items():
        yield f"False alarm: {name}: {why}."
    for bug in tests.survivors[:TOLD]:
        yield f"Unseen: code which {bug.name}. {bug.story}"
    if len(tests.survivors) > TOLD:
        yield f"And {len(tests.survivors) - TOLD} more."
    if not tests.survivors:
        yield "No bug got past these tests."
