"""Search for awards, and keep scenarios: what the use cases of winner determination need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.bids.domain.winners.offers import Need, Offer
from services.bids.domain.winners.scenarios import Scenario
from services.bids.domain.winners.sensitivity import Flip
from services.bids.domain.winners.tasks import Answer, FlipTask, RunnerUpTask, Task
from shared.domain.facts import Decision
from shared.domain.ids import PartyId, RfpId
from shared.domain.refusals import Kind, Refusal


class SearchFailed(Refusal):
    """A search died or took too long; nothing was decided, and it may be asked for again."""

    kind = Kind.UNAVAILABLE
    code = "search_failed"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at scenarios: a buyer at its own, an auditor at all."""

    party_id: PartyId | None
    is_auditor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an RFP's opening showed of the lots that are still to be decided.

    `seed` is the Merkle root of the sealed bids' hashes in hexadecimal: fixed at the closing,
    before any price was known, by what every vendor had put into its own bid.
    """

    needs: Sequence[Need]
    offers: Sequence[Offer]
    seed: str


class Solver(Protocol):
    """Search for awards apart from the service, within bounds of time and memory."""

    async def solve(self, task: Task) -> Answer:
        """Find the cheapest award.

        Raises:
            ProblemUnfit: The problem or a rule cannot mean anything.
            SearchFailed: The search died, or took too long.
        """
        ...

    async def runner_up(self, asked: RunnerUpTask) -> Answer:
        """Find the cheapest award in which a lot's winners win none of it.

        Raises:
            SearchFailed: The search died, or took too long.
        """
        ...

    async def flip(self, asked: FlipTask) -> Flip | None:
        """Find by how much a vendor's price must change to flip a lot; None: no price does.

        Raises:
            SearchFailed: The search died, or took too long.
        """
        ...


class Scenarios(Protocol):
    """Keep scenarios of the buyer's own RFPs."""

    async def opened(self, rfp_id: RfpId, *, buyer_id: PartyId) -> Opened:
        """Read what an RFP's opening showed.

        Raises:
            RfpUnknown: No such RFP of this buyer.
            LotNotEvaluated: No lot's bids are opened and still to be decided.
        """
        ...

    async def add(self, decision: Decision[Scenario], *, actor: str) -> Scenario:
        """Add a scenario; one of the same id is returned as it stands."""
        ...

    async def find(self, scenario_id: UUID, *, rfp_id: RfpId, viewer: Viewer) -> Scenario:
        """Read a scenario.

        Raises:
            ScenarioUnknown: No such scenario of an RFP that the viewer may look into.
        """
        ...

    async def page(
        self, rfp_id: RfpId, *, viewer: Viewer, after: UUID | None, limit: int
    ) -> list[Scenario]:
        """Read an RFP's scenarios by id.

        Raises:
            RfpUnknown: No such RFP that the viewer may look into.
        """
        ...

    async def claim(self, now: datetime, until: datetime) -> Scenario | None:
        """Take a scenario that waits, so that until then no other process does."""
        ...

    async def save(
        self, scenario_id: UUID, decide: Callable[[Scenario], Decision[Scenario]], *, at: datetime
    ) -> Scenario:
        """Save what a search came to."""
        ...

    async def choose(
        self,
        scenario_id: UUID,
        decide: Callable[[Scenario, Scenario | None], Decision[Scenario]],
        *,
        rfp_id: RfpId,
        buyer_id: PartyId,
        at: datetime,
    ) -> Scenario:
        """Choose a scenario in place of the one that was chosen before.

        Raises:
            ScenarioUnknown: No such scenario of this buyer's RFP.
        """
        ...
