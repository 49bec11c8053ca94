"""What Binder would build: the Dockerfile, without Docker, and the pins that go into it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
BINDER_PINS = ROOT / "binder" / "requirements.txt"
TEST_PINS = ROOT / "tests" / "requirements.txt"
BENCHMARK_PINS = ROOT / "tests" / "benchmarks" / "requirements.txt"
PIN_FILES = pytest.mark.parametrize(
    "path", [BINDER_PINS, TEST_PINS, BENCHMARK_PINS], ids=["binder", "tests", "benchmarks"]
)
EXACT_PIN = re.compile(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.+!]*( ; \S.*)?")


def lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def pins(path: Path) -> dict[tuple[str, str], str]:
    """The versions by name and marker: one name may have one version for each Python."""
    parsed = [Requirement(line) for line in lines(path)]
    return {
        (canonicalize_name(pin.name), str(pin.marker or "")): str(pin.specifier).removeprefix("==")
        for pin in parsed
    }


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """What repo2docker would build from this folder, printed and not built."""
    finished = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_image_has_python_3_12(dockerfile: str):
    # The lock file of the base environment is copied under its own, escaped, name.
    assert re.search(r"environment-2epy-2d3-2e12-2dlinux\S* /tmp/env/environment.lock", dockerfile)


def test_the_image_installs_the_pins_before_it_copies_the_code(dockerfile: str):
    install = 'pip install --no-cache-dir -r "binder/requirements.txt"'

    # Pins first: the layer stays cached while only notebooks and code change.
    assert 0 < dockerfile.find(install) < dockerfile.find("COPY --chown=0:0 src/ ${REPO_DIR}/")


def test_the_image_runs_post_build_last(dockerfile: str):
    copied = dockerfile.find("COPY --chown=0:0 src/ ${REPO_DIR}/")

    assert dockerfile.find("RUN ./binder/postBuild") > copied > 0


def test_runtime_is_spelled_as_binder_reads_it():
    assert (ROOT / "binder" / "runtime.txt").read_bytes() == b"python-3.12\n"


def test_post_build_stops_at_the_first_error():
    script = (ROOT / "binder" / "postBuild").read_text(encoding="utf-8").splitlines()

    assert script[0] == "#!/usr/bin/env bash"
    commands = [line for line in script if line and not line.startswith("#")]
    assert commands[0] == "set -euo pipefail"
    assert "pip install --no-cache-dir --no-deps ." in commands


def test_post_build_lays_the_copy_that_the_launch_link_opens():
    script = (ROOT / "binder" / "postBuild").read_text(encoding="utf-8")

    install, lay = script.find("pip install"), script.find("\nresilience-lab --lay-only")
    assert 0 < install < lay


@pytest.mark.parametrize("script", ["binder/postBuild", ".ci/run"])
def test_a_script_is_executable_in_git(script: str):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--stage", "--", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert listed.stdout.startswith("100755 ")


@PIN_FILES
def test_every_line_is_an_exact_pin_of_a_published_package(path: Path):
    found = lines(path)

    assert found
    assert [line for line in found if not EXACT_PIN.fullmatch(line)] == []
    assert [line for line in found if Requirement(line).url] == []
    assert not [name for name, _ in pins(path) if name == "resilience-lab"]


@PIN_FILES
def test_the_first_line_names_the_command_that_wrote_the_pins(path: Path):
    first, *_ = path.read_text(encoding="utf-8").splitlines()

    assert first.startswith("#")
    assert "`make lock`" in first


@pytest.mark.parametrize(
    ("extra", "path"),
    [("lab", BINDER_PINS), ("lab", TEST_PINS), ("test", TEST_PINS), ("bench", BENCHMARK_PINS)],
)
def test_the_pins_satisfy_the_extra(extra: str, path: Path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = pins(path)

    for text in project["optional-dependencies"][extra]:
        wanted = Requirement(text)
        name = canonicalize_name(wanted.name)
        if name == "resilience-lab":
            continue
        versions = [version for (pin, _), version in pinned.items() if pin == name]
        assert versions, f"{name} is not pinned"
        for version in versions:
            assert wanted.specifier.contains(version), f"{name} {version} is not {wanted.specifier}"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@PIN_FILES
def test_a_python_is_given_one_version_of_each_package(path: Path, python: str):
    environment = {"python_version": python, "python_full_version": f"{python}.9"}

    chosen = [
        name for name, marker in pins(path) if not marker or Marker(marker).evaluate(environment)
    ]

    assert len(chosen) == len(set(chosen))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [(BINDER_PINS, TEST_PINS), (BENCHMARK_PINS, TEST_PINS)],
    ids=["binder in tests", "benchmarks in tests"],
)
def test_two_pin_files_agree_on_what_they_share(narrow: Path, wide: Path):
    first, second = pins(narrow), pins(wide)

    shared = first.keys() & second.keys()

    assert shared
    assert {key: first[key] for key in shared} == {key: second[key] for key in shared}


def test_the_tests_run_with_all_that_binder_has():
    for_tests = pins(TEST_PINS).keys()

    missing = [
        (name, marker)
        for name, marker in pins(BINDER_PINS)
        if (name, marker) not in for_tests and (name, "") not in for_tests  # "": on every machine
    ]

    assert not missing
