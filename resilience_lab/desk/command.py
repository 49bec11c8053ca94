"""`resilience-lab`: lay the learner's copy of the course, and open JupyterLab on it.

- `resilience-lab` lays what `./my_course` does not hold yet, and opens the first notebook.
- `resilience-lab --again 03` lays notebook 03 anew; the old copy stays beside it.
- `resilience-lab --lay-only` opens nothing. Any flag that is not listed is JupyterLab's.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from resilience_lab.desk.course import FIRST, DeskError, Laid, lay, lay_again
from resilience_lab.desk.store import DESK

DEFAULT = "my_course"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="resilience-lab",
        description="Lay your own copy of the course into a folder, and open JupyterLab on it.",
        epilog="What you have there is never written over. Other flags are JupyterLab's.",
    )
    parser.add_argument(
        "--folder", type=Path, help=f"your copy's folder (default: {DEFAULT}, or here if it is one)"
    )
    parser.add_argument(
        "--again", metavar="NN", help="lay notebook NN anew, beside your old copy, and ask again"
    )
    parser.add_argument("--lay-only", action="store_true", help="open nothing")
    options, for_lab = parser.parse_known_args(arguments)

    here = Path.cwd()
    folder = options.folder or (here if (here / DESK).is_file() else here / DEFAULT)
    try:
        laid = lay_again(folder, options.again) if options.again is not None else lay(folder)
    except DeskError as error:
        print(f"resilience-lab: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(_report(folder, laid), flush=True)  # noqa: T201
    if options.lay_only or options.again is not None:
        return 0
    return _open(folder, for_lab)


def _report(folder: Path, laid: Laid) -> str:
    notebooks = [name for name in laid.new if name.endswith(".ipynb")]
    if notebooks and FIRST in notebooks:
        lines = [f"Your copy of the course: {folder} ({len(notebooks)} notebooks)."]
    else:
        lines = [f"Your copy of the course: {folder}, as you left it."]
        lines += [f"New: {name}" for name in notebooks]
    lines += [f"Changed in the course, laid beside your copy: {name}" for name in laid.beside]
    return "\n".join(lines)


def _open(folder: Path, flags: Sequence[str]) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        print(  # noqa: T201
            "resilience-lab: JupyterLab is not installed. To install what the course needs:\n"
            "    pip install 'resilience_lab[lab]'",
            file=sys.stderr,
        )
        return 1
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command.append(f"--ServerApp.root_dir={folder.resolve()}")
    command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    try:
        return subprocess.call([*command, *flags])  # noqa: S603 - our own interpreter
    except KeyboardInterrupt:  # JupyterLab heard it, too, and has ended
        return 0
