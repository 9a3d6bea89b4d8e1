"""Differences never blame a right gradient, and see a wrong one: at kinks, for pixels of any size, at any W."""

import numpy as np
import pytest

from imgclf.gradcheck.student import differences
from imgclf.gradcheck.student.differences import (
    ENOUGH,
    FEWEST,
    along_a_direction,
    compare,
    compare_derivative,
    largest_features,
    random_order,
    step_table,
    surroundings,
)
from imgclf.gradcheck.student.noise import from_table, noise_of
from imgclf.losses import LOSSES


def textbook(loss, X, y, reg, order=slice(None)):
    """Return value(W) and gradient(W); `order` is that of the images."""
    X, y = X[order], y[order]

    def value(W):
        return float(LOSSES[loss](X @ W, y)[0].mean() + reg * np.sum(W * W))

    def gradient(W):
        return X.T @ LOSSES[loss](X @ W, y)[1] / len(y) + 2 * reg * W

    return value, gradient


def weights(X, classes, deviation, seed=0):
    W = np.random.default_rng(seed).standard_normal((X.shape[1], classes))
    return deviation * W / (X @ W).std()


def compared(value, dW, W, X, **options):
    return compare(surroundings(value, W, X, 0), dW, **options)


def cases(make_case):
    for pixels in (1e-3, 1.0, 255.0):
        X, y = make_case(N=17, D=6, C=4, pixels=pixels)
        yield X, y
        yield X - X.mean(axis=0), y
    X, y = make_case(N=12, D=5, C=3, pixels=4.0)
    yield X.round(), y  # whole numbers: ties of all kinds


@pytest.mark.parametrize("deviation", [0, 1e-3, 1, 30, 1000])
@pytest.mark.parametrize("loss", LOSSES)
def test_no_false_alarm(make_case, loss, deviation):
    for X, y in cases(make_case):
        classes = int(y.max()) + 1
        W = deviation and weights(X, classes, deviation)
        W = W if deviation else np.zeros((X.shape[1], classes))
        for reg in (0, 0.1):
            value, gradient = textbook(loss, X, y, reg)
            _, other = textbook(loss, X, y, reg, slice(None, None, -1))
            found = compared(value, other(W), W, X)
            assert not found.count("wrong"), found.worst
            assert found.count("undecided") <= 2 + len(found.derivatives) // 4
            assert gradient(W).shape == W.shape


@pytest.mark.parametrize("loss", ["svm", "svm_squared", "svm_cs"])
def test_no_false_alarm_where_margins_are_exactly_at_the_kink(loss):
    X = np.eye(4)
    y = np.array([0, 1, 2, 0])
    W = np.zeros((4, 3))
    W[[0, 1, 2], [0, 1, 2]] = 1  # margins of exactly 0
    value, gradient = textbook(loss, X, y, 0.0)
    found = compared(value, gradient(W), W, X)
    assert not found.count("wrong"), found.worst
    assert (found.count("kink") > 0) == (loss != "svm_squared")


def test_at_a_kink_any_slope_between_both_sides_is_right_and_no_other():
    X, y, W = np.ones((1, 1)), np.array([0]), np.array([[1.0, 0.0]])  # s_1 - s_0 + 1 is 0
    value, _ = textbook("svm", X, y, 0.0)
    around = surroundings(value, W, X, 0)
    for slope, outcome in ((0, "kink"), (0.3, "kink"), (1, "kink"), (-0.01, "wrong"), (1.01, "wrong")):
        assert compare_derivative(around, (0, 1), slope).outcome == outcome, slope


@pytest.mark.parametrize("distance", [5e-5, 1e-5, 1e-6, 1e-11])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_step_across_a_kink_is_followed_down_until_the_kink_is_outside(distance, side):
    X, y, W = np.ones((1, 1)), np.array([0]), np.array([[1.0, -side * distance]])
    value, _ = textbook("svm", X, y, 0.0)
    around = surroundings(value, W, X, 0)
    right = float(-side > 0)
    assert compare_derivative(around, (0, 1), right).outcome == ("agrees" if distance > 1e-7 else "kink")
    assert compare_derivative(around, (0, 1), 2.0).outcome == "wrong"
    if distance > 1e-7:
        assert compare_derivative(around, (0, 1), 1 - right).outcome == "wrong"


@pytest.mark.parametrize("factor", [1 + 1e-4, 1 - 1e-4, -1, 0, 2])
@pytest.mark.parametrize("pixels", [1.0, 255.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_one_coordinate_wrong_by_1e_4_is_seen_everywhere(make_case, loss, pixels, factor):
    X, y = make_case(N=17, D=6, C=4, pixels=pixels, dead=False)
    W = weights(X, 4, 1)
    value, gradient = textbook(loss, X, y, 0.01)
    dW = gradient(W)
    around = surroundings(value, W, X, 0)
    for index in np.ndindex(*dW.shape):
        if abs(dW[index]) > 1e-4 * np.abs(dW).max():
            assert compare_derivative(around, index, factor * dW[index]).outcome == "wrong"
            assert compare_derivative(around, index, dW[index]).outcome == "agrees"


def test_a_value_that_is_not_convex_is_no_false_alarm():
    X = np.random.default_rng(0).random((9, 5))
    W = np.random.default_rng(1).standard_normal((5, 3))
    found = compared(lambda W: float(np.sin(3 * X @ W).mean()), X.T @ np.cos(3 * X @ W) / 9, W, X)
    assert found.count("agrees") == 15


@pytest.mark.parametrize("loss", LOSSES)
def test_a_right_gradient_costs_two_evaluations_a_place(make_case, loss):
    X, y = make_case()
    W = weights(X, 5, 1)
    value, gradient = textbook(loss, X, y, 0.1)
    calls = []
    around = surroundings(value, W, X, 0)._replace(value=lambda W: calls.append(0) or value(W))
    assert compare(around, gradient(W)).count("agrees") == 35
    assert len(calls) < 1.1 * 2 * 35


def test_what_is_wrong_by_little_more_than_rounding_is_undecided(make_case):
    X, y = make_case()
    W = weights(X, 5, 1)
    value, gradient = textbook("softmax", X, y, 0.1)
    around = surroundings(value, W, X, 0)
    right = compare_derivative(around, (1, 1), gradient(W)[1, 1]).compared
    tries = [right.numerical + k * right.bound for k in (0.9, 2, 1e4)]
    outcomes = [compare_derivative(around, (1, 1), slope).outcome for slope in tries]
    assert outcomes == ["agrees", "undecided", "wrong"]


@pytest.mark.parametrize("pixels", [1e-3, 255.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_one_direction_tells_a_right_gradient_from_one_that_lacks_an_image(make_case, loss, pixels):
    X, y = make_case(pixels=pixels)
    W = weights(X, 5, 1)
    value, gradient = textbook(loss, X, y, 0.0)
    _, without_one = textbook(loss, X, y, 0.0, slice(None, -1))
    around = surroundings(value, W, X, 0)
    for dW, outcome in ((gradient(W), "agrees"), (without_one(W), "wrong")):
        found = along_a_direction(around, X, dW, seed=0)
        assert found.outcome == outcome


def test_one_direction_moves_no_term_of_a_score_by_more_than_a_step():
    X, W = np.array([[1.0, 49.0]]), np.zeros((2, 2))  # for some signs, the terms of a score cancel but for rounding
    moved = []

    def value(W):
        moved.append(np.abs(W).max())
        return 1.0

    for seed in range(8):
        around = surroundings(lambda W: 1.0, W, X, seed)
        assert along_a_direction(around._replace(value=value), X, W, seed).outcome == "agrees"
    assert 0 < max(moved) <= 1e-4


def test_a_cubic_at_its_saddle_has_slope_0():
    X, W = np.ones((1, 2)), np.zeros((2, 2))
    assert compared(lambda W: 1 + float((W**3).sum()), 0 * W, W, X).count("agrees") == 4


def test_a_value_that_never_moves_has_no_slope():
    X, W = np.ones((2, 2)), np.ones((2, 2))
    assert compared(lambda W: 1.0, 0 * W, W, X).count("agrees") == 4
    assert not compared(lambda W: 1.0, 0 * W, W, X).is_telling
    assert compared(lambda W: 1.0, W, W, X).count("wrong") == 4


def test_the_weights_are_put_back(make_case):
    X, y = make_case()
    W = weights(X, 5, 1)
    before = W.copy()
    value, gradient = textbook("svm", X, y, 0.1)
    around = surroundings(value, W, X, 0)
    compare(around, gradient(W))
    assert np.array_equal(around.W, before)
    assert np.array_equal(W, before)


def test_any_prefix_of_the_places_covers_all_classes_and_none_comes_twice():
    indices = list(random_order((7, 4), seed=3))
    assert sorted(indices) == sorted(np.ndindex(7, 4))
    for k in range(0, 28, 4):
        assert {c for _, c in indices[k : k + 4]} == {0, 1, 2, 3}
    assert indices == list(random_order((7, 4), seed=3))
    assert indices != list(random_order((7, 4), seed=4))
    assert [d for d, _ in indices[::4]] != list(range(7))


def test_a_slow_function_is_tried_at_fifty_places(make_case):
    X, y = make_case(D=60)
    W = weights(X, 5, 1)
    value, gradient = textbook("softmax", X, y, 0.1)
    assert len(compared(value, gradient(W), W, X, budget=0).derivatives) == FEWEST == 50
    assert len(compared(value, gradient(W), W, X).derivatives) == 300


def test_a_function_as_slow_as_a_numerical_gradient_is_tried_at_fewer(make_case, monkeypatch):
    X, y = make_case(D=60)
    W = weights(X, 5, 1)
    value, gradient = textbook("softmax", X, y, 0.1)
    monkeypatch.setattr(differences, "LONGEST", 0.0)
    assert len(compared(value, gradient(W), W, X).derivatives) < FEWEST


def test_enough_wrong_places_are_enough(make_case):
    X, y = make_case(D=80)
    W = weights(X, 5, 1)
    value, gradient = textbook("softmax", X, y, 0.1)
    assert len(compared(value, 2 * gradient(W), W, X).derivatives) == ENOUGH
    one_column = gradient(W)
    one_column[:, 3] = 0
    assert len(compared(value, one_column, W, X).derivatives) == 400


def test_a_feature_that_is_always_0_gets_a_step_of_its_own():
    assert largest_features(np.array([[0, -3.0, 2], [0, 1, 0]])).tolist() == [2.5, 3, 2]
    assert largest_features(np.zeros((2, 2))).tolist() == [1, 1]


def test_the_noise_of_random_numbers_is_their_deviation():
    rng = np.random.default_rng(0)
    found = [from_table(1 + 1e-9 * rng.standard_normal(9)) for _ in range(200)]
    assert 0.7e-9 < np.sqrt(np.mean(np.square(found))) < 1.4e-9


def test_a_smooth_curve_has_no_noise_but_rounding():
    assert from_table(np.exp(1e-3 * np.arange(9))) < 1e-15
    assert from_table(np.exp(1e-3 * np.arange(9)) + 1e-7 * np.resize([1, -1], 9)) > 1e-8


@pytest.mark.parametrize("loss", LOSSES)
def test_noise_tells_float32_from_float64(make_case, loss):
    X, y = make_case()
    W = weights(X, 5, 1)
    fine = noise_of(textbook(loss, X, y, 0.1)[0], W, largest_features(X), 0)

    def in_float32(W):
        return float(LOSSES[loss]((X.astype(np.float32) @ W.astype(np.float32)), y)[0].mean())

    assert 1e-17 < fine < 1e-13
    assert noise_of(in_float32, W, largest_features(X), 0) > 1e4 * fine


def test_the_table_tells_right_from_wrong(make_case):
    X, y = make_case(pixels=1.0)
    W = weights(X, 5, 1)
    value, gradient = textbook("softmax", X, y, 0.1)
    around, right = surroundings(value, W, X, 0), gradient(W)[1, 1]
    falling, staying = step_table(around, (1, 1), right), step_table(around, (1, 1), 1.01 * right)
    assert [row.step for row in falling] == [differences.TABLE_MOVE / 2**k / X[:, 1].max() for k in range(8)]
    assert all(3.9 < row.ratio < 4.1 for row in falling[1:4])
    assert all(0.99 < row.ratio < 1.01 for row in staying[1:])
    assert falling[0].ratio is None
