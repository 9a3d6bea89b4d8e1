"""The most confused pairs of classes, in words."""

from collections.abc import Sequence

from imgclf.arrays import IntArray
from imgclf.report.findings import short_names
from imgclf.training.evaluation import Evaluation


def confused_pairs(seen: Evaluation, class_names: Sequence[str], most: int = 3) -> list[str]:
    """Return the most frequent mistakes in words: `Shirt taken for T-shirt/top (18 of 60)`."""
    _, support, _ = seen.pairs.totals(len(class_names))
    return in_words(seen.most_confused(most), short_names(class_names), support)


def in_words(pairs: Sequence[tuple[int, int, int]], names: Sequence[str], support: IntArray) -> list[str]:
    """Say which class was taken for which, how often, and of how many examples, `support` (C,)."""
    return [f"{names[true]} taken for {names[taken]} ({count:,} of {support[true]:,})" for true, taken, count in pairs]
