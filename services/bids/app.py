"""Put the bids service together: the only file that knows what fills which port."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

from aiohttp import web

from services.bids.api import api
from services.bids.api.amendments import AMENDING
from services.bids.api.award_course import AWARD_COURSE, NOTICES
from services.bids.api.awards import AWARDING
from services.bids.api.bids import SEALED_BIDDING
from services.bids.api.cases import CASES
from services.bids.api.ceremonies import REHEARSING
from services.bids.api.disclosures import CLAIMING, DISCLOSING
from services.bids.api.documents import DOCUMENTS
from services.bids.api.drafts import DRAFTING
from services.bids.api.invitations import INVITATIONS
from services.bids.api.lot_auctions import AUCTIONING
from services.bids.api.membership import MEMBERSHIP
from services.bids.api.open_data import OPEN_DATA
from services.bids.api.openings import CUSTODY
from services.bids.api.parties import PARTIES
from services.bids.api.pools import POOLS
from services.bids.api.profiles import POLICIES
from services.bids.api.publishing import PUBLISHING
from services.bids.api.questions import QUESTIONS
from services.bids.api.records import RECORDING
from services.bids.api.registrations import REGISTRATIONS
from services.bids.api.requirements import REQUIREMENTS
from services.bids.api.rfps import RFPS
from services.bids.api.savings import SAVINGS
from services.bids.api.scenarios import WINNERS
from services.bids.api.scoring import SCORING
from services.bids.api.screens import SCREENING
from services.bids.api.sharings import SHARINGS
from services.bids.api.technical import JUDGEMENT
from services.bids.api.volumes import POOLED_LOTS
from services.bids.api.withdrawals import CLERICAL_ERRORS
from services.bids.consumer import handlers_of
from services.bids.domain.policy import PolicyBook
from services.bids.settings import BidsSettings
from services.bids.solver.processes import SolverProcesses
from services.bids.solver.sharing import SharingProcesses
from services.bids.store.amendments import PostgresAmendmentStore
from services.bids.store.archives import ZipArchive
from services.bids.store.auctioning import AuctioningStore
from services.bids.store.awards import AwardStore
from services.bids.store.bids import BidStore
from services.bids.store.ceremonies import CeremonyStore
from services.bids.store.claims import ClaimStore
from services.bids.store.decided import DecidedStore
from services.bids.store.disclosures import DisclosureStore
from services.bids.store.documents import DocumentStore
from services.bids.store.drafts import PostgresDraftStore
from services.bids.store.invitations import PostgresInvitationStore
from services.bids.store.membership import PostgresMembershipStore
from services.bids.store.objects import objects_at
from services.bids.store.open_data import OpenDataStore
from services.bids.store.openings import OpeningStore
from services.bids.store.parties import PostgresPartyStore
from services.bids.store.pool_rules import PoolRuleStore
from services.bids.store.pooled_lots import PostgresPooledLotStore
from services.bids.store.pools import PostgresPoolStore
from services.bids.store.profiles import read_profiles
from services.bids.store.questions import PostgresQuestionStore
from services.bids.store.records import RecordStore
from services.bids.store.registrations import PostgresRegistrationStore
from services.bids.store.requirements import PostgresRequirementStore
from services.bids.store.rfps import PostgresRfpStore
from services.bids.store.savings import SavingsStore
from services.bids.store.scenarios import ScenarioStore
from services.bids.store.scoring import ScoringStore
from services.bids.store.screens import ScreenStore
from services.bids.store.technical import TechnicalStore
from services.bids.store.unsealing import UnsealingStore
from services.bids.store.withdrawals import WithdrawalStore
from services.bids.usecases.amendments import Amending
from services.bids.usecases.auctioning import Auctioning
from services.bids.usecases.award_course import AwardCourse
from services.bids.usecases.awards import Awarding
from services.bids.usecases.bids import ReceiptSigner, SealedBidding
from services.bids.usecases.cases import Cases
from services.bids.usecases.ceremonies import Rehearsing
from services.bids.usecases.disclosures import Claiming, Disclosing
from services.bids.usecases.documents import Documents
from services.bids.usecases.drafts import Drafting
from services.bids.usecases.invitations import Invitations
from services.bids.usecases.membership import Membership
from services.bids.usecases.notices import Notices
from services.bids.usecases.open_data import OpenData
from services.bids.usecases.openings import Closing, Custody
from services.bids.usecases.parties import Parties
from services.bids.usecases.pools import PooledLots, Pools
from services.bids.usecases.publishing import Publishing
from services.bids.usecases.questions import Questions
from services.bids.usecases.records import Recording
from services.bids.usecases.registrations import Registrations
from services.bids.usecases.requirements import Requirements
from services.bids.usecases.rfps import Rfps
from services.bids.usecases.savings import SavingsReporting
from services.bids.usecases.scoring import Scoring
from services.bids.usecases.screens import Screening
from services.bids.usecases.sharings import LotSharing
from services.bids.usecases.technical import Judgement
from services.bids.usecases.unsealing import Opener
from services.bids.usecases.winners import ScenarioSolving, Winners
from services.bids.usecases.withdrawals import ClericalErrors
from services.bids.worker import AwardKeeper, Closer, DocumentSweeper, Unsealer, repeat
from shared import house
from shared.domain.bid_content import NONCE_BYTES
from shared.house import House
from shared.lease import LeaseHolder
from shared.receipts import load_signing_key

OPENER_LEASE: Final = "opener"

REPORT_S: Final = 5.0
"""The time in which all that a report shares is shared: the clients wait for ten, and there is more
to be read and written."""


async def main() -> None:
    """Run the service until it is told to stop."""
    settings = BidsSettings.load()
    async with house.open_house(settings, service="bids") as opened:
        await _run(opened, settings)


async def _run(opened: House, settings: BidsSettings) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    openings = OpeningStore(pool, journal)
    policies, awards = read_profiles(settings.profiles_folder), AwardStore(pool, journal)
    course = AwardCourse(awards, clock=clock, policies=policies)
    auctioning = Auctioning(
        AuctioningStore(pool, journal), clock=clock, draw=_shuffled, policies=policies
    )
    documents = _documents(opened, settings)
    scenarios, solver = ScenarioStore(pool, journal), SolverProcesses()
    lease = LeaseHolder(pool, OPENER_LEASE, holder=opened.holder, lease_s=settings.lease_s)
    workers = (
        Closer(Closing(openings, intake_grace_s=settings.intake_grace_s)),
        Unsealer(Opener(UnsealingStore(pool, journal), lease)),
        AwardKeeper(course),
        ScenarioSolving(scenarios, solver, clock=clock),
    )

    def fill(app: web.Application) -> None:
        _fill_purchase(app, opened)
        _fill_pools(app, opened, policies)
        _fill_solicitation(app, opened, policies)
        app[SEALED_BIDDING] = _sealed_bidding(opened, settings, policies)
        _fill_disclosure(app, opened, policies, documents)
        _fill_records(app, opened, settings)
        app[CUSTODY] = Custody(openings, clock=clock)
        app[JUDGEMENT] = Judgement(TechnicalStore(pool, journal), clock=clock)
        app[REHEARSING] = Rehearsing(CeremonyStore(pool, journal), clock=clock)
        app[AUCTIONING] = auctioning
        app[AWARDING] = Awarding(awards, clock=clock, policies=policies)
        app[AWARD_COURSE] = course
        app[NOTICES] = Notices(awards, policies=policies)
        app[SCORING] = Scoring(ScoringStore(pool, journal), clock=clock)
        app[CLERICAL_ERRORS] = ClericalErrors(
            WithdrawalStore(pool, journal), clock=clock, policies=policies
        )
        app[SCREENING] = Screening(ScreenStore(pool))
        _fill_open_data(app, opened, settings, policies)
        app[WINNERS] = Winners(scenarios, solver, clock=clock)

    await house.run(
        opened,
        api,
        fill=fill,
        handlers=handlers_of(auctioning),
        loops=[
            *(partial(repeat, worker, clock) for worker in workers),
            partial(repeat, DocumentSweeper(documents), clock, period_s=settings.documents_sweep_s),
        ],
    )


def _fill_open_data(
    app: web.Application, opened: House, settings: BidsSettings, policies: PolicyBook
) -> None:
    pool, awards = opened.pool, AwardStore(opened.pool, opened.journal)
    app[OPEN_DATA] = OpenData(
        OpenDataStore(pool), policies=policies, ocid_prefix=settings.ocid_prefix
    )
    app[SAVINGS] = SavingsReporting(SavingsStore(pool))
    app[SHARINGS] = LotSharing(awards, PoolRuleStore(pool), SharingProcesses())


def _fill_purchase(app: web.Application, opened: House) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    parties = PostgresPartyStore(pool, journal)
    app[PARTIES] = Parties(parties, clock=clock)
    app[REGISTRATIONS] = Registrations(PostgresRegistrationStore(pool, journal), clock=clock)
    app[MEMBERSHIP] = Membership(PostgresMembershipStore(pool, journal), clock=clock)
    app[REQUIREMENTS] = Requirements(PostgresRequirementStore(pool, journal), parties, clock=clock)


def _fill_pools(app: web.Application, opened: House, policies: PolicyBook) -> None:
    lots = PostgresPooledLotStore(opened.pool)
    store = PostgresPoolStore(opened.pool, opened.journal)
    app[POOLS] = Pools(store, policies, clock=opened.clock)
    app[POOLED_LOTS] = PooledLots(lots)
    app[CASES] = Cases(lots)


def _fill_solicitation(app: web.Application, opened: House, policies: PolicyBook) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    app[POLICIES] = policies
    app[RFPS] = Rfps(PostgresRfpStore(pool, journal), clock=clock, policies=policies)
    app[DRAFTING] = Drafting(
        PostgresDraftStore(pool, journal),
        PostgresPartyStore(pool, journal),
        clock=clock,
        policies=policies,
    )
    app[AMENDING] = Amending(PostgresAmendmentStore(pool, journal), clock=clock, policies=policies)
    app[QUESTIONS] = Questions(PostgresQuestionStore(pool, journal), clock=clock)
    app[INVITATIONS] = Invitations(
        PostgresInvitationStore(pool, journal), clock=clock, policies=policies
    )


def _fill_disclosure(
    app: web.Application, opened: House, policies: PolicyBook, documents: Documents
) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    app[DOCUMENTS] = documents
    app[CLAIMING] = Claiming(ClaimStore(pool, journal), policies=policies, clock=clock)
    app[DISCLOSING] = Disclosing(
        DisclosureStore(pool, journal), documents, ZipArchive(), policies=policies, clock=clock
    )


def _documents(opened: House, settings: BidsSettings) -> Documents:
    return Documents(
        DocumentStore(opened.pool, opened.journal),
        objects_at(settings.documents_url, settings.documents_folder),
        clock=opened.clock,
    )


def _fill_records(app: web.Application, opened: House, settings: BidsSettings) -> None:
    """Fill what is told of openings and of all that was decided, signed where it is."""
    sign = _signer(settings).sign_document
    app[RECORDING] = Recording(RecordStore(opened.pool), sign=sign)
    # Reports have processes of their own: their many readers keep no buyer from its sharings.
    sharers = SharingProcesses(seconds=REPORT_S)
    app[PUBLISHING] = Publishing(DecidedStore(opened.pool), app[RECORDING], sharers)


def _sealed_bidding(opened: House, settings: BidsSettings, policies: PolicyBook) -> SealedBidding:
    return SealedBidding(
        BidStore(opened.pool, opened.journal),
        _signer(settings),
        clock=opened.clock,
        policies=policies,
        deadline_s=settings.filing_deadline_s,
        new_nonce=partial(secrets.token_bytes, NONCE_BYTES),
    )


def _signer(settings: BidsSettings) -> ReceiptSigner:
    return ReceiptSigner(load_signing_key(settings.receipt_seed()))


def _shuffled(count: int) -> Sequence[int]:
    """Draw an order by lot, so that an alias tells nothing of its vendor."""
    order = list(range(count))
    secrets.SystemRandom().shuffle(order)
    return order
