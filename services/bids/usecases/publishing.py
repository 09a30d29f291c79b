"""Publish what was decided of an RFP: as a bundle to check it by, and as a report to read."""

import asyncio
from collections.abc import Sequence

from services.bids.domain.awards.award import EvaluationUnknown
from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.replay.bundle import AwardBundle, PublishedOpening
from services.bids.domain.report.figures import RfpReport
from services.bids.domain.report.whole import report_of, sharing_tasks
from services.bids.ports.publishing import Publications, RfpMaterial
from services.bids.ports.sharing import Sharers
from services.bids.usecases.composing import Seen, compose
from services.bids.usecases.records import Recording
from shared.auth import Principal, Role
from shared.domain.ids import LotId, RfpId


class Publishing:
    """Show all that was decided to those who may see it whole."""

    def __init__(self, publications: Publications, recording: Recording, sharers: Sharers) -> None:
        """Read from a store; lists and records are signed as ever; `sharers` share costs."""
        self._publications = publications
        self._recording = recording
        self._sharers = sharers

    async def bundle(self, rfp_id: RfpId, viewer: Principal) -> AwardBundle:
        """Write the bundle of an RFP; lots that the viewer may not see whole are left out.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
            EvaluationUnknown: There is no lot of it that the viewer may see whole yet.
        """
        material = await self._publications.material(rfp_id, viewer_id=viewer.party_id)
        seen = _seen(material, viewer)
        if not seen.lot_ids:
            sentence = "There is no lot of this RFP of which all may be seen yet."
            raise EvaluationUnknown(sentence)
        openings = await self._openings(material)
        # Trying other weights takes a second where a hundred bid; others are served meanwhile.
        return await asyncio.to_thread(compose, material, openings, seen)

    async def bundle_of_lot(self, lot_id: LotId, viewer: Principal) -> AwardBundle:
        """Write the bundle of the RFP that a lot is of, when the lot itself is seen whole.

        Raises:
            LotUnknown: No such lot.
            RfpUnknown: It is of another's draft.
            EvaluationUnknown: The viewer may not see all of the lot yet.
        """
        rfp_id = await self._publications.rfp_of(lot_id)
        bundle = await self.bundle(rfp_id, viewer)
        if not any(lot.id == lot_id for lot in bundle.lots):
            sentence = "There is no evaluation of this lot to be seen yet."
            raise EvaluationUnknown(sentence)
        return bundle

    async def report(self, rfp_id: RfpId, viewer: Principal) -> RfpReport:
        """Report on the lots of an RFP that the viewer may see whole.

        Raises:
            RfpUnknown: No such RFP, or another's draft.
            EvaluationUnknown: There is no lot of it that the viewer may see whole yet.
        """
        return await self._reported(await self.bundle(rfp_id, viewer), lot_id=None)

    async def report_of_lot(self, lot_id: LotId, viewer: Principal) -> RfpReport:
        """Report on one lot, when the viewer may see it whole.

        Raises:
            LotUnknown: No such lot.
            RfpUnknown: It is of another's draft.
            EvaluationUnknown: The viewer may not see all of the lot yet.
        """
        return await self._reported(await self.bundle_of_lot(lot_id, viewer), lot_id=lot_id)

    async def _reported(self, bundle: AwardBundle, *, lot_id: LotId | None) -> RfpReport:
        """Write a report; what cannot be reckoned in time is left out of it by name."""
        tasks = sharing_tasks(bundle, lot_id=lot_id)
        found = await self._sharers.share(list(tasks.values()))
        reckoned = dict(zip(tasks, found, strict=True))
        return await asyncio.to_thread(report_of, bundle, lot_id=lot_id, reckoned=reckoned)

    async def _openings(self, material: RfpMaterial) -> Sequence[PublishedOpening]:
        found = []
        for opening_id in material.opening_ids:
            listed = await self._recording.hash_list(opening_id)
            record = await self._recording.record(opening_id)
            found.append(
                PublishedOpening(
                    hash_list=listed.listed,
                    signed_hash_list=listed.token,
                    record=record.record,
                    signed_record=record.token,
                )
            )
        return found


def _seen(material: RfpMaterial, viewer: Principal) -> Seen:
    is_auditor = viewer.role is Role.AUDITOR
    return Seen(
        lot_ids=frozenset(
            each.lot.id
            for each in material.lots
            if sight_of(each.lot, viewer_id=viewer.party_id, is_auditor=is_auditor) is Sight.WHOLE
        ),
        sees_proposals=is_auditor or viewer.party_id == material.rfp.buyer_id,
    )
