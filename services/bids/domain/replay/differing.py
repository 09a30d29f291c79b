"""Hold what a bundle states against what is computed, and name the first thing that differs."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction

from services.bids.domain.replay.bundle import AwardBundle, PublishedLot
from services.bids.domain.winners.written import amount_text
from shared.domain.ids import BidId, PartyId

Label = Callable[[object, int], str]


class Differs(Exception):  # noqa: N818 - a fact about a bundle
    """The bundle states something that does not follow from the rest of it."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Name what a bundle holds, in the words of a reader."""

    bundle: AwardBundle

    def place(self, lot: PublishedLot) -> str:
        """Name a lot."""
        return f"lot {lot.number}"

    def party(self, party_id: PartyId) -> str:
        """Name a party."""
        return self.bundle.name_of(party_id)

    def bid(self, bid_id: BidId) -> str:
        """Name a bid by its vendor."""
        bids = (bid for lot in self.bundle.lots for bid in lot.bids if bid.bid_id == bid_id)
        found = next(bids, None)
        return f"bid {bid_id}" if found is None else f"bid of {self.party(found.vendor_id)}"

    def label(self, entry: object, index: int) -> str:
        """Name an entry of a list by whose it is."""
        bid_id, member_id, vendor_id, criterion = (
            getattr(entry, name, None) for name in ("bid_id", "member_id", "vendor_id", "criterion")
        )
        if bid_id is not None:
            on = "" if criterion is None else f", {criterion}"
            return f"{self.bid(bid_id)}{on}"
        if member_id is not None:
            return f"line of {self.party(member_id)}"
        return f"entry {index}" if vendor_id is None else self.party(vendor_id)


def require_same(place: str, stated: object, computed: object, label: Label) -> None:
    """Let pass what is stated as it is computed.

    Raises:
        Differs: It is not; the first member that differs is named.
    """
    if stated == computed:
        return
    if isinstance(stated, tuple) and isinstance(computed, tuple):
        _require_same_entries(place, (stated, computed), label)
    elif is_dataclass(stated) and type(stated) is type(computed):
        for each in fields(stated):
            name = each.name.replace("_", " ")
            one, other = getattr(stated, each.name), getattr(computed, each.name)
            require_same(f"{place}: {name}", one, other, label)
    elif isinstance(stated, dict) and isinstance(computed, dict):
        for key in sorted({*stated, *computed}, key=str):
            require_same(f"{place}: {key}", stated.get(key), computed.get(key), label)
    sentence = f"{place}: stated {_text(stated)}, computed {_text(computed)}"
    raise Differs(sentence)


def require(place: str, *, holds: bool, sentence: str) -> None:
    """Let pass what holds.

    Raises:
        Differs: It does not; the sentence says so.
    """
    if not holds:
        wrong = f"{place}: {sentence}"
        raise Differs(wrong)


def _require_same_entries(
    place: str, both: tuple[tuple[object, ...], tuple[object, ...]], label: Label
) -> None:
    stated, computed = both
    for index, (one, other) in enumerate(zip(stated, computed, strict=False), start=1):
        named = label(one, index)
        if label(other, index) != named:
            sentence = f"{place}: place {index}: stated {named}, computed {label(other, index)}"
            raise Differs(sentence)
        require_same(f"{place}: {named}", one, other, label)
    sentence = f"{place}: stated {len(stated)} entries, computed {len(computed)}"
    raise Differs(sentence)


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Fraction):
        return amount_text(value)
    return str(value)
