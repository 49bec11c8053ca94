"""Every error this library raises, each a full sentence and each a `ResilienceError`.

Any exception, ours or not, may carry `retry_after`: a hint in seconds that the other side asks for.
All of these pickle, so that they cross process boundaries whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


class ResilienceError(Exception):
    """The base class of all errors of this library: `except ResilienceError` catches each."""


class CircuitOpenError(ResilienceError):
    """A breaker rejected the call without touching the callable.

    Parameters
    ----------
    name
        The breaker's name.
    state
        The breaker's state, "OPEN" or "HALF_OPEN".
    retry_after
        Seconds until it may admit a probe, >= 0; infinite while it is isolated by hand.

    Examples
    --------
    >>> raise CircuitOpenError("gpt4", "OPEN", 12.0)
    Traceback (most recent call last):
    ...
    resilience_lab.errors.CircuitOpenError: circuit 'gpt4' is OPEN; next probe in 12.0 s
    """

    def __init__(self, name: str, state: str, retry_after: float) -> None:
        super().__init__(name, state, retry_after)
        self.name = name
        self.state = state
        self.retry_after = retry_after

    def __str__(self) -> str:
        if math.isinf(self.retry_after):
            return f"circuit {self.name!r} is {self.state}; isolated until it is reset"
        return f"circuit {self.name!r} is {self.state}; next probe in {self.retry_after:.1f} s"


class ResultRejectedError(ResilienceError):
    """A call returned, but `accept` refused its `result`."""

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        try:
            result = repr(self.result)
        except Exception as problem:  # code of others, which must not cost us the sentence
            result = f"(a {type(self.result).__name__}, whose repr raised {type(problem).__name__})"
        return f"the result {result} was not accepted"


class DeadlineExceededError(ResilienceError, TimeoutError):
    """The ambient deadline passed: the block was given `seconds`. It is a `TimeoutError`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"the deadline of {self.seconds:g} s has passed"


class DeadlockError(ResilienceError):
    """In virtual time, every task waits for something that no timer will bring.

    `tasks` describes the stuck ones, `time` is the virtual moment in seconds.
    """

    def __init__(self, tasks: Sequence[str], time: float) -> None:
        super().__init__(tuple(tasks), time)
        self.tasks = tuple(tasks)
        self.time = time

    def __str__(self) -> str:
        return (
            f"deadlock at {self.time:g} s of virtual time: "
            f"no timer will wake {', '.join(self.tasks)}"
        )


class AgentError(ResilienceError):
    """An agent failed to answer. `agent` is its name. The kinds below say why it failed."""

    def __init__(self, agent: str, *details: Any) -> None:
        super().__init__(agent, *details)
        self.agent = agent

    @property
    def _who(self) -> str:
        return f"agent {self.agent!r}" if self.agent else "the agent"


class AgentTimeoutError(AgentError, TimeoutError):
    """An agent gave no answer within `seconds`. It is a `TimeoutError`."""

    def __init__(self, agent: str, seconds: float) -> None:
        super().__init__(agent, seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"{self._who} did not answer within {self.seconds:g} s"


class AgentConnectionError(AgentError, ConnectionError):
    """The connection was refused, reset, or lost half way; `why` says which.

    It is a `ConnectionError`.
    """

    def __init__(self, agent: str, why: str) -> None:
        super().__init__(agent, why)
        self.why = why

    def __str__(self) -> str:
        return f"{self._who} could not be reached: {self.why}"


class AgentResponseError(AgentError):
    """The agent answered something that is not an answer; `why` says what was wrong."""

    def __init__(self, agent: str, why: str) -> None:
        super().__init__(agent, why)
        self.why = why

    def __str__(self) -> str:
        return f"{self._who} sent an unusable response: {self.why}"


class AgentAnswerError(AgentError, TypeError):
    """The agent's code gave something else than text, as without a `return`; `why` says what.

    It is a `TypeError`.
    """

    def __init__(self, agent: str, why: str) -> None:
        super().__init__(agent, why)
        self.why = why

    def __str__(self) -> str:
        return f"{self._who} did not answer with text: {self.why}"


class RateLimitedError(AgentError):
    """Too many requests (HTTP 429): the same request may succeed later.

    Parameters
    ----------
    agent
        The agent's name.
    retry_after
        The wait in seconds that the server asks for, or None. A `Retry` waits at least that long.
    why
        The server's own explanation.

    Examples
    --------
    >>> str(RateLimitedError("gpt4", retry_after=20.0))
    "agent 'gpt4' is rate limited; retry after 20 s"
    """

    def __init__(self, agent: str = "", retry_after: float | None = None, why: str = "") -> None:
        super().__init__(agent, retry_after)
        self.retry_after = retry_after
        self.why = why

    def __str__(self) -> str:
        words = f" ({self.why})" if self.why else ""
        return f"{self._who} is rate limited{words}{_hint(self.retry_after)}"


class AgentStatusError(AgentError):
    """The agent's server answered with an error status.

    Parameters
    ----------
    agent
        The agent's name.
    status
        The HTTP status, such as 503.
    why
        The server's own explanation.
    retry_after
        The wait in seconds that the server asks for, or None.
    """

    def __init__(
        self, agent: str, status: int, why: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(agent, status, why, retry_after)
        self.status = status
        self.why = why
        self.retry_after = retry_after

    def __str__(self) -> str:
        words = f" ({self.why})" if self.why else ""
        return f"{self._who} got HTTP status {self.status}{words}{_hint(self.retry_after)}"


class ServerFaultError(AgentStatusError):
    """A fault on the server's side (5xx) or of the moment (408, 409, 425): it may pass."""


class RequestRefusedError(AgentStatusError):
    """The server refuses this request (any other status): sending it again will not help.

    A 429 is one too if the account has nothing left to spend: no wait brings that back.
    """


def _hint(retry_after: float | None) -> str:
    return "" if retry_after is None else f"; retry after {retry_after:g} s"


class StreamInterruptedError(AgentError):
    """A stream broke off after its first chunk.

    Another agent's answer would not be its continuation, so there is no fallback from here. Its
    `__cause__` is what went wrong.

    Parameters
    ----------
    agent
        The agent's name.
    partial
        The text that the consumer has seen already.
    """

    def __init__(self, agent: str, partial: str) -> None:
        super().__init__(agent, partial)
        self.partial = partial

    def __str__(self) -> str:
        return f"{self._who} broke off after {len(self.partial)} characters of its answer"


class AllAgentsFailedError(ResilienceError, ExceptionGroup[Exception]):
    """No agent of the chain answered. It is an `ExceptionGroup` of every agent's error, in order.

    Parameters
    ----------
    errors
        The agents' errors, later in `exceptions`.
    attempts
        What became of each agent, as in `FallbackResult`.
    retry_after
        Seconds until the first breaker may admit a probe, if all agents were skipped; else None.

    Examples
    --------
    >>> from resilience_lab import FallbackOrchestrator, ScriptedAgent, run_virtual
    >>> ask = FallbackOrchestrator().execute_with_fallback
    >>> primary, local = ScriptedAgent("GPT-4", [OSError()]), ScriptedAgent("Local", [TimeoutError])
    >>> try:
    ...     run_virtual(ask, "Hello?", primary, [local])
    ... except AllAgentsFailedError as error:
    ...     print(error)
    all 2 agents failed: GPT-4 (failed), Local (timeout)
    """

    attempts: list[Mapping[str, Any]]
    retry_after: float | None

    def __new__(
        cls,
        errors: Sequence[Exception],
        attempts: Sequence[Mapping[str, Any]] = (),
        retry_after: float | None = None,
    ) -> AllAgentsFailedError:
        count = "the only agent" if len(errors) == 1 else f"all {len(errors)} agents"
        names = ", ".join(f"{attempt['agent']} ({attempt['outcome']})" for attempt in attempts)
        hint = "" if retry_after is None else f"; next probe in {retry_after:.1f} s"
        if retry_after == math.inf:
            hint = "; isolated until they are reset"
        self = super().__new__(cls, f"{count} failed: {names}{hint}", errors)
        self.attempts = list(attempts)
        self.retry_after = retry_after
        return self

    def __init__(self, errors: Sequence[Exception], *_ledger: object) -> None:
        super().__init__(self.message, errors)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (list(self.exceptions), self.attempts, self.retry_after)
        return type(self), arguments, vars(self)

    def derive(self, errors: Sequence[Exception]) -> AllAgentsFailedError:  # type: ignore[override]
        chosen = set(map(id, errors))
        attempts = [attempt for attempt in self.attempts if id(attempt["error"]) in chosen]
        return type(self)(errors, attempts, self.retry_after)
