"""The model solution with one defect each: what the learner's own tests should catch.

A test suite is as good as the bugs it stops. Each mutant here is the source of `reference.py` with
one small change, the kind that a tired reviewer lets through. Many have been shipped: `shipped_by`
names a library or product that had the defect, where we could see it in its sources, in a run or in
its own issue tracker. What a library documents as its choice is not counted as a defect.
"""

from __future__ import annotations

import inspect
import linecache
from dataclasses import dataclass
from functools import cache
from types import CodeType, ModuleType
from typing import Any

from resilience_lab.practice.bug_hunt import reference

SUBJECTS = {
    "breaker": "CircuitBreaker",
    "retry": "retry_with_backoff",
    "fallback": "FallbackOrchestrator",
}
"""The name under which each pattern is written, as the challenge gives it."""


@dataclass(frozen=True)
class Mutant:
    """The reference with `before` replaced by `after`, in one place.

    `story` says what goes wrong in production, `hint` what to test.
    """

    name: str
    pattern: str
    story: str
    hint: str
    before: str
    after: str
    shipped_by: str = ""

    @property
    def source(self) -> str:
        """The whole mutated module. `ValueError` unless `before` stands in the reference once."""
        original = inspect.getsource(reference)
        places = original.count(self.before)
        if places != 1:
            raise ValueError(f"{self.name}: before must occur once, got {places} times")
        return original.replace(self.before, self.after)

    def load(self) -> dict[str, Any]:
        """The names of a freshly executed copy, whose tracebacks show the mutated lines."""
        return _execute(self.source, f"<mutant: {self.name}>")

    def subject(self) -> Any:
        """The mutated class or function."""
        return self.load()[SUBJECTS[self.pattern]]


def load_reference() -> dict[str, Any]:
    """The names of a freshly executed copy of the reference, with no defect."""
    return _execute(inspect.getsource(reference), "<reference>")


def is_copy(file: str) -> bool:
    """Whether a traceback's line from this file is one of the reference or of a mutant."""
    return file == "<reference>" or file.startswith("<mutant: ")


def _execute(source: str, file: str) -> dict[str, Any]:
    module = ModuleType(file.strip("<>"))
    exec(_compiled(source, file), module.__dict__)  # noqa: S102 - our own source
    return module.__dict__


@cache
def _compiled(source: str, file: str) -> CodeType:
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return compile(source, file, "exec")
