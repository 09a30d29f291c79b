"""Fill the report of an RFP from its bundle: its lots, its openings, and where its chains end."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from services.bids.domain.replay.bundle import AwardBundle, PublishedOpening
from services.bids.domain.replay.rebuilding import terms_of
from services.bids.domain.report.figures import ReportedHead, ReportedOpening, RfpReport
from services.bids.domain.report.lots import lot_report
from services.bids.domain.report.sentences import sharing
from services.bids.domain.report.sharing import LOTS_MAX, task_of
from services.bids.domain.sharing.beside import Shared, SharingTask
from shared.domain.ids import LotId

NOTHING_RECKONED: Final[Mapping[LotId, Sequence[Shared]]] = MappingProxyType({})


def sharing_tasks(
    bundle: AwardBundle, *, lot_id: LotId | None = None
) -> Mapping[LotId, SharingTask]:
    """List what is to be reckoned for a report: of no more lots than one report tells it of."""
    found: dict[LotId, SharingTask] = {}
    for lot in bundle.lots:
        task = task_of(bundle, lot) if lot_id in {None, lot.id} else None
        if task is not None and len(found) < LOTS_MAX:
            found[lot.id] = task
    return found


def report_of(
    bundle: AwardBundle,
    *,
    lot_id: LotId | None = None,
    reckoned: Mapping[LotId, Sequence[Shared]] = NOTHING_RECKONED,
) -> RfpReport:
    """Report on all lots that a bundle tells of, or on one, with what its tasks came to."""
    head = bundle.rfp
    return RfpReport(
        rfp_id=head.id,
        title=head.title,
        buyer=head.buyer_name or f"buyer {head.buyer_id}",
        currency=head.currency,
        policy_profile=head.policy_profile,
        model=head.consortium_model.value.replace("_", " "),
        closes_at=head.closes_at,
        terms_sha256=head.terms_sha256,
        plan_sha256=bundle.scheme.plan_sha256,
        sharing=sharing(terms_of(bundle)),
        lots=tuple(
            lot_report(bundle, lot, reckoned) for lot in bundle.lots if lot_id in {None, lot.id}
        ),
        left_out=tuple(each.name for each in bundle.lots_left_out),
        openings=tuple(map(_opening, bundle.openings)),
        chain_heads=tuple(
            ReportedHead(aggregate=each.aggregate, sequence=each.sequence, hash=each.hash)
            for each in bundle.chain_heads
        ),
    )


def _opening(told: PublishedOpening) -> ReportedOpening:
    listed, record = told.hash_list, told.record
    seats = () if record is None else record.custodians
    return ReportedOpening(
        purpose=listed.purpose.value,
        merkle_root=listed.merkle_root,
        closed_at=listed.closed_at,
        unsealed_at=None if record is None else record.unsealed_at,
        custodians=len(seats),
        attended=sum(seat.attended_at is not None for seat in seats),
        threshold=0 if record is None else record.threshold,
        opened=0 if record is None else record.opened,
        failed=0 if record is None else record.failed,
        incidents=0 if record is None else len(record.incidents),
        hashes={str(each.bid_id): each.sealed_sha256 for each in listed.entries},
    )
