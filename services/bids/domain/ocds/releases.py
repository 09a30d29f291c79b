"""Render a purchase as a release, and releases as a package that names the extensions it uses."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.bids.domain.ocds.awards import award_data, contract_data
from services.bids.domain.ocds.bids import bids_data
from services.bids.domain.ocds.parts import references, told, value, when
from services.bids.domain.ocds.purchase import Party, Planning, Purchase, Tag
from services.bids.domain.ocds.tender import tender_data
from services.bids.domain.ocds.written import Data

VERSION: Final = "1.1"

_COMMITS: Final = {
    "lots": "8d3b52eb26ce0f1a015c91b665c120b17ef619a0",
    "bid": "d62ff4b0ba393d823ca8113a9039b12edf7acb8f",
    "bidOpening": "47c576527240c7cd4e1a0fa1b051a9fce2adf5e6",
    "awardCriteriaBreakdown": "9391240f353e8536992938fe9f7987cd89235331",
    "contract_buyer": "e9d393b46b77d7df9f18399408cb9c065efb6d13",
    "techniques": "5568b00a8dd694a3d34441bdd9ef2bd3f9d44b11",
}
"""Each extension at the commit whose schema releases are held against.

A release stays valid as long as what it names stays as it was, which a branch does not. Four of
the six have no tags, and the last tags of the other two (v1.1.5) do not know fields used here.
"""

EXTENSIONS: Final = tuple(
    f"https://raw.githubusercontent.com/open-contracting-extensions/ocds_{name}_extension/{commit}"
    "/extension.json"
    for name, commit in _COMMITS.items()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is particular to one release: its id, when it was told, and what it is about."""

    id: str
    at: datetime
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is particular to a package: where it is found, who publishes it, and since when."""

    uri: str
    publisher: str
    at: datetime
    licence_url: str | None = None


def release_data(purchase: Purchase, release: Told) -> dict[str, Data]:
    """Render all that a purchase tells at one time; every party that it names is known.

    Only parties that the release gives a role are in it, so that a bidder is not named before its
    bid may be.
    """
    parties = {party.id: party for party in purchase.parties}
    roles = _roles(purchase)
    buyer = references([purchase.buyer_id], parties)[0] if purchase.buyer_id else None
    return told(
        {
            "ocid": purchase.ocid,
            "id": release.id,
            "date": when(release.at),
            "tag": [tag.value for tag in release.tags],
            "initiationType": "tender",
            "language": "en",
            "parties": [_party(parties[party_id], roles[party_id]) for party_id in sorted(roles)],
            "buyer": buyer,
            "planning": _planning(purchase.planning),
            "tender": tender_data(purchase.tender, parties),
            "bids": bids_data(purchase, parties),
            "awards": [
                award_data(award, parties, told_ids={bid.id for bid in purchase.told_bids})
                for award in purchase.awards
            ],
            "contracts": [contract_data(contract, parties) for contract in purchase.contracts],
        }
    )


def package_data(releases: Sequence[dict[str, Data]], published: Published) -> dict[str, Data]:
    """Put at least one release into a package."""
    return told(
        {
            "uri": published.uri,
            "version": VERSION,
            "extensions": list(EXTENSIONS),
            "publishedDate": when(published.at),
            "publisher": {"name": published.publisher},
            "license": published.licence_url,
            "releases": list(releases),
        }
    )


def _roles(purchase: Purchase) -> dict[str, list[Data]]:
    roles: dict[str, list[Data]] = defaultdict(list)
    for party in purchase.parties:
        if party.is_buyer or party.id == purchase.buyer_id:
            roles[party.id].append("buyer")
    roles[purchase.tender.procuring_entity_id].append("procuringEntity")
    for tenderer_id in {bid.tenderer_id for bid in purchase.told_bids}:
        roles[tenderer_id].append("tenderer")
    for supplier_id in {each for award in purchase.awards for each in award.supplier_ids}:
        roles[supplier_id].append("supplier")
    return dict(roles)


def _party(party: Party, roles: list[Data]) -> Data:
    return {"id": party.id, "name": party.name, "roles": roles}


def _planning(planning: Planning | None) -> Data:
    if planning is None:
        return None
    budget = told({"amount": value(planning.budget)})
    return told({"rationale": planning.rationale, "budget": budget})
