"""Check on small artificial data and extreme values."""

from functools import lru_cache

from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.verdict import Outcome, all_of
from imgclf.model import scores
from imgclf.numerics.random_streams import CHECK, normal, shuffled, stream


def small_cases(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Check every parameter of the gradient on each small case."""
    return all_of((name, _outcome(code, small_case(name, case.loss), l2, l1)) for name in SMALL_CASES)


def _outcome(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    code = code.with_class_weights(case.class_weights)
    seen = case.compare(code.gradient_at(case.X, case.y, case.weights, l2, l1), l2, l1)
    # At scores of 10,000 most gradients are 0, which is no mistake.
    return seen._replace(verdict="pass") if seen.verdict == "inconclusive" else seen


@lru_cache(maxsize=64)
def small_case(name: str, loss: str) -> Case:
    """Return the small case of this name: normal images and weights, and labels of the first classes."""
    N, D, C, labels, size = SMALL_CASES[name]
    X = normal(stream(N, CHECK, D), (N, D))
    weights = normal(stream(N, CHECK, D, C), (D + 1, C))
    weights *= size / max(1e-3, float(scores(X, weights).std()))
    return Case(loss, X, shuffled(N, N, CHECK, C) % labels, weights)


# N, D, C, the number of classes that have images, and the standard deviation of the scores.
SMALL_CASES: dict[str, tuple[int, int, int, int, float]] = {
    "37 images of 53 pixels in 7 classes": (37, 53, 7, 7, 3.0),
    "one image": (1, 5, 3, 3, 0.3),
    "two classes": (11, 4, 2, 2, 3.0),
    "images of one class": (6, 5, 4, 1, 3.0),
    "scores of ten thousand": (13, 8, 5, 5, 1e4),
    "one pixel": (9, 1, 3, 3, 3.0),
}
