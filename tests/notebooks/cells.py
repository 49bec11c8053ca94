"""What a notebook asks, and where: read from its cells, for the tests that follow."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)


def notebooks() -> dict[str, list[NotebookNode]]:
    """The cells of every committed notebook, by its stem."""
    return {
        path.stem: nbformat.read(path, as_version=4).cells
        for path in sorted(FOLDER.glob("*.ipynb"))
    }


def tree(source: str) -> ast.Module:
    """The syntax tree of a code cell."""
    lines = [line for line in source.splitlines() if not line.startswith(("%", "!"))]
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile("\n".join(lines), "cell", "exec", flags)


def calls(source: str, name: str) -> list[ast.Call]:
    """The calls of a function or method `name` in a code cell."""
    found = [node for node in ast.walk(tree(source)) if isinstance(node, ast.Call)]
    return [
        call for call in found if getattr(call.func, "attr", getattr(call.func, "id", "")) == name
    ]


@dataclass(frozen=True)
class Asked:
    """One prediction: the `position` of its cell, the `name` it is given, and its `question`."""

    position: int
    name: str
    question: str


def asked(cells: list[NotebookNode]) -> list[Asked]:
    """The predictions of a notebook, in order. Each cell is `NAME = predict("...")` and `NAME`."""
    found = []
    for position, cell in enumerate(cells):
        if cell.cell_type == "code" and calls(cell.source, "predict"):
            assign, shown = tree(cell.source).body
            assert isinstance(assign, ast.Assign), cell.source
            assert isinstance(assign.targets[0], ast.Name), cell.source
            assert isinstance(shown, ast.Expr), cell.source
            assert isinstance(shown.value, ast.Name), cell.source
            assert shown.value.id == assign.targets[0].id, cell.source
            (call,) = calls(cell.source, "predict")
            question = ast.literal_eval(call.args[0])
            found.append(Asked(position, assign.targets[0].id, question))
    return found


def unfolded(cell: NotebookNode) -> str:
    """What stands in the source of a cell without a click."""
    return FOLDED.sub("", cell.source) if cell.cell_type == "markdown" else cell.source


def revealed(cell: NotebookNode) -> Iterator[str]:
    """The Markdown of each outcome in the outputs of a code cell."""
    for output in cell.get("outputs", []):
        text = output.get("data", {}).get("text/markdown", "")
        if text.startswith(("**✅ You said", "**❌ You said", "**❔ No guess")):
            yield text
