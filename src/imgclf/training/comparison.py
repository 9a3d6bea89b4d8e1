"""Compare two classifiers by their answers to the same examples."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05  # a p below it is called a difference, as is usual (Fisher 1925)


class McNemar(NamedTuple):
    """How often each of two classifiers is right where the other is wrong, and how likely chance makes it as uneven.

    both_right, both_wrong      examples that say nothing of which is better
    only_first, only_second     examples that one classifier alone has right
    p                           of the exact test
    """

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p: float

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> "McNemar":
        """Count where two classifiers are right, (N,) bool each."""
        only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
        both = int((first & second).sum())
        p = mcnemar_p(only_first, only_second)
        return cls(both, only_first, only_second, len(first) - both - only_first - only_second, p)


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the p of the exact test of McNemar (1947), two-sided.

    Were both equally good, each of the n examples that one alone has right would be the toss of a coin, and a split at
    least as uneven as k to n - k, with k the smaller, has p = min(1, 2 * sum_{i <= k} C(n, i) / 2**n).
    """
    n, k = only_first + only_second, min(only_first, only_second)
    term = total = 1  # C(n, 0); whole numbers, so that nothing is rounded before the end
    for i in range(1, k + 1):
        term = term * (n - i + 1) // i
        total += term
    return min(1.0, float(Fraction(2 * total, 2**n)))
