"""What an adapter tells of its library, and what several adapters need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Pattern: TypeAlias = Literal["circuit breaker", "retry with backoff", "fallback agents"]

ATTEMPT = 30.0
"""Seconds that an agent may take, where a library has a timeout to put around it."""

CAP = 60.0
"""Seconds, the longest wait of a retry, where its caller does not say."""


@dataclass(frozen=True)
class Library:
    """A library, in the signatures of the challenge.

    `subjects` maps each pattern that it offers to a class or function of the challenge's signature
    which does nothing but pass calls on to the library. `used` says which of the library's ways
    that takes, and by which documentation. `choices` maps behaviours which it lacks on purpose to
    the words of its documentation, and where they are.
    """

    name: str
    used: str
    subjects: Mapping[Pattern, Any]
    choices: Mapping[str, str] = field(default_factory=dict)


async def pass_on(func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
    """Call `func`: one function to decorate, for all that are to be called through a breaker."""
    return await func(*args, **kwargs)


def hint(error: BaseException) -> float:
    """The seconds after which the service wants to be asked again; 0.0 if it did not say."""
    seconds = getattr(error, "retry_after", None)
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 0.0
