"""An API key that nothing prints.

Secrets seldom leak where they are used; they leak where something is shown: a `repr` in a notebook,
a traceback with local variables, a debug log, a server's error message that quotes what it was sent
and is then saved with the transcript. So the key lives in one object that shows nothing of it, and
whatever comes from outside passes through `redact` before it is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_SHORTEST_SECRET = 8  # local servers want some key, and people give them a common word


class ApiKey:
    """Holds `value`, or None where the server wants no key.

    A key is printable ASCII without spaces, quotes or backslashes: it cannot break a header, and
    every `repr` leaves it as it is, so that `redact` finds it. Anything else is a `ValueError` or
    `TypeError` that does not show it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | None) -> None:
        if not isinstance(value, str | None):
            raise TypeError(f"api_key must be a string or None, got a {type(value).__name__}")
        if value is not None and not (value and all(map(_is_plain, value))):
            raise ValueError(
                "api_key must be printable ASCII without spaces, quotes or backslashes, "
                "and not empty (its value is not shown)"
            )
        self._value = value

    def __repr__(self) -> str:
        return "<no API key>" if self._value is None else "<an API key>"

    def headers(self) -> dict[str, str]:
        """The header that carries the key."""
        return {} if self._value is None else {"Authorization": f"Bearer {self._value}"}

    def redact(self, message: str) -> str:
        """`message` without the key."""
        return message if self._value is None else message.replace(self._value, "[API key]")

    @property
    def _is_secret(self) -> bool:
        return len(self._value or "") >= _SHORTEST_SECRET

    def redact_chunks(self) -> Generator[str, str | None, None]:
        """Send it the chunks of an answer, and None at the end: it gives back what may be shown.

        What might be the beginning of the key is held back until the next chunk tells. An answer is
        left whole if the key is only a placeholder such as "EMPTY".
        """
        held, shown = "", ""
        secret = self._value or ""
        while True:
            chunk = yield shown
            if not self._is_secret or chunk is None:
                held, shown = "", held + (chunk or "")
                continue
            whole = self.redact(held + chunk)
            beginnings = (n for n in range(len(secret) - 1, 0, -1) if whole.endswith(secret[:n]))
            split = len(whole) - next(beginnings, 0)
            shown, held = whole[:split], whole[split:]


def _is_plain(character: str) -> bool:
    return "!" <= character <= "~" and character not in "'\"\\"


_in_use: ContextVar[ApiKey | None] = ContextVar("resilience_lab_api_key", default=None)


@contextmanager
def kept_from_logs(key: ApiKey) -> Iterator[None]:
    """Inside the block, what httpx logs is redacted: at DEBUG it shows all headers it receives."""
    token = _in_use.set(key)
    try:
        yield
    finally:
        _in_use.reset(token)


def _redact_record(record: logging.LogRecord) -> bool:
    key = _in_use.get()
    if key is not None:
        record.msg, record.args = key.redact(record.getMessage()), None
    return True


# A filter hears only what is logged to its own logger, not to the loggers below it.
for _logger in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    logging.getLogger(_logger).addFilter(_redact_record)
