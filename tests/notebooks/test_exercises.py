"""Each exercise's check fails on the stub that the notebook gives, and passes on its solution."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
CHECK = re.compile(r"^(check_\w+)\((\w+)\)$", re.MULTILINE)


def define(source, namespace):
    """Run the imports and definitions of a cell, and nothing else of it."""
    source = re.sub(r"^%.*$", "", source, flags=re.MULTILINE)
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if isinstance(node, DEFINITIONS)]
    exec(compile(tree, "cell", "exec"), namespace)


def exercises():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        for position, cell in enumerate(cells):
            for check, subject in CHECK.findall(cell.source if cell.cell_type == "code" else ""):
                yield pytest.param(cells, position, check, subject, id=f"{path.stem}-{check}")


@pytest.mark.parametrize(("cells", "position", "check", "subject"), list(exercises()))
def test_the_stub_is_not_yet_and_the_solution_is_well_done(cells, position, check, subject):
    namespace = {}
    for cell in cells[: position + 1]:
        if cell.cell_type == "code":
            define(cell.source, namespace)
    stub = namespace[check](namespace[subject])
    following = cells[position + 1].source

    solution = re.search(
        r"<summary>A solution</summary>\s+```python\n(.*?)```", following, re.DOTALL
    )
    define(solution.group(1), namespace)
    solved = namespace[check](namespace[subject])

    assert not stub.passed
    assert solved.passed, solved


def test_there_are_exercises():
    assert len(list(exercises())) >= 3
