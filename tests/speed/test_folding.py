"""A gradient computed on pixels as they are stored is the gradient of what the classifier sees."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.config import resolve
from imgclf.data.batches import Reader
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess, fit_preprocess
from imgclf.gradcheck.check import make_cases
from imgclf.gradcheck.checks.training import training_on
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed import folding
from imgclf.speed.blocks import in_blocks
from imgclf.training.plan import continue_from, make_plan

pytestmark = pytest.mark.bits

RNG = np.random.default_rng(0)
N, D, C = 3 * BLOCK + 5, 36, 4
IMAGES = RNG.integers(0, 256, (N, 4, 3, 3), dtype=np.uint8)
DATA = Dataset.of(IMAGES, RNG.integers(0, C, N), tuple("abcd"))
ROWS = RNG.permutation(N)
folded = folding.folded(in_blocks(serial_sum))


def batch_of(preprocess, data=DATA):
    return Batch(ROWS, Reader(preprocess, data))


def is_folded(batch, weights):
    """Whether pixels are read as they are stored, and nothing else is."""
    seen = []

    def watched(objective, batch, weights):
        seen.append(batch.read)
        return analytic_gradient(objective, batch, weights)

    folding.folded(watched)(Objective(LOSSES["svm"]), batch, weights)
    return seen == [batch.read.as_stored]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("center", ["none", "pixel", "channel"])
@pytest.mark.parametrize("scale", [255.0, 1.0])
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.3, 0.2)])
def test_it_is_the_gradient_of_what_the_classifier_sees(loss, center, scale, l2, l1):
    preprocess = fit_preprocess(DATA, scale=scale, center=center, std="none", dtype="float64")
    objective, weights = Objective(LOSSES[loss], l2, l1), np.asfortranarray(RNG.normal(size=(D + 1, C)))
    before = weights.copy()
    assert is_folded(batch_of(preprocess), weights)
    seen = folded(objective, batch_of(preprocess), weights)
    expected = analytic_gradient(objective, Batch.of(preprocess.apply(IMAGES[ROWS]), DATA.labels[ROWS]), weights)
    np.testing.assert_allclose(seen.grad, expected.grad, rtol=1e-10, atol=1e-11 * np.abs(expected.grad).max())
    assert seen.loss == pytest.approx(expected.loss, rel=1e-12)
    assert seen.correct == expected.correct
    assert weights.tobytes() == before.tobytes(), "the weights were changed"


def plan_of(tmp_path, *overrides, X=IMAGES):
    np.savez(tmp_path / "data.npz", X=X, y=DATA.labels)
    source = ["data.source=npz", f"data.path='{tmp_path / 'data.npz'}'", "data.val_fraction=0"]
    source.append(f"train.batch_size={folding.MIN_IMAGES_PER_CLASS * C}")
    return make_plan(resolve(overrides=[*source, *overrides]).config)


def first_is_folded(plan):
    return is_folded(plan.sample(0), plan.weights)


BRIGHT = RNG.integers(1, 256, IMAGES.shape)
KINDS = {
    "noise": IMAGES,
    "strokes, white on black": np.where(RNG.random(IMAGES.shape) < 0.1, BRIGHT, 0),
    "strokes, black on white": 255 - np.where(RNG.random(IMAGES.shape) < 0.1, BRIGHT, 0),
    "254 in two of a thousand, else 255": np.where(RNG.random(IMAGES.shape) < 0.002, 254, 255),
    "a white rim": np.where(np.arange(3)[:, None] == 0, 255, IMAGES),
    "a gray rim": np.where(np.arange(3)[:, None] == 0, 100, IMAGES),
    "a black rim": np.where(np.arange(3)[:, None] == 0, 0, IMAGES),
    "all white": np.full(IMAGES.shape, 255),
    **{f"{middle} give or take {by}": RNG.integers(middle - by, middle + by + 1, IMAGES.shape)
       for middle, by in [(127, 1), (127, 5), (127, 20), (200, 20), (200, 55), (127, 60)]},
}  # fmt: skip
FOLDED = {"noise", "strokes, white on black", "a black rim", "200 give or take 55", "127 give or take 60"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("center", ["pixel", "channel", "none"])
def test_what_trains_is_within_what_float32_may_round_on_any_images(tmp_path, kind, center):
    chosen = (f"preprocess={{scale: 255, center: {center}}}", "schedule.step_size=0.01")
    plan = plan_of(tmp_path, *chosen, X=KINDS[kind].astype(np.uint8))
    X, y = stratified_images(plan, 8)
    look = training_on(plan)
    for loss in LOSSES:
        for point in ("steps", "wide"):
            outcome = look(Implementation.of(plan, loss), make_cases(plan, loss, X, y)[point], 1e-4, 1e-5)
            assert outcome.verdict != "fail", outcome.reason
    if center == "pixel":
        assert first_is_folded(plan) == (kind in FOLDED)


@pytest.mark.parametrize("kind", ["254 in two of a thousand, else 255", "a white rim"])
def test_folded_all_the_same_some_images_would_be_beyond_it(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(folding, "folds_exactly", lambda *_: True)
    plan = plan_of(tmp_path, X=KINDS[kind].astype(np.uint8))
    assert first_is_folded(plan)
    case = make_cases(plan, "softmax", *stratified_images(plan, 8))["wide"]
    assert training_on(plan)(Implementation.of(plan, "softmax"), case, 0, 0).verdict == "fail"


def test_large_batches_of_images_are_folded(tmp_path):
    plan = plan_of(tmp_path)
    assert first_is_folded(plan)
    batch, weights = plan.sample(1), RNG.normal(size=plan.weights.shape).astype(np.float32)
    seen, expected = (
        gradient(plan.objective, batch, weights) for gradient in (plan.kernel(serial_sum), analytic_gradient)
    )
    np.testing.assert_allclose(seen.grad, expected.grad, atol=1e-5)


@pytest.mark.parametrize("overrides", [
    [f"train.batch_size={folding.MIN_IMAGES_PER_CLASS * C - 1}"], ["preprocess.std=pixel"], ["preprocess.std=channel"],
    ["preprocess.norm=l2"],
])  # fmt: skip
def test_what_would_be_slower_or_less_exact_is_not_folded(tmp_path, overrides):
    assert not first_is_folded(plan_of(tmp_path, *overrides))


def test_features_are_not_folded(tmp_path):
    assert not first_is_folded(plan_of(tmp_path, "preprocess.std=none", X=RNG.normal(1e6, 1, (N, D))))


def test_a_run_that_goes_on_from_a_model_folds_the_preprocessing_of_the_model(tmp_path):
    plan = plan_of(tmp_path)
    model = plan.model(RNG.normal(size=plan.weights.shape).astype(np.float32))
    other = Preprocess(IMAGES.shape[1:], 255, np.full(D, 0.9, np.float32), None, "float32")
    plan = continue_from(plan, replace(model, preprocess=other))
    seen, expected = (
        gradient(plan.objective, plan.sample(0), plan.weights)
        for gradient in (plan.kernel(serial_sum), analytic_gradient)
    )
    np.testing.assert_allclose(seen.grad, expected.grad, atol=1e-5)
