"""Look names up in threads of our own, so that names which answer slowly do not hold up the rest.

The event loop's own look-ups share four threads: four slow name servers would stop all webhooks to
hosts that are not known yet.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

THREADS_MAX: Final = 64
"""Look-ups at once; each waits for the system's resolver, which gives up after some seconds."""


class ThreadedNames(AbstractResolver):
    """Ask the system's resolver, many names side by side."""

    def __init__(self, *, threads_max: int = THREADS_MAX) -> None:
        """Begin threads as they are needed."""
        self._threads = ThreadPoolExecutor(threads_max, thread_name_prefix="names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses to which a name leads now; they are judged where sockets are made.

        Raises:
            OSError: It leads nowhere.
        """
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, _look_up, host, port, family
        )
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, protocol, address in found
        ]

    async def close(self) -> None:
        """Begin no more look-ups; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(
    host: str, port: int, family: socket.AddressFamily
) -> list[tuple[socket.AddressFamily, int, str]]:
    found = socket.getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [(kind, protocol, str(address[0])) for kind, _, protocol, _, address in found]
