"""Draw the report of awards as one page: escaped, without script, and loading nothing."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from typing import Final

import jinja2

from services.bids.domain.report.figures import LotReport, RfpReport
from services.bids.domain.report.lots import saving_by_member
from services.bids.domain.report.sentences import in_money
from shared.domain.money import Currency, digits_of

BARS_MAX: Final = 40
"""So many bars one still reads; of more, the largest changes are drawn, and the table has all."""

_STYLE: Final = resources.files("services.bids.page").joinpath("report.css").read_text("utf-8")

_STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

PAGE_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; form-action 'none'"
)
"""Only the page's own style is let in; the page says so itself too, for when it was saved."""

SECURITY_POLICY: Final = f"{PAGE_POLICY}; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: whose, how long from where (in hundredths of the width), and what it stands for."""

    name: str
    start: str
    length: str
    told: str
    kind: str


def page_of(report: RfpReport) -> str:
    """Draw a report."""
    return _PAGE.render(report=report, policy=PAGE_POLICY, style=_STYLE).lstrip()


def money(text: str, currency: str) -> str:
    """Write a sum for people, its currency on the same line."""
    return in_money(Fraction(text), Currency(currency)).replace(" ", "\u00a0")


def number(text: str) -> str:
    """Part thousands, and leave the decimals as they are."""
    return f"{Decimal(text):,f}"


def instant(at: datetime) -> str:
    """Write an instant in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def price_bars(lot: LotReport) -> list[Bar]:
    """Draw what bids ask for a unit, from 0 on, so that lengths compare as prices do."""
    priced = [(bid, Fraction(bid.last_price or bid.unit_price or 0)) for bid in lot.bids]
    priced = [(bid, price) for bid, price in priced if price][:BARS_MAX]
    most = max((price for _, price in priced), default=Fraction(1))
    return [
        Bar(
            bid.vendor,
            "0",
            _share(price / most),
            number(bid.last_price or bid.unit_price or "0") + (", winner" if bid.is_winner else ""),
            "chosen" if bid.is_winner else "plain",
        )
        for bid, price in priced
    ]


def saving_bars(lot: LotReport) -> list[Bar]:
    """Draw what members save to the right of a middle line, and what they pay more to its left."""
    currency = Currency(lot.currency)
    savings = saving_by_member(lot.lines, currency)
    known = [(member, saving.minor) for member, saving in savings.items() if saving is not None]
    known.sort(key=lambda pair: (-abs(pair[1]), pair[0]))
    shown = sorted(known[:BARS_MAX], key=lambda pair: (-pair[1], pair[0]))
    most = max((abs(minor) for _, minor in shown), default=0) or 1
    return [_diverging(member, minor, most, currency) for member, minor in shown]


def scenario_bars(lot: LotReport) -> list[Bar]:
    """Draw what the compared scenarios cost, from 0 on."""
    most = max((Fraction(each.paid) for each in lot.scenarios), default=Fraction(0)) or Fraction(1)
    return [
        Bar(
            each.name,
            "0",
            _share(Fraction(each.paid) / most),
            money(each.paid, lot.currency) + (", chosen" if each.is_chosen else ""),
            "chosen" if each.is_chosen else "plain",
        )
        for each in lot.scenarios
    ]


def _diverging(member: str, minor: int, most: int, currency: Currency) -> Bar:
    half = Fraction(abs(minor), most) / 2
    start = Fraction(1, 2) if minor >= 0 else Fraction(1, 2) - half
    sum_ = in_money(Fraction(abs(minor)) / 10 ** digits_of(currency), currency)
    if minor == 0:
        return Bar(member, _share(start), "0", "pays as today", "plain")
    told = f"saves {sum_}" if minor > 0 else f"pays {sum_} more"
    return Bar(member, _share(start), _share(half), told, "saves" if minor > 0 else "more")


def _share(part: Fraction) -> str:
    return f"{Decimal(round(part * 10_000)).scaleb(-2):f}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("services.bids", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": money, "number": number, "instant": instant}
    environment.globals |= {
        "price_bars": price_bars,
        "saving_bars": saving_bars,
        "scenario_bars": scenario_bars,
        "bars_max": BARS_MAX,
    }
    return environment


_PAGE: Final = _environment().get_template("report.html")
