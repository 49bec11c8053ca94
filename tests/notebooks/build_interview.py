"""Build the mock interview and its solutions from one source, interview.md.

    python tests/notebooks/build_interview.py [--check]

Writes the cells of notebooks/06_mock_interview.ipynb and of its solutions, and executes both as
regenerate.py does. `--check` writes and executes nothing; it exits 1 if a notebook has other cells
than the source says.

The source is Markdown. A block fenced by ```python is a code cell, and what is between two blocks
is a cell of text. What follows a line `<!-- blank -->` is for the learner's notebook only, after
`<!-- solution -->` it is for the solutions only, after `<!-- both -->` for both. A line
`<!-- reference: NAME ... -->` becomes a code cell with the definitions of these names in
resilience_lab/practice/bug_hunt/reference.py, so that no solution is written twice, and
`<!-- brief: NAME -->` the folded brief of that name in resilience_lab/practice/interview/briefs.py.
`<!-- split -->` ends a cell of text.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbformat import NotebookNode, v4
from regenerate import KERNELSPEC, ROOT, dump, read
from regenerate import main as execute

from resilience_lab.practice.interview import briefs

SOURCE = Path(__file__).with_name("interview.md")
REFERENCE = ROOT / "resilience_lab" / "practice" / "bug_hunt" / "reference.py"
NOTEBOOKS = {
    "blank": ROOT / "notebooks" / "06_mock_interview.ipynb",
    "solution": ROOT / "notebooks" / "06_mock_interview_solutions.ipynb",
}
NAMED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FENCES = {"markdown": "```python", "code": "```"}  # the line that ends a cell of this kind
DIRECTIVE = re.compile(
    r"<!-- (blank|solution|both|split|reference: (?P<names>[\w ]+)|brief: (?P<brief>\w+)) -->"
)


def cells(source: str, variant: str) -> list[NotebookNode]:
    """The cells of one notebook, each with an id that tells its position."""
    built = [
        v4.new_code_cell(text) if kind == "code" else v4.new_markdown_cell(text)
        for kind, text in _pieces(source, variant)
    ]
    for position, cell in enumerate(built, start=1):
        cell["id"] = f"cell-{position:02d}"
    return built


def in_step(path: Path, built: list[NotebookNode]) -> bool:
    """Whether the notebook at `path` has these cells, whatever their outputs."""
    if not path.exists():
        return False
    committed = read(path.read_text(encoding="utf-8")).cells
    return [_identity(cell) for cell in committed] == [_identity(cell) for cell in built]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Build the mock interview and its solutions.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    check = parser.parse_args(arguments).check

    source = SOURCE.read_text(encoding="utf-8")
    status = 0
    for variant, path in NOTEBOOKS.items():
        built = cells(source, variant)
        if in_step(path, built):
            continue
        if check:
            print(f"{path.name} is not what {SOURCE.name} says", file=sys.stderr)
            status = 1
            continue
        notebook = v4.new_notebook(cells=built, metadata={"kernelspec": dict(KERNELSPEC)})
        path.write_bytes(dump(notebook).encode())
    return status if check else execute([str(path) for path in NOTEBOOKS.values()])


def definitions(names: Sequence[str]) -> str:
    """The source of these top-level definitions of the reference, in the order of `names`."""
    text = REFERENCE.read_text(encoding="utf-8")
    found = {node.name: node for node in ast.parse(text).body if isinstance(node, NAMED)}
    return "\n\n\n".join(_source(found[name], text) for name in names)


def _brief(name: str) -> str:
    part: briefs.Part = getattr(briefs, name)
    return f"<details><summary>The brief</summary>\n\n{part.brief}\n\n</details>"


def _pieces(source: str, variant: str) -> Iterator[tuple[str, str]]:
    """Kind (markdown or code) and text of each cell of one notebook."""
    wanted, kind = True, "markdown"
    lines: list[str] = []
    for line in source.splitlines():
        directive = DIRECTIVE.fullmatch(line) if kind == "markdown" else None
        if directive and directive[1] in ("blank", "solution", "both"):
            wanted = directive[1] in (variant, "both")
        elif directive and directive["brief"]:
            lines += [_brief(directive["brief"])] if wanted else []
        elif directive and wanted:
            yield from _cell(kind, lines)
            if directive["names"]:
                yield "code", definitions(directive["names"].split())
        elif line == FENCES[kind]:
            if wanted:
                yield from _cell(kind, lines)
            kind = "code" if kind == "markdown" else "markdown"
        elif wanted and not directive:
            lines.append(line)
    yield from _cell(kind, lines)


def _cell(kind: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    """What has been gathered in `lines`, if it is anything, and an empty list."""
    text = "\n".join(lines).strip("\n")
    lines.clear()
    if text:
        yield kind, text if kind == "code" else re.sub(r"\n{3,}", "\n\n", text)


def _source(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, text: str) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return "\n".join(re.sub(r"  # noqa: .*", "", line) for line in lines)  # the linter's, not ours


def _identity(cell: NotebookNode) -> tuple[str, str, str]:
    return cell["id"], cell.cell_type, cell.source


if __name__ == "__main__":
    sys.exit(main())
