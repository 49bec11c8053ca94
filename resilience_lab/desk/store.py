"""What the learner did, in one small file on the desk: guesses, answers, marks, attempts.

The kernel that runs in a desk's folder keeps it in `progress.json` there. Any other kernel, such as
the one that executes the committed notebooks, keeps it in memory alone and writes nothing.

A write reads the file again, changes one entry and replaces the file as a whole, under a lock: two
tabs do not lose each other's answers, and a crash leaves the old file or the new one. A file that
cannot be read is kept aside under another name. While the disk takes no more, answers are kept in
memory and go with the next write that succeeds. Either is said, by a `ProgressWarning`.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

Section: TypeAlias = Literal["guesses", "quizzes", "exercises", "interviews", "cards"]

FORMAT = 1
PROGRESS = "progress.json"
DESK = "desk.json"
"""The file that says that a folder is a desk, and which notebooks were laid on it."""

LOCK_PATIENCE = 2.0
"""Seconds for another tab to finish its write, which takes some milliseconds."""
LOCK_STALE = 10.0
"""Seconds after which a lock belongs to a process that has died."""

_Contents: TypeAlias = dict[str, Any]


class ProgressWarning(UserWarning):
    """The progress file was kept aside, or could not be written."""


@cache
def store() -> Store:
    """What the learner did, as this kernel keeps it.

    Returns
    -------
    Store
        That of the desk, if the kernel was started on one, or else one in memory.
    """
    here = Path.cwd()
    return Store(here / PROGRESS if (here / DESK).is_file() else None)


class Store:
    """Entries by section and key; each is a JSON value.

    Parameters
    ----------
    path
        The progress file. None: everything is kept in memory alone.

    Examples
    --------
    >>> memory = Store(None)
    >>> memory.put("quizzes", "01", {"right": 3})
    >>> memory.get("quizzes", "01")
    {'right': 3}
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        # What the file does not hold: all there is in memory, or what is yet to be written.
        self._unwritten: dict[tuple[Section, str], Any] = {}

    @property
    def on_a_desk(self) -> bool:
        """Whether it outlives the kernel."""
        return self.path is not None

    def section(self, section: Section) -> dict[str, Any]:
        """All entries of one section, by key, in the order in which they were first made."""
        contents = self._contents()
        return dict(contents.get(_known(section), {}))

    def get(self, section: Section, key: str) -> Any:
        """One entry, None if there is none."""
        return self.section(section).get(key)

    def put(self, section: Section, key: str, value: Any) -> None:
        """Set one entry; None removes it."""
        self.change(section, key, lambda _: value)

    def change(self, section: Section, key: str, new: Callable[[Any], Any]) -> Any:
        """Set one entry to `new(entry)`, and return that: no other tab comes in between."""
        _known(section)
        with contextlib.ExitStack() as held:
            problem = self._lock(held)
            value = new(self.get(section, key))
            self._unwritten[section, key] = value
            problem = problem or self._write()
        if problem:
            _warn(f"{PROGRESS} cannot be written ({problem}); kept until the kernel ends")
        return value

    def _lock(self, held: contextlib.ExitStack) -> OSError | None:
        try:
            if self.path is not None:
                held.enter_context(_locked(self.path.with_name(f"{self.path.name}.lock")))
        except OSError as problem:
            return problem
        return None

    def _write(self) -> OSError | None:
        try:
            if self.path is not None:
                write_whole(self.path, {"format": FORMAT, **self._contents()})
                self._unwritten.clear()
        except OSError as problem:
            return problem
        return None

    def _contents(self) -> _Contents:
        contents = {} if self.path is None else _read(self.path)
        for (section, key), value in self._unwritten.items():
            entries = contents.setdefault(section, {})
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        return contents


def _known(section: Section) -> Section:
    if section not in get_args(Section):
        raise ValueError(f"section must be one of {get_args(Section)}, got {section!r}")
    return section


def _read(path: Path) -> _Contents:
    """The sections in the file; none if it does not exist. One that is no use is kept aside."""
    try:
        contents = json.loads(path.read_bytes().decode())
        found = contents.pop("format")
        sections = {name: contents.get(name, {}) for name in get_args(Section)}
        if type(found) is not int or not all(type(part) is dict for part in sections.values()):
            raise ValueError("not a progress file")
    except FileNotFoundError:
        return {}
    except OSError as error:
        _warn(f"{path.name} cannot be read ({error}): as if nothing had been done yet")
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _kept_aside(path, "damaged")
    if found > FORMAT:
        return _kept_aside(path, "newer")
    return sections


def _kept_aside(path: Path, why: str) -> _Contents:
    names = (path.with_stem(f"{path.stem}.{why}-{number}") for number in range(1, 1000))
    aside = next(name for name in names if not name.exists())
    written = "of a newer version" if why == "newer" else "damaged"
    with contextlib.suppress(FileNotFoundError):  # another tab was first
        os.replace(path, aside)
        _warn(f"{path.name} was {written}: it is kept as {aside.name}, and a new one begins")
    return {}


def write_whole(path: Path, contents: dict[str, Any]) -> None:
    """Put JSON into a file so that a reader finds the old contents or the new, never a part."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".new", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            json.dump(contents, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def _locked(lock: Path) -> Iterator[None]:
    """Hold the lock file; `TimeoutError`, which is an `OSError`, if another process keeps it."""
    end = time.monotonic() + LOCK_PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > LOCK_STALE:
                    lock.unlink()
                    continue
            if time.monotonic() > end:
                raise TimeoutError(f"{lock.name} is held by another process") from None
            time.sleep(0.01)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            lock.unlink()


def _warn(message: str) -> None:
    warnings.warn(message, ProgressWarning, stacklevel=2)
