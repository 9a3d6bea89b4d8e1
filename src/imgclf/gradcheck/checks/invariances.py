"""Check of invariances that every right gradient obeys.

They find mistakes that depend on the images of a batch and their number; differences on one batch cannot.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.value import mean_loss
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.verdict import Outcome, ratios
from imgclf.numerics.random_streams import CHECK, normal, shuffled, stream
from imgclf.numerics.sums import BLOCK

PART = 64  # images, within one block
BATCHES = (BLOCK + 37, 2 * BLOCK, 3 * BLOCK + 5)  # images, in several blocks
DRAWS = 12  # of other weights, for convexity


class Equality(NamedTuple):
    """Two arrays that are equal by an invariance, and the bound on their rounding."""

    left: FloatArray
    right: FloatArray
    bound: FloatArray


Invariance: TypeAlias = Callable[[Implementation, Case, float, float], Iterator[Equality]]


def invariances(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
    """Check every invariance of the loss; name the first that is violated."""
    compares = case.facts.compares_scores
    laws = [(name, law) for name, law in INVARIANCES.items() if compares or law is not columns_sum_to_0]
    for name, law in laws:
        for pair in law(code, case.on_few_images, l2, l1):
            ratio = ratios(pair.left, pair.right, pair.bound)
            if (ratio > 1).any():
                worst = np.unravel_index(ratio.argmax(), ratio.shape)
                sides = f"{pair.left[worst]:.10g} and {pair.right[worst]:.10g}"
                return Outcome("fail", f"violated: {name} ({sides})")
    return Outcome("pass", f"{len(laws)} invariances hold")


def columns_sum_to_0(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """Adding a constant to all scores changes no loss that compares them."""
    g = code.gradient_at(case.X, case.y, case.weights)
    bound = case.truth.bound.sum(axis=1) + UNIT_ROUNDOFF * np.abs(g).sum(axis=1)
    yield Equality(g.sum(axis=1), np.zeros(len(g)), bound)


def images_in_any_order(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """A mean has no order."""
    order = _shuffled(len(case.y))
    g, bound = code.gradient_at(case.X, case.y, case.weights, l2, l1), _bound_with_own_scores(case, l2, l1)
    yield Equality(code.gradient_at(case.X[order], case.y[order], case.weights, l2, l1), g, 2 * bound)


def classes_in_any_order(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """The numbers of the classes are arbitrary."""
    order = _shuffled(case.weights.shape[1])
    new_label = order.argsort()
    g, bound = code.gradient_at(case.X, case.y, case.weights, l2, l1), _bound_with_own_scores(case, l2, l1)
    if code.class_weights is not None:
        code = code.with_class_weights(code.class_weights[order])
    renamed = code.gradient_at(case.X, new_label[case.y], case.weights[:, order], l2, l1)
    yield Equality(renamed, g[:, order], 2 * bound[:, order])


def pixels_in_any_order(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """A linear classifier ignores the position of a pixel."""
    order = _shuffled(case.X.shape[1])
    rows = np.append(order, len(order))
    g, bound = code.gradient_at(case.X, case.y, case.weights, l2, l1), _bound_with_own_scores(case, l2, l1)
    yield Equality(code.gradient_at(case.X[:, order], case.y, case.weights[rows], l2, l1), g[rows], 2 * bound[rows])


def images_repeated(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """Repeating all images keeps the mean; they are shuffled over several blocks, the last one short."""
    N = len(case.y)
    times = next(times for times in count(2) if N * times > BLOCK and N * times % BLOCK)
    rows = np.tile(np.arange(N), times)[_shuffled(N * times)]
    g, bound = code.gradient_at(case.X, case.y, case.weights, l2, l1), _bound_with_own_scores(case, l2, l1)
    yield Equality(code.gradient_at(case.X[rows], case.y[rows], case.weights, l2, l1), g, (times + 1) * bound)


def blocks_of_images(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """Loss, right answers and gradient of many images are the weighted means of parts that fit one block."""
    N, objective = len(case.y), code.objective(l2, l1)
    bound, loss_bound = _bound_with_own_scores(case, l2, l1), mean_loss(case, l2, l1)[1]
    for size in BATCHES:
        rows = _shuffled(N * -(-size // N))[:size] % N
        parts = [rows[start : start + PART] for start in range(0, size, PART)]
        whole, *seen = (
            code.gradient(objective, Batch.of(case.X[some], case.y[some]), case.weights.copy())
            for some in [rows, *parts]
        )
        alone = code.value(objective, Batch.of(case.X[rows], case.y[rows]), case.weights.copy())
        shares = np.array([len(part) for part in parts]) / size
        room = 4 * (size / N + 2)  # an image may be repeated more often than N / size, and sums are longer
        grad = sum(share * one.grad for share, one in zip(shares, seen, strict=True))
        yield Equality(whole.grad, np.asarray(grad), room * bound)
        loss = np.asarray(sum(share * one.loss for share, one in zip(shares, seen, strict=True)))
        right = np.asarray(sum(one.correct for one in seen), float)
        for value, correct in (whole[:2], alone):
            yield Equality(np.asarray(value), loss, np.asarray(room * loss_bound))
            yield Equality(np.asarray(correct, float), right, np.zeros(()))


def mean_of_parts(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """The mean over all images is the weighted mean over two parts."""
    N = len(case.y)
    if N < 2:
        return
    cut = (N + 2) // 3
    first, second = (
        code.gradient_at(case.X[part], case.y[part], case.weights, l2, l1) for part in (slice(cut), slice(cut, N))
    )
    g, bound = code.gradient_at(case.X, case.y, case.weights, l2, l1), _bound_with_own_scores(case, l2, l1)
    yield Equality((cut * first + (N - cut) * second) / N, g, 2 * bound)


def pixels_in_other_units(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """Doubling a pixel and halving its weights changes no score, and doubles its data gradient."""
    factor = np.append(np.where(np.arange(case.X.shape[1]) % 2, 2.0, 0.5), 1.0)[:, None]
    g = code.gradient_at(case.X, case.y, case.weights)
    scaled = code.gradient_at(case.X * factor[:-1, 0], case.y, case.weights / factor)
    yield Equality(scaled, factor * g, 2 * factor * case.expected(0, 0).spread)


def penalty_adds(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """The gradients of both penalties are added to that of W, and not to that of b."""
    data = code.gradient_at(case.X, case.y, case.weights)
    for l2_part, l1_part in ((l2, l1), (l2, 0.0), (0.0, l1)):
        both = code.gradient_at(case.X, case.y, case.weights, l2_part, l1_part)
        added = l2_part * case.weights + l1_part * np.sign(case.weights)
        added[-1] = 0
        yield Equality(both, data + added, 4 * UNIT_ROUNDOFF * (np.abs(data) + np.abs(added)))


def above_its_tangents(code: Implementation, case: Case, l2: float, l1: float) -> Iterator[Equality]:
    """A convex function lies above its tangents: L(W') >= L(W) + g . (W' - W), near and far, at kinks too."""
    batch, objective = Batch.of(case.X, case.y), code.objective(l2, l1)
    here, _ = code.value(objective, batch, case.weights.copy())
    g, bound = code.gradient_at(case.X, case.y, case.weights, l2, l1), case.expected(l2, l1).spread
    size = max(1.0, float(np.abs(case.scores).std()))
    step = size * normal(stream(0, CHECK, 1), case.weights.shape) * (case.truth.step / case.truth.step[-1])[:, None]
    for draw, spread in enumerate(np.logspace(-6, 2, DRAWS)):
        move = (-1) ** draw * spread / np.sqrt(len(step)) * step
        there = replace(case, weights=case.weights + move)
        gap = code.value(objective, batch, there.weights)[0] - here - float((g * move).sum())
        slack = 4 * sum(mean_loss(one, l2, l1)[1] for one in (case, there)) + float((bound * np.abs(move)).sum())
        slack += 4 * UNIT_ROUNDOFF * (move.size * float(np.abs(g * move).sum()) + _score_rounding(case, move))
        yield Equality(np.minimum(gap, 0.0), np.zeros(()), np.asarray(slack))


def _score_rounding(case: Case, move: FloatArray) -> float:
    """Bound the rounding of the loss through its scores, in UNIT_ROUNDOFF."""
    sizes = np.abs(case.X) @ np.abs(case.weights[:-1]) + np.abs(case.X) @ np.abs(move[:-1]) + 1
    steep = case.facts.curve.curvature(sizes.shape[1]) * sizes + 2 * sizes.shape[1] + np.abs(case.scores).max()
    return float(case.X.shape[1] * (case.example_weights[:, None] * steep * sizes).mean())


def _bound_with_own_scores(case: Case, l2: float, l1: float) -> FloatArray:
    """Bound a gradient whose scores are rounded differently: in another order, or in another batch."""
    return case.expected(l2, l1).spread + case.rounding(UNIT_ROUNDOFF, case.scores_off(UNIT_ROUNDOFF))


def _shuffled(n: int) -> IntArray:
    return shuffled(n, 0, CHECK, n)


INVARIANCES: dict[str, Invariance] = {
    "the gradients of all classes sum to 0": columns_sum_to_0,
    "the order of the images does not matter": images_in_any_order,
    "the order of the classes does not matter": classes_in_any_order,
    "the order of the pixels does not matter": pixels_in_any_order,
    "repeating all images does not matter": images_repeated,
    "the mean is the weighted mean of two parts": mean_of_parts,
    "the mean of many images is the weighted mean of their blocks": blocks_of_images,
    "the gradient of a pixel scales with its unit": pixels_in_other_units,
    "the penalty adds l2 * W + l1 * sign(W), and nothing to b": penalty_adds,
    "a convex loss lies above its tangents": above_its_tangents,
}
