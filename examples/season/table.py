"""Show what a season came to: a table of its lots, its sums, and the caveats that belong to it."""

from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from examples.season.outcome import Outcome, Row
from examples.season.records import Played
from examples.season.verdict import winners_matched
from shared.domain.money import Money, UnitPrice

COUNTS: Final = ("members", "bids", "offers")

WIDE: Final = 110
"""Columns from which there is room for the counts beside the amounts."""

AMOUNT_WIDTH_MIN: Final = 6


def show(console: Console, played: Played, outcome: Outcome) -> None:
    """Print the whole result."""
    console.print(_table(played, outcome, with_counts=console.width >= WIDE))
    for sentence in (*_sentences(played, outcome), "", *_caveats(played, outcome)):
        console.print(sentence, markup=False)


def _table(played: Played, outcome: Outcome, *, with_counts: bool) -> Table:
    table = Table(
        title=played.season.dataset,
        caption="difference = pooled - alone: with a +, pooling costs more",
        box=box.SIMPLE_HEAD,
        show_footer=True,
        show_edge=False,
        padding=0,
    )
    table.add_column("lot", "in all", no_wrap=True)
    if with_counts:
        for name in COUNTS:
            table.add_column(name, _sum(outcome, name), justify="right", no_wrap=True)
    table.add_column("winner", no_wrap=True)
    amounts = {
        "price": "",
        "alone": _text(outcome.alone),
        "pooled": _text(outcome.pooled),
        "difference": _signed(outcome.difference),
    }
    for heading, in_all in amounts.items():
        # A name may be cut where the terminal is narrow; an amount never.
        width = max(len(in_all), AMOUNT_WIDTH_MIN)
        table.add_column(heading, in_all, justify="right", no_wrap=True, min_width=width)
    for row in outcome.rows:
        style = "yellow" if row.difference.minor > 0 else None
        table.add_row(*_cells(row, with_counts=with_counts), style=style)
    return table


def _cells(row: Row, *, with_counts: bool) -> tuple[str, ...]:
    counts = (str(row.members), str(row.bids), str(row.offers) if row.offers else "")
    return (
        row.lot_key,
        *(counts if with_counts else ()),
        f"{row.winner}{' *' if row.is_extrapolated else ''}",
        row.unit_price,
        _text(row.alone),
        _text(row.pooled),
        _signed(row.difference),
    )


def _sentences(played: Played, outcome: Outcome) -> list[str]:
    """Say the result in words, calling nothing a saving that is none."""
    currency = played.season.currency
    said = []
    if played.alone is not None:
        checked = len(played.alone.stage.expected_winners or {})
        matched = winners_matched(played.alone)
        said.append(
            f"{played.alone.stage.title}: {len(played.alone.bids)} sealed bids on {checked} lots;"
            f" {matched} of {checked} winners are the recorded ones."
        )
    more = outcome.difference.minor > 0
    amount = _text(Money(abs(outcome.difference.minor), currency))
    said.append(
        f"Alone {_text(outcome.alone)} {currency}, pooled {_text(outcome.pooled)} {currency}:"
        f" pooling costs {amount} {currency} {'more' if more else 'less'}."
    )
    if outcome.dearer:
        said.append(
            f"In {len(outcome.dearer)} of {len(outcome.rows)} lots pooling costs more:"
            f" {', '.join(outcome.dearer)}."
        )
    return [*said, *_of_members(played), *_stopped_early(played)]


def _of_members(played: Played) -> list[str]:
    """Say what the members got, and how many of them pay more than alone."""
    lines = [line for award in played.awards for line in award.lines]
    dearer = sum(
        line.baseline_total is not None and line.total > line.baseline_total for line in lines
    )
    received = played.received
    repeated = f", {received.repeated} came twice" if received.repeated else ""
    told = (
        f"{len(lines)} award lines, {len(played.sent)} webhooks sent,"
        f" {len(received.webhooks)} verified{repeated}."
    )
    more = f"{dearer} of {len(lines)} award lines cost their member more than alone."
    return [more, told] if dearer else [told]


def _stopped_early(played: Played) -> list[str]:
    """Name the vendors that another outbid, and that had not come down to their limit."""
    limits = {
        (lot.lot_key, vendor.vendor_reference): UnitPrice.parse(
            vendor.limit_price, played.season.currency
        )
        for lot in played.season.live
        for vendor in lot.vendors
    }
    return [
        f"{placed.vendor_reference} stopped on {auction.lot_key} at {placed.price}, above its limit"
        f" of {limits[auction.lot_key, placed.vendor_reference]}."
        for auction in played.auctions
        for placed in auction.ranking[1:]
        if placed.price > limits[auction.lot_key, placed.vendor_reference]
    ]


def _caveats(played: Played, outcome: Outcome) -> list[str]:
    said = list(played.season.notes)
    if any(row.is_extrapolated for row in outcome.rows):
        said.append(
            "* This vendor had not bid for every district of the lot: its price is extrapolated to"
            " districts it never bid on."
        )
    return [f"- {sentence}" if not sentence.startswith("*") else sentence for sentence in said]


def _sum(outcome: Outcome, name: str) -> str:
    return str(sum(getattr(row, name) for row in outcome.rows))


def _text(money: Money) -> str:
    """Write an amount with separators between thousands, from its own exact text."""
    whole, _, fraction = str(money).partition(".")
    return f"{int(whole):,}.{fraction}" if fraction else f"{int(whole):,}"


def _signed(difference: Money) -> str:
    return f"{'+' if difference.minor > 0 else ''}{_text(difference)}"
