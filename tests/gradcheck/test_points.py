"""The images and the weights that a check looks at: every class, and weights narrow, trained and wide."""

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradcheck.points import POINTS, STEPS, WIDE, after_steps, first, stratified_images, wide, zero
from imgclf.losses import LOSSES
from imgclf.model import scores
from imgclf.numerics.sums import serial_sum
from imgclf.speed.blocks import in_blocks
from imgclf.speed.threads import workers
from imgclf.training.plan import make_objective, make_plan

DATA = "data.options={train: 200, classes: 4, size: 4, noise: 100}"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with workers(1):
        yield


def make(*overrides):
    chosen = ["data.source=synthetic", DATA, "train.batch_size=20", "model.init_scale=0.01", *overrides]
    return make_plan(resolve(overrides=chosen).config)


@pytest.fixture(scope="module")
def plan():
    return make()


def look(point, plan, loss="softmax"):
    X, _ = stratified_images(plan, 30)
    return POINTS[point](plan, make_objective(plan.config, loss), X)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_are_finite_float64_and_fit_the_dtype_of_training(point, loss, dtype):
    plan = make(f"train.dtype={dtype}")
    weights = look(point, plan, loss)
    assert weights.dtype == np.float64
    assert weights.shape == plan.weights.shape
    assert np.isfinite(weights).all()
    assert weights.astype(dtype).astype(np.float64).tobytes() == weights.tobytes()


@pytest.mark.parametrize("point", POINTS)
def test_the_same_seed_gives_the_same_weights(point, plan):
    before = plan.weights.tobytes()
    one, other = (look(point, plan) for _ in range(2))
    assert one.tobytes() == other.tobytes()
    one += 1  # and they are the caller's
    assert look(point, plan).tobytes() == other.tobytes()
    assert plan.weights.tobytes() == before


@pytest.mark.parametrize("point", [point for point in POINTS if point != "zero"])
def test_another_seed_gives_other_weights(point, plan):
    assert look(point, plan).tobytes() != look(point, make("seed=1")).tobytes()


def test_zero_is_0(plan):
    assert not zero(plan, plan.objective, np.ones((1, 16))).any()


def test_the_start_is_where_training_starts(plan):
    assert first(plan, plan.objective, np.ones((1, 16))).tolist() == plan.weights.tolist()


@pytest.mark.parametrize("loss", LOSSES)
def test_steps_are_those_of_training(plan, loss):
    objective = make_objective(plan.config, loss)
    weights, memory = plan.weights, plan.optimizer.init(plan.weights)
    for step in range(STEPS):
        grad = in_blocks(serial_sum)(objective, plan.sample(step), weights).grad  # which is by the book up to rounding
        direction, memory = plan.optimizer.direction(grad, memory)
        weights = weights - plan.step_size(step) * direction
    assert after_steps(plan, objective, np.ones((1, 16))).tobytes() == weights.astype(np.float64).tobytes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1e6, 1e30])
def test_training_that_diverges_is_looked_at_where_it_is_still_finite(loss, size):
    wild = make(f"schedule.step_size={size}")
    weights = look("steps", wild, loss)
    assert np.isfinite(weights).all()


def test_wide_scores_have_the_deviation_that_is_promised(plan):
    X, _ = stratified_images(plan, 30)
    assert scores(X, wide(plan, plan.objective, X)).std() == pytest.approx(WIDE, rel=1e-5)
    assert scores(255 * X, wide(plan, plan.objective, 255 * X)).std() == pytest.approx(WIDE, rel=1e-5)


def test_wide_takes_images_that_are_all_0(plan):
    weights = wide(plan, plan.objective, np.zeros((5, 16)))
    assert np.isfinite(weights).all()
    assert weights.any()


@pytest.mark.parametrize("images", [4, 30, 179])
def test_every_class_is_seen_as_often_as_it_occurs(plan, images):
    X, y = stratified_images(plan, images)
    assert X.shape == (images, 16)
    assert y.shape == (images,)
    share = np.bincount(plan.train.y, minlength=4) * images / len(plan.train)
    assert (np.abs(np.bincount(y, minlength=4) - share) < 1).all()


def test_images_are_those_of_training_as_the_classifier_sees_them(plan):
    X, y = stratified_images(plan, 30)
    assert X.dtype == np.float64
    all_of_them = plan.preprocess.apply(plan.train.pixels(np.arange(len(plan.train))))
    known = {(row.astype(np.float64).tobytes(), label) for row, label in zip(all_of_them, plan.train.y, strict=True)}
    assert {(row.tobytes(), label) for row, label in zip(X, y, strict=True)} <= known


def test_no_more_images_than_there_are(plan):
    X, y = stratified_images(plan, 10_000)
    assert len(X) == len(y) == len(plan.train)


def test_the_same_seed_gives_the_same_images_and_another_others(plan):
    one, same, other = (stratified_images(each, 30)[0] for each in (plan, plan, make("seed=1")))
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()
