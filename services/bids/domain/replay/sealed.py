"""Check what was sealed: lists, roots and records of the openings, and the lots' sealed ranking."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from services.bids.domain.ceremony import Purpose
from services.bids.domain.evaluation import displayed, rank_bids
from services.bids.domain.openings import BidFailure
from services.bids.domain.records import is_root_right
from services.bids.domain.replay.bundle import (
    AwardBundle,
    PublishedBid,
    PublishedLot,
    PublishedOpening,
)
from services.bids.domain.replay.differing import Naming, require, require_same
from services.bids.domain.replay.reading import written
from services.bids.domain.replay.rebuilding import RebuiltLot, form_of
from shared.domain.bid_forms import faults_of
from shared.domain.canonical import Json


def check_openings(bundle: AwardBundle, naming: Naming) -> Iterator[str]:
    """Check lists against roots, signed documents and records; tell what was found.

    Raises:
        Differs: Something does not follow.
    """
    for opening in bundle.openings:
        listed = opening.hash_list
        place = f"{listed.purpose} opening"
        require(
            f"{place}: hash list",
            holds=is_root_right(listed),
            sentence=f"its entries do not have the Merkle root {listed.merkle_root}",
        )
        told = signed_payload(opening.signed_hash_list)
        require_same(f"{place}: signed hash list", told, written(listed), naming.label)
        yield f"The hash list of the {place} has the stated Merkle root {listed.merkle_root}."
        yield from _check_record(opening, place, naming)


def check_bids(rebuilt: RebuiltLot, naming: Naming) -> Iterator[str]:
    """Check a lot's bids against the opening's record, and rank them anew by price.

    Raises:
        Differs: Something does not follow.
    """
    told, place = rebuilt.told, naming.place(rebuilt.told)
    _check_listed(rebuilt.bundle, told, naming)
    _check_order(told, place)
    form = form_of(rebuilt.bundle)
    for bid in told.bids:
        content = rebuilt.contents.get(bid.bid_id)
        faults = () if content is None else faults_of(content, form, told.id)
        sentence = "what it offers would be refused: " + "; ".join(each.code for each in faults)
        require(f"{place}: {naming.bid(bid.bid_id)}", holds=not faults, sentence=sentence)
    require_same(f"{place}: bids", told.bids, _ranked(rebuilt), naming.label)
    opened = sum(bid.failure is None for bid in told.bids)
    yield (
        f"{place}: {len(told.bids)} bids are those of the opening's record; the {opened} that "
        "opened have the stated prices, ranks and scores by price."
    )


def price_opening(bundle: AwardBundle) -> PublishedOpening | None:
    """Find the opening in which prices were opened."""
    openings = (each for each in bundle.openings if each.hash_list.purpose is Purpose.PRICE)
    return next(openings, None)


def signed_payload(token: str) -> Json:
    """Read what a signed document says, whoever signed it.

    Raises:
        ValueError: It is no such document.
    """
    parts = token.split(".")
    if len(parts) != len(("header", "payload", "signature")):
        sentence = "a signed document is no compact JWS"
        raise ValueError(sentence)
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    document: Json = json.loads(base64.urlsafe_b64decode(padded))
    return document


def _check_record(opening: PublishedOpening, place: str, naming: Naming) -> Iterator[str]:
    record, listed = opening.record, opening.hash_list
    if record is None or opening.signed_record is None:
        return
    told = signed_payload(opening.signed_record)
    require_same(f"{place}: signed record", told, written(record), naming.label)
    require_same(f"{place}: root", record.merkle_root, listed.merkle_root, naming.label)
    if listed.purpose is Purpose.PRICE:
        recorded = [(bid.bid_id, bid.version, bid.sealed_sha256) for bid in record.bids]
        entries = [(each.bid_id, each.version, each.sealed_sha256) for each in listed.entries]
        require(
            f"{place}: record",
            holds=recorded == entries,
            sentence="its bids are not those of the hash list",
        )
    yield f"The record of the {place} names the same bids, and both documents say what they did."


def _check_listed(bundle: AwardBundle, told: PublishedLot, naming: Naming) -> None:
    opening = price_opening(bundle)
    place = naming.place(told)
    if opening is None or opening.record is None:
        require(place, holds=False, sentence="there is no record of the opening of its prices")
        return
    recorded = {bid.bid_id: bid for bid in opening.record.bids if bid.lot_id == told.id}
    for bid in told.bids:
        own, named = recorded.pop(bid.bid_id, None), f"{place}: {naming.bid(bid.bid_id)}"
        if own is None:
            require(named, holds=False, sentence="it is not in the record of the opening")
            return
        require_same(f"{named}: version", bid.version, own.version, naming.label)
        require_same(f"{named}: received", bid.received_at, own.received_at, naming.label)
        require_same(f"{named}: failure", bid.failure, own.failure, naming.label)
    left = ", ".join(map(str, recorded))
    require(place, holds=not recorded, sentence=f"recorded bids are missing: {left}")


def _check_order(told: PublishedLot, place: str) -> None:
    in_order = all(one.log_index < other.log_index for one, other in pairwise(told.bids))
    require(f"{place}: bids", holds=in_order, sentence="they are not in the order of the log")


def _ranked(rebuilt: RebuiltLot) -> tuple[PublishedBid, ...]:
    """Price and rank a lot's bids anew."""
    ranked = {each.bid.bid_id: each for each in rank_bids(rebuilt.unsealed)}
    outcomes = {each.bid_id: each.outcome for each in rebuilt.unsealed}
    computed = []
    for bid in rebuilt.told.bids:
        place, outcome = ranked.get(bid.bid_id), outcomes[bid.bid_id]
        computed.append(
            replace(
                bid,
                unit_price=None if isinstance(outcome, BidFailure) else str(outcome),
                rank=None if place is None else place.rank,
                score=None if place is None else f"{displayed(place.score):f}",
            )
        )
    return tuple(computed)
