"""The check of a weighted objective: the right code passes, a mistake in the weighting is found."""

from dataclasses import replace
from itertools import cycle, product

import numpy as np
import pytest

from imgclf.config import resolve
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.check import check_loss, checks_of, make_cases
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images
from imgclf.gradcheck.self_test.mutants import MUTANTS
from imgclf.gradcheck.self_test.run import first_to_see
from imgclf.gradcheck.truth.bounds import difference_bounds
from imgclf.gradcheck.truth.exhaustive import differences
from imgclf.gradcheck.truth.reference import complex_step_gradient
from imgclf.gradcheck.verdict import judge
from imgclf.gradients import STEP
from imgclf.losses import LOSSES
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

PENALTY = (1e-4, 3e-5)
ABOUT_WEIGHTS = [mutant for mutant in MUTANTS if "class weight" in mutant.name or "weight of the" in mutant.name]
# Weights from far below to far above 1; the weights of nearly balanced data; and of data of 9 : 1.
WEIGHTS = ["{Bag: 100, Coat: 0.01}", "balanced", "{Shirt: 5, T-shirt/top: 0.5556}"]
# Every loss, and every kind of weights; the long form has all pairs.
SOME = list(zip(LOSSES, cycle(WEIGHTS)))
OTHERS = [pair for pair in product(LOSSES, WEIGHTS) if pair not in SOME]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with workers(1):
        yield


@pytest.fixture(scope="module")
def plans():
    return {one: make_plan(resolve(overrides=[f"train.class_weight={one}"]).config) for one in WEIGHTS}


def example(loss):
    rng = np.random.default_rng(0)
    X, y, weights = rng.standard_normal((20, 6)), np.arange(20) % 3, rng.standard_normal((7, 3))
    return Case(loss, X, y, weights, np.array([0.25, 3.0, 1.0]))


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "weights"), SOME + [pytest.param(*one, marks=pytest.mark.long) for one in OTHERS])
def test_the_right_code_passes_in_every_check(plans, loss, weights):
    plan = plans[weights]
    cases, right = make_cases(plan, loss, *stratified_images(plan, 64)), Implementation.of(plan, loss)
    findings = list(check_loss(plan, right, cases, [(0.0, 0.0), PENALTY], checks_of(plan)))
    assert [(one.check, one.point, one.outcome.reason) for one in findings if one.verdict == "fail"] == []
    assert judge(findings) == "pass"
    assert {one.check for one in findings} == checks_of(plan).keys()


def test_mistakes_in_the_weighting_are_planted():
    assert len(ABOUT_WEIGHTS) >= 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutant", "loss"),
    list(zip(ABOUT_WEIGHTS, cycle(["softmax", "svm_cs"]))),
    ids=lambda one: getattr(one, "name", one),
)
def test_a_mistake_in_the_weighting_is_found_in_a_run_that_weighs(plans, mutant, loss):
    plan = plans["balanced"]
    cases, right = make_cases(plan, loss, *stratified_images(plan, 64)), Implementation.of(plan, loss)
    assert first_to_see(right, cases, PENALTY, checks_of(plan)) == ""
    assert first_to_see(mutant.plant(right), cases, PENALTY, checks_of(plan)) != ""


@pytest.mark.parametrize("mutant", ABOUT_WEIGHTS, ids=lambda mutant: mutant.name)
def test_without_weights_it_is_no_mistake(mutant):
    right = Implementation.of_loss("softmax")
    assert mutant.plant(right).weighted_loss is right.loss_fn is LOSSES["softmax"]


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_compared_with_is_that_of_as_many_copies_of_each_image(loss):
    one = example(loss)
    times = 4 * one.example_weights  # whole numbers
    rows = np.repeat(np.arange(20), times.astype(int))
    copies = replace(one, X=one.X[rows], y=one.y[rows], class_weights=None)
    more = len(rows) / len(one.y) / 4
    for whole, other in (
        (one.truth.gradient, copies.truth.gradient),
        (one.truth.kink_width, copies.truth.kink_width),
        (one.complex_step, copies.complex_step),
    ):
        np.testing.assert_allclose(whole, more * other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_bound_grows_with_the_weight(loss):
    one = example(loss)
    s, X, y, losses = one.scores, one.X, one.y, LOSSES[loss](one.scores, one.y)[0]
    double = np.full(20, 2.0)
    usual, twice = (differences(loss, s, X, y, weight=w) for w in (None, double))
    for name in ("gradient", "bound", "kink_width"):
        np.testing.assert_allclose(getattr(twice, name), 2 * getattr(usual, name), rtol=1e-12)
    usual, twice = (difference_bounds(loss, X, y, one.weights, losses, STEP, w) for w in (None, double))
    np.testing.assert_allclose(twice, 2 * usual, rtol=1e-12)
    usual, twice = (complex_step_gradient(loss, s, X, y, w) for w in (None, double))
    np.testing.assert_allclose(twice, 2 * usual, rtol=1e-12)


def test_a_kink_is_seen_where_the_weights_are_large():
    """At W = 0, Crammer and Singer's hinge has a kink: the width is that of the weighted loss."""
    one = example("svm_cs")
    at_zero = replace(one, weights=np.zeros_like(one.weights))
    unweighted = replace(at_zero, class_weights=None)
    assert at_zero.truth.kink_width.any()
    assert (at_zero.truth.kink_width <= 3 * unweighted.truth.kink_width + 1e-15).all()
    right = replace(Implementation.of_loss("svm_cs"), class_weights=one.class_weights)
    assert at_zero.compare(right.gradient_at(one.X, one.y, at_zero.weights)).verdict != "fail"
