"""Speak for one party: its acts and its questions, one method for each route it may use.

    async with Http() as http:
        client = Client(Services.behind("https://buy.example.org"), token, http)
        receipt = await client.bids.file_bid(lot_id, unit_price="0.1234", currency="USD")

Answers are JSON objects as the services give them, amounts as decimal strings. Every method
repeats what went unanswered (see `clients.http`) and raises `Problem` or `Unreachable`.
"""

from clients.auctions import AuctionsClient
from clients.awards import AwardsClient
from clients.bids import BidsClient
from clients.http import Http
from clients.notify import NotifyClient
from clients.route import Caller
from clients.services import Services


class Client:
    """One party's way to the three services."""

    def __init__(self, services: Services, token: str, http: Http) -> None:
        """Speak with an access token; `http` may serve many clients at once."""
        self.bids = BidsClient(Caller(http, services.bids, token))
        self.awards = AwardsClient(Caller(http, services.bids, token))
        self.auctions = AuctionsClient(Caller(http, services.auctions, token))
        self.notify = NotifyClient(Caller(http, services.notify, token))
