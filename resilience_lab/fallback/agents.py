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

    If it also has a `stream`, an async generator function of the query, it can answer in chunks.

    Examples
    --------
    >>> import asyncio
    >>> class Echo:
    ...     name = "echo"
    ...     async def run(self, query):
    ...         return query
    >>> agent: Agent = Echo()
    >>> asyncio.run(agent.run("hello"))
    'hello'
    """

    @property
    def name(self) -> str:
        """Tells the agent from the others of a chain; its breaker is kept under this name."""
        ...

    def run(self, query: str, /) -> Awaitable[str]:
        """The answer to `query`, to be awaited. Raises if there is none."""
        ...


class BaseAgent(ABC):
    """A base for agents: a subclass defines `run`, and may define `stream`.

    Parameters
    ----------
    name
        Tells the agent from the others of a chain. By default the name of its class.

    Examples
    --------
    >>> import asyncio
    >>> class Echo(BaseAgent):
    ...     async def run(self, query):
    ...         return query
    >>> Echo()
    <Echo 'Echo'>
    >>> asyncio.run(Echo("echo").run("hello"))
    'hello'
    """

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
        """The answer to `query`, a text. Raises if there is none."""

    async def stream(self, query: str) -> AsyncGenerator[str, None]:
        """The answer in chunks, as they come; from an agent that only has `run`, in one."""
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
        value.close()  # it will not be awaited
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
"""A scene, or a pair `(latency, scene)`: the latency is in seconds."""


class ScriptedAgent(BaseAgent):
    """Plays `outcomes` in order, one a call; the last one is repeated for ever.

    `queries` holds what it was asked.

    Parameters
    ----------
    name
        Tells the agent from the others of a chain.
    outcomes
        Each is an answer, an exception (an object or its class), or a pair `(latency, outcome)`
        that first takes `latency` seconds, >= 0; an infinite one hangs until it is cancelled. A
        list of such steps is an answer in chunks, for `stream`; with an exception in it, it breaks
        off there.

    Raises
    ------
    ValueError, TypeError
        For a script that cannot be played.

    Examples
    --------
    >>> from resilience_lab import Retry, run_virtual
    >>> agent = ScriptedAgent("GPT-4", [ConnectionError("connection reset"), (2.5, "an answer")])
    >>> run_virtual(Retry().call, agent.run, "a question")
    'an answer'
    >>> agent.queries
    ['a question', 'a question']
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
