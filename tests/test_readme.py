"""The README's code runs, its figures come from runs, and its links lead somewhere."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path

from resilience_lab import Recorder, run_virtual
from resilience_lab.plots import breaker_summary

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run_and_print_what_is_said():
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)
    printed = re.search(r"```text\n(.*?)```", README, re.DOTALL).group(1)

    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code, {})

    assert output.getvalue() == printed
    assert len([line for line in code.splitlines() if line]) <= 10


def test_the_pictures_figures_come_from_its_run():
    path = ROOT / "notebooks" / "images" / "outage.py"
    spec = importlib.util.spec_from_file_location("outage", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    recorder = Recorder()

    run_virtual(module.outage, recorder)

    assert f"*{breaker_summary(recorder.to_frame())}*" in README
    assert module.PICTURE.read_text(encoding="utf-8").startswith("<?xml")


def test_every_link_to_a_file_leads_to_one():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)

    assert len(links) > 8
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_two_commands_stand_on_the_first_screen():
    assert README.splitlines()[7:9] == [
        "make lab     # sets up .venv, lays your own copy of the course, opens JupyterLab on it",
        "make test    # runs every test, and every notebook against its committed outputs",
    ]
