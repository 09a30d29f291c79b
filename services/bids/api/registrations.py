"""Answer buyers who register parties by a file."""

from typing import Final

from aiohttp import web

from services.bids.api.requirements import ImportAnswer
from services.bids.csv_tables import FILE_BYTES_MAX, CsvHeaderInvalid, CsvRowsInvalid
from services.bids.domain.parties import PartyAlreadyRegistered
from services.bids.usecases.registrations import Registrations
from shared.web import Api, Call

REGISTRATIONS: Final = web.AppKey("bids_registrations", Registrations)

routes = Api("bids", title="", version="")


@routes.post(
    "/v1/parties/import",
    scope="party:write",
    answer=ImportAnswer,
    summary="Register parties by a CSV file",
    refusals=(CsvHeaderInvalid, CsvRowsInvalid, PartyAlreadyRegistered),
    creates=True,
    media_type="text/csv",
    body_limit=FILE_BYTES_MAX,
)
async def import_parties(call: Call[None]) -> ImportAnswer:
    """Register all of up to 2,000 rows, or none: a refusal lists the rows that are wrong.

    The first line names the columns `kind` (`member`, `vendor` or `custodian`), `reference`, `name`
    and `area`. It may name others, which belong to members and may be empty: `member_kind`,
    `enrolment`, `hazard_zone`, `category_one_percent` and `category_two_percent` are what is known
    of the member; `authority_kind`, `authority_sha256` and `authority_signed_on` are the document
    by which it lets the cooperative buy for it.
    """
    rows = await call.of(REGISTRATIONS).import_csv(
        call.raw, import_id=call.new_id, actor=call.caller_party
    )
    return ImportAnswer(id=call.new_id, rows=rows)
