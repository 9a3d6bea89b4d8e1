"""A right gradient is never called wrong, whatever the numbers: 2,000 cases (400 configurations, five losses)."""

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradcheck.case import Case
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.model import scores

pytestmark = pytest.mark.bits

CONFIGURATIONS = 400
PARTS = 21  # the first of them is tried always, all in the long form; of 20, the first had no kind but seed % 20 == 0


def configuration(seed):
    """Draw images, labels, weights and penalties of any size and oddity."""
    rng = np.random.default_rng(seed)
    N, D, C = (int(np.exp(rng.uniform(np.log(low), np.log(high + 1)))) for low, high in ((1, 500), (1, 3072), (2, 100)))
    if seed % 20 == 0:  # many classes for few images
        N, C = 1 + N % 10, 1000
    while N * D * C > 1e6:
        N, D = max(1, N // 2), max(1, D // 2)
    X = rng.standard_normal((N, D)) * 10.0 ** rng.uniform(-3, 3)
    kind = rng.integers(6)
    if kind == 0:
        X = rng.integers(0, 256, (N, D)).astype(float)
    elif kind == 1:  # features of very different size
        X *= 10.0 ** rng.uniform(-2, 2, D)
    elif kind == 2:
        X[:, rng.random(D) < 0.3] = 0
    elif kind == 3:
        X[:] = X[rng.integers(N, size=N)]
    y = rng.integers(0, C, N) if rng.random() < 0.8 else np.full(N, rng.integers(C))
    weights = rng.standard_normal((D + 1, C))
    weights *= 10.0 ** rng.uniform(-3, 3) / max(1e-300, scores(X, weights).std())
    if rng.random() < 0.1:
        weights[:] = 0
    elif rng.random() < 0.1:  # whole numbers: ties and margins of exactly 0
        X, weights = np.rint(X / np.abs(X).max() * 3), np.rint(weights / np.abs(weights).max() * 2)
    elif rng.random() < 0.1:
        weights[rng.random(weights.shape) < 0.5] = 0
    penalty = (0.0, 0.0) if rng.random() < 0.5 else tuple(10.0 ** rng.uniform(-6, 6, 2) * rng.integers(0, 2, 2))
    return X, y, weights, penalty


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, PARTS))])
@pytest.mark.parametrize("loss", LOSSES)
def test_no_right_gradient_is_called_wrong(loss, part):
    told = 0
    for seed in range(part, CONFIGURATIONS, PARTS):
        X, y, weights, penalty = configuration(seed)
        case = Case(loss, X, y, weights)
        grad = analytic_gradient(Objective(LOSSES[loss], *penalty), Batch.of(X, y), weights).grad
        found = case.compare(grad, *penalty)
        assert found.verdict != "fail", (seed, X.shape, penalty, found)
        assert found.checked == weights.size
        told += found.verdict == "pass"
    assert told > CONFIGURATIONS / PARTS * 0.7
