"""Class weights: the objective counts each image by its class, in training and evaluation alike."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.config import resolve
from imgclf.data.dataset import Dataset
from imgclf.errors import UsageError
from imgclf.gradients import Objective, analytic_gradient, evaluate_loss, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.numerics.sums import serial_sum
from imgclf.run.model_file import load_model, model_bytes
from imgclf.speed.kernels import KERNELS
from imgclf.speed.threads import workers
from imgclf.training.class_weights import class_weights_of, weighted
from imgclf.training.epochs import first_snapshot, train
from imgclf.training.evaluation import evaluate
from imgclf.training.plan import make_plan

RNG = np.random.default_rng(0)
SMALL = ("data.source=synthetic", "data.options={train: 300, classes: 3, size: 5}", "train.epochs=3")
NAMES = ("cat", "dog", "owl", "T-shirt/top")


def config(weights):
    return resolve(overrides=[f"train.class_weight={weights}"]).config


def dataset(*counts):
    y = np.repeat(np.arange(len(counts)), counts)
    return Dataset.of(RNG.integers(0, 256, (len(y), 2, 2, 1), dtype=np.uint8), y, NAMES[: len(counts)])


def plan_of(*overrides):
    return make_plan(resolve(overrides=[*SMALL, *overrides]).config)


def end(plan, threads=1):
    with workers(threads) as sum_blocks:
        *_, last = train(plan, sum_blocks, first_snapshot(plan))
    return last


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_derivative_of_each_image_are_multiplied_by_the_weight_of_its_class(loss, dtype):
    s, y, w = RNG.standard_normal((20, 3)).astype(dtype), np.arange(20) % 3, np.array([0.5, 3, 1])
    losses, dscores = LOSSES[loss](s, y)
    got_losses, got_dscores = weighted(LOSSES[loss], w)(s, y)
    assert got_losses.dtype == got_dscores.dtype == dtype
    for n in range(20):
        assert got_losses[n] == w[y[n]].astype(dtype) * losses[n]
        assert got_dscores[n].tolist() == (w[y[n]].astype(dtype) * dscores[n]).tolist()


@pytest.mark.parametrize("loss", LOSSES)
def test_without_weights_it_is_the_very_same_function(loss):
    assert weighted(LOSSES[loss], None) is LOSSES[loss]
    assert plan_of(f"model.loss={loss}").objective.loss_fn is LOSSES[loss]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_whole_weight_is_that_many_copies_of_each_image(loss):
    X, y, times = RNG.standard_normal((30, 4)), np.arange(30) % 3, np.array([1, 2, 4])
    rows = np.repeat(np.arange(30), times[y])
    weights = RNG.standard_normal((5, 3))
    one = analytic_gradient(Objective(weighted(LOSSES[loss], times.astype(float))), Batch.of(X, y), weights)
    copies = analytic_gradient(Objective(LOSSES[loss]), Batch.of(X[rows], y[rows]), weights)
    more = len(rows) / len(y)
    np.testing.assert_allclose(one.grad, more * copies.grad, rtol=1e-12, atol=1e-13)
    assert one.loss == pytest.approx(more * copies.loss, rel=1e-12)


@pytest.mark.parametrize("loss", ["softmax", "svm_squared", "logistic_ovr"])
@pytest.mark.parametrize("kernel", ["plain", "blocks", "compiled", pytest.param("torch", marks=pytest.mark.torch)])
def test_every_gradient_is_that_of_the_weighted_objective(loss, kernel):
    objective = Objective(weighted(LOSSES[loss], np.array([0.2, 5.0, 1.0])), 0.1, 0.01)
    batch, weights = Batch.of(RNG.standard_normal((150, 6)), np.arange(150) % 3), RNG.standard_normal((7, 3))
    seen, numerical = (g(objective, batch, weights) for g in (KERNELS[kernel](serial_sum), numerical_gradient))
    np.testing.assert_allclose(seen.grad, numerical.grad, atol=1e-7)
    assert seen.loss == pytest.approx(evaluate_loss(objective, batch, weights)[0], rel=1e-12)
    assert seen.correct == analytic_gradient(Objective(LOSSES[loss]), batch, weights).correct


@pytest.mark.parametrize("counts", [(90, 10), (5, 5, 5), (1, 20, 300, 7)])
def test_balanced_lets_every_class_count_as_much(counts):
    w = class_weights_of(config("balanced"), dataset(*counts))
    assert w.tolist() == [sum(counts) / (len(counts) * count) for count in counts]
    np.testing.assert_allclose(w * counts, sum(counts) / len(counts))


def test_a_class_without_images_has_no_part_in_it():
    assert class_weights_of(config("balanced"), dataset(30, 0, 10)).tolist() == [40 / 60, 1, 2]


def test_balanced_is_of_the_images_that_are_trained_on():
    plan = plan_of("train.class_weight=balanced", "data.limit=100", "data.val_fraction=0.3", "data.options.imbalance=4")
    counts = np.bincount(plan.train.y, minlength=3)
    assert counts.sum() == 100
    assert plan.class_weights.tolist() == (100 / (3 * counts)).tolist()


def test_a_class_that_is_not_named_has_weight_1():
    chosen = config('{T-shirt/top: 3, "dog": 0.5}')
    assert class_weights_of(chosen, dataset(1, 1, 1, 1)).tolist() == [1, 0.5, 1, 3]
    assert class_weights_of(config("{}"), dataset(1, 1)) is None


def test_a_name_is_the_same_in_each_spelling_of_unicode():
    accented = replace(dataset(1, 1), class_names=("caf\u00e9", "dog"))
    assert class_weights_of(config("{cafe\u0301: 2}"), accented).tolist() == [2, 1]


@pytest.mark.parametrize(("weights", "message"), [
    ("{dgo: 2}", "train.class_weight: there is no class 'dgo'; did you mean 'dog'? - the classes are 'cat', 'dog'"),
    ("{Cat: 2}", "train.class_weight: there is no class 'Cat'; did you mean 'cat'? - the classes are 'cat', 'dog'"),
    ("{zebra: 2}", "train.class_weight: there is no class 'zebra' - the classes are 'cat', 'dog'"),
    ("{owl: 2, ox: 1}", "train.class_weight: there is no class 'owl', 'ox' - the classes are 'cat', 'dog'"),
])  # fmt: skip
def test_a_name_that_is_no_class_is_refused_and_a_similar_one_suggested(weights, message):
    with pytest.raises(UsageError) as caught:
        class_weights_of(config(weights), dataset(2, 2))
    assert str(caught.value) == message


def test_weights_of_1_train_to_the_same_bytes():
    usual, ones = end(plan_of()), end(plan_of("train.class_weight={class 0: 1}"))
    assert ones.model.class_weights.tolist() == [1, 1, 1]
    assert ones.model.weights.tobytes() == usual.model.weights.tobytes()
    assert ones.metrics() == usual.metrics()


def test_all_weights_doubled_are_a_step_twice_as_long():
    twice = "train.class_weight={class 0: 2, class 1: 2, class 2: 2}"
    free = ("regularization.l2=0", "optimizer.name=sgd")
    one, other = end(plan_of(*free, twice)), end(plan_of(*free, "schedule.step_size=0.2"))
    assert one.model.weights.tobytes() == other.model.weights.tobytes()
    assert one.train.data_loss == pytest.approx(2 * other.train.data_loss, rel=1e-12)
    assert one.train.accuracy == other.train.accuracy


@pytest.mark.bits
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads):
    one, other = (end(plan_of("train.class_weight=balanced"), n) for n in (1, threads))
    assert model_bytes(one.model) == model_bytes(other.model)
    assert one.metrics() == other.metrics()


def test_evaluation_is_of_the_objective_that_was_minimized():
    plan = plan_of("train.class_weight={class 1: 7}")
    model = end(plan).model
    seen = evaluate(model, plan.val, serial_sum)
    X = plan.preprocess.apply(plan.val.pixels(np.arange(len(plan.val))))
    s, y = X @ model.weights[:-1] + model.weights[-1], plan.val.y
    losses, _ = LOSSES["softmax"](s, y)
    assert seen.data_loss == pytest.approx(float((np.array([1, 7, 1])[y] * losses).mean()), rel=1e-5)
    assert seen.accuracy == (s.argmax(axis=1) == y).mean()
    unweighted = evaluate(replace(model, class_weights=None), plan.val, serial_sum)
    assert seen.pairs.counts.tolist() == unweighted.pairs.counts.tolist()
    assert seen.data_loss != unweighted.data_loss


def test_a_model_keeps_its_weights_and_one_without_has_no_member_for_them(tmp_path):
    path = tmp_path / "model.npz"
    for chosen, there in (("balanced", True), ("null", False)):
        model = end(plan_of(f"train.class_weight={chosen}")).model
        path.write_bytes(model_bytes(model))
        with np.load(path) as file:
            assert ("class_weights" in file.files) == there
        loaded = load_model(path)
        assert model_bytes(loaded) == model_bytes(model)
        if there:
            assert loaded.class_weights.tobytes() == model.class_weights.tobytes()
