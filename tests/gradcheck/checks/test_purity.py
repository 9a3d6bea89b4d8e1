"""A pure gradient passes, and every side effect is named."""

from dataclasses import replace

import numpy as np
import pytest

from imgclf.gradcheck.case import Case
from imgclf.gradcheck.checks.purity import PROPERTIES, purity
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradients import analytic_gradient
from imgclf.losses import LOSSES


def code(loss, **changes):
    return replace(Implementation.of_loss(loss), **changes)


def case(loss="softmax", N=20, D=6, C=9, seed=0, size=1.0):
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((N, D)), rng.integers(0, C, N)
    weights = size * rng.standard_normal((D + 1, C)) / np.sqrt(D)
    return Case(loss, X, y, weights)


SITUATIONS = {
    "narrow": lambda loss: case(loss, size=1e-6),
    "wide": lambda loss: case(loss, size=30.0),
    "huge": lambda loss: case(loss, size=1e6),
    "zero": lambda loss: case(loss, size=0.0),
    "one image": lambda loss: case(loss, N=1),
    "two classes": lambda loss: case(loss, C=2),
    "one pixel": lambda loss: case(loss, D=1),
    "a block": lambda loss: case(loss, N=128),
    "more than a block": lambda loss: case(loss, N=129),
    "more classes than a byte": lambda loss: case(loss, C=300),
    "raw pixels": lambda loss: replace(case(loss), X=np.random.default_rng(0).integers(0, 256, (20, 6)).astype(float)),
    "one class only": lambda loss: replace(case(loss), y=np.full(20, 3)),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("penalty", [(0.0, 0.0), (1e-3, 1e-3)])
def test_the_right_gradient_has_every_property(loss, situation, penalty):
    found = purity(code(loss), SITUATIONS[situation](loss), *penalty)
    assert found.verdict == "pass", found
    assert found.reason == f"all {len(PROPERTIES)} pass"


def wavers():
    """Return a gradient that changes the last bit of every other answer."""
    calls = []

    def wrong(objective, batch, weights):
        calls.append(1)
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(grad=np.nextafter(seen.grad, np.inf)) if len(calls) % 2 else seen

    return {"gradient": wrong}


def takes_back():
    """Return a gradient that writes into its last answer when it is asked again."""
    given = []

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        if given:
            given.pop()[:] = 0
        given.append(seen.grad)
        return seen

    return {"gradient": wrong}


def spoils(what):
    def wrong(objective, batch, weights):
        X, y = batch
        seen = analytic_gradient(objective, batch, weights)
        array = {"images": X, "labels": y, "weights": weights}[what]
        array[0] = array[1]
        return seen

    return {"gradient": wrong}


def spoils_labels_in_the_loss(loss):
    def wrong(s, y):
        seen = LOSSES[loss](s, y)
        y[:1] = y[1:2]
        return seen

    return {"loss_fn": wrong}


def spoils_scores_in_the_loss(loss):
    def wrong(s, y):
        seen = LOSSES[loss](s, y)
        s -= s.max(axis=1, keepdims=True)
        return seen

    return {"loss_fn": wrong}


def uses_its_buffer_again():
    buffers = {}

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        buffer = buffers.setdefault((weights.shape, weights.dtype), np.empty_like(seen.grad))
        buffer[:] = seen.grad
        return seen._replace(grad=buffer)

    return {"gradient": wrong}


def gradient_changed(change):
    """Return a gradient with a mistake: change(grad, weights)."""

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        return seen._replace(grad=change(seen.grad, weights))

    return {"gradient": wrong}


def labels_overflow(loss):
    def wrong(s, y):
        times = np.asarray(32, y.dtype)
        return LOSSES[loss](s, (y * times // times).astype(y.dtype))

    return {"loss_fn": wrong}


# The property, words of the reason, and the mistake, by loss.
BROKEN = {
    "another last bit": ("deterministic", "two calls differ by", lambda loss: wavers()),
    "writes into what it gave": ("deterministic", "two calls differ by", lambda loss: takes_back()),
    "images changed": ("inputs unchanged", "the images", lambda loss: spoils("images")),
    "labels changed": ("inputs unchanged", "the labels", lambda loss: spoils("labels")),
    "labels changed by the loss": ("inputs unchanged", "the labels", spoils_labels_in_the_loss),
    "scores changed by the loss": ("inputs unchanged", "the scores", spoils_scores_in_the_loss),
    "weights changed": ("inputs unchanged", "the weights", lambda loss: spoils("weights")),
    "its buffer used again": ("result not reused", "reuses", lambda loss: uses_its_buffer_again()),
    "float64 for ever": (
        "shape and dtype",
        "for float32 weights (7, 9), the gradient is float64 (7, 9)",
        lambda loss: gradient_changed(lambda grad, weights: grad.astype(np.float64)),
    ),
    "float32 for ever": (
        "shape and dtype",
        "for float64 weights (7, 9), the gradient is float32 (7, 9)",
        lambda loss: gradient_changed(lambda grad, weights: grad.astype(np.float32)),
    ),
    "transposed": (
        "shape and dtype",
        "the gradient is float32 (9, 7)",
        lambda loss: gradient_changed(lambda grad, weights: grad.T),
    ),
    "not a number": (
        "shape and dtype",
        "63 parameters of the float32 gradient are not finite",
        lambda loss: gradient_changed(lambda grad, weights: grad * np.float32(np.nan)),
    ),
    "one infinite in float64": (
        "shape and dtype",
        "1 parameters of the float64 gradient are not finite",
        lambda loss: gradient_changed(
            lambda grad, weights: (
                grad
                + np.where((np.arange(grad.size).reshape(grad.shape) == 9) & (grad.itemsize == 8), np.inf, 0).astype(
                    grad.dtype
                )
            )
        ),
    ),
    "labels overflow": ("labels of any dtype", "uint8", labels_overflow),
}


def test_every_property_has_a_mistake():
    assert {name for name, _, _ in BROKEN.values()} == PROPERTIES.keys()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", BROKEN)
def test_each_violated_property_is_named(loss, name):
    violated, says, plant = BROKEN[name]
    found = purity(code(loss, **plant(loss)), case(loss), 1e-3, 1e-3)
    assert found.verdict == "fail"
    assert found.reason.startswith(violated + ": ")
    assert says in found.reason
    assert PROPERTIES[violated](code(loss, **plant(loss)), case(loss), 1e-3, 1e-3)
    assert not PROPERTIES[violated](code(loss), case(loss), 1e-3, 1e-3)


def test_an_answer_that_is_the_weights_themselves_is_not_given_away():
    asked = []

    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        asked.append(1)
        return seen if len(asked) > 1 else seen._replace(grad=weights)

    assert "reuses" in PROPERTIES["result not reused"](code("softmax", gradient=wrong), case(), 0.0, 0.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_labels_that_depend_on_their_type_ring(loss):
    def wrong(objective, batch, weights):
        seen = analytic_gradient(objective, batch, weights)
        _, y = batch
        return seen._replace(grad=seen.grad * (1 + 1e-15 * (y.dtype == np.int32)))

    found = purity(code(loss, gradient=wrong), case(loss, C=300), 0.0, 0.0)
    assert found.reason == "labels of any dtype: with int32 labels the gradient differs"


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mistake_in_nothing_else_is_no_bad_manner(loss):
    polite = gradient_changed(lambda grad, weights: 2 * grad)
    assert purity(code(loss, **polite), case(loss), 0.0, 0.0).verdict == "pass"


def test_the_case_itself_is_left_alone():
    one = case()
    before = one.X.tobytes(), one.y.tobytes(), one.weights.tobytes(), one.scores.tobytes()
    for what in ("images", "labels", "weights"):
        purity(code("softmax", **spoils(what)), one, 0.0, 0.0)
    purity(code("softmax", **spoils_scores_in_the_loss("softmax")), one, 0.0, 0.0)
    assert (one.X.tobytes(), one.y.tobytes(), one.weights.tobytes(), one.scores.tobytes()) == before
