"""What a finished call means: success, failure, or nothing at all.

Users may say which errors count, by a type, a tuple or a predicate, but one law stands above every
rule: a `BaseException` that is not an `Exception` (a cancellation, Ctrl-C, an exit, a closed
generator) says nothing about the service that was called, so it is NEUTRAL, always. Counting a
cancelled call as a failure would let one impatient caller trip the breaker of a healthy service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from traceback import walk_tb
from typing import Any, TypeAlias

from resilience_lab.ground.arguments import function, is_plain

ErrorFilter: TypeAlias = (
    type[BaseException] | tuple[type[BaseException], ...] | Callable[[Exception], bool]
)
"""Which exceptions a policy reacts to: a type, a tuple of types, or a predicate.

A group of exceptions is meant if it is so itself, or if any exception within it is.
"""


class Outcome(StrEnum):
    """What one finished call says of the service that was called."""

    SUCCESS = "SUCCESS"
    """It works."""
    FAILURE = "FAILURE"
    """It does not: this counts towards a trip."""
    NEUTRAL = "NEUTRAL"
    """Nothing: the call was cancelled, or its error is not the fault of the service."""


class State(StrEnum):
    """What a circuit breaker does with the next call."""

    CLOSED = "CLOSED"
    """Normal operation: calls pass, failures are counted."""
    OPEN = "OPEN"
    """Too many failures: calls are rejected without being made."""
    HALF_OPEN = "HALF_OPEN"
    """After the break: a few probes pass, to learn whether the service is well again."""


Classify: TypeAlias = Callable[[Any], Outcome]
"""Given the result or the error of a call, decides what it means."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What a finished call means: two functions, which `judge_by` makes of the user's rules.

    Parameters
    ----------
    of_result
        What it means that a call returned this value.
    of_error
        What it means that a call raised this error.

    Examples
    --------
    >>> judge = judge_by(failure_on=ConnectionError)
    >>> [str(judge.of_error(error)) for error in (ConnectionError(), KeyError())]
    ['FAILURE', 'NEUTRAL']
    """

    of_result: Callable[[Any], Outcome]
    of_error: Callable[[BaseException], Outcome]


def judge_by(failure_on: ErrorFilter = Exception, classify: Classify | None = None) -> Judge:
    """The judge that follows one of two rules; no rule makes a cancelled call a failure.

    Parameters
    ----------
    failure_on
        Which exceptions are failures; others are neutral, and each result is a success.
    classify
        Instead: says of each result and each `Exception` what it means.

    Raises
    ------
    ValueError
        Both are given.
    TypeError
        One of them is of no use as a rule.
    """
    if classify is not None and failure_on is not Exception:
        raise ValueError(f"give failure_on or classify, not both; got {failure_on!r}")
    is_failure = matcher("failure_on", failure_on)
    rule: Classify | None = function("classify", classify)

    def of_result(result: Any) -> Outcome:
        return _checked(rule(result)) if rule else Outcome.SUCCESS

    def of_error(error: BaseException) -> Outcome:
        if not isinstance(error, Exception) or _cut_short(error):
            return Outcome.NEUTRAL
        if rule:
            return _checked(rule(error))
        return Outcome.FAILURE if is_failure(error) else Outcome.NEUTRAL

    return Judge(of_result, of_error)


def matcher(name: str, spec: object) -> Callable[[Exception], bool]:
    """The predicate that `spec` stands for.

    It looks into groups, as `except*` does: first at the group, then at all that is in it. So a
    predicate that knows nothing of groups is asked about their members too.

    Parameters
    ----------
    name
        The name of the argument, for the error.
    spec
        An exception type, a tuple of them, or a predicate.

    Raises
    ------
    TypeError
        `spec` is none of these.

    Examples
    --------
    >>> matches = matcher("retry_on", (ConnectionError, TimeoutError))
    >>> matches(TimeoutError()), matches(KeyError())
    (True, False)
    >>> matches(ExceptionGroup("two", [KeyError(), TimeoutError()]))
    True
    """
    if _is_exception_type(spec) or (
        isinstance(spec, tuple) and spec and all(map(_is_exception_type, spec))
    ):
        types: Any = spec
        return lambda error: (
            isinstance(error, types) or any(isinstance(each, types) for each in _within(error))
        )
    if callable(spec) and not isinstance(spec, type) and is_plain(spec):
        predicate: Callable[[BaseException], bool] = spec
        return lambda error: predicate(error) or any(map(predicate, _within(error)))
    raise TypeError(
        f"{name} must be an exception type, a tuple of them, or a plain predicate, got {spec!r}"
    )


def _within(error: BaseException) -> Iterator[BaseException]:
    """What `error` holds if it is a group, however deep."""
    left = [error]
    while left:
        each = left.pop()
        if isinstance(each, BaseExceptionGroup):
            left += reversed(each.exceptions)
        if each is not error:
            yield each


def _cut_short(error: Exception) -> bool:
    """Whether `error` is of the clean-up after a cancellation, which it hides from the caller.

    The cancellation came while the call ran: it was met in a frame that `error` has passed too. And
    it is still in force, while a timeout takes back what it has cancelled. Such an error says as
    little of the service as the `CancelledError` in whose place it is raised.
    """
    seen: set[int] = set()
    context = error.__context__
    while context is not None and id(context) not in seen:
        seen.add(id(context))
        if isinstance(context, asyncio.CancelledError) and _met_inside(context, error):
            task = asyncio.current_task() if asyncio._get_running_loop() else None
            return task is not None and task.cancelling() > 0
        context = context.__context__
    return False


def _met_inside(cancelled: BaseException, error: BaseException) -> bool:
    met = cancelled.__traceback__
    return met is not None and any(
        frame is met.tb_frame for frame, _ in walk_tb(error.__traceback__)
    )


def _is_exception_type(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _checked(outcome: object) -> Outcome:
    """`outcome` if it is one; a rule that answers True or None has a bug worth hearing of."""
    if not isinstance(outcome, Outcome):
        raise TypeError(f"classify must return an Outcome, got {outcome!r}")
    return outcome
