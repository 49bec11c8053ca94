"""Mypy and pyright (so Pylance, too) accept what users write, and refuse what cannot be meant."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typing_examples

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = Path(typing_examples.__file__)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project: the examples, and the README's ten lines as they stand there."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(EXAMPLES, folder)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    (folder / "readme.py").write_text(code[1], encoding="utf-8")
    return folder


def complaints(*command: str) -> str:
    """What a type checker prints, if it finds anything wrong; else nothing."""
    checked = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return checked.stdout + checked.stderr if checked.returncode else ""


def test_promise_7_3_mypy_accepts_the_examples_and_refuses_the_wrong_lines(project: Path):
    # Without our own settings, as users see it. `--strict` warns of an `ignore` without an error.
    options = ("--strict", "--config-file=", "--follow-imports=silent")

    assert complaints("mypy", *options, *map(str, project.glob("*.py"))) == ""


def test_promise_7_3_pyright_accepts_the_examples_and_refuses_the_wrong_lines(project: Path):
    settings = {
        "typeCheckingMode": "strict",
        "enableTypeIgnoreComments": False,  # those are for mypy
        "reportUnnecessaryTypeIgnoreComment": "error",
        "extraPaths": [str(ROOT)],
    }
    (project / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    options = ("--project", str(project), "--pythonpath", sys.executable)

    assert complaints("basedpyright", *options) == ""


def test_each_wrong_line_is_refused_by_both():
    wrong = inspect.getsource(typing_examples.refused).splitlines()[2:]

    assert len(wrong) > 15
    assert [line for line in wrong if not re.search(r"# type: ignore\[.+# pyright: ig", line)] == []
    others = EXAMPLES.read_text(encoding="utf-8").partition("async def refused()")[0]
    assert "ignore[" not in others


@pytest.mark.parametrize("example", typing_examples.EXAMPLES)
async def test_what_is_accepted_runs(example):
    await example()


def test_what_is_accepted_of_plain_code_runs():
    typing_examples.plain_block()
    typing_examples.virtual_time()


def test_the_readmes_one_verb_is_among_the_examples():
    (line,) = re.findall(r"by one verb, outermost first: `(.+?)`", README)

    assert line in EXAMPLES.read_text(encoding="utf-8")
