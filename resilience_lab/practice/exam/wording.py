"""What happened, in words that are the same in each run."""

from __future__ import annotations

import math
import re
import traceback
from typing import Any

from resilience_lab.errors import DeadlockError
from resilience_lab.practice.exam.stand_ins import BlockedError
from resilience_lab.virtual_time.whose_code import is_learners

_LONGEST = 100
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class Text(str):
    """A text that a notebook shows as it is, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def shown(value: Any) -> str:
    """`repr(value)` in short, without memory addresses; the type, if it has no repr."""
    try:
        return _short(repr(value))
    except Exception:
        return f"a {type(value).__name__}"


def raised(error: BaseException) -> str:
    """That `error` was raised, and where, if the line is the learner's."""
    name = type(error).__name__
    if isinstance(error, DeadlockError):
        return "it waited for ever: nothing was left that could wake it"
    if isinstance(error, RecursionError):
        return "it called itself without end"
    if isinstance(error, BlockedError):
        return f"{error}{_line(error)}"
    message = message_of(error)
    return (
        f"it raised {name}: {message}{_line(error)}"
        if message
        else f"it raised {name}{_line(error)}"
    )


def message_of(error: BaseException) -> str:
    """What it says, in short; nothing if it has no text."""
    try:
        return _short(str(error))
    except Exception:
        return ""


def count(number: int, thing: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def seconds(times: list[float]) -> str:
    """Lengths of time as a list: `1 s, 2.5 s`."""
    return ", ".join(f"{round(time, 2):g} s" for time in times) or "none"


def on_a_clock(seconds: float) -> str:
    """Minutes and seconds, `12:05`; begun seconds count for whole ones."""
    return "{}:{:02}".format(*divmod(math.ceil(seconds), 60))


def _short(text: str) -> str:
    line = " ".join(_ADDRESS.sub("", text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if is_learners(frame.filename)]
    return f" (line {lines[-1]})" if lines else ""
