"""Server-sent events as they come over a connection.

The standard is WHATWG, "HTML", section 9.2, "Server-sent events": a stream is in UTF-8, whatever
its header says, and may begin with a byte order mark. It asks for an empty line after each event;
the last one, which ends the stream, is taken without, for some servers hang up at once.
"""

from __future__ import annotations

import asyncio
from codecs import getincrementaldecoder
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import ClassVar, cast

from resilience_lab.live.connection import LOST
from resilience_lab.live.lab_extra import lab_extra
from resilience_lab.live.replies import UnusableError

with lab_extra("ChatAgent"):
    import httpx
    from httpx_sse import EventSource, ServerSentEvent

_ENDS = ("data: [DONE]", "data:[DONE]")


@asynccontextmanager
async def events_of(
    response: httpx.Response,
) -> AsyncIterator[AsyncGenerator[ServerSentEvent, None]]:
    """The events of `response`, which is read no further after the block.

    Raises `UnusableError` where it is not UTF-8. Leaves no generator half way: those below this one
    would be closed by tasks of their own, some time later. A reading that is cancelled ends all.
    """
    events = EventSource(cast("httpx.Response", _Utf8(_texts(response)))).aiter_sse()
    try:
        yield events
    finally:
        with suppress(UnusableError, *LOST):
            async with asyncio.timeout(0):
                async for _ in events:
                    pass


class _Utf8:
    """All that `EventSource` asks of a response."""

    headers: ClassVar = {"content-type": "text/event-stream"}

    def __init__(self, texts: AsyncGenerator[str, None]) -> None:
        self.aiter_text = lambda: texts


async def _texts(response: httpx.Response) -> AsyncGenerator[str, None]:
    decoder = getincrementaldecoder("utf-8-sig")()
    tail = ""
    try:
        async for data in response.aiter_raw():
            text = decoder.decode(data)
            tail = (tail + text)[-100:]
            yield text
    except UnicodeDecodeError as error:
        yield error.object[: error.start].decode()  # which is
        raise UnusableError("it is not valid UTF-8") from None
    except LOST:
        if not _ends(tail):
            raise
    if _ends(tail):
        yield "\n\n"


def _ends(tail: str) -> bool:
    return tail.rstrip().rpartition("\n")[2] in _ENDS
