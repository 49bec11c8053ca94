"""Agents: anything with a name that answers a query.

`Agent` is all that a fallback chain asks for, and `BaseAgent` is a convenient base for one.
`ScriptedAgent` plays a part, so that an outage can be told as a short script and replayed in
virtual time.
"""

from __future__ import annotations

import asyncio
import inspect
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Iterable
from typing import Any, Protocol, TypeAlias

from resilience_lab.errors import AgentAnswerError
from resilience_lab.ground.arguments import text


class Agent(Protocol):
    """Anything with a `name` and an async `run`: no base class is needed.

    If it has a `stream` too, an async generator function of the query, it can answer in chunks.
    """

    @property
    def name(self) -> str:
        """Tells it from the other agents of a chain; its breaker is kept under it."""
        ...

    def run(self, query: str, /) -> Awaitable[str]:
        """The answer to `query`, to be awaited. Raises if there is none."""
        ...


class BaseAgent(ABC):
    """Answers queries. A subclass that sets no `name` is called after its class."""

    name: str

    def __init__(self, name: str | None = None) -> None:
        if name is not None:
            self.name = text("name", name)

    def __getattr__(self, attribute: str) -> Any:
        if attribute == "name":  # reached only if neither the object nor its class has one
            return type(self).__name__
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {attribute!r}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    @abstractmethod
    async def run(self, query: str) -> str:
        """The answer to `query`. Raises if there is none."""

    async def stream(self, query: str) -> AsyncGenerator[str, None]:
        """The answer in chunks, as they come. An agent that cannot stream gives it as one."""
        yield await answer_of(self, query)


async def answer_of(agent: Agent, query: str) -> str:
    """The answer of `agent` to `query`. Raises `AgentAnswerError` if it is no text."""
    answering: object = agent.run(query)
    if not inspect.isawaitable(answering):  # no timeout could end what has run already
        raise not_text(agent, "run must be a coroutine function, got", answering)
    answer: object = await answering
    if not isinstance(answer, str):
        raise not_text(agent, "run returned", answer)
    return answer


def not_text(agent: Agent, complaint: str, value: object) -> AgentAnswerError:
    """The error of an `agent` that gave `value`, to which the `complaint` leads up, for text."""
    if inspect.iscoroutine(value):
        value.close()  # nobody will await it
    try:
        words = repr(value)
    except Exception:
        words = object.__repr__(value)
    if len(words) > _LONG:
        words = f"{words[:_LONG]}..."
    kind = "" if value is None else f" ({type(value).__name__})"
    return AgentAnswerError(agent.name, f"{complaint} {words}{kind}")


_LONG = 200  # characters: an error is a sentence, not an archive


Scene: TypeAlias = str | Exception | type[Exception]
"""What an agent does: it says something, or it raises an error."""

Step: TypeAlias = Scene | tuple[float, Scene]
"""A scene, at once or after so many seconds."""


class ScriptedAgent(BaseAgent):
    """Plays `outcomes` in order, one a call; the last one is repeated for ever.

    An outcome is an answer, an exception (an object or its class), or a pair `(latency, outcome)`
    that first takes that many seconds. An infinite latency hangs until it is cancelled. A list of
    such steps is an answer in chunks, for `stream`; with an exception in it, it breaks off there.
    `queries` holds what it was asked. Raises `ValueError` or `TypeError` for a script that cannot
    be played.
    """

    def __init__(self, name: str, outcomes: Iterable[Step | list[Step]]) -> None:
        super().__init__(text("name", name))
        if isinstance(outcomes, str) or not isinstance(outcomes, Iterable):
            raise TypeError(f"outcomes must be a list of outcomes, got {outcomes!r}")
        self._script = [
            [_parse(step) for step in (outcome if isinstance(outcome, list) else [outcome])]
            for outcome in outcomes
        ]
        if not self._script:
            raise ValueError("outcomes must hold at least one outcome, got none")
        self.queries: list[str] = []

    async def run(self, query: str) -> str:
        """The next outcome of the script, whole."""
        said = ""
        for latency, scene in self._next_outcome(query):
            said += await _play(latency, scene)
        return said

    async def stream(self, query: str) -> AsyncGenerator[str, None]:
        """The next outcome of the script, step by step."""
        for latency, scene in self._next_outcome(query):
            yield await _play(latency, scene)

    def _next_outcome(self, query: str) -> list[tuple[float, Scene]]:
        outcome = self._script[min(len(self.queries), len(self._script) - 1)]
        self.queries.append(query)
        return outcome


async def _play(latency: float, scene: Scene) -> str:
    if latency:
        await asyncio.sleep(latency)
    if isinstance(scene, str):
        return scene
    if isinstance(scene, Exception):
        scene = scene.with_traceback(None)  # or it would grow with every call
    raise scene


def _parse(step: object) -> tuple[float, Scene]:
    latency: Any
    scene: Any
    latency, scene = step if isinstance(step, tuple) and len(step) == 2 else (0.0, step)
    if isinstance(latency, bool) or not isinstance(latency, int | float) or not latency >= 0:
        raise ValueError(f"outcomes: a latency must be a number of seconds >= 0, got {latency!r}")
    is_error = isinstance(scene, Exception) or (
        isinstance(scene, type) and issubclass(scene, Exception)
    )
    if not (isinstance(scene, str) or is_error):
        raise TypeError(f"outcomes: an outcome must be an answer or an exception, got {scene!r}")
    return float(latency), scene
