"""What a committed notebook has to be, besides right.

nbval passes a notebook that was stripped, a cell it was told to ignore, and a picture of anything:
these rules close the gaps, and keep the file readable without a kernel.
"""

from __future__ import annotations

import json
import re
import tokenize
from collections.abc import Iterator
from io import StringIO

from nbformat import NotebookNode
from regenerate import KERNELSPEC, WIDGET_VIEW, dump

MAX_IGNORED = 3
MACHINE_PATH = re.compile(
    r"(?<![\w./-])(/(home|Users)/\w|/(root|tmp|private/tmp|var/tmp|var/folders)\b)"
    r"|\b[A-Za-z]:[\\/]+(Users|Temp|Windows[\\/]+Temp)\b"
)
NBVAL_COMMENT = re.compile(r"^\s*#+\s*(NBVAL_|PYTEST_VALIDATE)", re.MULTILINE)
BARE_REPR = re.compile(r"<(Figure|IPython)\b[^\n]*>")


def problems(notebook_node: NotebookNode, source_text: str) -> list[str]:
    """Every broken rule in one line each; `source_text` is the file that the notebook came from."""
    found = [*_file_problems(notebook_node, source_text)]
    number = ignored = 0
    for position, cell in enumerate(notebook_node.cells, start=1):
        if cell.cell_type != "code":
            continue
        number += bool(cell.source.strip())
        ignored += "nbval-ignore-output" in _tags(cell)
        found += [f"cell {position}: {problem}" for problem in _cell_problems(cell, number)]
    if ignored > MAX_IGNORED:
        found.append(f"{ignored} cells tagged nbval-ignore-output, at most {MAX_IGNORED} may be")
    return found


def _file_problems(notebook: NotebookNode, text: str) -> Iterator[str]:
    first = notebook.cells[0] if notebook.cells else NotebookNode(cell_type="none", source="")
    if first.cell_type != "markdown" or not first.source.startswith("# "):
        yield "the first cell is not a title ('# ...')"
    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    if kernel != KERNELSPEC["name"]:
        yield f"the kernelspec's name is {kernel!r}, not {KERNELSPEC['name']!r}"
    if "version" in notebook.metadata.get("language_info", {}):
        yield "language_info names a Python version"
    if "widgets" in notebook.metadata or WIDGET_VIEW in text:
        yield "widget state is stored"
    if dump(notebook) != text:
        yield "the file is not laid out as `make notebooks` writes it"


def _cell_problems(cell: NotebookNode, number: int) -> Iterator[str]:
    """What is wrong with a code cell that is the `number`-th to be executed."""
    tags = _tags(cell)
    blank = not cell.source.strip()
    if cell.execution_count != (None if blank else number):
        yield f"execution count {cell.execution_count}, expected {None if blank else number}"
    if any(output.get("name") == "stderr" for output in cell.outputs):
        yield "output on stderr"
    if "raises-exception" not in tags and any(o.output_type == "error" for o in cell.outputs):
        yield "an error without the tag raises-exception"
    if _ends_with_semicolon(cell.source):
        yield "the last statement ends with ';'"
    if "nbval-ignore-output" in tags and not str(cell.metadata.get("reason", "")).strip():
        yield "nbval-ignore-output without a reason in the cell's metadata"
    if "nbval-skip" in tags or NBVAL_COMMENT.search(cell.source):
        yield "nbval is told to look away other than by the tag nbval-ignore-output"
    if _shows_picture(cell) and not any(text.strip() for text in _told(cell)):
        yield "a picture without a word: print what it shows"
    for path in sorted({match[0] for match in MACHINE_PATH.finditer(_text_of_outputs(cell))}):
        yield f"a path of one machine in the output: {path}..."


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def _ends_with_semicolon(source: str) -> bool:
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
    try:
        tokens = list(tokenize.generate_tokens(StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # a cell magic
        return source.rstrip().endswith(";")
    last = next((token for token in reversed(tokens) if token.type not in skipped), None)
    return last is not None and last.string == ";"


def _shows_picture(cell: NotebookNode) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def _told(cell: NotebookNode) -> Iterator[str]:
    """The texts of a cell's outputs, without `<Figure ...>` and its like."""
    for output in cell.outputs:
        data = output.get("data", {})
        if output.get("name") == "stdout":
            yield output.text
        yield data.get("text/markdown", "")
        yield BARE_REPR.sub("", data.get("text/plain", ""))


def _text_of_outputs(cell: NotebookNode) -> str:
    texts = []
    for output in cell.outputs:
        texts += [output.get(key, "") for key in ("text", "ename", "evalue")]
        texts += output.get("traceback", [])
        for mime, value in output.get("data", {}).items():
            if not mime.startswith("image/") or mime == "image/svg+xml":
                texts.append(value if isinstance(value, str) else json.dumps(value))
    return "\n".join(texts)
