"""One JupyterLab for all browser tests, one Chromium for each module, and the table of timings."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import (
    FLAGS,
    HEIGHT,
    NO_EFFECT,
    NOTEBOOKS,
    SCREENSHOTS,
    TIMING,
    WIDTH,
    Lab,
    OpenNotebook,
    running_lab,
)
from playwright.sync_api import BrowserContext, sync_playwright

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the installed Chromium. Without one the tests are skipped; in CI they fail."""
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found:
        return found
    reason = f"BROWSER TESTS NOT RUN: no Chromium found (none of {', '.join(CHROMIUMS)})"
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        pytest.skip(reason)
    pytest.fail(f"{reason}, and CI must have one", pytrace=False)


@pytest.fixture(scope="session")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab on a copy of the notebooks: the committed ones are never written."""
    folder = copied(tmp_path_factory)
    with running_lab(folder, tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def notebook_7(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same in Notebook 7."""
    folder = copied(tmp_path_factory)
    with running_lab(folder, tmp_path_factory.mktemp("jupyter"), "notebook") as running:
        yield running


def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return folder


# Not for the session: Playwright keeps an event loop running in this thread while it is open,
# and a test elsewhere that starts its own would fail.
@pytest.fixture(scope="module")
def context(chromium: str) -> Iterator[BrowserContext]:
    """A Chromium with a window of the usual size."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        browser.close()


@pytest.fixture(scope="module")
def open_notebook(context: BrowserContext, lab: Lab) -> Callable[[str], OpenNotebook]:
    """Opens a notebook, by its path from the root of the lab, and runs all cells."""
    return lambda path: OpenNotebook(context, lab, path)


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for pictures of the widgets; the summary says where it is."""
    return tmp_path_factory.mktemp(SCREENSHOTS, numbered=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the pictures are, and the timings: for the eye, nothing is asserted about them."""
    reports = [r for r in terminalreporter.getreports("passed") if r.when == "call"]
    reports += terminalreporter.getreports("failed")
    properties = [found for report in reports for found in report.user_properties]
    rows = [value for key, value in properties if key == TIMING]
    measured = [row for row in rows if row[-1] != "-"]
    if rows:
        terminalreporter.section("key press to page, in ms (first change | last change)")
        widest = max(len(row[0]) for row in rows)
        for name, changed, *numbers in [["", "changed", *["p50", "p95"] * 2], *measured]:
            cells = "".join(f"{number:>6}" for number in numbers)
            terminalreporter.write_line(f"{name:{widest}} {changed:>8}{cells}")
        rest = len(rows) - len(measured)
        terminalreporter.write_line(f"{rest} more were tried (MEASURING_SECONDS=60 measures more).")
    for key, value in properties:
        if key == NO_EFFECT:  # for the eye, too: it may be right, as for an agent that is not asked
            terminalreporter.write_line(f"It changed nothing but itself: {value}")
    for folder in sorted({str(value) for key, value in properties if key == SCREENSHOTS}):
        terminalreporter.write_line(f"Pictures of the widgets: {folder}")
