"""What a finished call means: success, failure, or nothing at all.

Users may say which errors count, by a type, a tuple or a predicate, but one law stands above every
rule: a `BaseException` that is not an `Exception` (a cancellation, Ctrl-C, an exit, a closed
generator) says nothing about the service that was called, so it is NEUTRAL, always. Counting a
cancelled call as a failure would let one impatient caller trip the breaker of a healthy service.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias

from resilience_lab.arguments import is_async

ErrorFilter: TypeAlias = (
    type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool]
)
"""Which exceptions a policy reacts to: a type, a tuple of types, or a predicate."""


class Outcome(StrEnum):
    """The verdict on one finished call."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NEUTRAL = "NEUTRAL"


Classify: TypeAlias = Callable[[Any], Outcome]
"""Given the result or the error of a call, decides what it means."""


def matcher(name: str, spec: object) -> Callable[[Exception], bool]:
    """The predicate that `spec` stands for: an exception type, a tuple of them, or a predicate."""
    if _is_exception_type(spec) or (
        isinstance(spec, tuple) and spec and all(map(_is_exception_type, spec))
    ):
        types: Any = spec
        return lambda error: isinstance(error, types)
    if callable(spec) and not isinstance(spec, type) and not is_async(spec):
        predicate: Callable[[Exception], bool] = spec
        return predicate
    raise TypeError(
        f"{name} must be an exception type, a tuple of them, or a plain predicate, got {spec!r}"
    )


def _is_exception_type(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def checked(outcome: object) -> Outcome:
    """`outcome` if it is one; a rule that answers True or None has a bug worth hearing of."""
    if not isinstance(outcome, Outcome):
        raise TypeError(f"classify must return an Outcome, got {outcome!r}")
    return outcome
