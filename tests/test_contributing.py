"""What CONTRIBUTING, the workflow and the hooks say is what the Makefile and the tree have."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_architecture import FLOORS

import resilience_lab

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CI_SCRIPT = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

TARGETS = set(re.findall(r"^([a-z]+):.* ## ", MAKEFILE, re.MULTILINE))
CODE = re.compile(r"`([^`\n]+)`")
MADE = {"build/docs/", "build/browser.txt", "dist/", "notebooks/NN_name.ipynb"}
"""What is named before it is there: a command makes it, or the reader."""


def recipe(target: str) -> list[str]:
    """The commands of a target, as they are typed in an active environment."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None
    lines = found[1].replace("\\\n", " ").splitlines()
    return [" ".join(line.replace("$(BIN)/", "").split()) for line in lines]


def steps(job: str) -> list[str]:
    """The commands of a job of the workflow."""
    parsed: dict[str, Any] = yaml.safe_load(WORKFLOW)
    runs = [step["run"] for step in parsed["jobs"][job]["steps"] if "run" in step]
    return [line for run in runs for line in run.splitlines()]


@pytest.mark.parametrize("text", [GUIDE, WORKFLOW, CI_SCRIPT], ids=["guide", "workflow", "script"])
def test_every_make_command_named_is_a_target(text: str):
    commands = re.findall(r"`make ([a-z]+)|^[\s-]*(?:run: )?make ([a-z]+)", text, re.MULTILINE)
    named = {first or second for first, second in commands}

    assert named
    assert named <= TARGETS


def test_every_target_is_phony_and_the_help_has_room_for_its_name():
    phony = re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)

    assert phony is not None
    assert set(phony[1].split()) == TARGETS
    assert max(map(len, TARGETS)) <= 10


def test_the_picture_of_the_house_has_every_room_on_its_floor():
    picture = re.search(r"```text\n(.*?)```", GUIDE, re.DOTALL)
    assert picture is not None
    rooms = re.findall(r"^([a-z_]+)(?:/|\.py)", picture[1], re.MULTILINE)
    floors = {room: number for number, floor in enumerate(FLOORS) for room in floor}

    assert sorted(rooms) == sorted(floors)
    assert rooms == sorted(rooms, key=lambda room: -floors[room])


def test_every_file_and_folder_named_exists():
    named = [text for text in CODE.findall(GUIDE) if re.fullmatch(r"[\w.-]*/[\w./-]*", text)]
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", GUIDE)
    missing = {path for path in [*named, *links] if not (ROOT / path).exists()}

    assert len(named) > 10
    assert missing <= MADE


def test_no_two_files_of_tests_have_one_name():
    names = sorted(path.name for path in (ROOT / "tests").rglob("test_*.py"))

    assert [name for name in set(names) if names.count(name) > 1] == []  # pytest takes one alone


def test_the_version_is_the_same_in_the_project_and_in_the_package():
    assert PROJECT["project"]["version"] == resilience_lab.__version__


@pytest.mark.parametrize("job", ["linux", "elsewhere"])
def test_ci_tries_every_python_that_the_project_says_it_runs_on(job: str):
    classifiers = PROJECT["project"]["classifiers"]
    stated = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", c) for c in classifiers]
    matrix = yaml.safe_load(WORKFLOW)["jobs"][job]["strategy"]["matrix"]

    assert matrix["python"] == [found[1] for found in stated if found]


def test_ci_runs_on_linux_macos_and_windows():
    jobs = yaml.safe_load(WORKFLOW)["jobs"]

    assert jobs["linux"]["runs-on"] == "ubuntu-latest"
    assert jobs["elsewhere"]["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]


def test_ci_says_on_linux_what_the_script_says():
    script = [line for line in CI_SCRIPT.splitlines() if line.startswith("make ")]

    assert script == ["make check", "make test"]
    assert [step.split(" PYTHON")[0] for step in steps("linux")] == script


def test_ci_says_elsewhere_what_make_check_says():
    commands = steps("elsewhere")

    assert [command for command in commands if command in recipe("check")] == recipe("check")
    assert [command for command in commands if "--nbval" in command]
    assert [command for command in commands if command.endswith("--ignore=tests/browser tests")]


def test_each_hook_is_local_and_says_what_make_check_says():
    repositories = yaml.safe_load(HOOKS)["repos"]
    hooks = [hook for repository in repositories for hook in repository["hooks"]]

    assert [repository["repo"] for repository in repositories] == ["local"]
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == recipe("check")
    assert all(hook["language"] == "system" for hook in hooks)
    assert not any(hook["pass_filenames"] for hook in hooks)
