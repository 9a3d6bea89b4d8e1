"""One weight at a time: right gradients pass whatever the numbers, wrong ones ring, and kinks are stepped around."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.config import resolve
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks import textbook as module
from imgclf.gradcheck.checks.textbook import LARGEST_WEIGHT, SAMPLE, sample_indices, textbook, try_data, try_penalty
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.points import stratified_images, wide
from imgclf.gradients import STEP, Objective, analytic_gradient, evaluate_loss, numerical_gradient
from imgclf.losses import LOSSES
from imgclf.speed.threads import workers
from imgclf.training.plan import make_plan

PENALTIES = [(0.0, 0.0), (1e-4, 0.0), (0.0, 0.1), (0.5, 0.5), (1e6, 0.0)]
KINKED = ["svm", "svm_cs"]


def code(loss, **changes):
    return replace(Implementation.of_loss(loss), **changes)


def case(loss="softmax", N=12, D=5, C=3, seed=0, pixels=1.0, deviation=1.0):
    rng = np.random.default_rng(seed)
    X, y = pixels * rng.standard_normal((N, D)), rng.integers(0, C, N)
    weights = deviation * rng.standard_normal((D + 1, C)) / (pixels * np.sqrt(D))
    return Case(loss, X, y, weights)


def one_pixel(loss, margin):
    """Return a case of one example and two classes, whose margin is given."""
    weights = np.array([[0.0, margin - 1], [0.0, 0.0]])
    return Case(loss, np.ones((1, 1)), np.array([0]), weights)


def with_gradient(change):
    """Return the gradient with a mistake: change(grad, batch)."""

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        with np.errstate(all="ignore"):
            return seen._replace(grad=change(seen.grad, batch))

    return wrong


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_right_gradient_passes_with_any_penalty(loss, penalty):
    one = case(loss)
    found = textbook(code(loss), one, *penalty)
    assert found.verdict == "pass", found
    assert found.checked == one.weights.size * (2 if any(penalty) else 1)
    assert 0 < found.worst[0].ratio <= 1


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_report_shows_of_a_right_gradient_are_weights_of_a_large_one_and_no_matter_of_rounding(loss):
    one, checked = case(loss, 20, 30, 7).on_few_images, code(loss)
    seen = [compared.parameter for compared in textbook(checked, one, 0.0, 0.0).largest]
    tried = [(row, c) for row, c in try_data(checked.value, checked.objective(), one) if row < 30]
    assert seen == sorted(tried, key=lambda index: -abs(one.truth.gradient[index]))[: len(seen)]


@pytest.mark.parametrize("loss", LOSSES)
def test_no_false_alarm_in_random_configurations(loss):
    rng = np.random.default_rng(1)
    passed = 0
    for seed in range(24):
        N, D, C = int(rng.integers(1, 40)), int(rng.integers(1, 30)), int(rng.integers(2, 12))
        pixels, deviation = 10.0 ** rng.integers(-3, 3), 10.0 ** rng.integers(-2, 3)
        penalty = tuple(10.0 ** rng.uniform(-6, 6, 2) * rng.integers(0, 2, 2))
        found = textbook(code(loss), case(loss, N, D, C, seed, pixels, deviation), *penalty)
        assert found.verdict != "fail", (N, D, C, pixels, deviation, penalty, found)
        passed += found.verdict == "pass"
    assert passed >= 12


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weights", ["zero", "equal", "whole"])
def test_ties_are_no_mistakes(loss, weights):
    one = case(loss, N=9, D=4)
    X = np.rint(one.X)
    chosen = {"zero": 0 * one.weights, "equal": np.ones_like(one.weights), "whole": np.rint(one.weights)}[weights]
    assert textbook(code(loss), replace(one, X=X, weights=chosen), 0.0, 0.1).verdict != "fail"


@pytest.mark.parametrize("loss", LOSSES)
def test_raw_pixels_and_images_of_one_class_pass(loss):
    rng = np.random.default_rng(2)
    X, y = rng.integers(0, 256, (20, 7)).astype(float), np.full(20, 2)
    weights = rng.standard_normal((8, 3)) / 100
    assert textbook(code(loss), Case(loss, X, y, weights), 0.1, 0.0).verdict == "pass"


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-10, 1e-8, 1e-6, 1e3])
@pytest.mark.parametrize("loss", ["softmax", "svm"])
def test_the_penalty_of_weights_of_any_size_passes(loss, size):
    one = case(loss, D=15, pixels=1e-6)  # so small that the data's gradient hides nothing
    weights = size * one.weights / np.abs(one.weights).max()
    for penalty in ((1e-4, 0.0), (1.0, 0.0), (0.0, 1.0)):
        assert textbook(code(loss), replace(one, weights=weights), *penalty).verdict != "fail"


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_tried_is_the_numerical_gradient(loss):
    one = case(loss)
    slow = numerical_gradient(Objective(LOSSES[loss]), Batch.of(one.X, one.y), one.weights).grad
    tried = try_data(evaluate_loss, Objective(LOSSES[loss]), one)
    assert tried.keys() == set(np.ndindex(*one.weights.shape))
    assert all(tried[index] == slow[index] for index in tried)


BUGS = {
    "one part in a thousand too long": lambda grad, batch: grad * 1.001,
    "not divided by N": lambda grad, batch: grad * len(batch),
    "divided by N - 1": lambda grad, batch: grad * len(batch) / (len(batch) - 1),
    "wrong sign": lambda grad, batch: -grad,
    "all zeros": lambda grad, batch: 0 * grad,
    "bias forgotten": lambda grad, batch: np.vstack([grad[:-1], 0 * grad[-1:]]),
    "two classes swapped": lambda grad, batch: grad[:, [1, 0, *range(2, grad.shape[1])]],
    "two pixels swapped": lambda grad, batch: grad[[1, 0, *range(2, len(grad))]],
    "not a number": lambda grad, batch: grad * np.nan,
    "infinite": lambda grad, batch: grad / 0.0,
    "one not a number": lambda grad, batch: np.where(np.arange(grad.size).reshape(grad.shape) == 7, np.nan, grad),
    "one infinite": lambda grad, batch: np.where(np.arange(grad.size).reshape(grad.shape) == 7, np.inf, grad),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_rings(loss, bug):
    found = textbook(code(loss, gradient=with_gradient(BUGS[bug])), case(loss), 0.0, 0.0)
    assert found.verdict == "fail"
    assert "parameters are wrong" in found.reason
    assert found.worst[0].ratio > 1


@pytest.mark.parametrize("penalty", [(1e-3, 0.0), (0.0, 1e-3)])
@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0, -1.0, np.nan])
def test_a_wrong_penalty_rings(penalty, factor):
    def wrong(objective, batch, weights):
        right = analytic_gradient(objective, batch, weights)
        data = analytic_gradient(Objective(objective.loss_fn), batch, weights).grad
        added = factor * (right.grad - data) if objective.l2 or objective.l1 else 0
        return right._replace(grad=data + added)

    assert textbook(code("softmax", gradient=wrong), case(), 0.0, 0.0).verdict == "pass"
    assert textbook(code("softmax", gradient=wrong), case(), *penalty).verdict == "fail"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_no_number_fails(loss, bad):
    assert textbook(code(loss, value=lambda *_: (bad, 0)), case(loss), 0.0, 0.0).verdict == "fail"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("what", ["X", "weights"])
def test_a_case_that_holds_no_number_never_passes(loss, what):
    one = case(loss)
    spoilt = getattr(one, what).copy()
    spoilt[2, 1] = np.nan
    with np.errstate(invalid="ignore"):
        assert textbook(code(loss), replace(one, **{what: spoilt}), 0.0, 0.0).verdict == "fail"


@pytest.mark.parametrize("loss", KINKED)
def test_a_step_across_a_kink_is_left_out(loss):
    found = textbook(code(loss), one_pixel(loss, margin=0.1 * STEP), 0.0, 0.0)
    assert found.verdict == "inconclusive"
    assert "kink" in found.reason
    found = textbook(code(loss), one_pixel(loss, margin=100 * STEP), 0.0, 0.0)
    assert (found.verdict, found.checked) == ("pass", 4)


@pytest.mark.parametrize("loss", KINKED)
def test_without_the_kink_rule_a_right_gradient_would_be_called_wrong(monkeypatch, loss):
    monkeypatch.setattr(module, "crossed", lambda exact, moves: np.zeros(2, bool))
    assert textbook(code(loss), one_pixel(loss, margin=0.1 * STEP), 0.0, 0.0).verdict == "fail"


def test_the_kink_of_l1_is_left_out_and_the_bias_has_none():
    one = case()
    one.weights[2, 1] = 0.5 * STEP
    one.weights[-1, 0] = 0.0
    indices = set(np.ndindex(*one.weights.shape))
    assert indices - try_penalty(Objective(LOSSES["softmax"], l1=0.1), one).keys() == {(2, 1)}
    assert indices == try_penalty(Objective(LOSSES["softmax"], l2=0.1), one).keys()
    assert textbook(code("softmax"), one, 0.0, 0.1).verdict == "pass"


def test_a_weight_in_which_the_step_is_lost_is_left_out():
    one = case()
    one.weights[1, 1] = 2 * LARGEST_WEIGHT
    assert (1, 1) not in try_data(evaluate_loss, Objective(LOSSES["softmax"]), one)
    assert (1, 1) not in try_penalty(Objective(LOSSES["softmax"], 1.0), one)
    assert textbook(code("softmax"), one, 0.0, 0.0).verdict != "fail"


@pytest.mark.parametrize("pixels", [1e-8, 1e-10, 1e-13])
def test_a_gradient_that_rounding_could_hide_is_inconclusive(pixels):
    hidden = replace(case(N=40, D=20, pixels=pixels), weights=np.ones((21, 3)))  # only b has much of a gradient
    found = textbook(code("softmax"), hidden, 0.0, 0.0)
    assert found.verdict == "inconclusive"
    assert "what rounding can hide" in found.reason


@pytest.mark.parametrize("loss", ["svm", "svm_squared", "svm_cs"])
def test_a_gradient_that_is_0_everywhere_is_inconclusive(loss):
    X, y = np.eye(3), np.arange(3)
    content = Case(loss, X, y, np.vstack([9 * np.eye(3), np.zeros(3)]))
    found = textbook(code(loss), content, 0.0, 0.0)
    assert found.verdict == "inconclusive"
    assert "0" in found.reason


@pytest.mark.parametrize(("rows", "classes"), [(785, 10), (3073, 100), (5, 3), (2, 2)])
def test_places_are_every_bias_and_each_class_alike(rows, classes):
    indices = sample_indices(rows, classes)
    assert len(set(indices)) == len(indices)
    assert {(rows - 1, c) for c in range(classes)} <= set(indices)
    counts = np.bincount([c for d, c in indices if d < rows - 1], minlength=classes)
    assert counts.min() == counts.max() == min(rows - 1, max(2, SAMPLE // classes))
    assert all(0 <= d < rows and 0 <= c < classes for d, c in indices)


def test_places_differ_from_class_to_class():
    indices = sample_indices(785, 10)
    assert len({tuple(d for d, c in indices if c == label) for label in range(10)}) == 10


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with workers(1):
        yield


@pytest.fixture(scope="module")
def real():
    plan = make_plan(resolve().config)
    X, y = stratified_images(plan, 32)
    return X, y, wide(plan, plan.objective, X)


@pytest.mark.parametrize("loss", LOSSES)
def test_on_real_data_a_mistake_of_a_ten_thousandth_rings(real, loss):
    one = Case(loss, *real)
    assert textbook(code(loss), one, 0.0, 0.0).verdict == "pass"
    wrong = code(loss, gradient=with_gradient(lambda grad, batch: grad * 1.0001))
    assert textbook(wrong, one, 0.0, 0.0).verdict == "fail"


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_that_writes_into_scores_spoils_nothing_for_those_after_it(loss):
    def wrong(s, y):
        seen = LOSSES[loss](s, y)
        s -= s.max(axis=1, keepdims=True)
        return seen

    one = case(loss)
    textbook(code(loss, loss_fn=wrong), one, 0.0, 0.0)
    assert one.scores.tobytes() == case(loss).scores.tobytes()
    assert textbook(code(loss), one, 0.0, 0.0) == textbook(code(loss), case(loss), 0.0, 0.0)
