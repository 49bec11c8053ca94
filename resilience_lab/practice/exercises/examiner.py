"""Runs a learner's code against named behaviours, in the room of the mock interview.

A behaviour is tried by a *trial*: a coroutine function that is given the learner's function or
class and returns what went wrong, or None. All trials run in virtual time, whichever clock the
learner's code reads, and each comes to an end: errors become words, and so do waiting for ever and
going on for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeAlias

from resilience_lab.errors import DeadlockError
from resilience_lab.practice.exam.checklist import Checklist, Verdict
from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.stand_ins import BlockedError
from resilience_lab.practice.exam.untouched import still_empty
from resilience_lab.practice.exam.wording import message_of, raised, shown
from resilience_lab.practice.exercises.handle import Handle

Trial: TypeAlias = Callable[[Any], Coroutine[Any, Any, str | None]]

_PATIENCE = 2
"""How many trials may go on for ever before the others get less time: one alone costs no other."""


def examine(subject: Any, behaviours: Mapping[str, Trial]) -> Checklist:
    """The verdict on each of `behaviours`, each tried on a virtual loop of its own."""
    with Room(subject, patience=_PATIENCE) as room:
        verdicts = tuple(_tried(room, subject, name, trial) for name, trial in behaviours.items())
    seen = any(verdict.passed for verdict in verdicts)
    return Checklist(verdicts, "" if seen else still_empty(subject))


def _tried(room: Room, subject: Any, behaviour: str, trial: Trial) -> Verdict:
    seen = room.run(lambda: trial(Handle(room, subject)), _in_words)
    return Verdict(behaviour, seen is None, seen or "")


def _in_words(error: BaseException) -> str:
    """The error in short: exercises are a few lines, so it tells no line's number."""
    if isinstance(error, DeadlockError):
        return "it waits for ever"
    if isinstance(error, RecursionError | BlockedError):
        return raised(error)
    message = message_of(error)
    return (
        f"it raised {type(error).__name__}: {message}" if message else f"it raised {shown(error)}"
    )
