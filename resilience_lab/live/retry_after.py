"""The `Retry-After` header: when the server would like to see us again."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")


def parse_retry_after(
    value: str | None, server_date: str | None = None, now: Callable[[], float] = time.time
) -> float | None:
    """Seconds to wait (finite, >= 0) that a `Retry-After` header asks for.

    Never raises, for a server may send anything.

    Parameters
    ----------
    value
        The header: seconds or an HTTP date. None if there is none.
    server_date
        The `Date` header of the same response, from which a date is counted: both are readings of
        one clock, so it does not matter if ours is wrong.
    now
        The time in Unix seconds, from which a date is counted if there is no `server_date`.

    Returns
    -------
    float or None
        0.0 for a date in the past; None for what makes no sense.

    Notes
    -----
    RFC 9110, "HTTP Semantics", 2022, section 10.2.3.

    Examples
    --------
    >>> parse_retry_after("20")
    20.0
    >>> sent = "Mon, 01 Jan 2024 00:00:00 GMT"
    >>> parse_retry_after("Mon, 01 Jan 2024 00:00:30 GMT", server_date=sent)
    30.0
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        seconds = float(value)
        return seconds if math.isfinite(seconds) else None
    due = _unix_time(value)
    if due is None:
        return None
    sent = None if server_date is None else _unix_time(server_date)
    return max(0.0, due - (now() if sent is None else sent))


def _unix_time(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        # Of the three formats in RFC 9110, section 5.6.7, one has no zone: HTTP dates are in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
