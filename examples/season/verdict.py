"""Judge a run: hold what was planned and acknowledged against what the services' books say.

Every function returns its faults as sentences; none is a verdict that all adds up. They are pure,
and judge by their own arithmetic, not by what a service says of itself.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from clients.award_bundle import BundleMalformed, check
from examples.season.plan import Season, Stage, cost_alone, lots
from examples.season.records import (
    AuctionPlayed,
    Award,
    Link,
    Offer,
    Placed,
    Played,
    Published,
    StagePlayed,
)
from shared.checkpoints import read_key_set
from shared.domain.money import UnitPrice, total

Item = TypeVar("Item")

GENESIS: Final = bytes(32)
"""What the hash of a chain's first entry follows."""


def faults(played: Played) -> list[str]:
    """Name everything that does not add up in a run; an empty list is what one hopes for."""
    found: list[str] = []
    for stage in (played.alone, played.pooled):
        if stage is not None:
            found += stage_faults(stage)
    for auction in played.auctions:
        found += auction_faults(auction, played.season)
    found += award_faults(played)
    found += webhook_faults(played)
    found += bundle_faults(played.published)
    found += package_faults(played)
    return found


def stage_faults(played: StagePlayed) -> list[str]:
    """Name what is wrong with a round of sealed bids."""
    title = played.stage.title
    return [
        f"{title}: {fault}"
        for fault in (
            *_unfiled(played),
            *_not_on_the_sealed_list(played),
            *_unopened(played),
            *chain_faults(played.chain),
            *_receipts_unproven(played),
            *_wrong_winners(played),
        )
    ]


def winners_matched(played: StagePlayed) -> int:
    """Count the lots whose winner is the recorded one."""
    expected = played.stage.expected_winners or {}
    return sum(played.winner_of(key) == winner for key, winner in expected.items())


def chain_faults(chain: Sequence[Link]) -> list[str]:
    """Replay a hash chain from its beginning: each hash follows the one before and its entry."""
    previous = GENESIS
    for place, link in enumerate(chain, start=1):
        previous = hashlib.sha256(previous + link.entry.encode()).digest()
        if link.sequence != place or link.hash != previous.hex():
            return [f"the chain breaks at place {place}"]
    return []


def auction_faults(auction: AuctionPlayed, season: Season) -> list[str]:
    """Name what is wrong with a live auction."""
    return [
        f"auction of {auction.lot_key}: {fault}"
        for fault in (
            *chain_faults(auction.log),
            *_offers_not_in_log(auction),
            *_below_limit(auction, season),
            *_last_offers_not_standing(auction),
        )
    ]


def award_faults(played: Played) -> list[str]:
    """Name what is wrong with the awards: one a lot, to the best, in lines that sum."""
    found = [
        f"{count} awards were made of {key}"
        for key, count in _miscounted(
            lots(played.season.pooled), (award.lot_key for award in played.awards)
        )
    ]
    alone = cost_alone(played.season)
    for award in played.awards:
        of_lot = [
            *_not_the_best(award, played),
            *_lines_off(award, played.season.pooled),
        ]
        baselines = [line.baseline_total for line in award.lines]
        baseline_minor = sum(money.minor for money in baselines if money is not None)
        if None in baselines or baseline_minor != alone.by_lot[award.lot_key].minor:
            of_lot.append(f"its baselines do not sum to {alone.by_lot[award.lot_key]}")
        found += (f"award of {award.lot_key}: {fault}" for fault in of_lot)
    return found


def package_faults(played: Played) -> list[str]:
    """Name what is wrong with the open data: an active award of the same total for each award."""
    if played.package is None:
        return []
    (release,) = played.package["releases"]
    told = sorted(
        Decimal(str(award["value"]["amount"]))
        for award in release.get("awards", [])
        if award["status"] == "active"
    )
    made = sorted(Decimal(str(award.total)) for award in played.awards)
    if told == made:
        return []
    return [f"open data tell {len(told)} awards of {sum(told)}, made were {len(made)}"]


def webhook_faults(played: Played) -> list[str]:
    """Name what is wrong with the webhooks: one a line, to its member, signed, as awarded."""
    received = played.received
    found = []
    if received.unverified:
        found.append(f"{received.unverified} webhooks came with a signature that does not fit")
    line_of = {line.id: line for award in played.awards for line in award.lines}
    told = (webhook.line_id for webhook in received.webhooks)
    found += (
        f"award line {line_id} was told by {count} webhooks"
        for line_id, count in _miscounted(line_of, told)
    )
    for webhook in received.webhooks:
        line = line_of.get(webhook.line_id)
        said = (webhook.member_reference, webhook.total)
        if line is not None and said != (line.member_reference, str(line.total)):
            found.append(f"webhook {webhook.id} went astray, or tells another total than its line")
    came = {webhook.id for webhook in received.webhooks}
    found += (f"webhook {one} was sent and never came" for one in sorted(played.sent - came))
    found += (f"webhook {one} is in no book of deliveries" for one in sorted(came - played.sent))
    return found


def bundle_faults(published: Published) -> list[str]:
    """Decide everything in the published bundle again, and name what differs."""
    try:
        checked = check(published.bundle, read_key_set(published.keys))
    except BundleMalformed as malformed:
        return [f"award bundle: {malformed}"]
    return [] if checked.difference is None else [f"award bundle: {checked.difference}"]


def _unfiled(played: StagePlayed) -> Iterator[str]:
    planned = [(bid.lot_key, bid.vendor_reference) for bid in played.stage.bids]
    filed = ((bid.lot_key, bid.vendor_reference) for bid in played.bids)
    for (key, vendor), count in _miscounted(planned, filed):
        yield f"{vendor} has {count} receipts for its bid on {key}"


def _not_on_the_sealed_list(played: StagePlayed) -> Iterator[str]:
    acknowledged = {(bid.bid_id, bid.version, bid.sealed_sha256) for bid in played.bids}
    for bid_id, _, _ in sorted(acknowledged - played.sealed_list):
        yield f"bid {bid_id} was acknowledged and is not on the sealed list"
    for bid_id, _, _ in sorted(played.sealed_list - acknowledged):
        yield f"bid {bid_id} is on the sealed list and nobody filed it"


def _unopened(played: StagePlayed) -> Iterator[str]:
    if (played.opened, played.failed) != (len(played.bids), 0):
        yield f"{played.opened} of {len(played.bids)} bids opened, and {played.failed} failed"


def _receipts_unproven(played: StagePlayed) -> Iterator[str]:
    places = {(link.sequence, link.hash) for link in played.chain}
    for bid in played.bids:
        if (bid.log_index, bid.log_hash) not in places:
            yield f"the receipt of bid {bid.bid_id} is not in the opening's chain"
        if not bid.is_signed:
            yield f"the receipt of bid {bid.bid_id} is not signed with a published key"


def _wrong_winners(played: StagePlayed) -> Iterator[str]:
    for key, expected in (played.stage.expected_winners or {}).items():
        winner = played.winner_of(key)
        if winner != expected:
            yield f"{key} is won by {winner or 'nobody'}, and was won by {expected}"


def _offers_not_in_log(auction: AuctionPlayed) -> Iterator[str]:
    places = {(link.sequence, link.hash) for link in auction.log}
    for offer in auction.offers:
        if (offer.sequence, offer.hash) not in places:
            yield f"{offer.vendor_reference}'s offer {offer.sequence} is not in the log"
    acknowledged = len({offer.sequence for offer in auction.offers})
    if not acknowledged == len(auction.offers) == auction.counted:
        yield f"{len(auction.offers)} offers were acknowledged, and {auction.counted} are counted"


def _below_limit(auction: AuctionPlayed, season: Season) -> Iterator[str]:
    lowest = {
        vendor.vendor_reference: UnitPrice.parse(vendor.limit_price, season.currency)
        for lot in season.live
        if lot.lot_key == auction.lot_key
        for vendor in lot.vendors
    }
    for offer in auction.offers:
        if offer.price < lowest[offer.vendor_reference]:
            yield f"{offer.vendor_reference} offered {offer.price}, below its limit"


def _last_offers_not_standing(auction: AuctionPlayed) -> Iterator[str]:
    in_order = sorted(auction.offers, key=lambda offer: offer.sequence)
    last: dict[str, Offer] = {offer.vendor_reference: offer for offer in in_order}
    standing = {placed.vendor_reference: placed.price for placed in auction.ranking}
    for vendor, offer in last.items():
        if standing.get(vendor) != offer.price:
            yield f"{vendor}'s last offer, {offer.price}, is not where it stands at the close"
    if sorted(auction.ranking, key=lambda placed: placed.price) != list(auction.ranking):
        yield "the final ranking is not by price"


def _not_the_best(award: Award, played: Played) -> Iterator[str]:
    held = {auction.lot_key: auction.ranking for auction in played.auctions}
    ranking = held.get(award.lot_key, played.pooled.rankings.get(award.lot_key, ()))
    if not ranking or ranking[0] != Placed(award.vendor_reference, award.price):
        yield f"{award.vendor_reference} at {award.price} is not the best of the ranking"
    if award.lot_key in held:
        return
    currency = played.season.currency
    bids = [bid for bid in played.season.pooled.bids if bid.lot_key == award.lot_key]
    lowest = min(UnitPrice.parse(bid.unit_price, currency) for bid in bids)
    if award.price != lowest:
        yield f"it was made at {award.price}, and the lowest bid is {lowest}"


def _lines_off(award: Award, stage: Stage) -> Iterator[str]:
    sum_minor = sum(line.total.minor for line in award.lines)
    if sum_minor != award.total.minor:
        yield f"its lines do not sum to {award.total}"
    for line in award.lines:
        if line.total != total(award.price, line.quantity):
            yield f"the line of {line.member_reference} is not price times quantity"
    wanted: dict[str, Decimal] = {}
    for need in lots(stage)[award.lot_key]:
        wanted[need.member_reference] = (
            wanted.get(need.member_reference, Decimal(0)) + need.quantity
        )
    got = {line.member_reference: line.quantity for line in award.lines}
    if got != wanted or len(got) != len(award.lines) or sum(got.values()) != award.quantity:
        yield "its lines are not its members' quantities"


def _miscounted(expected: Iterable[Item], met: Iterable[Item]) -> Iterator[tuple[Item, int]]:
    """Count what was met, and yield what was not met just once, or met and not expected at all."""
    wanted = set(expected)
    counts = Counter(met)
    for each in dict.fromkeys((*wanted, *counts)):
        if counts[each] != (1 if each in wanted else 0):
            yield each, counts[each]
