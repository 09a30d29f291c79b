"""Serve the live pages: one of all auctions, one per auction; plain files, no build step."""

from importlib import resources
from typing import Final

from aiohttp import web

from shared.web import Api, Call

FILES: Final = {
    "board.html": "text/html",
    "auction.html": "text/html",
    "live.css": "text/css",
    "live.js": "text/javascript",
}

SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
    "data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only what this service serves may run, and nobody may frame the page."""


def pages() -> Api:
    """Make the routes of the pages; who opens one brings a token in the page itself."""
    api = Api("auctions", title="", version="")
    _add_page(api, "/", "board.html", summary="The board of all auctions")
    _add_page(api, "/auctions/{auction_id}", "auction.html", summary="The page of one auction")
    for name in ("live.css", "live.js"):
        _add_page(api, f"/page/{name}", name, summary=f"A file of the pages: {name}")
    return api


def _add_page(api: Api, path: str, name: str, *, summary: str) -> None:
    text = resources.files("services.auctions.page").joinpath(name).read_text(encoding="utf-8")

    @api.get(path, scope=None, answer=None, answer_type=FILES[name], summary=summary)
    async def page(_call: Call[None]) -> web.Response:
        headers = {"Content-Security-Policy": SECURITY_POLICY, "Referrer-Policy": "no-referrer"}
        return web.Response(text=text, content_type=FILES[name], headers=headers)
