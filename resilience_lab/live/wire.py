"""What comes over the wire, below httpx.

Two things are only plain down here. How much has come: to stop reading further up would leave half
a dozen generators to be closed by some later task. And why it ended: a server that hung up and
a server that does not speak HTTP are one exception to httpx, but to a caller they are not the same.
The one may be back in a second, the other is the wrong port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resilience_lab.live.replies import UnusableError

_HTTP = b"HTTP/"


class Wire:
    """Watches one exchange: its first bytes, its length, and whether the server ended it.

    Raises `UnusableError` into the reader after `most_bytes`.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._length = 0
        self._opening = b""
        self._hung_up = False

    @property
    def was_dropped(self) -> bool:
        """Whether the server hung up before or during an HTTP answer."""
        return self._hung_up and _HTTP.startswith(self._opening)

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """The "trace" extension of a request: httpcore calls it with each of its steps."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._watch(info["return_value"])

    def _watch(self, stream: Any) -> None:
        read = stream.read

        async def watched(*limits: Any, **named_limits: Any) -> bytes:
            data: bytes = await read(*limits, **named_limits)
            self._note(data)
            return data

        stream.read = watched

    def _note(self, data: bytes) -> None:
        self._opening = (self._opening + data[: len(_HTTP)])[: len(_HTTP)]
        self._hung_up = not data
        self._length += len(data)
        if self._length > self._most_bytes:
            raise UnusableError(f"it is longer than {self._most_bytes:,} bytes")
