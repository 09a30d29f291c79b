"""Say what the cooperative knows of a vendor: what it sells, where, and until when it qualifies."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from services.bids.domain.membership import require_kind
from services.bids.domain.parties import Party, PartyKind
from shared.domain.facts import Decision, Fact
from shared.domain.ids import PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorProfile:
    """What is known of a vendor.

    `registration` is how it is registered where it does business, or empty. It sells what has an
    item code that begins with one of `category_prefixes`, and delivers to `regions`; without any,
    it sells everything and delivers everywhere. It qualifies through `qualified_until`, that day
    included; None is a vendor that was not qualified beforehand.
    """

    vendor_id: PartyId
    registration: str
    category_prefixes: tuple[str, ...]
    regions: tuple[str, ...]
    qualified_until: date | None

    def sells(self, item_code: str) -> bool:
        """Tell whether an item is among what the vendor sells."""
        return not self.category_prefixes or item_code.startswith(self.category_prefixes)

    def serves(self, region: str) -> bool:
        """Tell whether the vendor delivers to a region."""
        return not self.regions or region in self.regions

    def is_qualified(self, day: date) -> bool:
        """Tell whether the vendor qualifies on a day."""
        return self.qualified_until is not None and day <= self.qualified_until


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorProfiled(Fact):
    """What is known of a vendor was written down, in place of what was known before."""

    TYPE: ClassVar[str] = "vendor.profiled"

    vendor_id: PartyId
    registration: str
    category_prefixes: tuple[str, ...]
    regions: tuple[str, ...]
    qualified_until: str | None


def decide_vendor(party: Party | None, profile: VendorProfile) -> Decision[VendorProfile]:
    """Write down what is known of a vendor.

    Raises:
        PartyUnknown: The party is no vendor.
    """
    require_kind(party, PartyKind.VENDOR)
    until = profile.qualified_until
    fact = VendorProfiled(
        vendor_id=profile.vendor_id,
        registration=profile.registration,
        category_prefixes=profile.category_prefixes,
        regions=profile.regions,
        qualified_until=None if until is None else until.isoformat(),
    )
    return Decision(profile, (fact,))
