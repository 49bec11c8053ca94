"""The learner's copy of the course: laid once, never written over.

The course is the notebooks that came with the package: in a clone the folder `notebooks/`, with the
outputs that are checked there; in an installed package the same without outputs. A copy on the desk
has none, for a result that stands there before its question teaches nothing.

A desk remembers which text of each notebook was laid. When the course has a newer one, that is laid
beside the copy as `NAME.updated.ipynb`; and when a learner wants to begin one again, the old copy
stays as `NAME.before.ipynb`. What a learner wrote is never touched.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from resilience_lab.desk.store import DESK, FORMAT, PROGRESS, Store, write_whole

FIRST = "00_start_here.ipynb"
PICTURES = frozenset({".svg", ".png"})


class DeskError(Exception):
    """A desk that cannot be laid, and why, in a sentence. Nothing was lost."""


def course_folder() -> Path:
    """Where the notebooks of this installation are. `DeskError` if it has none."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "desk" / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST).is_file():
            return folder
    raise DeskError("this installation has no notebooks: install the wheel, or clone the course")


def cleared(notebook: str) -> str:
    """The text of a notebook without outputs and execution counts, laid out as it was."""
    document = json.loads(notebook)
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def course_files(course: Path) -> dict[str, bytes]:
    """What is laid, by its place on the desk: the cleared notebooks, and their pictures."""
    notebooks = {path.name: cleared(path.read_bytes().decode()) for path in course.glob("*.ipynb")}
    files = {name: notebooks[name].encode() for name in sorted(notebooks)}
    for path in sorted(course.rglob("*")):
        place = path.relative_to(course).as_posix()
        if path.suffix in PICTURES and any(place in text for text in notebooks.values()):
            files[place] = path.read_bytes()
    return files


@dataclass(frozen=True)
class Laid:
    """What was done: the names of what is `new` on the desk, and of what is laid beside a copy."""

    new: tuple[str, ...]
    beside: tuple[str, ...]


def lay(folder: Path, course: Path | None = None) -> Laid:
    """Lay what a desk does not hold yet, and beside a copy what has changed in the course since.

    Parameters
    ----------
    folder
        The desk: a folder that is made, is empty, or has been laid before.
    course
        Where the course's notebooks are; None for those of this installation.

    Returns
    -------
    Laid
        The names of what is new, and of what was laid beside a copy.

    Raises
    ------
    DeskError
        If the folder is something else than a desk, or cannot be written.
    """
    files = course_files(course or course_folder())
    with _writing_to(folder):
        _claim(folder)
        versions = _versions(folder)
        new, beside = [], []
        for name, text in files.items():
            version = sha256(text).hexdigest()
            if not (folder / name).exists():
                write_new(folder / name, text)
                new.append(name)
            elif name.endswith(".ipynb") and versions.get(name, version) != version:
                aside = free_name(folder / name, "updated")
                write_new(aside, text)
                beside.append(aside.name)
            versions[name] = version
        write_whole(folder / DESK, {"format": FORMAT, "laid": versions})
    return Laid(tuple(new), tuple(beside))


def lay_again(folder: Path, which: str, course: Path | None = None) -> Laid:
    """Lay notebooks anew, and ask their questions again.

    The old copies stay beside them; so does, in the progress file, what was answered before.

    Parameters
    ----------
    folder
        The desk.
    which
        How the names of the notebooks begin, as in "03".
    course
        Where the course's notebooks are; None for those of this installation.

    Returns
    -------
    Laid
        The names of what is new, and of what was laid beside a copy.

    Raises
    ------
    DeskError
        If no notebook's name begins so, or the folder cannot be written or is no desk.
    """
    files = course_files(course or course_folder())
    names = [name for name in files if name.endswith(".ipynb") and name.startswith(which)]
    if not which or not names:
        known = ", ".join(name.partition("_")[0] for name in files if name.endswith(".ipynb"))
        raise DeskError(f"no notebook begins with {which!r}; there are {known}")
    with _writing_to(folder):
        for name in names:
            if (folder / name).exists():
                (folder / name).rename(free_name(folder / name, "before"))
    laid = lay(folder, course)
    for name in names:
        _ask_again(Store(folder / PROGRESS), questions(files[name].decode()))
    return laid


def questions(notebook: str) -> tuple[str, ...]:
    """The questions that a notebook asks by `predict("...")`, in order."""
    asked = (call.args[0] for name, call in calls(notebook) if name == "predict" and call.args)
    return tuple(str(text.value) for text in asked if isinstance(text, ast.Constant))


def calls(notebook: str) -> Iterator[tuple[str, ast.Call]]:
    """All calls in the code cells of a notebook, each with the name of what is called."""
    for cell in json.loads(notebook)["cells"]:
        if cell["cell_type"] == "code":
            yield from calls_in("".join(cell["source"]))


def calls_in(source: str) -> Iterator[tuple[str, ast.Call]]:
    """The same of one cell; none if it is an unfinished answer."""
    lines = [line for line in source.splitlines() if not line.startswith(("%", "!"))]
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = compile("\n".join(lines), "cell", "exec", flags)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "id", getattr(node.func, "attr", "")), node


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DeskError(f"{folder} cannot be written: {error.strerror or error}") from None


def _ask_again(store: Store, asked: Sequence[str]) -> None:
    for question in asked:
        entry = store.get("guesses", question)
        if entry:
            earlier = [*entry.pop("earlier", []), entry]
            store.put("guesses", question, {"earlier": earlier})


def _claim(folder: Path) -> None:
    """Make the folder, or see that it is a desk or empty."""
    if folder.exists() and not folder.is_dir():
        raise DeskError(f"{folder} is a file: choose another folder, --folder NAME")
    folder.mkdir(parents=True, exist_ok=True)
    is_desk = (folder / DESK).exists() or (folder / PROGRESS).exists()
    if not is_desk and any(folder.iterdir()):
        raise DeskError(f"{folder} holds something else: choose another folder, --folder NAME")


def _versions(folder: Path) -> dict[str, Any]:
    """The version of each file that was laid; none are known if that cannot be read any more."""
    try:
        laid = json.loads((folder / DESK).read_bytes().decode())["laid"]
        return dict(laid)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def write_new(path: Path, text: bytes) -> None:
    """Write a file that does not exist yet, as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        try:
            file.write(text)
            file.flush()
        except BaseException:
            file.close()
            path.unlink()
            raise


def free_name(path: Path, word: str) -> Path:
    """A name beside `path` that nothing has yet: `NAME.word.ipynb`, then `NAME.word-2.ipynb` ..."""
    names = [f"{path.stem}.{word}", *(f"{path.stem}.{word}-{number}" for number in range(2, 1000))]
    return next(name for name in map(path.with_stem, names) if not name.exists())
