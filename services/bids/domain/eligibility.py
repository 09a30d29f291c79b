"""Say which vendors may bid on a lot: those that serve its regions and, where asked, qualify."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from services.bids.domain.bids import VendorUnknown
from services.bids.domain.vendors import VendorProfile
from shared.domain.ids import LotId, PartyId
from shared.domain.refusals import Kind, Refusal


class Unqualified(StrEnum):
    """Why a vendor is not qualified for a lot on a day."""

    NEVER = "never"
    NO_MORE = "no_more"
    FOR_OTHERS = "for_others"


class RegionNotServed(Refusal):
    """The lot is for regions to which the vendor does not deliver."""

    kind = Kind.FORBIDDEN
    code = "region_not_served"

    def __init__(self) -> None:
        """Say what would help."""
        super().__init__("The lot is for vendors that deliver to its regions; yours are others.")


class VendorNotQualified(Refusal):
    """Only qualified vendors bid, and the vendor is not qualified for the lot on this day."""

    kind = Kind.FORBIDDEN
    code = "vendor_not_qualified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """A vendor before a lot: what the lot asks for, and what is known of the vendor.

    A lot without `regions` is for all. `profile` is None of a vendor of which nothing is known;
    one without regions of its own delivers everywhere.
    """

    is_vendor: bool
    profile: VendorProfile | None
    item_code: str
    regions: tuple[str, ...]
    prequalified_only: bool
    policy_profile: str

    def require_vendor(self) -> None:
        """Let registered vendors pass.

        Raises:
            VendorUnknown: It is none.
        """
        if not self.is_vendor:
            sentence = "Only a registered vendor files bids."
            raise VendorUnknown(sentence)

    def require_region(self) -> None:
        """Let a vendor pass that delivers to one of the lot's regions.

        Raises:
            RegionNotServed: It delivers to none, or nothing is known of it.
        """
        if not self.is_served:
            raise RegionNotServed

    def require_qualified(self, day: date) -> None:
        """Let a vendor pass that is qualified on a day for what the lot buys, where that is asked.

        Raises:
            VendorNotQualified: It was not qualified, or no more, or not for this.
        """
        why_not = self.unqualified(day)
        if why_not is None:
            return
        sentences = {
            Unqualified.NEVER: "Only qualified vendors bid on this lot, and you are not qualified.",
            Unqualified.NO_MORE: f"Your qualification ended with {self.qualified_until}.",
            Unqualified.FOR_OTHERS: f"You are not qualified for {self.item_code}.",
        }
        raise VendorNotQualified(sentences[why_not])

    @property
    def is_served(self) -> bool:
        """Whether the vendor delivers to one of the lot's regions, or the lot is for all."""
        profile = self.profile
        return not self.regions or (profile is not None and any(map(profile.serves, self.regions)))

    @property
    def qualified_until(self) -> date | None:
        """The last day on which the vendor is qualified."""
        return None if self.profile is None else self.profile.qualified_until

    def unqualified(self, day: date) -> Unqualified | None:
        """Tell why the vendor is not qualified on a day; None where it is, or need not be."""
        if not self.prequalified_only:
            return None
        if self.profile is None or self.profile.qualified_until is None:
            return Unqualified.NEVER
        if not self.profile.is_qualified(day):
            return Unqualified.NO_MORE
        return None if self.profile.sells(self.item_code) else Unqualified.FOR_OTHERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What an RFP asks of its vendors, and what is known of some of them.

    `lots` holds each lot's id, item code and regions.
    """

    lots: tuple[tuple[LotId, str, tuple[str, ...]], ...]
    prequalified_only: bool
    policy_profile: str
    closes_at: datetime
    profiles: tuple[VendorProfile, ...]

    def of(self, vendor_id: PartyId) -> Iterator[tuple[LotId, Eligibility]]:
        """Set a vendor before each of the lots."""
        known = {each.vendor_id: each for each in self.profiles}
        for lot_id, item_code, regions in self.lots:
            yield (
                lot_id,
                Eligibility(
                    is_vendor=True,
                    profile=known.get(vendor_id),
                    item_code=item_code,
                    regions=regions,
                    prequalified_only=self.prequalified_only,
                    policy_profile=self.policy_profile,
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """What would be refused if a vendor filed: the refusal's code, why, and on which lots.

    No lot is named where none is for the vendor's regions: such lots are not shown to it.
    """

    vendor_id: PartyId
    code: str
    sentence: str
    lot_ids: tuple[LotId, ...] = ()


def hindrances(
    admission: Admission, vendor_id: PartyId, *, today: date, last_day: date
) -> tuple[Hindrance, ...]:
    """List what keeps a vendor from filing today, or will before the RFP's last day of bidding.

    Lots that are not for its regions are passed over where there are others: it sees none of them.
    """
    standings = list(admission.of(vendor_id))
    served = [(lot_id, standing) for lot_id, standing in standings if standing.is_served]
    if standings and not served:
        sentence = "No lot is for regions to which the vendor delivers."
        return (Hindrance(vendor_id=vendor_id, code=RegionNotServed.code, sentence=sentence),)
    found: dict[str, list[LotId]] = defaultdict(list)
    for lot_id, standing in served:
        sentence = _why_not(standing, today=today, last_day=last_day)
        if sentence:
            found[sentence].append(lot_id)
    return tuple(
        Hindrance(
            vendor_id=vendor_id,
            code=VendorNotQualified.code,
            sentence=sentence,
            lot_ids=tuple(lot_ids),
        )
        for sentence, lot_ids in found.items()
    )


def _why_not(standing: Eligibility, *, today: date, last_day: date) -> str:
    """Say why a vendor is not qualified for a lot today, or will not be; nothing where it is."""
    match standing.unqualified(today):
        case Unqualified.NEVER:
            return "Only qualified vendors bid, and the vendor is not qualified."
        case Unqualified.NO_MORE:
            return f"The vendor's qualification ended with {standing.qualified_until}."
        case Unqualified.FOR_OTHERS:
            return f"The vendor is not qualified for {standing.item_code}."
        case None if standing.unqualified(last_day) is not None:
            until = standing.qualified_until
            return f"The vendor's qualification ends with {until}, before the deadline."
    return ""
