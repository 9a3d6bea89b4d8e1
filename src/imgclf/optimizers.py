"""Optimizers: turn a gradient into a direction.

An optimizer is two pure functions. `init(weights)` returns its first state: named arrays. `direction(grad, state)`
returns the direction (D+1, C) and the new state, and changes neither argument. The loop steps against the direction.

The parameters of a factory, with their defaults, descriptions and ranges, are the optimizer's keys in a config.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray

OptimizerState: TypeAlias = dict[str, NDArray[Any]]

Momentum: TypeAlias = Annotated[float, "Fraction of the velocity kept at each step.", {"ge": 0, "lt": 1}]
Decay: TypeAlias = Annotated[float, "Fraction of the running mean kept at each step.", {"ge": 0, "lt": 1}]
Epsilon: TypeAlias = Annotated[float, "Added to the divisor, which may be 0.", {"gt": 0, "le": 1e30}]


class Optimizer(NamedTuple):
    """A rule for the direction of a step."""

    init: Callable[[FloatArray], OptimizerState]
    direction: Callable[[FloatArray, OptimizerState], tuple[FloatArray, OptimizerState]]


def sgd() -> Optimizer:
    """Straight down: the direction is the gradient (Robbins and Monro 1951)."""
    return Optimizer(lambda weights: {}, lambda grad, state: (grad, state))


def momentum(momentum: Momentum = 0.9) -> Optimizer:
    """A ball with friction (Polyak 1964): v = momentum * v + grad; the direction is v."""

    def direction(grad: FloatArray, state: OptimizerState) -> tuple[FloatArray, OptimizerState]:
        velocity = momentum * state["velocity"] + grad  # a constant grad takes it to grad / (1 - momentum)
        return velocity, {"velocity": velocity}

    return Optimizer(_zeros("velocity"), direction)


def nesterov(momentum: Momentum = 0.9) -> Optimizer:
    """Momentum that looks ahead (Nesterov 1983): v = momentum * v + grad; the direction is grad + momentum * v.

    In the form of Bengio et al. 2013: the weights are those at the look-ahead point.
    """

    def direction(grad: FloatArray, state: OptimizerState) -> tuple[FloatArray, OptimizerState]:
        velocity = momentum * state["velocity"] + grad
        return grad + momentum * velocity, {"velocity": velocity}

    return Optimizer(_zeros("velocity"), direction)


def adagrad(epsilon: Epsilon = 1e-8) -> Optimizer:
    """Shorter steps where it was steep (Duchi et al. 2011): s = s + grad**2; grad / (sqrt(s) + epsilon)."""

    def direction(grad: FloatArray, state: OptimizerState) -> tuple[FloatArray, OptimizerState]:
        squares = state["squares"] + grad**2
        return grad / (np.sqrt(squares) + epsilon), {"squares": squares}

    return Optimizer(_zeros("squares"), direction)


def rmsprop(decay: Decay = 0.9, epsilon: Epsilon = 1e-8) -> Optimizer:
    """Adagrad that forgets (Tieleman and Hinton 2012): s = decay * s + (1 - decay) * grad**2."""

    def direction(grad: FloatArray, state: OptimizerState) -> tuple[FloatArray, OptimizerState]:
        squares = decay * state["squares"] + (1 - decay) * grad**2
        return grad / (np.sqrt(squares) + epsilon), {"squares": squares}

    return Optimizer(_zeros("squares"), direction)


def adam(beta1: Decay = 0.9, beta2: Decay = 0.999, epsilon: Epsilon = 1e-8) -> Optimizer:
    """Means of the gradient and of its square (Kingma and Ba 2015): mean / (sqrt(squares) + epsilon).

    Both start at 0, so they are too small at first: step t divides them by 1 - beta**t.
    """

    def direction(grad: FloatArray, state: OptimizerState) -> tuple[FloatArray, OptimizerState]:
        mean = beta1 * state["mean"] + (1 - beta1) * grad
        squares = beta2 * state["squares"] + (1 - beta2) * grad**2
        step = int(state["step"]) + 1
        unbiased_mean = mean / (1 - beta1**step)  # the weights of a running mean add up to 1 - beta**t, not to 1
        unbiased_squares = squares / (1 - beta2**step)
        state = {"mean": mean, "squares": squares, "step": np.array(step)}
        return unbiased_mean / (np.sqrt(unbiased_squares) + epsilon), state

    zeros = _zeros("mean", "squares")
    return Optimizer(lambda weights: {**zeros(weights), "step": np.array(0)}, direction)


def _zeros(*names: str) -> Callable[[FloatArray], OptimizerState]:
    return lambda weights: {name: np.zeros_like(weights) for name in names}


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
}
