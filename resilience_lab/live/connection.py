"""The way to a server: through a proxy or without, and why it did not lead there.

Proxies come from the environment, where anybody may have put anything. What is wrong with one is
told without its address, for that may hold a password.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator

from resilience_lab.live.lab_extra import lab_extra

with lab_extra("ChatAgent"):
    import httpx


class LostError(Exception):
    """There is no connection, or no more, and the error's own sentence says why."""


# TLS that breaks later on is a bare OSError; a proxy's port that cannot be is an OverflowError, and
# comes in a group, with one error for each address that was tried.
LOST = (LostError, httpx.HTTPError, OSError, OverflowError, ExceptionGroup)
"""The errors of a connection that cannot be made or does not last; `why_lost` tells them apart."""


def open_client(host: str, tls: ssl.SSLContext) -> httpx.AsyncClient:
    """A client for one call to `host`. Raises `LostError`."""
    try:
        return httpx.AsyncClient(
            verify=tls,
            timeout=None,  # noqa: S113 - the whole call has one
            follow_redirects=False,
            # A company's proxy cannot reach this machine's own servers.
            trust_env=not _is_loopback(host),
            event_hooks={"response": [_forget_location]},
        )
    except ImportError:
        needs = "the environment names a SOCKS proxy, which needs pip install 'httpx[socks]'"
        raise LostError(needs) from None
    except (ValueError, httpx.InvalidURL):
        names = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY"
        raise LostError(f"the environment's proxy is not valid ({names})") from None


async def _forget_location(response: httpx.Response) -> None:
    """Httpx resolves where a redirect leads even if it does not follow, and fails if it cannot."""
    response.headers.pop("location", None)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection reset"),
    (socket.gaierror, "host not found"),
    (ssl.SSLError, "no secure connection (TLS)"),
    (httpx.RemoteProtocolError, "connection closed before the answer was complete"),
    (httpx.ProxyError, "the proxy does not let us through"),
    (OverflowError, "the environment's proxy has a port over 65535"),
)


def why_lost(error: BaseException) -> str:
    """Why a connection was lost, or never made, in our words: those of others may hold a secret."""
    if isinstance(error, LostError):
        return str(error)
    causes = list(_causes(error))
    for kind, why in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return why
    return "connection failed"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error`, what led to it, and the members of groups: one per address that was tried."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _causes(member)
        error = error.__cause__ or error.__context__
