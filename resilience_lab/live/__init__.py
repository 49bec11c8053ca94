"""Real faults and real agents: sockets instead of scripts.

`FaultyServer` fails on purpose, over HTTP; `ChatAgent` asks any OpenAI-style endpoint, that one
included; `SentimentAgent` answers in-process. This is the only floor with third-party libraries,
one for each of the three, so each is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resilience_lab.live.behaviours import (
        Answer,
        BrokenJson,
        Drop,
        Hang,
        RateLimit,
        Refuse,
        Status,
        Stream,
    )
    from resilience_lab.live.chat_agent import ChatAgent
    from resilience_lab.live.faulty_server import FaultyServer
    from resilience_lab.live.retry_after import parse_retry_after
    from resilience_lab.live.sentiment_agent import SentimentAgent

__all__ = [
    "Answer",
    "BrokenJson",
    "ChatAgent",
    "Drop",
    "FaultyServer",
    "Hang",
    "RateLimit",
    "Refuse",
    "SentimentAgent",
    "Status",
    "Stream",
    "parse_retry_after",
]

_HOMES = {
    "ChatAgent": "chat_agent",
    "FaultyServer": "faulty_server",
    "SentimentAgent": "sentiment_agent",
    "parse_retry_after": "retry_after",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'behaviours')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
