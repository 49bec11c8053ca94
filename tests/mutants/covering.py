"""Which tests run a line of the core, and how long each takes: measured once, with coverage.

A mutant can only be found by a test that runs its line; those that are imported, by any test that
uses the module.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from coverage import CoverageData
from listed import KNOWN, MODULES, TESTS, digest, source_of

IMPORT = ""  # stands for a test where a line runs outside of tests
MAP = KNOWN / "covering.json"
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "--no-header")


@dataclass
class Covering:
    """Tests by module and line, and the seconds that each test takes."""

    lines: dict[str, dict[int, list[str]]]
    seconds: dict[str, float]

    def tests(self, module: str, lines: Iterable[int]) -> set[str]:
        """Those that run one of these lines; all of the module's, if it runs in an import, too."""
        by_line = self.lines[module]
        tests = {test for line in lines for test in by_line.get(line, ())}
        if not tests or IMPORT in tests:
            tests = {test for line in by_line.values() for test in line}
        return tests - {IMPORT}


class Durations:
    """A plugin that measures the tests."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def measured() -> str:
    """A digest of all that the measurement depends on."""
    return digest(*map(source_of, MODULES), *TESTS)


def is_fresh() -> bool:
    """Whether nothing has changed since the measurement."""
    return MAP.exists() and json.loads(MAP.read_text("utf-8"))["measured"] == measured()


def recall() -> Covering:
    """What was measured."""
    kept = json.loads(MAP.read_text("utf-8"))
    lines = {
        module: {int(line): tests for line, tests in by_line.items()}
        for module, by_line in kept["lines"].items()
    }
    return Covering(lines, kept["seconds"])


def measure() -> list[str]:
    """Run all tests on the core as it is; those that fail. In a process of its own."""
    before = measured()
    data = KNOWN / "coverage"
    os.environ["COVERAGE_FILE"] = str(data)
    durations = Durations()
    source = f"--cov={source_of('').parent}"
    options = ("-p", "pytest_cov", source, "--cov-context=test", "--cov-report=")
    pytest.main([*OPTIONS, *options, *map(str, TESTS)], plugins=[durations])
    lines = {module: _tests_by_line(data, source_of(module)) for module in MODULES}
    kept = {"measured": before, "lines": lines, "seconds": durations.seconds}
    MAP.write_text(json.dumps(kept), encoding="utf-8")
    return durations.failed


def _tests_by_line(data: Path, source: Path) -> dict[int, list[str]]:
    measurement = CoverageData(str(data))
    measurement.read()
    return {
        line: sorted({context.partition("|")[0] for context in contexts})
        for line, contexts in measurement.contexts_by_lineno(str(source)).items()
    }
