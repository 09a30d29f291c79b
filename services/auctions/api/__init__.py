"""Answer HTTP: parse, one use case, render."""

from typing import Final

from services.auctions.api import acts, auctions, offers, practice, streams
from services.auctions.api.rooms import ROOMS, Rooms
from shared.web import Api

__all__ = ["ROOMS", "Rooms", "api"]

api: Final = Api("auctions", title="Commonlot auctions", version="1")

# Paths are tried in this order, and nothing is asked as often as offers are placed.
for part in (offers, auctions, acts, practice, streams):
    api.include(part.routes)
