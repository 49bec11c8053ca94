"""Runs a learner's code against named behaviours, in virtual time, and always comes to a verdict.

A behaviour is tried by a *probe*: a coroutine function that is given the learner's function or
class and returns what went wrong, or None. Errors of the learner's code become words, and so does
waiting for ever, which the virtual loop notices.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from resilience_lab.errors import DeadlockError
from resilience_lab.practice.exam.checklist import Checklist, Verdict
from resilience_lab.practice.exam.untouched import still_empty
from resilience_lab.simulation import run_virtual

Probe: TypeAlias = Callable[[Any], Awaitable[str | None]]


def examine(subject: Any, behaviours: Mapping[str, Probe]) -> Checklist:
    """The verdict on each of `behaviours`, each tried on a virtual loop of its own."""
    verdicts = tuple(_try(subject, name, probe) for name, probe in behaviours.items())
    seen = any(verdict.passed for verdict in verdicts)
    return Checklist(verdicts, "" if seen else still_empty(subject))


def _try(subject: Any, behaviour: str, probe: Probe) -> Verdict:
    async def main() -> str | None:
        return await probe(subject)

    try:
        seen = run_virtual(main)
    except DeadlockError:
        seen = "it waits for ever"
    except Exception as error:
        seen = (
            f"it raised {type(error).__name__}: {error}" if str(error) else f"it raised {error!r}"
        )
    return Verdict(behaviour, seen is None, seen or "")
