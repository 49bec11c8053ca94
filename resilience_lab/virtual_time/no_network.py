"""What a loop in virtual time cannot have: a network, subprocesses, signals.

The other side of a socket lives in real time, and no jump of our clock brings its answer sooner. A
bare `NotImplementedError` would not say so, and would not say what to use instead.
"""

from __future__ import annotations

import asyncio
from typing import Any

from resilience_lab.errors import ResilienceError

_NETWORK = (
    "virtual time has no network (no sockets, no pipes); use scripted agents in it, or run this in "
    "real time (asyncio.run), for example against resilience_lab.live.FaultyServer"
)
_SUBPROCESS = (
    "virtual time has no subprocesses; run this in real time (asyncio.run), or wait for the "
    "process in a thread: await asyncio.to_thread(subprocess.run, ...)"
)
_SIGNAL = (
    "virtual time has no signal handlers; use signal.signal, or run this in real time "
    "(asyncio.run); Ctrl-C ends the run by itself"
)


class NotInVirtualTimeError(ResilienceError, NotImplementedError):
    """The loop was asked (by `method`) for what exists in real time only; `why` says more.

    It is a `NotImplementedError`, as asyncio's own loops raise for what they do not have.
    """

    def __init__(self, method: str, why: str) -> None:
        super().__init__(method, why)
        self.method = method
        self.why = why

    def __str__(self) -> str:
        return f"{self.method}: {self.why}"


def _refused(method: str, why: str = _NETWORK) -> Any:
    def refuse(*_: object, **__: object) -> Any:
        raise NotInVirtualTimeError(method, why)

    return refuse


def _refused_when_awaited(method: str, why: str = _NETWORK) -> Any:
    async def refuse(*_: object, **__: object) -> Any:
        raise NotInVirtualTimeError(method, why)

    return refuse


class NoNetwork(asyncio.BaseEventLoop):
    """A loop that refuses, in a full sentence, what exists in real time only."""

    create_connection = _refused_when_awaited("create_connection")
    create_server = _refused_when_awaited("create_server")
    create_datagram_endpoint = _refused_when_awaited("create_datagram_endpoint")
    create_unix_connection = _refused_when_awaited("create_unix_connection")
    create_unix_server = _refused_when_awaited("create_unix_server")
    connect_accepted_socket = _refused_when_awaited("connect_accepted_socket")
    connect_read_pipe = _refused_when_awaited("connect_read_pipe")
    connect_write_pipe = _refused_when_awaited("connect_write_pipe")
    start_tls = _refused_when_awaited("start_tls")
    sendfile = _refused_when_awaited("sendfile")
    sock_accept = _refused_when_awaited("sock_accept")
    sock_connect = _refused_when_awaited("sock_connect")
    sock_recv = _refused_when_awaited("sock_recv")
    sock_recv_into = _refused_when_awaited("sock_recv_into")
    sock_recvfrom = _refused_when_awaited("sock_recvfrom")
    sock_recvfrom_into = _refused_when_awaited("sock_recvfrom_into")
    sock_sendall = _refused_when_awaited("sock_sendall")
    sock_sendto = _refused_when_awaited("sock_sendto")
    sock_sendfile = _refused_when_awaited("sock_sendfile")
    subprocess_exec = _refused_when_awaited("subprocess_exec", _SUBPROCESS)
    subprocess_shell = _refused_when_awaited("subprocess_shell", _SUBPROCESS)
    add_reader = _refused("add_reader")
    add_writer = _refused("add_writer")
    add_signal_handler = _refused("add_signal_handler", _SIGNAL)

    # What libraries call as they clean up: whether there was anything to remove.

    def remove_reader(self, _fd: object) -> bool:
        """False, for there never is one."""
        return False

    def remove_writer(self, _fd: object) -> bool:
        """False, for there never is one."""
        return False

    def remove_signal_handler(self, _sig: int) -> bool:
        """False, for there never is one."""
        return False
