"""The wheel holds the package and nothing else, and the core runs on the standard library alone."""

from __future__ import annotations

import email.message
import email.parser
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TRANSCRIPT = ROOT / "tests" / "classic_transcript.txt"


def run(*command: str | Path, cwd: Path) -> bytes:
    """The standard output of a command that has to succeed."""
    finished = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr.decode(errors="replace")
    return finished.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the installed hatchling: no network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    run(sys.executable, *build, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.parser.BytesParser().parsebytes(archive.read(name))


def test_the_wheel_holds_the_package_and_its_metadata_alone(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    tops = {name.partition("/")[0] for name in names}
    assert {re.sub(r"-[\d.]+\.dist-info", ".dist-info", top) for top in tops} == {
        "resilience_lab",
        "resilience_lab.dist-info",
    }
    in_package = {name for name in names if name.startswith("resilience_lab/")}
    assert "resilience_lab/py.typed" in in_package
    # The controls of the widgets are .js and .css, questions .toml, the course .ipynb.
    shipped = (".py", "/py.typed", ".js", ".css", ".toml", ".ipynb")
    assert not [name for name in in_package if not name.endswith(shipped)]
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("resilience_lab/**/*.py")}
    assert {name for name in in_package if name.endswith(".py")} == modules
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_wheel_carries_the_course_without_outputs(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        carried = {
            name.rpartition("/")[2]: archive.read(name).decode()
            for name in archive.namelist()
            if name.startswith("resilience_lab/desk/notebooks/")
        }

    committed = {path.name: path for path in ROOT.glob("notebooks/*.ipynb")}
    assert carried.keys() == committed.keys()
    for name, text in carried.items():
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        assert cells
        assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
        sources = [cell["source"] for cell in json.loads(text)["cells"]]
        there = json.loads(committed[name].read_text(encoding="utf-8"))["cells"]
        assert sources == [cell["source"] for cell in there]
    assert sum(map(len, carried.values())) < 600_000


def test_the_wheel_alone_lays_a_desk_and_says_what_is_missing(wheel: Path, tmp_path: Path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    main = "import sys; sys.path.insert(0, 'installed'); import resilience_lab.desk.command as c; "
    command = [sys.executable, "-S", "-I", "-c", f"{main}sys.exit(c.main(sys.argv[1:]))"]

    laid = run(*command, "--lay-only", cwd=tmp_path).decode()
    opened = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    assert laid.startswith("Your copy of the course: ")
    assert (tmp_path / "my_course" / "00_start_here.ipynb").is_file()
    assert opened.returncode == 1
    assert "pip install 'resilience_lab[lab]'" in opened.stderr.decode()


def test_the_core_depends_on_nothing(metadata: email.message.Message):
    requirements = metadata.get_all("Requires-Dist", [])

    assert requirements
    assert [text for text in requirements if "extra ==" not in text] == []


def test_the_metadata_names_licence_and_python(metadata: email.message.Message):
    assert metadata["Name"] == "resilience_lab"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"


def test_the_wheel_alone_prints_the_classic_transcript(wheel: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)

    printed = run(python, "-I", "-m", "resilience_lab", cwd=tmp_path)

    assert printed.decode() == TRANSCRIPT.read_bytes().decode()


IMPORTED_FROM_ELSEWHERE = """
import sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
import resilience_lab
new = sorted(set(sys.modules) - before)
assert resilience_lab.__name__ in new
for name in new:
    file = getattr(sys.modules[name], "__file__", None) or ""
    if name.partition(".")[0] != "resilience_lab" and "site-packages" in file:
        print(name)
heavy = {"numpy", "pandas", "matplotlib", "ipywidgets", "IPython", "httpx", "tornado"}
print(*sorted(heavy.intersection(new)), sep="\\n", end="")
"""


def test_importing_the_package_imports_the_standard_library_alone(tmp_path: Path):
    foreign = run(sys.executable, "-I", "-c", IMPORTED_FROM_ELSEWHERE, ROOT, cwd=tmp_path)

    assert foreign.decode().split() == []
