"""Servers that say anything at all, and waiting for what another task will do."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

Script = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]


@asynccontextmanager
async def raw_server(script: Script | bytes, *, listens: bool = True) -> AsyncIterator[str]:
    """A base URL where each request is answered by `script(writer, head)`, or by those bytes.

    The connection is closed after that. A server that does not listen speaks at once.
    """
    serving = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            head = await _read_request(reader) if listens else b""
            if isinstance(script, bytes):
                writer.write(script)
            else:
                await script(writer, head)
            await writer.drain()
        except (ConnectionError, EOFError):
            pass  # the client had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    if serving:
        await asyncio.wait(serving)


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.splitlines()[1:] if line)
    await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return head


def response(body: bytes | object, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP response; `body` is JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Length": str(len(content)), **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def completion(answer: object) -> object:
    return {"choices": [{"message": {"role": "assistant", "content": answer}}]}


@contextmanager
def refused_port() -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def until(happened: Callable[[], object]) -> None:
    while not happened():  # noqa: ASYNC110 - it happens in code that knows no event of ours
        await asyncio.sleep(0.001)


def other_tasks() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
