"""A gradient compared with a case: what is judged, named and told."""

import numpy as np
import pytest

from imgclf.arrays import Batch
from imgclf.gradcheck.case import Case
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES


def case(loss, N=20, D=6, C=3, seed=0, weights=None):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((N, D)), rng.integers(0, C, N)
    weights = rng.standard_normal((D + 1, C)) if weights is None else weights
    return Case(loss, X, y, weights)


def right(one, l2=0.0, l1=0.0):
    return analytic_gradient(Objective(LOSSES[one.loss], l2, l1), Batch.of(one.X, one.y), one.weights).grad


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (1e-4, 0.0), (0.0, 0.1), (10.0, 10.0)])
def test_a_right_gradient_passes_with_any_penalty(loss, penalty):
    one = case(loss)
    outcome = one.compare(right(one, *penalty), *penalty)
    assert outcome.verdict == "pass"
    assert outcome.checked == one.weights.size
    assert 0 <= outcome.worst[0].ratio <= 1


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_fails_and_is_named(loss, bad):
    one = case(loss)
    grad = right(one)
    grad[4, 1] = bad
    outcome = one.compare(grad)
    assert outcome.verdict == "fail"
    assert outcome.worst[0].parameter == (4, 1)


@pytest.mark.parametrize("where", ["X", "weights"])
def test_a_case_that_holds_no_number_never_passes(where):
    one = case("softmax")
    broken = {"X": one.X.copy(), "weights": one.weights.copy()}
    broken[where][2, 1] = np.nan
    with np.errstate(invalid="ignore"):
        spoilt = Case("softmax", broken["X"], one.y, broken["weights"])
        assert spoilt.compare(right(one)).verdict == "fail"
        assert spoilt.compare(right(spoilt)).verdict == "fail"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (1e-3, 1e-3)])
@pytest.mark.parametrize("factor", [1 + 1e-6, 1 - 1e-6, 2, 0, -1])
def test_one_wrong_parameter_is_found_among_all(loss, penalty, factor):
    one = case(loss)
    grad = right(one, *penalty)
    index = np.unravel_index(np.abs(grad).argmax(), grad.shape)
    grad[index] *= factor
    outcome = one.compare(grad, *penalty)
    assert outcome.verdict == "fail"
    assert outcome.worst[0].parameter == index
    assert "1 of 21 parameters" in outcome.reason


def test_a_gradient_of_another_shape_fails():
    one = case("svm")
    assert "(3, 7)" in one.compare(right(one).T).reason


@pytest.mark.parametrize("loss", ["svm", "svm_cs"])
def test_a_kink_is_named_by_image_class_and_margin(loss):
    one = Case(loss, np.ones((1, 1)), np.array([0]), np.array([[0.0, -1 + 1e-9, -9.0], [0.0, 0.0, 0.0]]))
    outcome = one.compare(right(one))
    assert outcome.verdict == "pass"
    assert outcome.kinked == 4
    first = outcome.kinks[1]
    assert first.parameter == (0, 1)
    assert (first.kink.example, first.kink.label, first.kink.rival) == (0, 0, 1)
    assert first.kink.margin == pytest.approx(1e-9, rel=1e-6)
    assert first.kink.left == pytest.approx(0, abs=0.02)
    assert first.kink.right == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("loss", ["svm", "svm_cs"])
def test_at_a_kink_either_slope_passes_and_none_beyond(loss):
    one = Case(loss, np.ones((1, 1)), np.array([0]), np.array([[0.0, -1.0], [0.0, 0.0]]))  # a margin of 0
    for slope, verdict in ((0.0, "pass"), (0.5, "pass"), (1.0, "pass"), (1.001, "fail"), (-0.001, "fail")):
        grad = np.array([[-slope, slope], [-slope, slope]])
        assert (one.compare(grad).verdict == "fail") == (verdict == "fail"), slope


def test_crammer_singer_at_zero_is_certified_by_convexity():
    one = case("svm_cs", weights=np.zeros((7, 3)))
    outcome = one.compare(right(one))
    assert (outcome.verdict, outcome.kinked) == ("pass", 21)
    assert one.compare(-right(one)).verdict == "fail"


@pytest.mark.parametrize("sign", [-1.0, 0.0, 0.3, 1.0])
def test_the_kink_of_l1_takes_any_sign_and_no_more(sign):
    weights = np.random.default_rng(1).standard_normal((7, 3))
    weights[3, 1] = 0.0
    one = case("softmax", weights=weights)
    grad = right(one, 0.0, 0.1)
    grad[3, 1] += 0.1 * sign
    assert one.compare(grad, 0.0, 0.1).verdict == "pass"
    grad[3, 1] += 0.1 * (2 if sign >= 0 else -2)
    assert one.compare(grad, 0.0, 0.1).verdict == "fail"


def test_the_bias_is_free():
    one = case("softmax")
    grad = right(one, 1e-3, 1e-3)
    grad[-1] += 1e-3 * one.weights[-1]
    assert one.compare(grad, 1e-3, 1e-3).verdict == "fail"


def test_a_bound_that_could_hide_a_mistake_is_inconclusive():
    one = case("softmax", weights=1e7 * np.ones((7, 3)))
    rounded = Case("svm_squared", one.X, one.y, 1e13 * one.weights)
    assert one.compare(right(one)).verdict == "pass"
    seen = rounded.compare(right(rounded))
    assert seen.verdict in ("pass", "inconclusive")
    drowned = one.compare(right(one, 1e12), 1e12)
    assert drowned.verdict == "pass"  # of the penalty itself; that it drowns the data is told by coverage
