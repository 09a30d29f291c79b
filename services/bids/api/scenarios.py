"""Routes of award scenarios: save, read, compare, choose, and ask what if."""

from typing import Final

from aiohttp import web

from services.bids.api.scenario_fields import (
    ChooseScenario,
    ComparisonAnswer,
    FlipAnswer,
    RunnerUpAnswer,
    SaveScenario,
    ScenarioAnswer,
    flip_answer,
    rule_of,
    runner_up_answer,
    scenario_answer,
    standing_answer,
    terms_of,
)
from services.bids.domain.auctioning import LotNotEvaluated
from services.bids.domain.rfps import RfpUnknown
from services.bids.domain.winners.fit import ProblemUnfit
from services.bids.domain.winners.scenarios import (
    Choosing,
    ScenarioUnknown,
    ScenarioUnproven,
    ScenarioWithoutAward,
)
from services.bids.ports.winners import SearchFailed
from services.bids.usecases.winners import Winners, Wish
from shared.domain.ids import RfpId
from shared.web import Api, Call
from shared.web.fields import PageAnswer

WINNERS: Final = web.AppKey("bids_winners", Winners)

routes = Api("bids", title="", version="")


@routes.post(
    "/v1/rfps/{rfp_id}/scenarios",
    scope="award:write",
    body=SaveScenario,
    answer=ScenarioAnswer,
    status=202,
    summary="Save a scenario, to be solved",
    refusals=(RfpUnknown, LotNotEvaluated, ProblemUnfit),
    creates=True,
)
async def save_scenario(call: Call[SaveScenario]) -> ScenarioAnswer:
    """Write rules down over the opened bids of the lots that are still to be decided.

    It is solved soon after; read it until its status is `solved`.
    """
    body = call.body
    wish = Wish(
        scenario_id=call.new_id,
        rfp_id=RfpId(call.id("rfp_id")),
        name=body.name,
        terms=terms_of(body),
        rules=tuple(rule_of(rule) for rule in body.rules),
        each_lot=frozenset(rule.id for rule in body.rules if rule.each_lot),
        seconds=body.seconds,
    )
    return scenario_answer(await call.of(WINNERS).save(wish, buyer_id=call.caller_party))


@routes.get(
    "/v1/rfps/{rfp_id}/scenarios",
    scope="award:read",
    answer=PageAnswer[ScenarioAnswer],
    summary="List an RFP's scenarios",
    refusals=(RfpUnknown,),
    paged=True,
)
async def list_scenarios(call: Call[None]) -> PageAnswer[ScenarioAnswer]:
    """Show an RFP's scenarios to its buyer and to auditors."""
    page = call.page()
    listed = await call.of(WINNERS).page(
        RfpId(call.id("rfp_id")), viewer=call.caller, after=page.after, limit=page.limit
    )
    items = [scenario_answer(scenario) for scenario in listed]
    return PageAnswer(items=items, next_after=items[-1].id if len(items) == page.limit else None)


@routes.get(
    "/v1/rfps/{rfp_id}/scenario-comparison",
    scope="award:read",
    answer=ComparisonAnswer,
    summary="Compare an RFP's scenarios",
    refusals=(RfpUnknown,),
)
async def compare_scenarios(call: Call[None]) -> ComparisonAnswer:
    """Put cost, winners and shares of all solved scenarios beside each other."""
    standings = await call.of(WINNERS).compare(RfpId(call.id("rfp_id")), viewer=call.caller)
    return ComparisonAnswer(items=[standing_answer(standing) for standing in standings])


@routes.get(
    "/v1/rfps/{rfp_id}/scenarios/{scenario_id}",
    scope="award:read",
    answer=ScenarioAnswer,
    summary="Read a scenario",
    refusals=(ScenarioUnknown,),
)
async def read_scenario(call: Call[None]) -> ScenarioAnswer:
    """Show a scenario and what came of it."""
    scenario = await call.of(WINNERS).find(
        call.id("scenario_id"), rfp_id=RfpId(call.id("rfp_id")), viewer=call.caller
    )
    return scenario_answer(scenario)


@routes.post(
    "/v1/rfps/{rfp_id}/scenarios/{scenario_id}/choose",
    scope="award:write",
    body=ChooseScenario,
    answer=ScenarioAnswer,
    summary="Choose a scenario",
    refusals=(ScenarioUnknown, ScenarioWithoutAward, ScenarioUnproven),
)
async def choose_scenario(call: Call[ChooseScenario]) -> ScenarioAnswer:
    """Choose the scenario to award by, with a reason that its chain keeps."""
    choosing = Choosing(
        buyer_id=call.caller_party,
        reason=call.body.reason,
        accepts_unproven=call.body.accepts_unproven,
    )
    chosen = await call.of(WINNERS).choose(
        call.id("scenario_id"), choosing, rfp_id=RfpId(call.id("rfp_id"))
    )
    return scenario_answer(chosen)


@routes.get(
    "/v1/rfps/{rfp_id}/scenarios/{scenario_id}/runner-up/{lot_id}",
    scope="award:read",
    answer=RunnerUpAnswer,
    summary="Read a lot's runner-up",
    refusals=(ScenarioUnknown, ScenarioWithoutAward, ProblemUnfit, SearchFailed),
)
async def read_runner_up(call: Call[None]) -> RunnerUpAnswer:
    """Tell what the best award without the lot's winners would have cost, and so why not."""
    lot_id = str(call.id("lot_id"))
    scenario, answer = await call.of(WINNERS).runner_up(
        call.id("scenario_id"), lot_id, rfp_id=RfpId(call.id("rfp_id")), viewer=call.caller
    )
    return runner_up_answer(scenario, answer, lot_id)


@routes.get(
    "/v1/rfps/{rfp_id}/scenarios/{scenario_id}/flip/{lot_id}/{vendor_id}",
    scope="award:read",
    answer=FlipAnswer,
    summary="Read which price would flip a lot",
    refusals=(ScenarioUnknown, ScenarioWithoutAward, ProblemUnfit, SearchFailed),
)
async def read_flip(call: Call[None]) -> FlipAnswer:
    """Tell the smallest change of a vendor's unit price on the lot that flips whether it wins."""
    place = (str(call.id("vendor_id")), str(call.id("lot_id")))
    _, flip = await call.of(WINNERS).flip(
        call.id("scenario_id"), place, rfp_id=RfpId(call.id("rfp_id")), viewer=call.caller
    )
    return flip_answer(flip)
