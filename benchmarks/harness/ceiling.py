"""Answer anything at once with fixed bytes: the client's own ceiling.

`python -m benchmarks.harness.ceiling PORT` reads just enough of a request to know where it ends.
"""

import asyncio
import sys
from typing import Final, cast

import uvloop

ANSWER: Final = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
    + b" " * 400
)


class Answering(asyncio.Protocol):
    """Answer each chunk: a client that waits for its answers sends one request in one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, _data: bytes) -> None:
        """Answer."""
        self._transport.write(ANSWER)


async def main() -> None:
    """Serve for ever."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
