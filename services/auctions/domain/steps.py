"""Tell how far below a price the next offer must be."""

from services.auctions.domain.ruleset import Rules


def step_below(rules: Rules, reference_e4: int) -> int:
    """Tell the step at a reference price, in ten-thousandths.

    A percentage is rounded up, so that an offer at `reference - step` is below the reference by
    the whole percentage or more.
    """
    if rules.bands:
        step_e4 = next(
            (band.step_e4 for band in rules.bands if reference_e4 > band.above_e4), rules.step_e4
        )
    elif rules.step_percent is not None:
        percent = rules.step_percent
        step_e4 = -(-reference_e4 * percent.numerator // (percent.denominator * 100))
    else:
        step_e4 = rules.step_e4
    return max(step_e4, rules.step_min_e4)
