"""Ask one service as one caller: the paths, verbs and pages that its routes share."""

import io
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from clients.http import Document, Http

PAGE_LIMIT: Final = "200"
"""The most items that a page holds."""


class Caller:
    """One caller at one service."""

    def __init__(self, http: Http, base_url: str, token: str) -> None:
        """Speak to the service at `base_url` with an access token."""
        self.http = http
        self.base_url = base_url.rstrip("/")
        self._token = token

    async def get(self, path: str, **query: str) -> Document:
        """Read."""
        return await self._call("GET", path, query=query)

    async def page(self, path: str) -> str:
        """Read what is kept or shown as it is: a document's text, or a page for people."""
        file = io.BytesIO()
        await self.http.download(f"{self.base_url}{path}", token=self._token, file=file)
        return file.getvalue().decode()

    async def post(
        self,
        path: str,
        body: Mapping[str, Any] | str | Path | None = None,
        *,
        idempotency_key: str | None = None,
        **query: str,
    ) -> Document:
        """Act, under one idempotency key however often it is repeated."""
        return await self._call(
            "POST", path, body=body, query=query, idempotency_key=idempotency_key
        )

    async def put(self, path: str, body: Mapping[str, Any]) -> Document:
        """Set."""
        return await self._call("PUT", path, body=body)

    async def download(self, path: str, file: BinaryIO) -> None:
        """Write what is read into a file."""
        await self.http.download(f"{self.base_url}{path}", token=self._token, file=file)

    async def delete(self, path: str) -> None:
        """Remove."""
        await self._call("DELETE", path)

    async def items(self, path: str, **query: str) -> AsyncIterator[Document]:
        """Read a list to its end, page by page, in its own order."""
        after: str | None = None
        while True:
            more = {"after": after} if after is not None else {}
            page = await self.get(path, limit=PAGE_LIMIT, **query, **more)
            for item in page["items"]:
                yield item
            if page["next_after"] is None:
                return
            after = str(page["next_after"])

    async def _call(self, method: str, path: str, **asked: Any) -> Document:
        url = f"{self.base_url}{path}"
        return await self.http.call(method, url, token=self._token, **asked)
