"""Numbers as lessons write them."""

import math
from collections.abc import Iterable

SHOWN = 4  # numbers of a row


def numbers_of(values: Iterable[float]) -> str:
    """Write the first of some numbers: `0.1 -0.9 0.1 0.1 ...`."""
    written = [f"{value:.3g}" for value in values]
    return " ".join(written[:SHOWN]) + (" ..." if len(written) > SHOWN else "")


def three_digits(value: float) -> str:
    """Write a number with three digits, or all those before the point: never as 1e+03."""
    digits = 2 - math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0
    return f"{value:,.{min(max(0, digits), 6)}f}"


def percent(share: float) -> str:
    """Write a fraction as a percentage with three digits."""
    return f"{three_digits(100 * share)} %"


def listed(words: Iterable[str]) -> str:
    """Write words as `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
