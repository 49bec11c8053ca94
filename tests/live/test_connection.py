"""No way to the server, or one through a proxy that cannot be used: each has a name."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import traceback

import pytest
from socket_helpers import completion, other_tasks, raw_server, refused_port, response

from resilience_lab.errors import AgentConnectionError
from resilience_lab.live import Answer, ChatAgent, FaultyServer, chat_agent


async def outcome(base_url, model="m", *, streams=False, **options):
    """The answer or the error."""
    agent = ChatAgent("A", base_url, model, **options)
    try:
        if streams:
            return "".join([chunk async for chunk in agent.stream("hello")])
        return await agent.run("hello")
    except Exception as error:
        return error


def meet(behaviour, **options):
    async def main():
        async with FaultyServer({"m": [behaviour]}) as server:
            result = await outcome(server.base_url, **options)
        assert not other_tasks()
        return result

    return asyncio.run(main())


def same(error, expected):
    return (type(error), error.args) == (type(expected), expected.args)


def test_a_port_where_nobody_listens_refuses():
    with refused_port() as port:
        error = asyncio.run(outcome(f"http://127.0.0.1:{port}/v1"))

    assert same(error, AgentConnectionError("A", "connection refused"))


def test_a_host_whose_every_address_refuses_is_refused(monkeypatch):
    addresses = ["127.0.0.1", "127.0.0.2"]

    def look_up(_host, port, *_args, **_options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with refused_port() as port:
        error = asyncio.run(outcome(f"http://chat.invalid:{port}/v1"))

    assert same(error, AgentConnectionError("A", "connection refused"))


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (socket.gaierror(-2, "Name or service not known"), "host not found"),
        (OSError(101, "Network is unreachable"), "connection failed"),
    ],
)
def test_a_host_that_cannot_be_reached_is_named(monkeypatch, problem, why):
    def look_up(*_args, **_options):
        raise problem

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    error = asyncio.run(outcome("http://chat.invalid/v1"))

    assert same(error, AgentConnectionError("A", why))


def test_https_where_nobody_speaks_tls_is_no_secure_connection():
    async def main():
        async with raw_server(b"no TLS here", listens=False) as base_url:
            return await outcome(base_url.replace("http:", "https:"))

    error = asyncio.run(main())

    assert same(error, AgentConnectionError("A", "no secure connection (TLS)"))


def test_tls_that_breaks_in_the_middle_is_no_secure_connection(monkeypatch):
    async def corrupt(_response):
        raise ssl.SSLError("bad record mac")

    monkeypatch.setattr(chat_agent, "_json", corrupt)

    error = meet(Answer("hi"))

    assert same(error, AgentConnectionError("A", "no secure connection (TLS)"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_is_not_asked_for_this_machines_own_servers(monkeypatch, host):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    async def main():
        async with FaultyServer({"m": [Answer("hi")]}) as server:
            return await outcome(server.base_url.replace("127.0.0.1", host))

    assert asyncio.run(main()) == "hi"


def test_a_proxy_is_asked_for_any_other_host(monkeypatch):
    heads = []

    async def proxy(writer, head):
        heads.append(head)
        writer.write(response(completion("from afar")))

    async def main():
        async with raw_server(proxy) as base_url:
            monkeypatch.setenv("HTTP_PROXY", base_url.removesuffix("/v1"))
            return await outcome("http://chat.invalid/v1")

    assert asyncio.run(main()) == "from afar"
    assert heads[0].startswith(b"POST http://chat.invalid/v1/chat/completions ")


VARIABLES = "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY"


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        (
            "HTTP_PROXY",
            "http://127.0.0.1:port",
            f"the environment's proxy is not valid ({VARIABLES})",
        ),
        (
            "HTTP_PROXY",
            "http://u:hunter2@[::1",
            f"the environment's proxy is not valid ({VARIABLES})",
        ),
        (
            "ALL_PROXY",
            "socks://u:hunter2@h:1",
            f"the environment's proxy is not valid ({VARIABLES})",
        ),
        (
            "ALL_PROXY",
            "socks4://u:hunter2@h",
            f"the environment's proxy is not valid ({VARIABLES})",
        ),
        (
            "ALL_PROXY",
            " http://u:hunter2@h ",
            f"the environment's proxy is not valid ({VARIABLES})",
        ),
        ("all_proxy", "://u:hunter2@h", f"the environment's proxy is not valid ({VARIABLES})"),
        ("NO_PROXY", "http://[::1", f"the environment's proxy is not valid ({VARIABLES})"),
        (
            "HTTP_PROXY",
            "http://u:hunter2@127.0.0.1:99999",
            "the environment's proxy has a port over 65535",
        ),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch, variable, value, why, streams
):
    monkeypatch.setenv(variable, value)

    error = asyncio.run(outcome("http://chat.invalid/v1", streams=streams))

    assert same(error, AgentConnectionError("A", why))
    assert "hunter2" not in "".join(traceback.format_exception(error))
    assert error.__context__ is None


def test_a_socks_proxy_is_named_with_what_it_needs(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://u:hunter2@127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed

    error = asyncio.run(outcome("http://chat.invalid/v1"))

    why = "the environment names a SOCKS proxy, which needs pip install 'httpx[socks]'"
    assert same(error, AgentConnectionError("A", why))
    assert "hunter2" not in "".join(traceback.format_exception(error))


def test_no_proxy_can_come_between_us_and_this_machines_own_servers(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://u:hunter2@127.0.0.1:1")

    assert meet(Answer("hi")) == "hi"


def test_a_proxy_that_wants_to_know_who_we_are_does_not_let_us_through(monkeypatch):
    async def main():
        async with raw_server(response(b"", "407 Who Are You")) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.removesuffix("/v1"))
            return await outcome("https://chat.invalid/v1")

    error = asyncio.run(main())

    assert same(error, AgentConnectionError("A", "the proxy does not let us through"))
