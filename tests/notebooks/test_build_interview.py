"""Both interview notebooks come from one source, and the committed ones are in step with it."""

from __future__ import annotations

from pathlib import Path

import build_interview
import pytest
from build_interview import cells, main
from nbformat import v4
from regenerate import dump, read

from resilience_lab.practice.interview.briefs import RETRY

SMALL = """\
# The interview
For both.
<!-- split -->
Still text.

```python
print("both")
```
<!-- blank -->
Your turn.
```python
def answer(): ...
```
<!-- solution -->
<!-- reference: Answer answer -->
<!-- both -->
The end,
<!-- blank -->
of your work.
<!-- solution -->
of ours.
"""
REFERENCE = """\
import dataclasses

@dataclasses.dataclass
class Answer:
    value: int


def other():
    pass

async def answer():
    return Answer(42)  # noqa: S311 - no secret
"""
ANSWER = """\
@dataclasses.dataclass
class Answer:
    value: int


async def answer():
    return Answer(42)"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A small interview in a folder of its own, with the paths of its notebooks."""
    notebooks = {variant: tmp_path / f"{variant}.ipynb" for variant in ("blank", "solution")}
    (tmp_path / "source.md").write_text(SMALL, encoding="utf-8")
    (tmp_path / "reference.py").write_text(REFERENCE, encoding="utf-8")
    monkeypatch.setattr(build_interview, "SOURCE", tmp_path / "source.md")
    monkeypatch.setattr(build_interview, "REFERENCE", tmp_path / "reference.py")
    monkeypatch.setattr(build_interview, "NOTEBOOKS", notebooks)
    return notebooks


def told(variant: str) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in cells(SMALL, variant)]


def test_the_blank_notebook_holds_what_is_for_both_and_for_the_learner():
    assert told("blank") == [
        ("markdown", "# The interview\nFor both."),
        ("markdown", "Still text."),
        ("code", 'print("both")'),
        ("markdown", "Your turn."),
        ("code", "def answer(): ..."),
        ("markdown", "The end,\nof your work."),
    ]


def test_the_solutions_take_their_code_from_the_reference(small: dict[str, Path]):
    assert told("solution")[2:] == [
        ("code", 'print("both")'),
        ("code", ANSWER),
        ("markdown", "The end,\nof ours."),
    ]


def test_a_brief_is_folded_into_the_text_of_the_notebook_that_wants_it():
    source = "Part A\n<!-- solution -->\n<!-- brief: RETRY -->\n<!-- both -->\nbegins."

    (cell,) = cells(source, "solution")
    assert cell.source == (
        f"Part A\n<details><summary>The brief</summary>\n\n{RETRY.brief}\n\n</details>\nbegins."
    )
    assert [cell.source for cell in cells(source, "blank")] == ["Part A\nbegins."]


def test_a_brief_that_there_is_not_is_an_error():
    with pytest.raises(AttributeError, match="LOST"):
        cells("<!-- brief: LOST -->", "blank")


def test_a_name_that_the_reference_lacks_is_an_error(small: dict[str, Path]):
    with pytest.raises(KeyError, match="lost"):
        cells("<!-- reference: lost -->", "solution")


def test_what_looks_like_a_directive_in_code_stays_code():
    built = cells("```python\n# <!-- blank -->\n<!-- solution -->\n```", "blank")

    assert [cell.source for cell in built] == ["# <!-- blank -->\n<!-- solution -->"]


def test_code_for_the_other_notebook_leaves_the_text_around_it_in_one_cell():
    source = "One.\n<!-- solution -->\n\n```python\n1\n```\n<!-- both -->\n\nTwo."

    assert [cell.source for cell in cells(source, "blank")] == ["One.\n\nTwo."]


def test_ids_tell_the_position():
    assert [cell["id"] for cell in cells(SMALL, "blank")][:2] == ["cell-01", "cell-02"]


def test_check_names_each_notebook_that_is_missing_or_says_something_else(
    small: dict[str, Path], capsys: pytest.CaptureFixture[str]
):
    small["blank"].write_bytes(dump(v4.new_notebook(cells=cells(SMALL, "blank"))).encode())
    assert main(["--check"]) == 1
    assert capsys.readouterr().err == "solution.ipynb is not what source.md says\n"

    other = v4.new_notebook(cells=cells(SMALL.replace("Your", "My"), "blank"))
    small["blank"].write_bytes(dump(other).encode())
    assert main(["--check"]) == 1
    assert "blank.ipynb is not what source.md says\n" in capsys.readouterr().err
    assert not small["solution"].exists()


def test_the_command_writes_executed_notebooks_and_a_second_run_changes_nothing(
    small: dict[str, Path],
):
    source = small["blank"].with_name("source.md")
    source.write_text("# Sum\n```python\n6 * 7\n```\n", encoding="utf-8")

    assert main([]) == 0
    written = {path: path.read_bytes() for path in small.values()}
    assert main([]) == 0

    assert {path: path.read_bytes() for path in small.values()} == written
    notebook = read(written[small["blank"]].decode())
    assert notebook.cells[1].outputs[0].data["text/plain"] == "42"
    assert main(["--check"]) == 0


def test_the_committed_notebooks_are_what_the_source_says():
    assert main(["--check"]) == 0, "run tests/notebooks/build_interview.py"
