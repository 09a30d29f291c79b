"""What the auctions service does, one class per command; no rule and no SQL stands here."""

from services.auctions.usecases.desks import AskDesk
from services.auctions.usecases.lots import MoveLots
from services.auctions.usecases.practising import Practise
from services.auctions.usecases.reading import (
    FindPicture,
    LogNotPublic,
    ReadLog,
    ShowAuction,
    audience_for,
)
from services.auctions.usecases.scheduling import (
    AuctionRulesRefused,
    CancelAuctionsOfRfp,
    ProposeAuction,
    ScheduleAuction,
    accepted,
    refuse_faulty,
)
from services.auctions.usecases.tickets import IssueTicket, TicketInvalid, UseTicket

__all__ = [
    "AskDesk",
    "AuctionRulesRefused",
    "CancelAuctionsOfRfp",
    "FindPicture",
    "IssueTicket",
    "LogNotPublic",
    "MoveLots",
    "Practise",
    "ProposeAuction",
    "ReadLog",
    "ScheduleAuction",
    "ShowAuction",
    "TicketInvalid",
    "UseTicket",
    "accepted",
    "audience_for",
    "refuse_faulty",
]
