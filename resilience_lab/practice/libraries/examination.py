"""What became of one library at the examiner's: a mark for each behaviour, and what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from resilience_lab.practice.exam.report import Behaviour, Report
from resilience_lab.practice.libraries.library import Library, Pattern

SEEN, MISSING, BY_DESIGN, NOT_OFFERED = "✓", "✗", "◇", "-"

LEGEND = {
    SEEN: "seen",
    MISSING: "missing",
    BY_DESIGN: "missing by a choice that is documented",
    NOT_OFFERED: "the library does not offer the pattern",
}
"""What the marks mean."""


@dataclass(frozen=True)
class Examination:
    """The reports on one `library`, in the `version` that is installed."""

    library: Library
    version: str
    reports: dict[Pattern, Report]

    @property
    def name(self) -> str:
        """The library's name, as one installs it."""
        return self.library.name

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The patterns that it offers."""
        return tuple(self.reports)

    @property
    def choices(self) -> dict[str, str]:
        """Behaviours that it lacks on purpose, and where its documentation says so."""
        return dict(self.library.choices)

    def marks(self) -> Iterator[tuple[str, Behaviour, str]]:
        """Pattern, behaviour and mark, for all that was tried."""
        for pattern, report in self.reports.items():
            yield from ((pattern, behaviour, SEEN) for behaviour in report.passed)
            for behaviour in report.missing:
                by_design = behaviour.name in self.library.choices
                yield pattern, behaviour, BY_DESIGN if by_design else MISSING

    def seen(self, behaviour: str) -> str:
        """What was seen when `behaviour` was tried. `ValueError` if it was not."""
        for _, tried, _ in self.marks():
            if tried.name == behaviour:
                return tried.seen
        raise ValueError(f"behaviour was not tried on {self.name}, got {behaviour!r}")

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.name} {self.version}"
        yield f"used: {self.library.used}"
        for pattern, report in self.reports.items():
            tried = len(report.passed) + len(report.missing)
            yield ""
            yield f"{pattern}: {len(report.passed)} of {tried} behaviours, {report.score} of 100"
            for other, behaviour, mark in self.marks():
                if other == pattern and mark != SEEN:
                    yield f"{mark} {behaviour.name}: {behaviour.seen}"
                    if mark == BY_DESIGN:
                        yield f"    documented: {self.library.choices[behaviour.name]}"
