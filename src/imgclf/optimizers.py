"""Optimizers: turn a gradient into a direction.

An optimizer is two pure functions. `init(weights)` returns an empty memory: named arrays. `direction(grad, memory)`
returns the direction (D+1, C) and the new memory; neither argument is changed. The loop steps against the direction.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray

Memory: TypeAlias = dict[str, NDArray[Any]]


class Optimizer(NamedTuple):
    """A way to choose the direction of a step."""

    init: Callable[[FloatArray], Memory]
    direction: Callable[[FloatArray, Memory], tuple[FloatArray, Memory]]


def sgd() -> Optimizer:
    """Straight down: the direction is the gradient (Robbins and Monro 1951)."""
    return Optimizer(lambda weights: {}, lambda grad, memory: (grad, memory))


def momentum(decay: float = 0.9) -> Optimizer:
    """A ball with friction (Polyak 1964): v = decay * v + grad; the direction is v."""

    def direction(grad: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        velocity = decay * memory["velocity"] + grad
        return velocity, {"velocity": velocity}

    return Optimizer(_zeros("velocity"), direction)


def nesterov(decay: float = 0.9) -> Optimizer:
    """Momentum that looks ahead (Nesterov 1983): v = decay * v + grad; the direction is grad + decay * v.

    As Bengio et al. 2013 rewrote it: the weights are those at the looked-ahead point.
    """

    def direction(grad: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        velocity = decay * memory["velocity"] + grad
        return grad + decay * velocity, {"velocity": velocity}

    return Optimizer(_zeros("velocity"), direction)


def adagrad(epsilon: float = 1e-8) -> Optimizer:
    """Shorter steps where it was steep before (Duchi et al. 2011): s = s + grad**2; grad / (sqrt(s) + epsilon)."""

    def direction(grad: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        squares = memory["squares"] + grad**2
        return grad / (np.sqrt(squares) + epsilon), {"squares": squares}

    return Optimizer(_zeros("squares"), direction)


def rmsprop(decay: float = 0.9, epsilon: float = 1e-8) -> Optimizer:
    """Adagrad that forgets (Tieleman and Hinton 2012): s = decay * s + (1 - decay) * grad**2."""

    def direction(grad: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        squares = decay * memory["squares"] + (1 - decay) * grad**2
        return grad / (np.sqrt(squares) + epsilon), {"squares": squares}

    return Optimizer(_zeros("squares"), direction)


def adam(decay: float = 0.9, decay_square: float = 0.999, epsilon: float = 1e-8) -> Optimizer:
    """Means of the gradient and of its square (Kingma and Ba 2015): mean / (sqrt(squares) + epsilon).

    Both start at 0 and are too small at first: step t divides them by 1 - decay**t.
    """

    def direction(grad: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        mean = decay * memory["mean"] + (1 - decay) * grad
        squares = decay_square * memory["squares"] + (1 - decay_square) * grad**2
        step = int(memory["step"]) + 1
        unbiased_mean = mean / (1 - decay**step)
        unbiased_squares = squares / (1 - decay_square**step)
        memory = {"mean": mean, "squares": squares, "step": np.array(step)}
        return unbiased_mean / (np.sqrt(unbiased_squares) + epsilon), memory

    zeros = _zeros("mean", "squares")
    return Optimizer(lambda weights: {**zeros(weights), "step": np.array(0)}, direction)


def _zeros(*names: str) -> Callable[[FloatArray], Memory]:
    return lambda weights: {name: np.zeros_like(weights) for name in names}


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
}
