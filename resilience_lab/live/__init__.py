"""Real faults and real agents: sockets instead of scripts.

`FaultyServer` fails on purpose, over HTTP; `ChatAgent` asks any OpenAI-style endpoint, that one
included; `SentimentAgent` answers in-process. This is the only floor with third-party libraries,
one for each of the three, so each is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resilience_lab.ground import names_on_demand

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

__getattr__, __dir__ = names_on_demand(
    __name__,
    {
        "behaviours": (
            "Answer",
            "BrokenJson",
            "Drop",
            "Hang",
            "RateLimit",
            "Refuse",
            "Status",
            "Stream",
        ),
        "chat_agent": ("ChatAgent",),
        "faulty_server": ("FaultyServer",),
        "retry_after": ("parse_retry_after",),
        "sentiment_agent": ("SentimentAgent",),
    },
)
