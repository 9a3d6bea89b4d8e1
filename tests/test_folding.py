"""A gradient computed on pixels as they are stored is the gradient of what the classifier sees."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf import folding
from imgclf.arrays import BLOCK, Batch
from imgclf.compose import continue_from, make_plan
from imgclf.config import resolve
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess, fit_preprocess
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.parallel import in_blocks, workers

pytestmark = pytest.mark.bits

RNG = np.random.default_rng(0)
N, D, C = 3 * BLOCK + 5, 36, 4
IMAGES = RNG.integers(0, 256, (N, 4, 3, 3), dtype=np.uint8)
DATA = Dataset.of(IMAGES, RNG.integers(0, C, N), tuple("abcd"))
ROWS = RNG.permutation(N)
ALL_BUT_WHITE = np.where(IMAGES > 3, 255, 254).astype(np.uint8)
UNREAD = Batch(ROWS, lambda rows: pytest.fail("read as the classifier sees it"))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("center", ["none", "pixel", "channel"])
@pytest.mark.parametrize("scale", [255.0, 1.0])
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.3, 0.2)])
def test_it_is_the_gradient_of_what_the_classifier_sees(loss, center, scale, l2, l1):
    preprocess = fit_preprocess(DATA, scale=scale, center=center, std="none", dtype="float64")
    objective, weights = Objective(LOSSES[loss], l2, l1), np.asfortranarray(RNG.normal(size=(D + 1, C)))
    before = weights.copy()
    seen = folding.folded(analytic_gradient, preprocess, DATA)(objective, UNREAD, weights)
    expected = analytic_gradient(objective, Batch.of(preprocess.apply(IMAGES[ROWS]), DATA.labels[ROWS]), weights)
    np.testing.assert_allclose(seen.grad, expected.grad, rtol=1e-10, atol=1e-11 * np.abs(expected.grad).max())
    assert seen.loss == pytest.approx(expected.loss, rel=1e-12)
    assert seen.correct == expected.correct
    assert weights.tobytes() == before.tobytes(), "the weights were changed"


@pytest.mark.parametrize("images", [IMAGES, ALL_BUT_WHITE], ids=["any", "all but white"])
def test_in_float32_no_more_is_lost_than_of_white_pixels(images):
    """Neither a pixel nor its centre is above 255: each is rounded by 2**-24 of 255 / scale at most."""
    data = Dataset.of(images, DATA.labels, DATA.class_names)
    preprocess = fit_preprocess(data, scale=255, center="pixel", std="none", dtype="float32")
    objective, weights = Objective(LOSSES["softmax"]), RNG.normal(size=(D + 1, C)).astype(np.float32)
    seen = folding.folded(analytic_gradient, preprocess, data)(objective, UNREAD, weights)
    in_float64 = Preprocess(data.example_shape, 255, preprocess.mean.astype(np.float64), None, "float64")
    batch = Batch.of(in_float64.apply(images[ROWS]), DATA.labels[ROWS])
    exact = analytic_gradient(objective, batch, weights.astype(np.float64))
    assert np.abs(seen.grad - exact.grad).max() < 8 * D * 2**-24


@pytest.mark.parametrize("threads", [2, 3])
def test_it_is_the_same_to_the_bit_whoever_computes_the_blocks(threads):
    preprocess = fit_preprocess(DATA, scale=255, center="pixel", std="none", dtype="float32")
    gradient = folding.folded(analytic_gradient, preprocess, DATA)
    weights = RNG.normal(size=(D + 1, C)).astype(np.float32)
    objective = Objective(LOSSES["svm"], l2=0.1)
    with workers(threads) as sum_blocks:
        together = in_blocks(gradient, sum_blocks)(objective, UNREAD, weights)
    with workers(1) as sum_blocks:
        alone = in_blocks(gradient, sum_blocks)(objective, UNREAD, weights)
    assert together.grad.tobytes() == alone.grad.tobytes()
    assert together.loss == alone.loss


def plan_of(tmp_path, *overrides, X=IMAGES):
    np.savez(tmp_path / "data.npz", X=X, y=DATA.labels)
    source = ["data.source=npz", f"data.path='{tmp_path / 'data.npz'}'", "data.val_fraction=0"]
    return make_plan(resolve(overrides=[*source, f"train.batch_size={folding.PAYS * C}", *overrides]).config)


def test_large_batches_of_pictures_are_folded(tmp_path):
    plan = plan_of(tmp_path)
    assert plan.evaluate_gradient is not analytic_gradient
    batch, weights = plan.sample(1), RNG.normal(size=plan.weights.shape).astype(np.float32)
    seen, expected = (
        gradient(plan.objective, batch, weights) for gradient in (plan.evaluate_gradient, analytic_gradient)
    )
    np.testing.assert_allclose(seen.grad, expected.grad, atol=1e-5)


@pytest.mark.parametrize("overrides", [
    [f"train.batch_size={folding.PAYS * C - 1}"], ["preprocess.std=pixel"], ["preprocess.std=channel"],
])  # fmt: skip
def test_what_would_be_slower_or_less_exact_is_not_folded(tmp_path, overrides):
    assert plan_of(tmp_path, *overrides).evaluate_gradient is analytic_gradient


def test_features_are_not_folded(tmp_path):
    assert plan_of(tmp_path, X=RNG.normal(1e6, 1, (N, D))).evaluate_gradient is analytic_gradient


def test_the_numerical_gradient_is_not_folded(tmp_path):
    plan = plan_of(tmp_path, "train.gradient=numerical")
    assert plan.evaluate_gradient.__name__ == "numerical_gradient"


def test_a_run_that_goes_on_from_a_model_folds_the_preprocessing_of_the_model(tmp_path):
    plan = plan_of(tmp_path)
    model = plan.model(RNG.normal(size=plan.weights.shape).astype(np.float32))
    other = Preprocess(IMAGES.shape[1:], 255, np.full(D, 0.9, np.float32), None, "float32")
    plan = continue_from(plan, replace(model, preprocess=other))
    seen, expected = (
        gradient(plan.objective, plan.sample(0), plan.weights)
        for gradient in (plan.evaluate_gradient, analytic_gradient)
    )
    np.testing.assert_allclose(seen.grad, expected.grad, atol=1e-5)
