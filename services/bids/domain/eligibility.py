"""Say which vendors may bid on a lot: those that serve its regions and, where asked, qualify."""

from dataclasses import dataclass
from datetime import date

from services.bids.domain.bids import VendorUnknown
from services.bids.domain.vendors import VendorProfile
from shared.domain.refusals import Kind, Refusal


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
        if self.regions and not self._serves():
            raise RegionNotServed

    def require_qualified(self, day: date) -> None:
        """Let a vendor pass that is qualified on a day for what the lot buys, where that is asked.

        Raises:
            VendorNotQualified: It was not qualified, or no more, or not for this.
        """
        if not self.prequalified_only:
            return
        profile = self.profile
        if profile is None or profile.qualified_until is None:
            sentence = "Only qualified vendors bid on this lot, and you are not qualified."
            raise VendorNotQualified(sentence)
        if not profile.is_qualified(day):
            sentence = f"Your qualification ended with {profile.qualified_until}."
            raise VendorNotQualified(sentence)
        if not profile.sells(self.item_code):
            sentence = f"You are not qualified for what this lot buys: {self.item_code}."
            raise VendorNotQualified(sentence)

    def _serves(self) -> bool:
        return self.profile is not None and any(map(self.profile.serves, self.regions))
