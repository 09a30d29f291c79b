"""State how an RFP is scored, while it is a draft; set bids aside after the opening."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from services.bids.domain.lots import Lot, LotStatus
from services.bids.domain.rfps import Rfp, require_draft
from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.cascade import BidDisqualified, BidUnscored, Disqualification
from services.bids.domain.scoring.panels import Panel
from services.bids.domain.scoring.plan import Plan, PlanUnfit, require_plan
from shared.domain.canonical import canonical, digest
from shared.domain.facts import Decision, Fact
from shared.domain.ids import RfpId


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringStated(Fact):
    """A draft's plan was stated; the hash is SHA-256 over its canonical JSON, in hexadecimal."""

    TYPE: ClassVar[str] = "rfp.scoring_stated"

    rfp_id: RfpId
    plan_sha256: str
    panels: tuple[str, ...]


def decide_state(rfp: Rfp, plan: Plan, panels: Sequence[Panel]) -> Decision[Plan]:
    """State a draft's plan and panels, in place of earlier ones.

    Raises:
        RfpNotDraft: It was published or cancelled.
        PlanUnfit: The plan contradicts itself, the RFP's criteria or its panels.
    """
    require_draft(rfp)
    require_plan(plan, rfp.terms.criteria if plan.criteria else None)
    known = {each.name for each in plan.criteria}
    reasons = [
        f"The panel {panel.name} judges {name}, which is no criterion of the plan."
        for panel in panels
        for name in sorted(panel.criteria - known)
    ]
    if reasons:
        raise PlanUnfit(reasons)
    fact = ScoringStated(
        rfp_id=rfp.id,
        plan_sha256=digest(canonical(plan)).hex(),
        panels=tuple(sorted(panel.name for panel in panels)),
    )
    return Decision(plan, (fact,))


def decide_disqualify(
    lot: Lot,
    candidates: Sequence[Candidate],
    before: Sequence[Disqualification],
    now: Disqualification,
) -> BidDisqualified:
    """Set a bid aside, before the lot is awarded.

    Raises:
        BidUnscored: No such opened bid of this lot, or it was set aside before, or it is too late.
    """
    known = {each.bid_id for each in candidates} - {each.bid_id for each in before}
    if now.bid_id not in known or lot.status is not LotStatus.EVALUATED:
        sentence = "There is no such bid of this lot that may still be set aside."
        raise BidUnscored(sentence)
    return BidDisqualified(lot_id=lot.id, bid_id=now.bid_id, reason=now.reason)


def features_of(plan: Plan, answers: dict[str, Fraction]) -> dict[str, Fraction]:
    """Take the shares of features that a vendor claims, each no more than its largest."""
    return {
        name: min(answers[name], Fraction(largest))
        for name, largest in plan.cost.features_max.items()
        if name in answers
    }
