"""Seal an auction's terms, and what its log entries commit to, each bound to its place."""

import json
from typing import Final

from pydantic import TypeAdapter

from services.auctions.domain.commands import Secret
from services.auctions.domain.proposal import terms_of
from services.auctions.domain.terms import Terms
from services.auctions.ports import Accepted
from shared.domain.canonical import canonical
from shared.domain.ids import AuctionId
from shared.events.bids import AuctionRequested
from shared.vault import Vault


def seal_secret(vault: Vault, auction_id: AuctionId, sequence: int, secret: Secret) -> bytes:
    """Encrypt a secret's value and salt for its entry."""
    text = canonical({"salt": secret.salt.hex(), "value": secret.value})
    return vault.seal(text.encode(), place=_place(auction_id, sequence, secret.name))


def open_secret(vault: Vault, auction_id: AuctionId, kept: tuple[int, str, bytes]) -> Secret:
    """Decrypt the (sequence, name, sealed) of an entry.

    Raises:
        SecretUnreadable: It was sealed under another key, or for another entry.
    """
    sequence, name, sealed = kept
    told = json.loads(vault.open(sealed, place=_place(auction_id, sequence, name)))
    return Secret(name, told["value"], bytes.fromhex(told["salt"]))


def seal_terms(vault: Vault, accepted: Accepted) -> bytes:
    """Encrypt what an auction was asked for, as a whole, with the salts of its first entry.

    Names behind aliases, handicaps and the reserve are among it; nothing of it is queried.
    """
    salts = accepted.salts
    text = canonical(
        {
            "request": accepted.request,
            "salts": {
                "handicaps": [salt.hex() for salt in salts.handicaps],
                "names": [salt.hex() for salt in salts.names],
                "reserve": salts.reserve.hex(),
            },
        }
    )
    return vault.seal(text.encode(), place=_terms_place(accepted.terms.id))


def open_terms(vault: Vault, auction_id: AuctionId, sealed: bytes) -> Terms:
    """Decrypt an auction's terms.

    Raises:
        SecretUnreadable: They were sealed under another key, or for another auction.
    """
    told = json.loads(vault.open(sealed, place=_terms_place(auction_id)))
    return terms_of(_REQUEST.validate_python(told["request"]), auction_id)


_REQUEST: Final = TypeAdapter(AuctionRequested)


def _terms_place(auction_id: AuctionId) -> bytes:
    return f"auction/{auction_id}/terms".encode()


def _place(auction_id: AuctionId, sequence: int, name: str) -> bytes:
    return f"auction/{auction_id}/{sequence}/{name}".encode()
