"""Agents for a learner's fallback chain, and the reading of what it returns."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from resilience_lab.fallback.agents import BaseAgent

QUERY = "Analyze customer sentiment"

_METHODS = ("execute", "process", "invoke", "generate", "ask", "answer", "query", "call", "arun")


class _Agent(BaseAgent):
    """Does as it is told, and knows what it was asked. Its method goes by any common name."""

    def __init__(self, outcomes: list[Any], seconds: float, log: list[str]) -> None:
        super().__init__()
        self._outcomes = outcomes
        self._seconds = seconds
        self._log = log
        self.queries: list[Any] = []
        self.running = 0

    def __getattr__(self, attribute: str) -> Any:
        return self.run if attribute in _METHODS else super().__getattr__(attribute)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return await self.run(*args, **kwargs)

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        asked = [*args, *kwargs.values()]
        self.queries.append(asked[0] if asked else None)
        self._log.append(self.name)
        outcome = self._outcomes[min(len(self.queries), len(self._outcomes)) - 1]
        self.running += 1
        try:
            if self._seconds:
                await asyncio.sleep(self._seconds)
        finally:
            self.running -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class Cast:
    """Makes agents, and `asked` lists the names of those that were asked, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def agent(self, name: str, *outcomes: Any, seconds: float = 0.0) -> Any:
        """An agent of a class of that name: it takes `seconds`, then has the next outcome.

        An exception is raised, anything else returned; the last outcome is repeated.
        """
        return type(name, (_Agent,), {"name": name})(list(outcomes), seconds, self.asked)

    def chain(self, *outcomes: Any) -> tuple[Any, list[Any]]:
        """A primary agent and fallbacks: `Primary`, `Fallback1`, `Fallback2` and so on."""
        names = ["Primary", *(f"Fallback{number}" for number in range(1, len(outcomes)))]
        first, *rest = (self.agent(*pair) for pair in zip(names, outcomes, strict=True))
        return first, rest


_AGENT = (
    "agent_used", "used_agent", "agent_name", "agent", "answered_by", "used", "provider", "source",
    "model", "name", "by",
)  # fmt: skip
_LEVEL = (
    "fallback_level", "level", "fallback_index", "fallback_depth", "agent_index", "index",
    "position", "depth", "tier",
)  # fmt: skip
_ASIDE = re.compile(r"attempt|error|fail|histor|log|trace|tried|exception")


class ChainResult:
    """What the learner's chain has returned, whatever its shape: a mapping, an object, a tuple."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._fields = list(_fields(value))

    def holds(self, answer: Any) -> bool:
        """Whether `answer` is in it."""
        return any(value == answer and type(value) is type(answer) for _, value in self._fields)

    @property
    def admits_failure(self) -> bool:
        """Whether it says that there is no answer."""
        told = dict(_parts(self.value))
        if any(told.get(key) is False for key in ("success", "succeeded", "ok")):
            return True
        return bool(told.get("error")) or told.get("status") in ("failed", "failure", "error")

    @property
    def agent(self) -> Any:
        """What it says who answered; None if it does not say."""
        return self._first(_AGENT, str)

    @property
    def level(self) -> Any:
        """What it says about the level; None if it does not say."""
        return self._first(_LEVEL, int | str)

    def names(self, name: str) -> bool:
        """Whether it says that the agent of this name answered."""
        if self.agent is not None:
            return bool(self.agent == name)
        return not self._keyed and self.holds(name)

    def is_level(self, level: int) -> bool:
        """Whether it says that the answer comes from this level, in whatever words."""
        told = self.level
        if told is None:
            return not self._keyed and self.holds(level)
        if isinstance(told, str):
            digits = "".join(filter(str.isdigit, told))
            return digits == str(level) if digits else (level == 0 and "primary" in told.lower())
        return bool(told == level)

    @property
    def _keyed(self) -> bool:
        return any(key for key, _ in self._fields)

    def _first(self, keys: tuple[str, ...], kind: Any) -> Any:
        fields: dict[str, Any] = {}
        for key, value in self._fields:
            named = value.name if isinstance(value, _Agent) else value
            if isinstance(named, kind) and not isinstance(named, bool):
                fields.setdefault(key, named)
        return next((fields[key] for key in keys if key in fields), None)


def _fields(value: Any, depth: int = 3) -> Iterator[tuple[str, Any]]:
    """The name and value of each part; parts of a tuple have no name."""
    yield "", value
    if depth == 0 or isinstance(value, _Agent):
        return
    for key, part in _parts(value):
        if _ASIDE.search(key):
            continue
        yield key, part
        if isinstance(part, Mapping) or dataclasses.is_dataclass(part):
            yield from ((key, inner) for key, inner in _fields(part, depth - 1) if key)


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(key).lower(), part) for key, part in value.items()]
    if hasattr(value, "_asdict"):
        return [(key.lower(), part) for key, part in value._asdict().items()]
    if isinstance(value, tuple | list):
        return [("", part) for part in value]
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return [(field.name.lower(), getattr(value, field.name)) for field in fields]
    attributes = getattr(value, "__dict__", {})
    return [(key.lower(), part) for key, part in attributes.items()]


def mentions(told: Any, text: str) -> bool:
    """Whether `text` can be found in a result, or in an error, its causes and what it carries."""
    waiting: list[Any] = [told]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, BaseException):
            waiting += [str(part), part.__cause__, part.__context__, *part.args]
            waiting += [*getattr(part, "exceptions", ()), *vars(part).values()]
        elif isinstance(part, str):
            if text in part:
                return True
        elif isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
        elif type(part).__module__ != "builtins":
            waiting += [repr(part), *getattr(part, "__dict__", {}).values()]
    return False
