"""The API reference: `make docs` writes a page for each public room, and nothing warns."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pdoc.doc
import pdoc.render
import pytest
from test_architecture import FLOORS, MODULES

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROMISED = {
    *("events", "retry", "breaker", "fallback", "simulation", "plots", "live", "widgets"),
    "practice",
}
RUN = {"resilience_lab.__main__"}  # importing it runs it


def rooms() -> list[str]:
    found = re.search(r"^ROOMS := (.*)$", MAKEFILE, re.MULTILINE)
    assert found is not None
    return found[1].split()


@pytest.fixture(scope="module", autouse=True)
def settings() -> Iterator[None]:
    """Those of `make docs`, without the sources: they are most of the time."""
    pdoc.render.configure(docformat="numpy", show_source=False)
    yield
    pdoc.render.configure()


@pytest.mark.parametrize("module", sorted(set(MODULES) - RUN))
def test_every_module_is_documented_without_a_warning(module: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        documented = pdoc.doc.Module(importlib.import_module(module))
        page = pdoc.render.html_module(documented, {module: documented})

    assert documented.docstring
    assert module.rpartition(".")[2] in page


def test_the_reference_has_every_room_that_is_promised_and_no_other():
    packages = {path.parent.name for path in ROOT.glob("resilience_lab/*/__init__.py")}

    assert set(rooms()) >= PROMISED
    assert set(rooms()) == packages - {"ground"}  # values for the inside of the house
    assert set(rooms()) <= {room for floor in FLOORS for room in floor}


def test_make_docs_writes_a_page_for_each_room(tmp_path: Path):
    names = ["resilience_lab", *(f"resilience_lab.{room}" for room in rooms())]
    command = [sys.executable, "-W", "error", "-m", "pdoc", "--docformat", "numpy"]

    subprocess.run([*command, "--output-directory", tmp_path, *names], check=True)

    assert (tmp_path / "index.html").is_file()
    for name in names:
        assert (tmp_path / f"{name.replace('.', '/')}.html").is_file()
    breaker = (tmp_path / "resilience_lab" / "breaker.html").read_text(encoding="utf-8")
    assert 'id="CircuitBreaker.call"' in breaker
