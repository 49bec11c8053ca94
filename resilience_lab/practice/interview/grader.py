"""Grades a learner's answer to each part of the mock interview.

The answer is ordinary code. It may read any clock and keep its state in any way; it runs unchanged,
in virtual time. Whatever it does, the verdict comes soon, the same in each run, and the kernel is
as it was before.
"""

from __future__ import annotations

from typing import Any

from resilience_lab.practice.contracts.bench import Bench, UntriedError
from resilience_lab.practice.contracts.breaker import BREAKER
from resilience_lab.practice.contracts.contract import Clause, Contract
from resilience_lab.practice.contracts.fallback import FALLBACK
from resilience_lab.practice.contracts.retry import RETRY
from resilience_lab.practice.exam.report import Report
from resilience_lab.practice.exam.room import Room
from resilience_lab.practice.exam.submission import submission_of
from resilience_lab.practice.exam.untouched import still_empty


def grade_breaker(cls: Any) -> Report:
    """The report on a class `CircuitBreaker`, or on its source text.

    `cls(failure_threshold, recovery_timeout, success_threshold)`, `await cls.call(func, *args,
    **kwargs)`, and `cls.state`. Any exception will do to reject a call.
    """
    return _grade(cls, BREAKER, "CircuitBreaker")


def grade_retry(func: Any) -> Report:
    """The report on a function `retry_with_backoff`, or on its source text.

    `await func(function, max_retries=3, base_delay=1.0)`, with up to `max_retries + 1` calls.
    Jitter is no fault. Further arguments with defaults are welcome.
    """
    return _grade(func, RETRY, "retry_with_backoff")


def grade_fallback(cls: Any) -> Report:
    """The report on a class `FallbackOrchestrator`, or on its source text.

    `await cls().execute_with_fallback(query, primary_agent, fallback_agents)`. An agent has a
    `name` and an async method `run(query)`. The result may have any shape in which the answer, the
    agent and the level can be found.
    """
    return _grade(cls, FALLBACK, "FallbackOrchestrator")


def _grade(given: Any, contract: Contract, name: str) -> Report:
    handed_in = submission_of(given, name)
    if handed_in.problem:
        return _hopeless(contract, handed_in.problem)
    subject = handed_in.subject
    with Room(subject) as room:
        tried = [(clause, _tried(room, subject, clause)) for clause in contract]
    reasons = {seen for _, seen in tried}
    if len(reasons) == 1 and (reason := reasons.pop()) is not None:
        return _hopeless(contract, reason)
    return _report(contract, tried, untouched="" if None in reasons else still_empty(subject))


def _hopeless(contract: Contract, problem: str) -> Report:
    """Nothing could be tried, and all for the same reason."""
    return _report(contract, [(clause, problem) for clause in contract], problem)


def _report(
    contract: Contract,
    tried: list[tuple[Clause, str | None]],
    problem: str = "",
    untouched: str = "",
) -> Report:
    missing = [clause.judged(seen) for clause, seen in tried if seen is not None]
    return Report(
        contract.pattern,
        passed=tuple(clause.judged(seen) for clause, seen in tried if seen is None),
        failed=tuple(behaviour for behaviour in missing if behaviour.marks),
        remarks=tuple(behaviour for behaviour in missing if not behaviour.marks),
        problem=problem,
        untouched=untouched,
    )


def _tried(room: Room, subject: Any, clause: Clause) -> str | None:
    """What was wrong, or None."""

    async def trial() -> str | None:
        try:
            return await clause.trial(Bench(room, subject))
        except UntriedError as untried:
            return str(untried)

    return room.run(trial)
