"""One notebook in Notebook 7, which is JupyterLab in another dress, but not in all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import THEMES, Lab, OpenNotebook
from playwright.sync_api import BrowserContext

# Notebook 7 complains like that of itself, when any notebook is opened.
ITS_OWN = "console: Cannot read properties of undefined (reading 'schema')"


@pytest.fixture(scope="module")
def notebook(context: BrowserContext, notebook_7: Lab) -> Iterator[OpenNotebook]:
    opened = OpenNotebook(context, notebook_7, "notebooks/01_circuit_breaker.ipynb")
    yield opened
    opened.page.close()


def test_every_cell_runs_and_every_control_works_by_keyboard(notebook: OpenNotebook):
    problems, _ = notebook.operate(measuring=0)

    found = [*notebook.complaints, *problems, *notebook.misfits()]
    assert [problem for problem in found if problem != ITS_OWN] == []


@pytest.mark.parametrize("theme", THEMES)
def test_nobody_is_shut_out(notebook: OpenNotebook, theme: str):
    assert notebook.violations(theme) == []
