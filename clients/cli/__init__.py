"""Speak to Commonlot from the shell: `commonlot --help`.

Exit status: 0 done, 1 refused, 2 the command line is wrong, 3 no service was reached.
"""

import click

from clients.cli.auctions import auctions
from clients.cli.award_course import (
    award_answer,
    award_approve,
    award_contracts,
    award_intend,
    award_intend_scenario,
    award_notice,
    award_protest,
    award_rule,
    award_show,
    award_withdraw,
)
from clients.cli.awards import award
from clients.cli.bids import bid
from clients.cli.disclosures import bid_claim, rfp_claims, rfp_disclose, rfp_judge
from clients.cli.document_files import documents
from clients.cli.invitations import rfp_intent, rfp_invitations, rfp_invite
from clients.cli.keys import custodian, keys, open_bids
from clients.cli.offline import token, verify
from clients.cli.parties import parties
from clients.cli.pooling import case, pool, requirements
from clients.cli.rfps import rfp
from clients.cli.shares import award_savings, award_shares
from clients.cli.withdrawals import withdrawal

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Buy together with Commonlot, from the shell.

    Without further options the commands speak to the stack that runs on this machine (`python -m
    deploy.local up`), and get their token from its issuer. Elsewhere give --url and --token, or set
    COMMONLOT_URL and COMMONLOT_TOKEN; a token is better set than given, since other users of a
    machine can see command lines.

    \b
    A buyer:      parties import, requirements import, rfp draft, pool, case, rfp publish,
                  invite, amend, answer, cancel, withdrawal decide, disclose,
                  award intend, intend-scenario, approve, rule, withdraw, contracts,
                  shares, savings
    A vendor:     rfp show, intent, bid form, check, seal, file, proof, claim,
                  withdrawal claim, award notice, protest
    A member:     award show, answer, contracts
    All of them:  documents put, list, get
    A custodian:  keys generate, register, share, and open
    Anybody:      award bundle, report, verify, once a lot is awarded

    Exit status: 0 done, 1 refused, 2 the command line is wrong, 3 no service was reached. With
    --json, answers are JSON on the output and refusals JSON on the error stream.
    """  # noqa: D301 - click reads the \b as "keep these lines"


for command in (
    parties,
    requirements,
    rfp,
    pool,
    case,
    bid,
    withdrawal,
    documents,
    keys,
    custodian,
    open_bids,
    auctions,
    award,
):
    cli.add_command(command)
for about_rfps in (
    rfp_invite,
    rfp_invitations,
    rfp_intent,
    rfp_claims,
    rfp_judge,
    rfp_disclose,
):
    rfp.add_command(about_rfps)
bid.add_command(bid_claim)
for about_awards in (
    award_intend,
    award_intend_scenario,
    award_show,
    award_approve,
    award_withdraw,
    award_notice,
    award_protest,
    award_rule,
    award_answer,
    award_contracts,
    award_shares,
    award_savings,
):
    award.add_command(about_awards)
cli.add_command(token)
cli.add_command(verify)


def main() -> None:
    """Run the command line."""
    cli.main(prog_name="commonlot")
