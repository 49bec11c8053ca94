"""The libraries of others at the same examiner as a learner's code, and ours beside them.

To be fair, each is used as its own documentation says, by an adapter which does nothing but give
it the challenge's signature; and where it lacks a behaviour by a choice that it documents, the
choice is told. The examiner asks what *this challenge* asks. A library may have good reasons for
another answer, and much that nobody asks for here.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from resilience_lab.practice.contracts.breaker import BREAKER
from resilience_lab.practice.contracts.fallback import FALLBACK
from resilience_lab.practice.contracts.retry import RETRY
from resilience_lab.practice.interview.grader import grade_breaker, grade_fallback, grade_retry
from resilience_lab.practice.libraries.examination import (
    BY_DESIGN,
    LEGEND,
    MISSING,
    NOT_OFFERED,
    SEEN,
    Examination,
)
from resilience_lab.practice.libraries.library import Library

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BY_DESIGN",
    "LEGEND",
    "LIBRARIES",
    "MISSING",
    "NOT_OFFERED",
    "SEEN",
    "Examination",
    "compare_libraries",
    "examine_library",
]

_ADAPTERS = {
    "pybreaker": "pybreaker",
    "aiobreaker": "aiobreaker",
    "circuitbreaker": "circuitbreaker",
    "purgatory": "purgatory",
    "hyx": "hyx",
    "tenacity": "tenacity",
    "stamina": "stamina",
    "nopanic": "nopanic",
    "interlock-cb": "interlock",
    "resilience_lab": "ours",
}

LIBRARIES = tuple(_ADAPTERS)
"""The names of all libraries that can be examined, as one installs them."""

_GRADERS = {
    "circuit breaker": grade_breaker,
    "retry with backoff": grade_retry,
    "fallback agents": grade_fallback,
}


def examine_library(name: str) -> Examination:
    """Put one of `LIBRARIES` through the graders of the patterns that it offers.

    Raises `ValueError` for another name, and `ImportError` if the library is not installed.
    """
    library = _library(name)
    reports = {pattern: _GRADERS[pattern](cls) for pattern, cls in library.subjects.items()}
    return Examination(library, version(name), reports)


def compare_libraries(names: Iterable[str] = LIBRARIES) -> pd.DataFrame:
    """A mark for each behaviour (rows: pattern, level, behaviour) and library (columns).

    `LEGEND` says what the marks mean. The columns are in the order of `names`.
    """
    import pandas as pd

    behaviours = [
        (contract.pattern, clause.level, clause.name)
        for contract in (BREAKER, RETRY, FALLBACK)
        for clause in contract
    ]
    marks = {
        name: {
            (pattern, behaviour.level, behaviour.name): mark
            for pattern, behaviour, mark in examine_library(name).marks()
        }
        for name in names
    }
    index = pd.MultiIndex.from_tuples(behaviours, names=["pattern", "level", "behaviour"])
    return pd.DataFrame(marks, index=index).fillna(NOT_OFFERED)


def _library(name: str) -> Library:
    if name not in _ADAPTERS:
        raise ValueError(f"name must be one of {', '.join(LIBRARIES)}, got {name!r}")
    try:
        adapter: Any = import_module(f"{__name__}.{_ADAPTERS[name]}")
    except ImportError as error:
        raise ImportError(
            f"{name} is not installed: pip install 'resilience_lab[peers]'", name=error.name
        ) from error
    library: Library = adapter.LIBRARY
    return library
