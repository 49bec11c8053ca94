"""Regenerating is repeatable and says what failed, and no committed number can drift unseen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from guard import problems
from nbformat import NotebookNode, v4
from regenerate import WIDGET_VIEW, all_notebooks, dump, main, read

NOTEBOOKS = all_notebooks()
PLOT = """\
import matplotlib.pyplot as plt
_ = plt.plot([1.0, 2.0, 4.0])
print("three waits, up to 4.0 s")
plt.show()"""
SLIDER = """\
import ipywidgets
ipywidgets.IntSlider(3)"""


def write(path: Path, *sources: str) -> Path:
    """A notebook as an editor leaves it: random ids, no outputs, no kernelspec."""
    cells = [v4.new_markdown_cell("# Größe"), *(v4.new_code_cell(source) for source in sources)]
    nbformat.write(v4.new_notebook(cells=cells), path)
    return path


def parse(path: Path) -> NotebookNode:
    return read(path.read_text(encoding="utf-8"))


def test_a_second_run_changes_no_byte_and_the_guard_is_content(tmp_path: Path):
    path = write(tmp_path / "small.ipynb", "print(6 * 7)", PLOT, SLIDER)

    assert main([str(path)]) == 0
    first = path.read_bytes()
    assert main([str(path)]) == 0

    assert path.read_bytes() == first
    assert main(["--check", str(path)]) == 0
    text = first.decode()
    assert problems(read(text), text) == []
    assert '"# Größe"' in text
    assert WIDGET_VIEW not in text
    assert "IntSlider(value=3)" in text


def test_an_id_is_kept_and_a_missing_one_tells_the_position(tmp_path: Path):
    path = tmp_path / "ids.ipynb"
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(f"# {n}") for n in range(4)])
    notebook.cells[0]["id"] = "title"
    notebook.cells[3]["id"] = "cell-03"
    del notebook.cells[1]["id"], notebook.cells[2]["id"]
    path.write_text(nbformat.v4.nbjson.writes(notebook), encoding="utf-8")

    assert main([str(path)]) == 0

    ids = [cell["id"] for cell in parse(path).cells]
    assert ids == ["title", "cell-02", "cell-03-2", "cell-03"]


def test_cells_run_beside_the_notebook(tmp_path: Path):
    (tmp_path / "beside.txt").write_text("found", encoding="utf-8")
    path = write(tmp_path / "here.ipynb", "open('beside.txt').read()")

    assert main([str(path)]) == 0

    assert parse(path).cells[1].outputs[0].data["text/plain"] == "'found'"


def test_what_differs_between_runs_and_machines_is_left_out(tmp_path: Path):
    path = write(tmp_path / "stale.ipynb", "1 / 0")
    notebook = parse(path)
    notebook.cells[1].metadata.update(tags=["raises-exception"], execution={"iopub.status.busy": 1})
    notebook.metadata.update(
        kernelspec={"name": "venv", "display_name": "x", "language": "python"}, widgets={}
    )
    path.write_text(dump(notebook), encoding="utf-8")

    assert main([str(path)]) == 0

    cell = parse(path).cells[1]
    assert cell.metadata == {"tags": ["raises-exception"]}
    assert cell.outputs[0].traceback == ["ZeroDivisionError: division by zero"]
    metadata = parse(path).metadata
    assert metadata.kernelspec == {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    assert "version" not in metadata.language_info
    assert set(metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("1 / 0", "raises ZeroDivisionError: division by zero, and has no tag raises-exception"),
        ("import sys\nprint('careful', file=sys.stderr)", "writes to stderr: careful"),
        ("import os\nos._exit(1)", "ended the kernel"),
    ],
    ids=["error", "stderr", "dead kernel"],
)
def test_a_failure_names_the_notebook_and_the_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, complaint: str
):
    path = write(tmp_path / "broken.ipynb", "print('fine')", source)
    before = path.read_bytes()

    assert main([str(path)]) == 1

    identity = parse(path).cells[2]["id"]
    first_line = source.partition("\n")[0]
    expected = f"broken.ipynb: cell 3 ({identity}, {first_line!r}) {complaint}\n"
    assert expected in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "prose.ipynb"
    path.write_text("Once upon a time", encoding="utf-8")

    assert main([str(path)]) == 1

    assert "prose.ipynb: not JSON" in capsys.readouterr().err


def test_check_finds_a_changed_digit_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = write(tmp_path / "sum.ipynb", "print(6 * 7)")
    assert main([str(path)]) == 0
    path.write_bytes(path.read_bytes().replace(b'"42', b'"43'))
    before = path.read_bytes()

    assert main(["--check", str(path)]) == 1

    assert "sum.ipynb: would change" in capsys.readouterr().out
    assert path.read_bytes() == before


def test_check_overlooks_the_bytes_of_a_picture_but_not_a_lost_picture(tmp_path: Path):
    path = write(tmp_path / "plot.ipynb", PLOT)
    assert main([str(path)]) == 0
    notebook = parse(path)
    shown = notebook.cells[1].outputs[1]
    shown.data["image/png"] = "iVBORw0KGgo=\n"
    path.write_bytes(dump(notebook).encode())

    assert main(["--check", str(path)]) == 0

    del shown.data["image/png"]
    path.write_bytes(dump(notebook).encode())
    assert main(["--check", str(path)]) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_is_in_step_with_its_code(path: Path):
    assert main(["--check", str(path)]) == 0, "run `make notebooks`"


def test_nbval_fails_when_one_committed_digit_is_altered(tmp_path: Path):
    copy = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS[0].parent, copy)
    path = copy / NOTEBOOKS[0].name
    notebook = parse(path)
    number = alter_last_digit(notebook)
    path.write_bytes(dump(notebook).encode())

    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:xdist"]
    finished = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(path)],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV"))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1, finished.stdout
    failed = re.findall(r"^FAILED .*::Cell (\d+)", finished.stdout, re.MULTILINE)
    assert failed == [str(number)], finished.stdout


def alter_last_digit(notebook: NotebookNode) -> int:
    """Change the last digit that nbval is to compare; nbval's number of that cell (from 0)."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in reversed(list(enumerate(code))):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            continue
        for output in reversed(cell.outputs):
            holder, key = (
                (output, "text") if "text" in output else (output.get("data"), "text/plain")
            )
            text = (holder or {}).get(key, "")
            if re.search(r"\d", text):
                holder[key] = re.sub(
                    r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), text
                )
                return number
    raise AssertionError("no committed output holds a digit")
