"""Evidence in words, and in decimals that add up."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from imgclf.data.preprocess import Preprocess
from imgclf.report.evidence import INK_ALONE, MEAN_IMAGE, Explanation

DIGITS = 7  # of the largest number, at most


def formulas(preprocess: Preprocess) -> dict[str, tuple[str, str]]:
    """Return, for each decomposition, its name, and what a pixel or feature adds and the bias is."""
    if preprocess.is_image:
        each, one, ink, mean, nothing = "pixel", "pixel", "ink", "mean image", "black image"
    else:
        each, one, ink, mean, nothing = "feature", "value", "values", "mean example", "vector of zeros"
    v = f"{one} / length" if preprocess.norm else one if preprocess.scale == 1 else f"{one} / {preprocess.scale:g}"
    x = v if preprocess.mean is None else f"({v} \N{MINUS SIGN} mean)"
    by = "" if preprocess.std is None else " / std"
    words = [
        (f"By {ink} alone", f"weight{by} \N{MULTIPLICATION SIGN} {v}", f"a {nothing}"),
        (f"Against the {mean}", f"weight \N{MULTIPLICATION SIGN} {x}{by}", f"the {mean}"),
    ]
    return {
        key: (name, f"each {each} adds {term}; the bias is the score of {scored}")
        for key, (name, term, scored) in zip((INK_ALONE, MEAN_IMAGE), words, strict=True)
    }


class Printed(NamedTuple):
    """Totals of an evidence as they are printed: decimal numbers that add up exactly."""

    supporting: Decimal
    opposing: Decimal
    bias: Decimal
    score: Decimal

    def phrases(self) -> list[str]:
        """Return the words of the sum: for 9.18, against -8.58, bias 0.12 = 0.72."""
        f, a, b, s = map(decimal_text, self)
        return [f"for {f},", f"against {a},", f"bias {b}", f"= {s}"]


def printed(explanation: Explanation) -> dict[str, list[Printed]]:
    """Round the totals of all parts to the same decimals, so that they add up to the score.

    The score of the difference is that of the two rounded scores.
    """
    unit = last_place(explanation)
    scores = [_rounded(one.score, unit) for one in explanation.parts[INK_ALONE]]
    if len(scores) == 3:
        scores[0] = scores[1] - scores[2]
    return {
        name: [
            Printed._make([*rounded_parts([one.supporting, one.opposing, one.bias], score, unit), score])
            for one, score in zip(some, scores, strict=True)
        ]
        for name, some in explanation.parts.items()
    }


def last_place(explanation: Explanation) -> int:
    """Return the power of ten of the last digit: two decimals, more for a close decision, fewer for huge numbers."""
    evidence = [one for some in explanation.parts.values() for one in some]
    largest = max(_magnitude(number) for one in evidence for number in (one.supporting, one.opposing, one.bias))
    return max(min(_magnitude(evidence[0].score) - 1, -2), largest - DIGITS + 1)


def rounded_parts(parts: Sequence[float], total: Decimal, unit: int) -> list[Decimal]:
    """Round parts to multiples of 10**unit that add up to the total.

    What is missing, or too much, is shared out by units among the parts that rounding changed most; 0 stays 0.
    """
    rounded = [_rounded(part, unit) for part in parts]
    missing = total - sum(rounded)
    step = Decimal(1).scaleb(unit).copy_sign(missing)
    changed = sorted((i for i, part in enumerate(parts) if part), key=lambda i: (rounded[i] - Decimal(parts[i])) / step)
    for turn in range(int(missing / step)):
        rounded[changed[turn % len(changed)]] += step
    return rounded


def decimal_text(number: Decimal) -> str:
    """Write a number with a minus sign, and an exponent if it is huge or tiny."""
    return str(number).replace("-", "\N{MINUS SIGN}").replace("E", "e")


def _rounded(number: float, unit: int) -> Decimal:
    """Round to a multiple of 10**unit; never to -0."""
    rounded = Decimal(number).quantize(Decimal(1).scaleb(unit))
    return rounded or abs(rounded)


def _magnitude(number: float) -> int:
    """Return the power of ten of the first digit; 0 for 0."""
    return Decimal(number).adjusted() if number else 0
