"""Every small case passes the right gradient, and rings for a mistake that only its oddity shows."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.gradcheck.checks.small_cases import SMALL_CASES, small_case, small_cases
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradients import analytic_gradient
from imgclf.losses import LOSSES

PENALTIES = [(0.0, 0.0), (1e-4, 1e-4), (10.0, 0.0), (0.0, 1e6)]
COPRIME = "37 images of 53 pixels in 7 classes"
ANY = next(iter(SMALL_CASES))


def code(loss, **changes):
    return replace(Implementation.of_loss(loss), **changes)


def case(loss):
    return small_case(ANY, loss)  # small cases bring their own data


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_right_gradient_passes(loss, penalty):
    found = small_cases(code(loss), case(loss), *penalty)
    assert found.verdict == "pass", found
    assert found.reason == f"all {len(SMALL_CASES)} pass"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SMALL_CASES)
def test_the_right_gradient_passes_with_any_penalty_on_each(loss, name):
    one, right = small_case(name, loss), code(loss)
    for penalty in PENALTIES:
        grad = right.gradient_at(one.X, one.y, one.weights, *penalty)
        assert one.compare(grad, *penalty).verdict != "fail"


def test_toys_are_what_their_names_say():
    odd = {name: small_case(name, "softmax") for name in SMALL_CASES}
    assert odd[COPRIME].X.shape == (37, 53)
    assert odd[COPRIME].weights.shape == (54, 7)
    assert np.unique(odd[COPRIME].y).size == 7
    assert len(odd["one image"].y) == 1
    assert odd["two classes"].weights.shape[1] == 2
    assert set(odd["images of one class"].y) == {0}
    assert odd["images of one class"].weights.shape[1] > 1
    assert odd["scores of ten thousand"].scores.std() == pytest.approx(1e4)
    assert odd["one pixel"].X.shape[1] == 1
    for one in odd.values():
        assert one.X.dtype == one.weights.dtype == np.float64
        assert one.y.max() < one.weights.shape[1]


def test_a_toy_is_made_once_for_each_loss():
    assert small_case(COPRIME, "svm") is small_case(COPRIME, "svm")
    assert small_case(COPRIME, "svm").weights.tobytes() == small_case(COPRIME, "softmax").weights.tobytes()


def wrong_on(is_odd, change=lambda grad: grad * (1 + 1e-3)):
    """Return a gradient that is wrong on what is_odd(X, y, weights) says."""

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        X, y = batch
        return seen._replace(grad=change(seen.grad)) if is_odd(X, y, weights) else seen

    return wrong


# What makes each small case odd; no other has it.
ODDITIES = {
    COPRIME: lambda X, y, w: min(X.shape) > 30,
    "one image": lambda X, y, w: len(y) == 1,
    "two classes": lambda X, y, w: w.shape[1] == 2,
    "images of one class": lambda X, y, w: len(y) > 1 and len(set(y)) == 1,
    "scores of ten thousand": lambda X, y, w: np.abs(X @ w[:-1]).max() > 1000,
    "one pixel": lambda X, y, w: X.shape[1] == 1,
}


def test_every_toy_has_its_oddity():
    assert ODDITIES.keys() == SMALL_CASES.keys()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SMALL_CASES)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (1e-4, 1e-4)])
def test_a_mistake_on_one_toy_rings_and_is_named(loss, name, penalty):
    found = small_cases(code(loss, gradient=wrong_on(ODDITIES[name])), case(loss), *penalty)
    assert found.verdict == "fail"
    assert found.reason.startswith(name + ": ")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SMALL_CASES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_fails_on_every_toy(loss, name, bad):
    def spoil(grad):
        grad[0, 1] = bad
        return grad

    found = small_cases(code(loss, gradient=wrong_on(ODDITIES[name], spoil)), case(loss), 0.0, 0.0)
    assert found.verdict == "fail"
    assert found.reason.startswith(name + ": ")


def test_a_reshaped_gradient_shows_on_coprime_sizes():
    wrong = wrong_on(lambda X, y, w: True, lambda grad: np.vstack([grad[:-1].T.reshape(grad[:-1].shape), grad[-1:]]))
    assert small_cases(code("softmax", gradient=wrong), case("softmax"), 0.0, 0.0).reason.startswith(COPRIME)


def test_a_gradient_of_another_shape_fails():
    wrong = wrong_on(lambda X, y, w: True, lambda grad: grad.T)
    assert small_cases(code("softmax", gradient=wrong), case("softmax"), 0.0, 0.0).verdict == "fail"


def test_a_softmax_that_overflows_shows_on_large_scores():
    def wrong(s, y):
        losses, dscores = LOSSES["softmax"](s, y)
        with np.errstate(all="ignore"):
            dscores = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        dscores[np.arange(len(y)), y] -= 1
        return losses, dscores

    found = small_cases(code("softmax", loss_fn=wrong), case("softmax"), 0.0, 0.0)
    assert found.verdict == "fail"
    assert found.reason.startswith("scores of ten thousand: ")
