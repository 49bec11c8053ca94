"""A small course, so that laying it is quick, and its notebooks can change."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

QUESTION = "How many calls?"


def write(path: Path, *sources: str) -> None:
    """A notebook with these code cells, each with an output."""
    cells = [new_markdown_cell("# A title")]
    for number, source in enumerate(sources, start=1):
        output = new_output("stream", name="stdout", text="42\n")
        cells.append(new_code_cell(source, outputs=[output], execution_count=number))
    nbformat.write(new_notebook(cells=cells), path)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "used.svg").write_text("<svg/>")
    (folder / "images" / "unused.svg").write_text("<svg/>")
    write(folder / "00_start_here.ipynb", "print(42)", "'![](images/used.svg)'")
    ask = f"%matplotlib inline\nguess = predict({QUESTION!r}, [3, 4])\nguess"
    write(folder / "03_fallback.ipynb", ask, "an unfinished answer (", "predict(name)")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "my_course"
