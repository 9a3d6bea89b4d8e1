"""Every law holds for the right gradient, whatever the numbers, and rings for a mistake that it alone sees."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.invariances import INVARIANCES, above_its_tangents, columns_sum_to_0, invariances
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.loss_facts import LOSS_FACTS
from imgclf.gradcheck.verdict import ratios
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.model import scores
from imgclf.numerics.sums import BLOCK
from imgclf.speed.threads import workers


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with workers(1):
        yield


def code(loss, **changes):
    return replace(Implementation.of_loss(loss), **changes)


def case(loss="softmax", N=20, D=7, C=5, seed=0, size=1.0, pixels=1.0):
    rng = np.random.default_rng(seed)
    X, y = pixels * rng.standard_normal((N, D)), rng.integers(0, C, N)
    weights = rng.standard_normal((D + 1, C))
    weights *= size / scores(X, weights).std()
    return Case(loss, X, y, weights)


def raw(loss):
    X = np.random.default_rng(3).integers(0, 256, (20, 7)).astype(float)
    return replace(case(loss, size=0.01), X=X)


def whole(loss):
    """Return a case of small whole numbers: many margins are exactly 0, many leads too."""
    one = case(loss)
    return replace(one, X=np.rint(one.X), weights=np.rint(2 * one.weights))


def of_one_class(loss):
    one = case(loss)
    return replace(one, y=np.full_like(one.y, 2))


def few_images_of_many_pixels(loss):
    rng = np.random.default_rng(3)
    X, y, weights = rng.random((3, 784)), rng.integers(0, 10, 3), rng.standard_normal((785, 10))
    return Case(loss, X, y, 3 * weights / scores(X, weights).std())


def in_company(loss):
    """Return a case whose scores are all large and nearly equal: what they have in common changes no loss."""
    one = case(loss)
    return replace(one, weights=one.weights + 1e4 * np.arange(1.0, 9.0)[:, None])


SITUATIONS = {
    "middling": case,
    "zero": lambda loss: case(loss, size=0.0),
    "narrow": lambda loss: case(loss, size=1e-6),
    "wide": lambda loss: case(loss, size=3.0),
    "huge": lambda loss: case(loss, size=1e5),
    "one image": lambda loss: case(loss, N=1),
    "two images": lambda loss: case(loss, N=2),
    "two classes": lambda loss: case(loss, C=2),
    "one pixel": lambda loss: case(loss, D=1),
    "half a block": lambda loss: case(loss, N=BLOCK // 2),
    "a block": lambda loss: case(loss, N=BLOCK),
    "a block and one": lambda loss: case(loss, N=BLOCK + 1),
    "large pixels": lambda loss: case(loss, pixels=1e3),
    "raw pixels": raw,
    "ties": whole,
    "one class only": of_one_class,
    "scores with much in common": in_company,
    "few images of many pixels": few_images_of_many_pixels,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (1e-3, 1e-3)])
def test_every_law_holds_for_the_right_gradient(loss, situation, penalty):
    found = invariances(code(loss), SITUATIONS[situation](loss), *penalty)
    assert found.verdict == "pass", found
    assert f"{len(INVARIANCES) - (not LOSS_FACTS[loss].compares_scores)} invariances" in found.reason


@pytest.mark.parametrize("loss", LOSSES)
def test_no_false_alarm_in_random_configurations(loss):
    rng = np.random.default_rng(7)
    for seed in range(12):
        N, D, C = int(rng.integers(1, 97)), int(rng.integers(1, 300)), int(rng.integers(2, 20))
        one = case(loss, N, D, C, seed, 10.0 ** rng.uniform(-3, 3), 10.0 ** rng.uniform(-3, 3))
        penalty = tuple(10.0 ** rng.uniform(-6, 6, 2) * rng.integers(0, 2, 2))
        found = invariances(code(loss), one, *penalty)
        assert found.verdict == "pass", (seed, N, D, C, penalty, found)


def with_gradient(change):
    """Return the gradient with a mistake: change(grad, X, y, weights)."""

    def wrong(objective, batch, weights):
        X, y = batch
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(grad=change(seen.grad, X, y, weights))

    return wrong


def first_image_counts_twice(objective, batch, weights):
    seen = analytic_gradient(objective, batch, weights)
    one = analytic_gradient(objective, Batch.of(*batch.read(batch.rows[:1])), weights)
    return seen._replace(grad=seen.grad + one.grad / len(batch))


def mean_of_the_blocks_means(objective, batch, weights):
    seen = analytic_gradient(objective, batch, weights)
    parts = [batch.rows[top : top + BLOCK] for top in range(0, len(batch), BLOCK)]
    grads = [analytic_gradient(objective, Batch.of(*batch.read(rows)), weights).grad for rows in parts]
    return seen._replace(grad=np.mean(grads, axis=0)) if len(grads) > 1 else seen


def bias_penalized(objective, batch, weights):
    seen = analytic_gradient(objective, batch, weights)
    seen.grad[-1] += objective.l2 * weights[-1]
    return seen


def uphill(objective, batch, weights):
    seen = analytic_gradient(objective, batch, weights)
    return seen._replace(grad=2 * objective.penalty_gradient(weights) - seen.grad)


# Of each law a mistake that breaks it and none of those before it.
def loss_of_the_first_block(objective, batch, weights):
    first = analytic_gradient(objective, replace(batch, rows=batch.rows[:BLOCK]), weights)
    return analytic_gradient(objective, batch, weights)._replace(loss=first.loss)


BROKEN = {
    "the gradients of all classes sum to 0": with_gradient(lambda g, *_: g + 1e-9 * (np.arange(g.shape[1]) == 1)),
    "the order of the images does not matter": first_image_counts_twice,
    "the order of the classes does not matter": with_gradient(lambda g, *_: g[:, ::-1]),
    "the order of the pixels does not matter": with_gradient(lambda g, *_: np.vstack([g[-2::-1], g[-1:]])),
    "repeating all images does not matter": mean_of_the_blocks_means,
    "the mean is the weighted mean of two parts": with_gradient(lambda g, *_: g / np.linalg.norm(g)),
    "the mean of many images is the weighted mean of their blocks": loss_of_the_first_block,
    "the gradient of a pixel scales with its unit": with_gradient(
        lambda g, X, y, w: g * (1 + np.abs(w).max(axis=1, keepdims=True))
    ),
    "the penalty adds l2 * W + l1 * sign(W), and nothing to b": bias_penalized,
    "a convex loss lies above its tangents": uphill,
}


def pair(law, one, other, penalty):
    """Return the largest ratio of what a law compares."""
    return max(float(ratios(*each).max()) for each in law(other, one, *penalty))


def test_every_law_has_a_mistake_that_breaks_it():
    assert BROKEN.keys() == INVARIANCES.keys()


@pytest.mark.parametrize(
    ("loss", "name"),
    # Scores of one-vs-rest are not compared with each other.
    [
        (loss, name)
        for loss in LOSSES
        for name in INVARIANCES
        if INVARIANCES[name] is not columns_sum_to_0 or LOSS_FACTS[loss].compares_scores
    ],
)
def test_each_law_rings_and_is_named(loss, name):
    one, wrong, penalty = case(loss), code(loss, gradient=BROKEN[name]), (0.1, 0.0)
    assert pair(INVARIANCES[name], one, code(loss), penalty) <= 1
    assert pair(INVARIANCES[name], one, wrong, penalty) > 1
    found = invariances(wrong, one, *penalty)
    assert found.verdict == "fail"
    assert found.reason.startswith(f"violated: {name} (")


def test_one_vs_rest_need_not_add_up_to_0():
    one = case("logistic_ovr")
    assert pair(columns_sum_to_0, one, code("logistic_ovr"), (0.0, 0.0)) > 1
    assert invariances(code("logistic_ovr"), one, 0.0, 0.0).verdict == "pass"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("part", ["l2", "l1"])
def test_the_penalty_must_be_there_and_of_its_size(loss, part):
    for factor in (0.0, 0.5, 2.0, -1.0):

        def wrong(objective, batch, weights, factor=factor):
            changed = Objective(objective.loss_fn)
            seen = analytic_gradient(changed, batch, weights)
            shares = {"l2": objective.l2, "l1": objective.l1}
            shares[part] *= factor
            W = np.vstack([weights[:-1], 0 * weights[-1:]])
            return seen._replace(grad=seen.grad + shares["l2"] * W + shares["l1"] * np.sign(W))

        found = invariances(code(loss, gradient=wrong), case(loss), 0.1, 0.1)
        assert found.verdict == "fail", factor


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mistake_of_a_hundred_millionth_in_one_block_rings(loss):
    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(grad=seen.grad * (1 + 1e-8 * (len(batch) > BLOCK)))

    assert "repeating all images" in invariances(code(loss, gradient=wrong), case(loss), 0.0, 0.0).reason


@pytest.mark.parametrize("loss", LOSSES)
def test_too_steep_a_tangent_cuts_through_the_loss_on_one_side(loss):
    law, steep = (
        INVARIANCES["a convex loss lies above its tangents"],
        code(loss, gradient=with_gradient(lambda g, *_: 3 * g)),
    )
    cases = [case(loss, seed=seed) for seed in range(8)]
    assert all(pair(law, one, code(loss), (0.0, 0.0)) <= 1 for one in cases)
    assert any(pair(law, one, steep, (0.0, 0.0)) > 1 for one in cases)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", INVARIANCES)
def test_what_is_not_a_number_breaks_every_law(loss, bad, name):
    def spoil(g, *_):
        g[0, 1] = bad
        return g

    one, wrong = case(loss), code(loss, gradient=with_gradient(spoil))
    with np.errstate(invalid="ignore"):
        assert pair(INVARIANCES[name], one, wrong, (0.1, 0.1)) == np.inf
        assert invariances(wrong, one, 0.1, 0.1).verdict == "fail"


@pytest.mark.parametrize("loss", LOSSES)
def test_a_value_that_is_not_a_number_fails(loss):
    wrong = code(loss, value=lambda *_: (np.nan, 0))
    assert invariances(wrong, case(loss), 0.0, 0.0).verdict == "fail"
    assert pair(above_its_tangents, case(loss), wrong, (0.0, 0.0)) == np.inf


def test_laws_look_at_few_images_and_at_all_of_few():
    seen = []

    def spy(objective, batch, weights):
        seen.append(len(batch))
        return analytic_gradient(objective, batch, weights)

    invariances(code("softmax", gradient=spy), case(N=1000), 0.0, 0.0)
    assert max(seen) < 4 * BLOCK
    seen.clear()
    invariances(code("softmax", gradient=spy), case(N=5), 0.0, 0.0)
    assert 5 in seen
    assert any(n > BLOCK and n % BLOCK and n % 5 == 0 for n in seen)
