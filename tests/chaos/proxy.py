"""Stand between a process and a server, and cut the link in the ways in which links are cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit, urlunsplit

CHUNK: Final = 64 * 1024


class Link(StrEnum):
    """How the link is."""

    WHOLE = "whole"
    RESET = "reset"
    """Connections break, and new ones are refused."""
    SILENT = "silent"
    """Nothing passes and nothing breaks: what a lost route looks like."""


class Proxy:
    """A TCP proxy on loopback."""

    def __init__(self, host: str, port: int) -> None:
        """Lead to a server."""
        self._server = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passes = asyncio.Event()
        self._passes.set()
        self._link = Link.WHOLE
        self.port = 0

    async def set(self, link: Link) -> None:
        """Change how the link is, for what runs and for what comes."""
        self._link = link
        if link is Link.SILENT:
            self._passes.clear()
        else:
            self._passes.set()
        if link is Link.RESET:
            for writer in list(self._writers):
                writer.transport.abort()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a connection with one to the server until either ends."""
        task = asyncio.create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._link is Link.RESET:
                writer.transport.abort()
                return
            await self._passes.wait()
            theirs, ours = await asyncio.open_connection(*self._server)
            self._writers.add(ours)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, ours))
                group.create_task(self._pump(theirs, writer))
            self._writers.discard(ours)
        except (OSError, ExceptionGroup):
            writer.transport.abort()
        finally:
            self._writers.discard(writer)

    async def close(self) -> None:
        """Break every connection."""
        self._passes.set()
        for writer in list(self._writers):
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self._passes.wait()
                writer.write(chunk)
                await writer.drain()
        finally:
            with suppress(OSError):
                writer.close()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Run a proxy to the server of a URL; yield it with the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    account, _, _ = parts.netloc.rpartition("@")
    through = parts._replace(netloc=f"{account}@127.0.0.1:{proxy.port}")
    try:
        yield proxy, urlunsplit(through)
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
