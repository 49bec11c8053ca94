"""Whose code is it: the learner's, or that of Python, of a library, or ours?"""

from __future__ import annotations

import functools
import sysconfig
from pathlib import Path
from types import ModuleType

_LIBRARIES = tuple(
    f"{Path(folder).resolve()}"
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).resolve().parents[1]),
    }
)
_STANDARD = tuple(f"{Path(sysconfig.get_path(n)).resolve()}" for n in ("stdlib", "platstdlib"))
_INSTALLED = tuple(f"{Path(sysconfig.get_path(n)).resolve()}" for n in ("purelib", "platlib"))


@functools.lru_cache(maxsize=4096)
def is_learners(file: str) -> bool:
    """Whether code from this file, or from a notebook's cell of this name, is the learner's."""
    return not file.startswith("<frozen") and not _resolved(file).startswith(_LIBRARIES)


@functools.lru_cache(maxsize=8192)
def is_standard(file: str) -> bool:
    """Whether this file belongs to Python's own library."""
    path = _resolved(file)
    return path.startswith(_STANDARD) and not path.startswith(_INSTALLED)


def file_of(module: object) -> str:
    """Where `module` comes from; an empty text if it comes from no file."""
    file = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
    return file if isinstance(file, str) else ""


def _resolved(file: str) -> str:
    return file if file.startswith("<") else str(Path(file).resolve())
