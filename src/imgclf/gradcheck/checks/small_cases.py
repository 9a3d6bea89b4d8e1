"""Check on small artificial data and extreme values."""

from collections.abc import Callable
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
    """Return the small case of this name."""
    return SMALL_CASES[name](name, loss)


def _small_case(name: str, loss: str, N: int, D: int, C: int, *, size: float = 3.0, labels: int | None = None) -> Case:
    """Normal images, weights whose scores have standard deviation `size`, and labels of the first classes."""
    X = normal(stream(N, CHECK, D), (N, D))
    weights = normal(stream(N, CHECK, D, C), (D + 1, C))
    y = shuffled(N, N, CHECK, C) % (labels or C)
    weights *= size / max(1e-3, float(scores(X, weights).std()))
    return Case(loss, name, X, y, weights, [f"class {c}" for c in range(C)])


SMALL_CASES: dict[str, Callable[[str, str], Case]] = {
    "37 images of 53 pixels in 7 classes": lambda name, loss: _small_case(name, loss, 37, 53, 7),
    "one image": lambda name, loss: _small_case(name, loss, 1, 5, 3, size=0.3),
    "two classes": lambda name, loss: _small_case(name, loss, 11, 4, 2),
    "images of one class": lambda name, loss: _small_case(name, loss, 6, 5, 4, labels=1),
    "scores of ten thousand": lambda name, loss: _small_case(name, loss, 13, 8, 5, size=1e4),
    "one pixel": lambda name, loss: _small_case(name, loss, 9, 1, 3),
}
