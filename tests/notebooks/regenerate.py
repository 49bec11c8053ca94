"""Execute the notebooks and write them back, so that a second run changes not one byte.

    python tests/notebooks/regenerate.py [--check] [NOTEBOOK ...]

Without a path: every notebook in notebooks/. `--check` writes nothing; it names the notebooks that
would change, and exits 1 if there are any. An error that is not announced by the tag
`raises-exception`, output on stderr or a cell slower than 60 s ends the run, with the notebook and
the cell named.

What varies from run to run, or from machine to machine, is left out of the file: random cell ids,
timings, the Python version, the widget model ids, and the frames of a traceback. Seeds and virtual
time hold everything else still; what still moves is a mistake of the notebook, and shows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 60
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class NotebookError(Exception):
    """A notebook that cannot be regenerated, told in one line."""


def all_notebooks() -> list[Path]:
    """The committed notebooks, in the order of the series."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(text: str) -> NotebookNode:
    """Parse a notebook, giving each cell without an id the one its position stands for."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotebookError(f"not JSON: {error}") from None
    if document.get("nbformat") != 4:
        raise NotebookError("not a notebook of format 4")
    document["nbformat_minor"] = max(5, document.get("nbformat_minor", 5))
    taken = {cell["id"] for cell in document["cells"] if "id" in cell}
    for position, cell in enumerate(document["cells"], start=1):
        if "id" not in cell:
            cell["id"] = next(name for name in _ids(position) if name not in taken)
            taken.add(cell["id"])
    return nbformat.reads(json.dumps(document), as_version=4)


def dump(notebook: NotebookNode) -> str:
    """The text of a notebook: indented by 1, keys sorted, characters as they are, one newline."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in a fresh kernel whose current folder is `folder`, replacing all outputs.

    Raises `NotebookError` naming the cell that failed.
    """
    running = 0

    def remember(cell: NotebookNode, cell_index: int) -> None:
        nonlocal running
        running = cell_index

    for cell in _code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    notebook.metadata.kernelspec = dict(KERNELSPEC)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name=KERNELSPEC["name"],
        record_timing=False,
        store_widget_state=False,
        extra_arguments=["--log-level=ERROR"],  # the progress lines stay readable
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=remember,
    )
    # The start-up files, the settings and the backend of whoever runs this stay out of the outputs.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        defaults = Path(empty, "matplotlibrc")
        defaults.touch()
        ours = {
            "IPYTHONDIR": empty,
            "MATPLOTLIBRC": str(defaults),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        }
        try:
            client.execute(env=os.environ | ours)
        except CellExecutionError as error:
            reason = f"raises {error.ename}: {error.evalue}, and has no tag raises-exception"
            raise NotebookError(f"{_name(notebook, running)} {reason}") from None
        except CellTimeoutError:
            raise NotebookError(f"{_name(notebook, running)} took over {TIMEOUT} s") from None
        except DeadKernelError:
            raise NotebookError(f"{_name(notebook, running)} ended the kernel") from None


def settle(notebook: NotebookNode) -> None:
    """Leave out what another run would write differently. PNG bytes stay: one machine repeats them.

    Raises `NotebookError` if a cell wrote to stderr: a warning holds a process id, or a path.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for index, cell in enumerate(notebook.cells):
        for key in ("execution", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        cell.outputs = _settled_outputs(cell.outputs)
        stderr = [out.text for out in cell.outputs if out.get("name") == "stderr"]
        if stderr:
            last_line = "".join(stderr).strip().rpartition("\n")[2]
            raise NotebookError(f"{_name(notebook, index)} writes to stderr: {last_line}")


def with_pictures_of(fresh: NotebookNode, committed: NotebookNode) -> NotebookNode:
    """`fresh` with the PNG bytes of `committed`, wherever both show one.

    Another machine's fonts and libraries draw the same figure in other bytes, so a check compares
    everything but these. The figure's data belongs in a unit test, its summary in the cell's text.
    """
    for new_cell, old_cell in zip(fresh.cells, committed.cells, strict=False):
        pairs = zip(new_cell.get("outputs", []), old_cell.get("outputs", []), strict=False)
        for new, old in pairs:
            if "image/png" in new.get("data", {}) and "image/png" in old.get("data", {}):
                new.data["image/png"] = old.data["image/png"]
    return fresh


def regenerate(path: Path, *, check: bool = False) -> bool:
    """Execute one notebook; True if its file changes, or would change if `check` did not forbid it.

    Raises `NotebookError` naming the notebook, and the cell.
    """
    text = path.read_bytes().decode()
    try:
        notebook = read(text)
        execute(notebook, path.resolve().parent)
        settle(notebook)
    except NotebookError as error:
        raise NotebookError(f"{path.name}: {error}") from None
    if check:
        return dump(with_pictures_of(notebook, read(text))) != text
    fresh = dump(notebook)
    path.write_bytes(fresh.encode())  # bytes: no newline becomes two
    return fresh != text


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(description="Execute the notebooks and write them back.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on a change")
    options = parser.parse_args(arguments)

    paths = options.notebooks or all_notebooks()
    if not paths:
        print("no notebook found", file=sys.stderr)
        return 1
    status = 0
    for path in paths:
        started = time.monotonic()
        try:
            changed = regenerate(path, check=options.check)
        except (NotebookError, OSError) as error:
            print(error, file=sys.stderr)
            status = 1
            continue
        verb = ("would change" if options.check else "changed") if changed else "in step"
        print(f"{path.name}: {verb} ({time.monotonic() - started:.1f} s)", flush=True)
        if options.check and changed:
            status = 1
    return status


def _ids(position: int) -> Iterator[str]:
    name = f"cell-{position:02d}"
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1000))


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _name(notebook: NotebookNode, index: int) -> str:
    first_line = notebook.cells[index].source.strip().partition("\n")[0]
    return f"cell {index + 1} ({notebook.cells[index]['id']}, {first_line!r})"


def _settled_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    settled: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            # A kernel under load flushes one text in several pieces.
            if settled and settled[-1].get("name") == output.name:
                settled[-1].text += output.text
                continue
        elif output.output_type == "error":
            # The frames name the folders of this machine; the reader needs the last line.
            output.traceback = [f"{output.ename}: {output.evalue}"]
        else:
            output.data.pop(WIDGET_VIEW, None)
            if not output.data:
                continue
        settled.append(output)
    return settled


if __name__ == "__main__":
    sys.exit(main())
