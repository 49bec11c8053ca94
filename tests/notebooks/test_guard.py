"""The guard passes every committed notebook, and each of its rules can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from guard import problems
from nbformat import NotebookNode, v4
from regenerate import KERNELSPEC, WIDGET_VIEW, all_notebooks, dump, read

NOTEBOOKS = all_notebooks()


def test_there_is_a_notebook_to_guard():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_keeps_every_rule(path: Path):
    text = path.read_bytes().decode()

    assert problems(read(text), text) == []


def stream(text: str, name: str = "stdout") -> NotebookNode:
    return v4.new_output("stream", name=name, text=text)


def picture(text: str = "<Figure size 640x480 with 1 Axes>") -> NotebookNode:
    return v4.new_output("display_data", data={"image/png": "iVBORw0KGgo=", "text/plain": text})


def code(source: str, count: int, *outputs: NotebookNode) -> NotebookNode:
    return v4.new_code_cell(
        source, id=f"cell-{count + 1:02d}", execution_count=count, outputs=list(outputs)
    )


def a_good_notebook() -> NotebookNode:
    cells = [
        v4.new_markdown_cell("# Backoff\n\nA title and a sentence.", id="cell-01"),
        code("print(1 + 1)", 1, stream("2\n")),
        code("show(waits)", 2, stream("n = 100, p95 = 3.2 s\n"), picture()),
        code("explore", 3, picture("BackoffExplorer: full jitter, cap 60 s")),
    ]
    return v4.new_notebook(cells=cells, metadata={"kernelspec": dict(KERNELSPEC)})


def test_a_good_notebook_has_no_problem():
    notebook = a_good_notebook()

    assert problems(notebook, dump(notebook)) == []


def test_a_cell_without_source_has_no_count_and_takes_none():
    notebook = a_good_notebook()
    notebook.cells.insert(2, v4.new_code_cell("", id="empty"))

    assert problems(notebook, dump(notebook)) == []


def stripped(notebook: NotebookNode) -> None:
    for cell in notebook.cells[1:]:
        cell.execution_count, cell.outputs = None, []


def run_out_of_order(notebook: NotebookNode) -> None:
    notebook.cells[1].execution_count = 3
    notebook.cells[3].execution_count = 1


def warned(notebook: NotebookNode) -> None:
    notebook.cells[1].outputs.append(stream("UserWarning: mind the gap\n", "stderr"))


def failed(notebook: NotebookNode) -> None:
    error = v4.new_output("error", ename="KeyError", evalue="'a'", traceback=["KeyError: 'a'"])
    notebook.cells[1].outputs.append(error)


def hushed(notebook: NotebookNode) -> None:
    notebook.cells[1].source = "1 + 1;  # quiet, please\n"


def hushed_below_a_magic(notebook: NotebookNode) -> None:
    notebook.cells[1].source = "%%time it's\nprint(1 + 1);"


def with_widget_state(notebook: NotebookNode) -> None:
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


def with_widget_view(notebook: NotebookNode) -> None:
    notebook.cells[3].outputs[0].data[WIDGET_VIEW] = {"model_id": "0a1b"}


def for_another_kernel(notebook: NotebookNode) -> None:
    notebook.metadata.kernelspec.name = "venv"


def without_kernel(notebook: NotebookNode) -> None:
    del notebook.metadata["kernelspec"]


def for_one_python(notebook: NotebookNode) -> None:
    notebook.metadata["language_info"] = {"name": "python", "version": "3.12.1"}


def ignored_silently(notebook: NotebookNode) -> None:
    notebook.cells[1].metadata["tags"] = ["nbval-ignore-output"]


def ignored_too_often(notebook: NotebookNode) -> None:
    notebook.cells += [code("time()", count) for count in range(4, 8)]
    for cell in notebook.cells[4:]:
        cell.metadata.update(tags=["nbval-ignore-output"], reason="the wall clock")


def skipped_by_tag(notebook: NotebookNode) -> None:
    notebook.cells[1].metadata["tags"] = ["nbval-skip"]


def ignored_by_comment(notebook: NotebookNode) -> None:
    notebook.cells[1].source = "# NBVAL_IGNORE_OUTPUT\nprint(1 + 1)"


def silent_picture(notebook: NotebookNode) -> None:
    del notebook.cells[2].outputs[0]


def without_title(notebook: NotebookNode) -> None:
    notebook.cells[0].source = "Backoff"


def beginning_with_code(notebook: NotebookNode) -> None:
    del notebook.cells[0]


def without_cells(notebook: NotebookNode) -> None:
    notebook.cells = []


def with_a_path(path: str) -> Callable[[NotebookNode], None]:
    def printed(notebook: NotebookNode) -> None:
        notebook.cells[1].outputs[0].text = f"saved to {path}\n"

    return printed


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (stripped, "cell 2: execution count None, expected 1"),
        (run_out_of_order, "cell 4: execution count 1, expected 3"),
        (warned, "cell 2: output on stderr"),
        (failed, "cell 2: an error without the tag raises-exception"),
        (hushed, "cell 2: the last statement ends with ';'"),
        (hushed_below_a_magic, "cell 2: the last statement ends with ';'"),
        (with_widget_state, "widget state is stored"),
        (with_widget_view, "widget state is stored"),
        (for_another_kernel, "the kernelspec's name is 'venv', not 'python3'"),
        (without_kernel, "the kernelspec's name is None, not 'python3'"),
        (for_one_python, "language_info names a Python version"),
        (ignored_silently, "cell 2: nbval-ignore-output without a reason"),
        (ignored_too_often, "4 cells tagged nbval-ignore-output, at most 3 may be"),
        (skipped_by_tag, "cell 2: nbval is told to look away"),
        (ignored_by_comment, "cell 2: nbval is told to look away"),
        (silent_picture, "cell 3: a picture without a word"),
        (without_title, "the first cell is not a title"),
        (beginning_with_code, "the first cell is not a title"),
        (without_cells, "the first cell is not a title"),
        (with_a_path("/home/ada/x.csv"), "cell 2: a path of one machine in the output: /home/a"),
        (with_a_path("'/tmp/x.csv'"), "cell 2: a path of one machine in the output: /tmp"),
        (with_a_path(r"C:\Users\ada"), r"cell 2: a path of one machine in the output: C:\Users"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_rule_is_named(spoil: Callable[[NotebookNode], None], named: str):
    notebook = a_good_notebook()

    spoil(notebook)

    found = problems(notebook, dump(notebook))
    assert [problem for problem in found if problem.startswith(named)], found


@pytest.mark.parametrize("text", ["at /home", "https://example.org/tmp/x", "either/or /rooted"])
def test_a_text_that_only_looks_like_a_path_is_let_through(text: str):
    notebook = a_good_notebook()
    notebook.cells[1].outputs[0].text = text

    assert problems(notebook, dump(notebook)) == []


def test_an_announced_error_and_an_explained_exception_are_let_through():
    notebook = a_good_notebook()
    failed(notebook)
    tags = ["raises-exception", "nbval-ignore-output"]
    notebook.cells[1].metadata.update(tags=tags, reason="the message differs between Pythons")

    assert problems(notebook, dump(notebook)) == []


@pytest.mark.parametrize(
    "respell",
    [
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n ", "\n  "),
    ],
    ids=["no last newline", "carriage returns", "another indent"],
)
def test_a_file_laid_out_otherwise_is_named(respell: Callable[[str], str]):
    notebook = a_good_notebook()

    found = problems(notebook, respell(dump(notebook)))

    assert found == ["the file is not laid out as `make notebooks` writes it"]
