"""Take offers whose price the log hides until they may be known."""

from dataclasses import dataclass, field
from typing import Final

from services.auctions.domain import facts
from services.auctions.domain.commands import Step
from services.auctions.domain.formats.format import Noted, Offer
from services.auctions.domain.secrecy import committed
from shared.domain.money import Currency, UnitPrice

OFFER_NAME: Final = "offer"


@dataclass(frozen=True, slots=True)
class SealedOffer:
    """An offer that only its vendor knows: where it stands in the log, its price, and its salt."""

    offer: int
    price_e4: int = field(repr=False)
    salt: str = field(repr=False)


def sealed(offer: Offer, currency: Currency) -> tuple[Step, ...]:
    """State an offer without its price, which goes apart as the step's secret.

    Raises:
        ValueError: The offer has no salt, which is a defect of the caller.
    """
    price = str(UnitPrice(offer.price_e4, currency))
    commitment, secret = committed(OFFER_NAME, price, offer.salt)
    fact = facts.OfferSealed(
        alias=offer.alias, commitment=commitment, surrogate_reason=offer.surrogate_reason
    )
    return (Step(fact, secret),)


def known(noted: Noted, currency: Currency) -> SealedOffer | None:
    """Read a sealed offer back from the secret beside its entry; None where it is not at hand."""
    if noted.secret is None:
        return None
    price = UnitPrice.parse(noted.secret.value, currency)
    return SealedOffer(noted.sequence, price.e4, noted.secret.salt.hex())
