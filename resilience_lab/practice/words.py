"""What happened, in words that are the same in each run."""

from __future__ import annotations

import re
import traceback
from typing import Any

from resilience_lab.practice.stand_ins import BlockedError
from resilience_lab.simulation.origin import is_learners

_LONGEST = 100
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def shown(value: Any) -> str:
    """`repr(value)` in short, without memory addresses; the type, if it has no repr."""
    try:
        return _short(repr(value))
    except Exception:
        return f"a {type(value).__name__}"


def raised(error: BaseException) -> str:
    """That `error` was raised, and where, if the line is the learner's."""
    name = type(error).__name__
    if isinstance(error, RecursionError):
        return "it called itself without end"
    if isinstance(error, BlockedError):
        return f"{error}{_line(error)}"
    try:
        message = _short(str(error))
    except Exception:
        message = ""
    return (
        f"it raised {name}: {message}{_line(error)}"
        if message
        else f"it raised {name}{_line(error)}"
    )


def count(number: int, thing: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def seconds(times: list[float]) -> str:
    """Lengths of time as a list: `1 s, 2.5 s`."""
    return ", ".join(f"{round(time, 2):g} s" for time in times) or "none"


def _short(text: str) -> str:
    line = " ".join(_ADDRESS.sub("", text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if is_learners(frame.filename)]
    return f" (line {lines[-1]})" if lines else ""
