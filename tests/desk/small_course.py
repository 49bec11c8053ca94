"""A notebook of a small course, written when a test needs it."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

QUESTION = "How many calls?"


def write(path: Path, *sources: str) -> None:
    """A notebook with these code cells, each with an output."""
    cells = [new_markdown_cell("# A title")]
    for number, source in enumerate(sources, start=1):
        output = new_output("stream", name="stdout", text="42\n")
        cells.append(new_code_cell(source, outputs=[output], execution_count=number))
    nbformat.write(new_notebook(cells=cells), path)
