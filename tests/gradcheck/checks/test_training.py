"""The gradient that trains is looked at as a run asks for it: its batch, its reader, its dtype."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradcheck.check import checks_of, make_cases
from imgclf.gradcheck.checks import training as training_module
from imgclf.gradcheck.checks.training import training_on
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images
from imgclf.gradcheck.self_test.mutants import MUTANTS
from imgclf.gradcheck.verdict import Outcome
from imgclf.losses import LOSSES
from imgclf.numerics import products
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed import folding
from imgclf.speed import threads as parallel
from imgclf.speed.compiled.starting import loops_for
from imgclf.training.plan import make_plan

SMALL = ("data.source=synthetic", "data.options={train: 400, classes: 3, size: 6}", "data.val_fraction=0")


def plan_of(*overrides):
    return make_plan(resolve(overrides=[*SMALL, *overrides]).config)


def look(plan, loss="softmax", l2=0.0, l1=0.0, **changes):
    case = make_cases(plan, loss, *stratified_images(plan, 8))["wide"]
    return training_on(plan)(replace(Implementation.of(plan, loss), **changes), case, l2, l1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("chosen", [
    "train.dtype=float64", "train.batch_size=1", "train.batch_size=all", "preprocess.std=pixel", "preprocess.scale=1",
    "preprocess.center=none", "train.kernel=compiled", "train={kernel: compiled, dtype: float64}",
    pytest.param("train.kernel=torch", marks=pytest.mark.torch),
    pytest.param("train={kernel: torch, dtype: float64}", marks=pytest.mark.torch),
])  # fmt: skip
def test_what_trains_passes_whatever_the_config_says(loss, chosen):
    assert look(plan_of(chosen), loss, 1e-4, 1e-5).verdict == "pass"


def test_it_is_the_gradient_of_the_plan_on_the_batch_of_the_plan():
    plan, seen = plan_of(), []

    def watched(objective, batch, weights):
        seen.append((batch.read is plan.sample(0).read, batch.rows.tolist(), weights.dtype))
        return plan.kernel(serial_sum)(objective, batch, weights)

    assert look(plan, kernel=lambda workers: watched).verdict == "pass"
    assert seen == 3 * [(True, plan.sample(0).rows.tolist(), np.float32)]  # for the scores, on one thread, and on two
    assert Implementation.of(plan, "svm").kernel is plan.kernel


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loop_for_another_loss_than_the_one_that_is_known_fails(loss, monkeypatch):
    plan = plan_of("train.kernel=compiled")
    loops = loops_for(np.dtype(np.uint8), np.dtype(np.float32))
    monkeypatch.setattr(loops, "NUMBERS", {loss_fn: (number + 1) % 5 for loss_fn, number in loops.NUMBERS.items()})
    assert look(plan, loss).verdict == "fail"


@pytest.mark.torch
@pytest.mark.parametrize("loss", LOSSES)
def test_another_loss_by_torch_than_the_one_that_is_known_fails(loss, monkeypatch):
    from imgclf.speed.pytorch import kernel

    plan, names = plan_of("train.kernel=torch"), list(LOSSES)
    other = LOSSES[names[names.index(loss) - 1]]
    monkeypatch.setitem(kernel.TORCH_LOSSES, LOSSES[loss], kernel.TORCH_LOSSES[other])
    assert look(plan, loss).verdict == "fail"


NAMES = [mutant.name for mutant in MUTANTS]
OF_THE_KERNEL = MUTANTS[
    NAMES.index("one class with the wrong sign in training") : NAMES.index("a step with the wrong sign")
]


@pytest.mark.parametrize("kernel", ["compiled", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("mutant", OF_THE_KERNEL, ids=lambda mutant: mutant.name)
def test_mistakes_in_other_kernels_are_found(mutant, kernel):
    plan = plan_of(f"train.kernel={kernel}", "train.batch_size=all")
    code = mutant.plant(Implementation.of(plan, "softmax"))
    assert look(plan, kernel=code.kernel).verdict == "fail"


def test_threads_that_leave_a_block_out_fail(monkeypatch):
    plan = plan_of()
    monkeypatch.setattr(parallel, "runs", lambda n, shares: [range(n - 1)])
    assert look(plan) == Outcome("fail", "on 2 threads it differs from one thread")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_parameter_that_is_wrong_fails(loss, dtype):
    plan = plan_of(f"train.dtype={dtype}")

    def wrong(objective, batch, weights):
        seen = plan.kernel(serial_sum)(objective, batch, weights)
        seen.grad[5, 1] += 1e-2 * np.abs(seen.grad).max()
        return seen

    outcome = look(plan, loss, kernel=lambda workers: wrong)
    assert (outcome.verdict, outcome.worst[0].parameter) == ("fail", (5, 1))


def test_who_leaves_images_out_or_counts_wrong_fails():
    plan = plan_of()

    def half(objective, batch, weights):
        return plan.kernel(serial_sum)(objective, replace(batch, rows=batch.rows[::2]), weights)

    def counts(objective, batch, weights):
        return plan.kernel(serial_sum)(objective, batch, weights)._replace(correct=0)

    assert "reads 128 of the 256 images" in look(plan, kernel=lambda workers: half).reason
    assert "0 images are counted as right" in look(plan, kernel=lambda workers: counts).reason

    def mirrors(objective, batch, weights):
        return plan.kernel(serial_sum)(objective, batch, -weights)

    assert "the error of the scores" in look(plan, kernel=lambda workers: mirrors).reason


def test_of_a_huge_batch_some_images_are_looked_at(monkeypatch):
    monkeypatch.setattr(training_module, "MOST", 200)
    plan, seen = plan_of("train.batch_size=all"), []

    def watched(objective, batch, weights):
        seen.append(len(batch))
        return plan.kernel(serial_sum)(objective, batch, weights)

    assert look(plan, kernel=lambda workers: watched).verdict == "pass"
    assert seen == [200, 200, 200]


@pytest.mark.parametrize(("classes", "batch", "looked_at"), [(3, 960, 850), (60, 959, 959), (60, 1200, 960)])
def test_of_many_classes_as_many_images_as_folding_needs_are_looked_at(classes, batch, looked_at, monkeypatch):
    monkeypatch.setattr(folding, "_center", lambda preprocess: np.ones(preprocess.size, preprocess.dtype))
    options = f"data.options={{train: 1200, classes: {classes}, size: 6}}"
    plan, seen = plan_of(options, f"train.batch_size={batch}"), []

    def watched(objective, batch, weights):
        seen.append(len(batch))
        return plan.kernel(serial_sum)(objective, batch, weights)

    is_folded = looked_at >= folding.MIN_IMAGES_PER_CLASS * classes
    assert look(plan, kernel=lambda workers: watched).verdict == ("fail" if is_folded else "pass")
    assert seen[0] == looked_at


@pytest.mark.parametrize(("batch", "looked_at", "blocks"), [(4096, 3400, 7), (2048, 2048, 4), (1100, 1100, 5)])
def test_of_many_weights_as_many_larger_blocks_are_looked_at(batch, looked_at, blocks, monkeypatch):
    monkeypatch.setattr(products, "SMALL", 0)
    monkeypatch.setattr(products, "LARGE", 0)
    plan, seen = plan_of("data.options={train: 4096, classes: 3, size: 6}", f"train.batch_size={batch}"), []

    def counted(term, n):
        seen.append(n)
        return serial_sum(term, n)

    def kernel(sum_blocks):
        return plan.kernel(counted)

    def without_last(sum_blocks):
        return plan.kernel(lambda term, n: sum_blocks(term, n - 1))

    assert look(plan, kernel=kernel).verdict == "pass"
    assert (-(-looked_at // products.block_of(108, 3, batch)), seen[0]) == (blocks, blocks)
    assert look(plan, kernel=without_last).verdict == "fail"


def test_the_tree_of_sums_has_branches_of_every_height():
    assert bin(-(-training_module.MOST // BLOCK)) == "0b111"


def test_the_numerical_gradient_is_not_held_to_rounding():
    assert "training" not in checks_of(plan_of("train.gradient=numerical"))


@pytest.mark.parametrize("loss", LOSSES)
def test_it_looks_at_the_augmented_images(loss):
    plan = plan_of("augment={flip: 0.5, shift: 1}")
    assert look(plan, loss, 1e-4, 1e-5).verdict == "pass"

    def of_the_images_as_they_are(sum_blocks):
        right = plan.kernel(sum_blocks)
        return lambda objective, batch, weights: right(objective, replace(batch, read=batch.read.read), weights)

    assert look(plan, loss, 1e-4, 1e-5, kernel=of_the_images_as_they_are).verdict == "fail"
