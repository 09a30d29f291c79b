"""Say what an RFP is, and give a draft its lots, as often as the buyer likes."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final

from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.forms import StatedForm
from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.pooling import LeftOut, Pool, PoolBy, PooledLot, Share
from services.bids.domain.terms import Terms, require_fit
from shared.domain.canonical import canonical
from shared.domain.facts import Decision, Fact
from shared.domain.ids import LotId, PartyId, RfpId
from shared.domain.money import Currency
from shared.domain.refusals import Kind, Refusal

STANDSTILL_MAX: Final = timedelta(days=90)
"""The longest time for protest: longer than any law we know of asks for."""

LOTS_MAX: Final = 5_000
"""The most lots of one RFP: their ids fill a fifth of the largest message of the bus (1 MiB)."""


class RfpStatus(StrEnum):
    """How far an RFP has come."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rfp:
    """A solicitation: what its buyer wrote, and what became of it.

    `drafted_by` and `approved_by` name persons as their tokens do; `approved_sha256` is the digest
    of the draft that was approved. `addendum` is the version of the last addendum, 0 before the
    first. The earliest award is a day in the policy profile's time zone, and the instant at which
    that day begins. `form` is what bids are asked, from the publication on; None of an RFP that was
    published before forms were kept.
    """

    id: RfpId
    buyer_id: PartyId
    title: str
    currency: Currency
    consortium_model: ConsortiumModel
    policy_profile: str
    custodian_id: PartyId
    standstill_s: int
    status: RfpStatus
    closes_at: datetime
    drafted_at: datetime
    published_at: datetime | None = None
    cancelled_reason: str | None = None
    terms: Terms = field(default_factory=Terms)
    drafted_by: str = ""
    approved_by: str | None = None
    approved_sha256: bytes | None = None
    drafted_from: RfpId | None = None
    addendum: int = 0
    earliest_award_on: date | None = None
    earliest_award_at: datetime | None = None
    profile_sha256: bytes | None = None
    form: StatedForm | None = None


@dataclass(frozen=True, slots=True)
class LotWithShares:
    """A lot of a draft, and whose requirements it is made of."""

    lot: Lot
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class PooledRfp:
    """A draft as pooling leaves it."""

    lots: tuple[LotWithShares, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotOutline:
    """A pooled lot on the chain: `shares_sha256` is `shares_digest` of its shares."""

    lot_id: LotId
    quantity: Decimal
    shares: int
    shares_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RfpPooled(Fact):
    """A draft's lots were made, in place of earlier ones."""

    TYPE: ClassVar[str] = "rfp.pooled"

    rfp_id: RfpId
    by: PoolBy
    lots: tuple[LotOutline, ...]
    left_out: int


class RfpUnknown(Refusal):
    """There is no such RFP, or none that the caller may see or change."""

    kind = Kind.NOT_FOUND
    code = "rfp_unknown"

    def __init__(self) -> None:
        """Say no more than that."""
        super().__init__("There is no such RFP.")


class RfpNotDraft(Refusal):
    """The RFP was published or cancelled; its lots and terms stand."""

    kind = Kind.CONFLICT
    code = "rfp_not_draft"


class RfpTooLarge(Refusal):
    """The RFP has more bids or award lines than one answer carries."""

    kind = Kind.INVALID
    code = "rfp_too_large"


class DeadlinePast(Refusal):
    """Bidding would close before it opens."""

    kind = Kind.INVALID
    code = "deadline_past"


class LotsTooMany(Refusal):
    """The pool makes more lots than an RFP carries."""

    kind = Kind.INVALID
    code = "lots_too_many"


def decide_pool(
    rfp: Rfp, pooled: Pool, *, by: PoolBy, mint: Callable[[], LotId]
) -> Decision[PooledRfp]:
    """Give a draft the pool's lots, numbered from 1, in place of those it had.

    Raises:
        RfpNotDraft: The lots stand.
        LotsTooMany: More lots than `LOTS_MAX`.
    """
    require_draft(rfp)
    if len(pooled.lots) > LOTS_MAX:
        sentence = f"The pool makes {len(pooled.lots)} lots; an RFP carries at most {LOTS_MAX}."
        raise LotsTooMany(sentence)
    lots = tuple(
        LotWithShares(_lot(rfp, lot, mint(), number), lot.shares)
        for number, lot in enumerate(pooled.lots, start=1)
    )
    fact = RfpPooled(
        rfp_id=rfp.id,
        by=by,
        lots=tuple(_outline(each) for each in lots),
        left_out=len(pooled.left_out),
    )
    return Decision(PooledRfp(lots, pooled.left_out), (fact,))


def require_draft(rfp: Rfp) -> None:
    """Let only a draft pass.

    Raises:
        RfpNotDraft: It was published or cancelled.
    """
    if rfp.status is not RfpStatus.DRAFT:
        sentence = f"The RFP is {rfp.status}; only a draft can be changed or published."
        raise RfpNotDraft(sentence)


def require_terms(rfp: Rfp, *, now: datetime) -> None:
    """Let only terms pass under which bids can be taken.

    Raises:
        DeadlinePast: Bidding would close now or earlier.
        TermsUnfit: The terms contradict the consortium model, the deadline or each other.
    """
    if rfp.closes_at <= now:
        sentence = "The instant at which bidding closes must lie in the future."
        raise DeadlinePast(sentence)
    require_fit(rfp.terms, model=rfp.consortium_model, closes_at=rfp.closes_at)


def terms_digest(terms: Terms) -> str:
    """Hash an RFP's terms: SHA-256, in hex, over their canonical JSON."""
    return hashlib.sha256(canonical(written_terms(terms)).encode()).hexdigest()


def written_terms(terms: Terms) -> dict[str, object]:
    """Write terms as plain members; a day is written as ISO 8601, an absent one left out."""
    members = {each.name: getattr(terms, each.name) for each in fields(terms)}
    return {
        name: value.isoformat() if type(value) is date else value
        for name, value in members.items()
        if value is not None
    }


def shares_digest(shares: tuple[Share, ...]) -> str:
    """Hash a lot's shares: SHA-256, in hex, over one line for each, in their order.

    A line is the requirement's id, the member's id and the quantity as a plain decimal without
    trailing zeros, parted by spaces and ended by a line feed.
    """
    lines = (
        f"{share.requirement_id} {share.member_id} {share.quantity.normalize():f}\n"
        for share in shares
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _lot(rfp: Rfp, pooled: PooledLot, lot_id: LotId, number: int) -> Lot:
    return Lot(
        id=lot_id,
        rfp_id=rfp.id,
        buyer_id=rfp.buyer_id,
        number=number,
        title=pooled.title,
        category=pooled.category,
        item_code=pooled.item_code,
        specification=pooled.specification,
        unit=pooled.unit,
        term_months=pooled.term_months,
        delivery_area=pooled.delivery_area,
        quantity=pooled.quantity,
        currency=rfp.currency,
        status=LotStatus.DRAFT,
    )


def _outline(each: LotWithShares) -> LotOutline:
    return LotOutline(
        lot_id=each.lot.id,
        quantity=each.lot.quantity,
        shares=len(each.shares),
        shares_sha256=shares_digest(each.shares),
    )
