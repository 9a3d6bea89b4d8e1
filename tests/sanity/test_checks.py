"""Sanity checks: right plans pass, and each check has a fault that it alone finds."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradients import Objective
from imgclf.losses import LOSSES
from imgclf.sanity import checks
from imgclf.sanity.checks import CHECKS, sanity
from imgclf.speed.kernels import KERNELS
from imgclf.speed.threads import workers
from imgclf.trainer import descend
from imgclf.training.evaluation import evaluate
from imgclf.training.plan import make_plan

SMALL = ("data.source=synthetic", "data.options={train: 900, val: 500, classes: 4, size: 6, noise: 60}")


@pytest.fixture(autouse=True)
def _one_thread():
    with workers(1):
        yield


def plan_of(*overrides):
    return make_plan(resolve((), [*SMALL, *overrides]).config)


def wrong(plan):
    """Return the names of the checks that fail, without their numbers."""
    lines = list(sanity(plan))
    assert len(lines) == len(CHECKS) == 8
    assert all(line.remedy for line in lines if line.passed is False)
    return [line.name for line in lines if line.passed is False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_right_plan_passes(loss, dtype):
    assert wrong(plan_of(f"model.loss={loss}", f"train.dtype={dtype}", "regularization={l2: 1e-3, l1: 1e-4}")) == []


@pytest.mark.parametrize("override", [
    "optimizer.name=adam", "train.batch_size=all", "train.batch_size=1", "train.class_weight=balanced",
    "model.init_scale=0.1", "augment.flip=0.5", "train.gradient=numerical", "train.kernel=plain",
    "schedule.warmup_epochs=1", "seed=7", "preprocess.scale=0.001", "data.limit=3", "data.limit=1",
])  # fmt: skip
def test_whatever_the_config_is(override):
    assert wrong(plan_of(override)) == []


def test_without_val_what_needs_it_is_not_judged():
    lines = list(sanity(replace(plan_of(), val=None)))
    assert [line.passed for line in lines] == [True] * 5 + [None] * 3
    assert [line.measured for line in lines[6:]] == ["there is no val split"] * 2


def test_how_far_apart_alike_splits_may_be_is_said():
    (line,) = (line for line in sanity(plan_of()) if line.name == "train and val alike")
    ours, others = map(float, line.measured.removeprefix("mean value ").split(", "))
    assert abs(ours - others) <= float(line.expected.removeprefix("at most ").removesuffix(" apart"))


def test_feature_vectors_of_few_numbers(tmp_path):
    X = np.random.default_rng(0).normal(size=(400, 5))
    np.savez(tmp_path / "x.npz", X=X, y=np.arange(400) % 3)
    plan = make_plan(resolve((), ["data.source=npz", f"data.path={tmp_path / 'x.npz'}"]).config)
    assert wrong(plan) == []
    assert next(line.name for line in sanity(plan) if "heart" in line.name) == "5 images by heart"


def test_a_run_that_diverges_is_told_in_a_cell_of_the_table_and_a_sentence_below():
    ratio, of_shuffled, _ = list(sanity(plan_of("schedule.step_size=1e30")))[5:]
    assert ratio.measured.startswith("not finite")
    assert (of_shuffled.measured, of_shuffled.passed) == ("training diverges", False)
    assert "after a step of size" in of_shuffled.remedy


def loss_with_an_offset(plan, monkeypatch):
    def offset(s, y, loss_fn=plan.objective.loss_fn):
        losses, dscores = loss_fn(s, y)
        return losses + 0.1, dscores

    return replace(plan, objective=replace(plan.objective, loss_fn=offset))


class Doubled(Objective):
    def penalty(self, weights):
        return 2 * super().penalty(weights)


def penalty_doubled(plan, monkeypatch):
    return replace(plan, objective=Doubled(plan.objective.loss_fn, plan.objective.l2, plan.objective.l1))


def steps_too_small(plan, monkeypatch):
    return plan_of("model.init_scale=1", "schedule.step_size=1e-9")


def a_bias_with_a_wrong_gradient(plan, monkeypatch):
    def kernel(sum_blocks, right=KERNELS["blocks"]):
        def gradient(objective, batch, weights):
            seen = right(sum_blocks)(objective, batch, weights)
            seen.grad[-1, 0] *= 1.01
            return seen

        return gradient

    monkeypatch.setitem(KERNELS, "blocks", kernel)
    return plan


def steps_too_long(plan, monkeypatch):
    def longer(state, *, step_size, **rest):
        return descend(state, step_size=lambda step: 1.2 * step_size(step), **rest)

    monkeypatch.setattr(checks, "descend", longer)
    return plan


def labels_that_are_looked_at(plan, monkeypatch):
    def looks(*given):
        seen = evaluate(*given)
        half = np.array([seen.n - seen.n // 2, seen.n // 2, *[0] * (len(seen.ranks) - 2)])
        return replace(seen, ranks=half)

    monkeypatch.setattr("imgclf.training.epochs.evaluate", looks)
    return plan


def val_inverted(plan, monkeypatch):
    return replace(plan, val=replace(plan.val, images=255 - plan.val.images // 2))


def val_without_a_class(plan, monkeypatch):
    return replace(plan, val=plan.val.subset(np.flatnonzero(plan.val.y != 2)))


FAULTS = {
    loss_with_an_offset: "loss at W = 0",
    penalty_doubled: "penalty on W",
    steps_too_small: "20 images by heart",
    a_bias_with_a_wrong_gradient: "gradient (148 weights)",
    steps_too_long: "one small step",
    labels_that_are_looked_at: "labels shuffled",
    val_inverted: "train and val alike",
    val_without_a_class: "train and val alike",
}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_each_check_finds_a_fault_that_no_other_finds(plant, monkeypatch):
    assert wrong(plant(plan_of(), monkeypatch)) == [FAULTS[plant]]
