"""Every optimizer against its recurrence, on numbers by hand."""

import math

import numpy as np
import pytest

from imgclf.optimizers import OPTIMIZERS

GRADS = [0.5, -2.0, 0.25, 1.0]


def sgd():
    return list(GRADS)


def momentum(momentum=0.9):
    v, out = 0.0, []
    for g in GRADS:
        v = momentum * v + g
        out.append(v)
    return out


def nesterov(momentum=0.9):
    v, out = 0.0, []
    for g in GRADS:
        v = momentum * v + g
        out.append(g + momentum * v)
    return out


def adagrad(epsilon=1e-8):
    s, out = 0.0, []
    for g in GRADS:
        s += g * g
        out.append(g / (math.sqrt(s) + epsilon))
    return out


def rmsprop(decay=0.9, epsilon=1e-8):
    s, out = 0.0, []
    for g in GRADS:
        s = decay * s + (1 - decay) * g * g
        out.append(g / (math.sqrt(s) + epsilon))
    return out


def adam(beta1=0.9, beta2=0.999, epsilon=1e-8):
    m = v = 0.0
    out = []
    for t, g in enumerate(GRADS, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        out.append(m / (1 - beta1**t) / (math.sqrt(v / (1 - beta2**t)) + epsilon))
    return out


BY_HAND = {f.__name__: f for f in (sgd, momentum, nesterov, adagrad, rmsprop, adam)}
OTHER_SETTINGS = {
    "sgd": {},
    "momentum": {"momentum": 0.5},
    "nesterov": {"momentum": 0.5},
    "adagrad": {"epsilon": 0.125},
    "rmsprop": {"decay": 0.5, "epsilon": 0.125},
    "adam": {"beta1": 0.5, "beta2": 0.75, "epsilon": 0.125},
}


def directions(optimizer, grads):
    state = optimizer.init(np.zeros_like(grads[0]))
    out = []
    for grad in grads:
        direction, state = optimizer.direction(grad, state)
        out.append(direction)
    return out


def test_every_optimizer_has_a_recurrence_by_hand():
    assert BY_HAND.keys() == OPTIMIZERS.keys() == OTHER_SETTINGS.keys()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("defaults", [True, False])
def test_direction_is_the_recurrence(name, defaults):
    settings = {} if defaults else OTHER_SETTINGS[name]
    got = directions(OPTIMIZERS[name](**settings), [np.full((1, 1), g) for g in GRADS])
    np.testing.assert_allclose(np.ravel(got), BY_HAND[name](**settings), rtol=1e-14)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_direction_keeps_the_dtype_and_changes_no_input(name, dtype):
    optimizer = OPTIMIZERS[name]()
    grad = np.array([[1.0, -2.0], [0.5, 0.0]], dtype)
    state = optimizer.init(np.zeros_like(grad))
    grad.flags.writeable = False
    for part in state.values():
        part.flags.writeable = False
    for _ in range(3):
        direction, new = optimizer.direction(grad, state)
        assert direction.dtype == dtype
        assert all(new[key].dtype == state[key].dtype for key in state)
        assert new.keys() == state.keys()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("size", [1e-30, 1e-22, 1e-15, 1e-8, 1, 1e8, 1e18, 1e19, 1e20, 1e30])
def test_in_float32_a_step_is_that_of_float64_or_the_optimizer_remembers_that_it_is_not(name, size):
    """What is remembered of gradients that are too large is not finite, and the run stops."""
    grads = [np.array([[size * g]]) for g in GRADS]
    optimizer = OPTIMIZERS[name]()
    state = optimizer.init(np.zeros((1, 1), np.float32))
    for grad, right in zip(grads, directions(optimizer, grads), strict=True):
        with np.errstate(over="ignore"):
            direction, state = optimizer.direction(grad.astype(np.float32), state)
        if all(np.isfinite(part).all() for part in state.values()):
            np.testing.assert_allclose(direction, right, rtol=1e-5)
        else:
            assert size >= 1e18
            break


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_weight_is_steered_alone(name):
    rng = np.random.default_rng(0)
    grads = [rng.standard_normal((3, 2)) for _ in range(4)]
    together = directions(OPTIMIZERS[name](), grads)
    alone = directions(OPTIMIZERS[name](), [grad[1:2, 1:2] for grad in grads])
    for whole, part in zip(together, alone, strict=True):
        assert whole[1, 1] == part[0, 0]
