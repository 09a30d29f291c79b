"""Check the prices, steps, and handicaps that a requested auction names."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

from services.auctions.domain.amounts import FractionMalformed, percent_of, share_of, signed_of
from services.auctions.domain.ruleset import FormatName, Scoring, StepMode
from shared.domain.money import AmountMalformed, Currency, CurrencyUnknown, UnitPrice, digits_of
from shared.events.bids import AuctionRequested, AuctionRules, PriceFactor

PERCENT_MIN: Final = Fraction(1, 1000)
PERCENT_MAX: Final = 50
"""A step by percent from a thousandth of one to half of the price."""

BANDS_MAX: Final = 20

_PRICES: Final = ("step", "step_min", "step_max", "ceiling", "ticker_start", "ticker_change")
_OPENING: Final = "opening price"
_STEPLESS: Final = {FormatName.VICKREY, FormatName.JAPANESE, FormatName.DUTCH}


def faults_of_prices(request: AuctionRequested) -> Iterator[str]:
    """Name what is wrong with the prices and the steps."""
    currency, rules = Currency(request.currency), request.rules
    try:
        digits_of(currency)
    except CurrencyUnknown as refusal:
        yield refusal.sentence
        return
    known = dict[str, int]()
    for name, text in _told(request):
        try:
            known[name] = UnitPrice.parse(text, currency).e4
        except AmountMalformed as refusal:
            yield f"{name}: {refusal.sentence}"
    yield from _faults_of_step(rules, known)
    yield from _faults_of_bands(rules, known)
    yield from _faults_of_bounds(request, known)
    yield from _faults_of_decimals(rules, known)


def _told(request: AuctionRequested) -> Iterator[tuple[str, str]]:
    """List every price that the request names, with its name."""
    rules = request.rules
    told = {name: getattr(rules, name) for name in _PRICES}
    told |= {"reserve": request.reserve, "budget": request.budget}
    if rules.step_kind == "percent":
        del told["step"]
    for index, band in enumerate(rules.step_bands, start=1):
        told |= {f"band {index} above": band.above, f"band {index} step": band.step}
    told |= {f"{_OPENING} of {one.alias}": one.opening_price for one in request.vendors}
    return ((name, text) for name, text in told.items() if text is not None)


def _faults_of_step(rules: AuctionRules, known: dict[str, int]) -> Iterator[str]:
    if rules.step_kind == "percent":
        try:
            percent = percent_of(rules.step)
        except FractionMalformed as refusal:
            yield f"step: {refusal.sentence}"
        else:
            if not PERCENT_MIN <= percent <= PERCENT_MAX:
                yield f"a step by percent is from 0.001 to {PERCENT_MAX}"
    elif known.get("step") == 0 and _needs_step(rules):
        yield "the step must be above 0"
    step_max = known.get("step_max")
    least = max(known.get("step", 0), known.get("step_min", 0))
    if step_max is not None and step_max < least:
        yield "the largest step is below the smallest"


def _needs_step(rules: AuctionRules) -> bool:
    return rules.step_mode != StepMode.FREE and rules.format not in _STEPLESS


def _faults_of_bands(rules: AuctionRules, known: dict[str, int]) -> Iterator[str]:
    if len(rules.step_bands) > BANDS_MAX:
        yield f"a table has at most {BANDS_MAX} bands"
    names = [f"band {index}" for index in range(1, len(rules.step_bands) + 1)]
    above = [known[f"{name} above"] for name in names if f"{name} above" in known]
    if above != sorted(set(above), reverse=True):
        yield "bands go from the highest price down, none twice"
    if any(known.get(f"{name} step") == 0 for name in names):
        yield "the step of a band must be above 0"


def _faults_of_bounds(request: AuctionRequested, known: dict[str, int]) -> Iterator[str]:
    step, ceiling = known.get("step", 0), known.get("ceiling")
    openings = [e4 for name, e4 in known.items() if name.startswith(_OPENING)]
    if request.rules.format not in _STEPLESS:
        if openings and step >= max(openings):
            yield "the step is as large as the highest opening price"
        if ceiling is not None and step >= ceiling:
            yield "the step is as large as the ceiling"
    if ceiling == 0:
        yield "the ceiling must be above 0"
    if ceiling is not None and known.get("reserve", 0) > ceiling:
        yield "the reserve is above the ceiling"
    yield from _faults_of_ticker(request, known, ceiling)


def _faults_of_ticker(
    request: AuctionRequested, known: dict[str, int], ceiling: int | None
) -> Iterator[str]:
    start, change = known.get("ticker_start"), known.get("ticker_change")
    if start is None or change is None:
        return
    if start == 0 or change == 0:
        yield "a ticker's start and change must be above 0"
    if ceiling is not None and start > ceiling:
        yield "the ticker starts above the ceiling"
    if request.rules.format == FormatName.JAPANESE and change >= start:
        yield "the ticker falls to nothing after its first level"
    if request.rules.format == FormatName.DUTCH:
        if ceiling is None:
            yield "a rising ticker needs a ceiling"
        if request.reserve is not None:
            yield "a rising ticker has its ceiling, and no reserve beside it"


def _faults_of_decimals(rules: AuctionRules, known: dict[str, int]) -> Iterator[str]:
    if not 0 <= rules.decimals <= 4:  # noqa: PLR2004 - ten-thousandths have four
        return
    tick = 10 ** (4 - rules.decimals)
    for name, e4 in known.items():
        is_bound = name in {*_PRICES, "reserve"} or name.startswith("band")
        if is_bound and e4 % tick:
            yield f"{name} has more than {rules.decimals} decimals"


# Handicaps -------------------------------------------------------------------------------------


def faults_of_scores(request: AuctionRequested) -> Iterator[str]:
    """Name what is wrong with the handicaps; no fault repeats one."""
    rules = request.rules
    maxima: Sequence[Fraction] = ()
    try:
        maxima = [share_of(told) for told in rules.feature_maxima]
    except FractionMalformed as refusal:
        yield f"feature_maxima: {refusal.sentence}"
    if sum(maxima, Fraction(0)) >= 1:
        yield "features together must weigh less than the price"
    counts_features = rules.score == Scoring.COEFFICIENT
    if bool(rules.feature_maxima) != counts_features:
        yield "features' maxima are given where the score is a coefficient, and only there"
    for vendor in request.vendors:
        if (vendor.factor is not None) != (rules.score == Scoring.FACTORED):
            yield f"{vendor.alias}: a factor is given where the score is factored, and only there"
        if vendor.factor is not None:
            yield from _faults_of_factor(vendor.alias, vendor.factor)
        yield from _faults_of_features(vendor.alias, vendor.features, maxima)


def _faults_of_factor(alias: str, factor: PriceFactor) -> Iterator[str]:
    try:
        percent = signed_of(factor.percent)
        signed_of(factor.addend)
        signed_of(factor.bonus)
    except FractionMalformed as refusal:
        yield f"{alias}: {refusal.sentence}"
    else:
        if percent <= -100:  # noqa: PLR2004 - a hundred percent off is all
            yield f"{alias}: a factor must leave something of the price"


def _faults_of_features(
    alias: str, features: Sequence[str], maxima: Sequence[Fraction]
) -> Iterator[str]:
    if len(features) != len(maxima):
        yield f"{alias}: each feature needs its share"
        return
    try:
        taken = [share_of(told) for told in features]
    except FractionMalformed as refusal:
        yield f"{alias}: {refusal.sentence}"
    else:
        if any(one > most for one, most in zip(taken, maxima, strict=True)):
            yield f"{alias}: a feature gives more than its maximum"
