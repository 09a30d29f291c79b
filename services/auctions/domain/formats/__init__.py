"""The formats of an auction, each answering the same questions (see `format`)."""

from services.auctions.domain.formats.dutch import Dutch
from services.auctions.domain.formats.english import English
from services.auctions.domain.formats.format import Format
from services.auctions.domain.formats.japanese import Japanese
from services.auctions.domain.formats.rounds import Rounds
from services.auctions.domain.formats.vickrey import Vickrey
from services.auctions.domain.ruleset import FormatName, Rules, TickerRules, TurnRules


def format_of(rules: Rules) -> Format:
    """Make the format that the rules name, as it is before the first fact."""
    match rules.format:
        case FormatName.ENGLISH:
            return English()
        case FormatName.VICKREY:
            return Vickrey()
        case FormatName.JAPANESE:
            return Japanese(_ticker(rules))
        case FormatName.DUTCH:
            return Dutch(_ticker(rules))
        case FormatName.ROUNDS:
            return Rounds(_turns(rules))


def _ticker(rules: Rules) -> TickerRules:
    if rules.ticker is None:
        sentence = "a ticker needs a start, a change and a period"
        raise ValueError(sentence)
    return rules.ticker


def _turns(rules: Rules) -> TurnRules:
    if rules.turns is None:
        sentence = "rounds need their number, and the length of a turn"
        raise ValueError(sentence)
    return rules.turns
