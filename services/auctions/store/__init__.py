"""Keep auctions in PostgreSQL: one function per query."""

from services.auctions.store.checkpoints import CheckpointRecord
from services.auctions.store.commits import CommitRecord, lease_name
from services.auctions.store.desks import DeskRecord
from services.auctions.store.logs import LogRecord
from services.auctions.store.terms import TermsRecord
from services.auctions.store.tickets import TicketRecord

__all__ = ["AuctionStore", "lease_name"]


class AuctionStore(
    TermsRecord, DeskRecord, CommitRecord, LogRecord, CheckpointRecord, TicketRecord
):
    """The record of the auctions service."""
