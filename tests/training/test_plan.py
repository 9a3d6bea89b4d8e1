"""From names to functions: what a config says in epochs becomes steps, and splits are what they should be."""

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.errors import DataError, UsageError
from imgclf.gradients import Objective
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.training.loading import load_all_splits
from imgclf.training.plan import continue_from, initial_weights, make_optimizer, make_plan, make_schedule, scale_advice


def config(*overrides):
    return resolve(
        overrides=["data.source=synthetic", "data.options={train: 200, classes: 4, size: 6}", *overrides]
    ).config


def of_features(path, *overrides, **arrays):
    np.savez(path / "data.npz", **arrays)
    return resolve(overrides=["data.source=npz", f"data.path='{path / 'data.npz'}'", *overrides]).config


@pytest.mark.parametrize("val", [np.zeros((9, 3)), np.zeros((9, 2, 2), np.uint8)])
def test_a_validation_split_of_another_shape_is_a_data_error(tmp_path, val):
    arrays = {"X": np.eye(9, 4), "y": np.arange(9) % 3, "x_val": val, "y_val": np.arange(9) % 3}
    with pytest.raises(DataError, match=r"val has (images|examples) of \d.*, train examples of 4 features - make"):
        make_plan(of_features(tmp_path, **arrays))


def test_a_model_of_other_examples_cannot_be_trained_on():
    plan = make_plan(config())
    model = make_plan(config("data.options.classes=3", "data.options.size=5")).model(np.zeros((26, 3), np.float32))
    words = "images of 6 x 6 gray in 4 classes, the model was trained on 5 x 5 gray in 3 - "
    with pytest.raises(DataError, match=words):
        continue_from(plan, model)


def schedule(*overrides, per_epoch=10):
    return make_schedule(config("train.epochs=5", "schedule.step_size=1", *overrides), per_epoch)


def test_epochs_become_steps():
    stairs = schedule("schedule={name: step, every_epochs: 2, factor: 0.5}")
    assert [stairs(step) for step in (0, 19, 20, 40)] == [1, 1, 0.5, 0.25]
    smooth = schedule("schedule={name: exponential, factor: 0.5}")
    assert [smooth(step) for step in (0, 10, 20)] == [1, 0.5, 0.25]
    for name in ("cosine", "linear"):
        falling = schedule(f"schedule.name={name}")
        assert falling(48) > falling(49) > falling(50) == 0


def test_warm_up_lasts_its_epochs():
    warm = schedule("schedule={name: constant, warmup_epochs: 2}")
    assert [warm(step) for step in (0, 9, 19, 20)] == [1 / 20, 10 / 20, 1, 1]


def test_weights_start_at_random_where_asked_and_biases_at_zero():
    assert not initial_weights(config(), 500, 4).any()
    weights = initial_weights(config("model.init_scale=0.5"), 500, 4)
    assert weights.dtype == np.float32
    assert weights[:-1].std() == pytest.approx(0.5, rel=0.05)
    assert not weights[-1].any()
    assert weights.T.flags.c_contiguous  # a class's lie together
    assert initial_weights(config(), 768, 1000).flags.c_contiguous
    assert weights.tobytes() != initial_weights(config("model.init_scale=0.5", "seed=1"), 500, 4).tobytes()


def test_a_plan_counts_its_steps():
    plan = make_plan(config("train.batch_size=32", "train.epochs=3"))
    assert (len(plan.train), len(plan.val)) == (180, 20)
    assert (plan.steps_per_epoch, plan.steps) == (6, 18)
    assert [len(plan.sample(step)) for step in (0, 5, 6, 11)] == [32, 20, 32, 20]
    whole = make_plan(config("train.batch_size=all"))
    assert (whole.batch_size, whole.steps_per_epoch) == (180, 1)
    larger = make_plan(config("train.batch_size=100000"))
    assert (larger.batch_size, larger.steps_per_epoch) == (180, 1)


def test_a_limit_is_taken_after_the_validation_split():
    limited, whole = make_plan(config("data.limit=40")), make_plan(config())
    assert len(limited.train) == 40
    np.testing.assert_array_equal(limited.val.rows, whole.val.rows)
    assert set(limited.train.rows) <= set(whole.train.rows)


def test_every_split_is_its_own():
    splits = load_all_splits(config())
    assert set(splits) == {"train", "val", "test"}
    assert set(splits["train"].rows).isdisjoint(splits["val"].rows)


def test_preprocessing_is_fitted_on_train_alone():
    plan = make_plan(config())
    pixels = plan.train.pixels(np.arange(len(plan.train)))
    np.testing.assert_allclose(plan.preprocess.mean, (pixels / 255).mean(axis=0).ravel(), rtol=1e-5)


@pytest.mark.parametrize("size", [3, 12])
def test_any_source_is_brought_to_a_size_and_a_color(size):
    plan = make_plan(config(f"preprocess={{image_size: {size}, color: rgb}}"))
    assert plan.train.example_shape == (size, size, 3)


def test_features_have_no_size(tmp_path):
    with pytest.raises(UsageError, match="no size"):
        make_plan(of_features(tmp_path, "preprocess.image_size=3", X=np.zeros((9, 4)), y=np.arange(9) % 3))


def test_one_class_is_not_enough(tmp_path):
    with pytest.raises(DataError, match="only one class"):
        make_plan(of_features(tmp_path, X=np.zeros((9, 4)), y=np.zeros(9, int)))


@pytest.mark.parametrize(("chosen", "by_hand"), [
    ("{name: sgd}", OPTIMIZERS["sgd"]()),
    ("{name: momentum, momentum: 0.5}", OPTIMIZERS["momentum"](0.5)),
    ("{name: nesterov, momentum: 0.5}", OPTIMIZERS["nesterov"](0.5)),
    ("{name: adagrad, epsilon: 0.125}", OPTIMIZERS["adagrad"](0.125)),
    ("{name: rmsprop, decay: 0.5, epsilon: 0.125}", OPTIMIZERS["rmsprop"](0.5, 0.125)),
    ("{name: adam, beta1: 0.5, beta2: 0.75, epsilon: 0.125}", OPTIMIZERS["adam"](0.5, 0.75, 0.125)),
])  # fmt: skip
def test_every_setting_of_an_optimizer_reaches_it(chosen, by_hand):
    made = make_optimizer(config(f"optimizer={chosen}"))
    grad = np.array([[1.0, -2.0]])
    memories = [made.init(grad), by_hand.init(grad)]
    for _ in range(3):
        (one, memories[0]), (other, memories[1]) = (
            optimizer.direction(grad, memory) for optimizer, memory in zip((made, by_hand), memories, strict=True)
        )
        assert one.tobytes() == other.tobytes()


def test_loss_and_penalties_reach_the_objective_and_the_model():
    plan = make_plan(config("regularization={l2: 0.5, l1: 0.25}", "model.loss=svm_cs"))
    assert plan.objective == Objective(LOSSES["svm_cs"], 0.5, 0.25)
    model = plan.model(plan.weights)
    assert (model.loss, model.l2, model.l1) == ("svm_cs", 0.5, 0.25)


def test_everything_random_follows_the_seed():
    plans = [make_plan(config(f"seed={seed}", "model.init_scale=1", "data.limit=50")) for seed in (0, 1, 0)]
    for part in (lambda plan: plan.val.rows, lambda plan: plan.train.rows, lambda plan: plan.weights,
                 lambda plan: plan.sample(0).rows):  # fmt: skip
        assert part(plans[0]).tobytes() == part(plans[2]).tobytes() != part(plans[1]).tobytes()


def test_values_too_large_for_the_dtype_are_a_data_error(tmp_path):
    huge = {"X": np.full((9, 4), 1e300), "y": np.arange(9) % 3}
    with pytest.raises(DataError, match="too large for float32"):
        make_plan(of_features(tmp_path, **huge))
    assert make_plan(of_features(tmp_path, "train.dtype=float64", **huge)).preprocess.mean is not None


PIXELS = np.random.default_rng(0).integers(0, 256, (60, 2, 2), dtype=np.uint8)


@pytest.mark.parametrize(("X", "scale", "std"), [
    (PIXELS, 255.0, "none"), (PIXELS // 16, 15.0, "none"), (PIXELS // 128, 1.0, "none"),
    (PIXELS.reshape(60, 4) / 255, 1.0, "pixel"), (PIXELS.reshape(60, 4).astype("f4"), 1.0, "pixel"),
])  # fmt: skip
def test_a_plan_writes_out_what_null_means_for_its_data(tmp_path, X, scale, std):
    data = {"X": X, "y": np.arange(60) % 3}
    plan = make_plan(of_features(tmp_path, "data.val_fraction=0", **data))
    chosen = plan.config.preprocess
    assert (chosen.scale, chosen.std, plan.preprocess.scale) == (scale, std, scale)
    assert scale_advice(plan) == ""
    explicit = make_plan(of_features(tmp_path, "preprocess={scale: 7, std: channel}", **data)).config.preprocess
    assert (explicit.scale, explicit.std) == (7, "channel")


@pytest.mark.parametrize(("X", "chosen", "advised"), [
    (PIXELS // 128, "scale: 255", "try preprocess.scale: 1"),
    (PIXELS, "scale: 1e4", "try preprocess.scale: 255"),
    (np.where(PIXELS > 9, 255, 254).astype("u1"), "scale: null", "try preprocess.std: pixel"),
    (PIXELS.reshape(60, 4) / 255, "{scale: 255, std: none}", "try preprocess.scale: 1"),
    (PIXELS.reshape(60, 4) / 1e6, "std: none", "try preprocess.std: pixel"),
    (PIXELS.reshape(60, 4) / 255, "{scale: 255, std: channel}", ""),
    (PIXELS, "scale: 1", ""),
])  # fmt: skip
def test_what_leaves_next_to_no_differences_is_told(tmp_path, X, chosen, advised):
    override = f"preprocess={chosen}" if chosen.startswith("{") else f"preprocess={{{chosen}}}"
    advice = scale_advice(make_plan(of_features(tmp_path, override, X=X, y=np.arange(60) % 3)))
    assert advice.endswith(advised)
    assert bool(advice) == bool(advised)


@pytest.mark.parametrize("X", [PIXELS * 0, PIXELS * 0 + 200, np.full((60, 4), 0.3)])
def test_images_that_are_all_alike_are_told(tmp_path, X):
    plan = make_plan(of_features(tmp_path, X=X, y=np.arange(60) % 3))
    assert scale_advice(plan) == f"x is the same for every training {plan.train.unit}: nothing can be learned from it"


@pytest.mark.parametrize(("factor", "dtype", "is_told"), [
    (1e-30, "float32", False), (1e-40, "float32", True), (1e-200, "float32", True),
    (1e-100, "float64", False), (1e-200, "float64", True),
])  # fmt: skip
def test_features_too_small_for_the_type_are_called_so_and_not_equal(tmp_path, factor, dtype, is_told):
    X, y = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3
    advice = scale_advice(make_plan(of_features(tmp_path, f"train.dtype={dtype}", X=factor * X, y=y)))
    assert (f"too little for {dtype}: multiply them" in advice) == is_told
    assert ("same for every" in advice, "step sizes" in advice) == (False, False)
    others = make_plan(of_features(tmp_path, "preprocess.norm=l2", f"train.dtype={dtype}", X=factor * X, y=y))
    assert scale_advice(others) == ""  # divided by their length first


@pytest.mark.parametrize(("X", "chosen", "advised"), [
    (PIXELS, "{scale: 1}", "try preprocess.scale: 255"),
    (PIXELS.reshape(60, 4).astype("f4"), "{std: none}", "try preprocess.std: pixel"),
    (PIXELS // 128, "{scale: 1}", ""),
])  # fmt: skip
def test_large_differences_are_told_where_they_are_asked_for(tmp_path, X, chosen, advised):
    plan = make_plan(of_features(tmp_path, f"preprocess={chosen}", X=X, y=np.arange(60) % 3))
    assert scale_advice(plan) == ""
    assert scale_advice(plan, largest=20).endswith(advised)
    assert bool(scale_advice(plan, largest=20)) == bool(advised)


def test_the_seed_of_generated_data_is_that_of_the_run():
    with pytest.raises(UsageError, match="set seed instead"):
        make_plan(config("data.options={seed: 5}"))


@pytest.mark.parametrize("override", ["data.options={noise: 3}", "data.labels=coarse"])
def test_what_a_source_would_not_listen_to_is_refused(override):
    with pytest.raises(UsageError, match="fashion-mnist-mini has"):
        make_plan(resolve(overrides=[override]).config)
