"""Serve the live pages: one of all auctions, one per auction; plain files, no build step."""

from importlib import resources
from typing import Final

from aiohttp import web

from shared.web import Api, Call

DOCUMENTS: Final = {"/": "board.html", "/auctions/{auction_id}": "auction.html"}
"""The pages, by the path at which each is opened."""

PARTS: Final = (
    "live.css",
    "live.js",
    "announcements.js",
    "auction.js",
    "board.js",
    "chart.js",
    "paint.js",
    "server-time.js",
    "stream.js",
    "words.js",
)
"""What the pages load; `live.js` is the module that imports the others."""

MEDIA_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}

SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
    "data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only what this service serves may run, and nobody may frame the page."""


def pages() -> Api:
    """Make the routes of the pages; who opens one brings a token in the page itself."""
    api = Api("auctions", title="", version="")
    for path, name in DOCUMENTS.items():
        _add_file(api, path, name)
    for name in PARTS:
        _add_file(api, f"/page/{name}", name)
    return api


def _add_file(api: Api, path: str, name: str) -> None:
    text = resources.files("services.auctions.page").joinpath(name).read_text(encoding="utf-8")
    media_type = MEDIA_TYPES[name.rpartition(".")[2]]

    @api.get(path, scope=None, answer=None, answer_type=media_type, summary=f"Show {name}")
    async def show(_call: Call[None]) -> web.Response:
        headers = {"Content-Security-Policy": SECURITY_POLICY, "Referrer-Policy": "no-referrer"}
        return web.Response(text=text, content_type=media_type, headers=headers)
