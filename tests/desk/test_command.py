"""`resilience-lab`: one way in, and a sentence where it cannot go on."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from resilience_lab.desk import command
from resilience_lab.desk.command import main
from resilience_lab.desk.course import FIRST, Laid
from resilience_lab.desk.store import DESK


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def opened(monkeypatch) -> list[list[str]]:
    """The commands that were started."""
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda line: started.append(line) or 0)
    return started


def test_it_lays_a_copy_and_opens_its_first_notebook_on_this_machine_alone(
    here: Path, opened, capsys
):
    assert main(["--no-browser"]) == 0

    assert (here / "my_course" / FIRST).is_file()
    (line,) = opened
    assert line[:3] == [sys.executable, "-m", "jupyterlab"]
    assert "--ServerApp.ip=127.0.0.1" in line
    assert f"--ServerApp.root_dir={here / 'my_course'}" in line
    assert f"--LabApp.default_url=/lab/tree/{FIRST}" in line
    assert line[-1] == "--no-browser"
    said = capsys.readouterr().out
    assert said.startswith(f"Your copy of the course: {here / 'my_course'} (")


def test_the_second_time_it_says_that_nothing_was_touched(here: Path, opened, capsys):
    main([])
    capsys.readouterr()
    main([])

    assert capsys.readouterr().out.strip().endswith("my_course, as you left it.")


def test_on_a_desk_it_stays_there(here: Path, opened):
    (here / DESK).touch()

    main(["--lay-only"])

    assert (here / FIRST).is_file()
    assert not (here / "my_course").exists()
    assert opened == []


def test_a_notebook_is_laid_anew_and_nothing_is_opened(here: Path, opened, capsys):
    main(["--lay-only", "--folder", "desk"])
    capsys.readouterr()

    assert main(["--folder", "desk", "--again", "02"]) == 0

    assert "New: 02_backoff_and_jitter.ipynb" in capsys.readouterr().out
    assert (here / "desk" / "02_backoff_and_jitter.before.ipynb").is_file()
    assert opened == []


def test_what_changed_in_the_course_is_named(capsys, monkeypatch, opened):
    laid = Laid(new=(), beside=("03_fallback.updated.ipynb",))
    monkeypatch.setattr(command, "lay", lambda folder: laid)

    main([])

    said = "Changed in the course, laid beside your copy: 03_fallback.updated.ipynb"
    assert said in capsys.readouterr().out


def test_a_folder_that_is_something_else_gets_a_sentence(here: Path, opened, capsys):
    (here / "my_course").write_text("mine")

    assert main([]) == 1

    said = capsys.readouterr().err
    assert said.startswith("resilience-lab: ")
    assert "is a file: choose another folder, --folder NAME" in said
    assert opened == []


def test_without_jupyterlab_it_says_how_to_get_it(monkeypatch, capsys, opened):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)

    assert main([]) == 1

    assert "pip install 'resilience_lab[lab]'" in capsys.readouterr().err
    assert opened == []


@pytest.mark.parametrize(("user", "flag"), [(0, True), (1000, False), (None, False)])
def test_root_is_told_to_jupyterlab_where_there_is_one(monkeypatch, opened, user, flag):
    if user is None:
        monkeypatch.delattr(command.os, "geteuid", raising=False)
    else:
        monkeypatch.setattr(command.os, "geteuid", lambda: user, raising=False)

    main([])

    assert ("--allow-root" in opened[0]) == flag


def test_ctrl_c_ends_it_quietly(monkeypatch):
    def interrupted(line):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "call", interrupted)

    assert main([]) == 0


def test_the_module_knows_the_same_command(here: Path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["resilience_lab", "lab", "--lay-only"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("resilience_lab", run_name="__main__")

    assert ended.value.code == 0
    assert (here / "my_course" / FIRST).is_file()


def test_the_module_names_an_argument_that_it_does_not_know(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["resilience_lab", "lap"])

    with pytest.raises(SystemExit, match="unknown argument 'lap': there is only 'lab'"):
        runpy.run_module("resilience_lab", run_name="__main__")
