"""Plant mistakes in the functions under check."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.losses import LossFn
from imgclf.model import scores
from imgclf.numerics.sums import SumFn
from imgclf.trainer import TrainState

Plant: TypeAlias = Callable[[Implementation], Implementation]
Loss: TypeAlias = tuple[FloatArray, FloatArray]  # losses (N,), dscores (N, C)


class GradientParts(NamedTuple):
    """The parts of a gradient: X (N, D), y (N,), weights; data and penalty gradients, each (D+1, C)."""

    objective: Objective
    X: FloatArray
    y: IntArray
    weights: FloatArray
    data: FloatArray
    penalty: FloatArray

    @property
    def N(self) -> int:
        """The number of images."""
        return len(self.y)

    @property
    def D(self) -> int:
        """The number of pixels or features."""
        return int(self.X.shape[1])

    @property
    def C(self) -> int:
        """The number of classes."""
        return int(self.weights.shape[1])

    @property
    def dscores(self) -> FloatArray:
        """The derivative of each image's loss by its scores, (N, C)."""
        return self.dscores_for(self.y)

    def dscores_for(self, y: IntArray) -> FloatArray:
        """Return dscores for other labels."""
        return self.objective.loss_fn(scores(self.X, self.weights), y)[1]

    def backward(self, X: FloatArray, dscores: FloatArray) -> FloatArray:
        """Return X.T @ dscores / N, the last step of the chain rule, plus the penalty."""
        return np.vstack([X.T @ dscores, dscores.sum(axis=0)]) / len(X) + self.penalty


def gradient(change: Callable[[GradientParts], FloatArray]) -> Plant:
    """Change the gradient, but not the loss."""

    def plant(code: Implementation) -> Implementation:
        def wrong(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
            X, y = batch
            right = code.gradient(objective, batch, weights)
            data = code.gradient(replace(objective, l2=0.0, l1=0.0), batch, weights).grad
            seen = GradientParts(objective, X, y, weights, data, right.grad - data)
            with np.errstate(all="ignore"):
                return right._replace(grad=np.asarray(change(seen)))

        return replace(code, gradient=wrong)

    return plant


def in_kernel(plant: Plant) -> Plant:
    """Plant into the kernel that trains, but not into the textbook gradient."""

    def planted(code: Implementation) -> Implementation:
        right = code.kernel
        return replace(code, kernel=lambda workers: plant(replace(code, gradient=right(workers))).gradient)

    return planted


def in_sums(change: Callable[[SumFn], SumFn]) -> Plant:
    """Change the sum over blocks in the kernel that trains."""

    def planted(code: Implementation) -> Implementation:
        right = code.kernel
        return replace(code, kernel=lambda sum_blocks: right(change(sum_blocks)))

    return planted


def in_reading(change: Callable[[Reader], ReadFn]) -> Plant:
    """Change what the kernel that trains reads from a data set."""

    def planted(code: Implementation) -> Implementation:
        right = code.kernel

        def wrong(sum_blocks: SumFn) -> GradientFn:
            evaluate, changed = right(sum_blocks), lru_cache(change)

            def wrong_gradient(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
                read = changed(batch.read) if isinstance(batch.read, Reader) else batch.read
                return evaluate(objective, replace(batch, read=read), weights)

            return wrong_gradient

        return replace(code, kernel=wrong)

    return planted


def dscores(change: Callable[[FloatArray, FloatArray, IntArray], FloatArray]) -> Plant:
    """Change the derivative of the loss by the scores: change(dscores, scores, y)."""

    def changed(right: Loss, s: FloatArray, y: IntArray) -> Loss:
        with np.errstate(all="ignore"):
            return right[0], np.asarray(change(right[1], s, y), s.dtype)

    return _loss(changed)


def losses(change: Callable[[FloatArray, FloatArray, IntArray], FloatArray]) -> Plant:
    """Change the value of each image's loss: change(losses, scores, y)."""
    return _loss(lambda right, s, y: (change(right[0], s, y), right[1]))


def _loss(change: Callable[[Loss, FloatArray, IntArray], Loss]) -> Plant:
    def plant(code: Implementation) -> Implementation:
        return replace(code, loss_fn=lambda s, y: change(code.loss_fn(s, y), s, y))

    return plant


def loss_of(wrong: Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray]]) -> Plant:
    """Replace the loss, value and derivative."""

    def quiet(s: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        with np.errstate(all="ignore"):
            return wrong(s, y)

    return lambda code: replace(code, loss_fn=quiet)


def weighting(change: Callable[[LossFn, FloatArray], LossFn]) -> Plant:
    """Change how class weights (C,) enter a loss."""

    def plant(code: Implementation) -> Implementation:
        return replace(code, weigh=lambda loss_fn, w: loss_fn if w is None else change(loss_fn, w))

    return plant


def right_class(change: Callable[[FloatArray], Any]) -> Plant:
    """Change the derivative of the loss by the score of the right class."""

    def changed(d: FloatArray, s: FloatArray, y: IntArray) -> FloatArray:
        rows = np.arange(len(y))
        d[rows, y] = change(d[rows, y])
        return d

    return dscores(changed)


def coordinate(factor: float) -> Plant:
    """Multiply the gradient of one weight."""

    def changed(g: GradientParts) -> FloatArray:
        out = g.data.copy()
        out[len(out) // 2, -1] *= factor
        return out + g.penalty

    return gradient(changed)


def backward(change: Callable[[FloatArray], FloatArray]) -> Plant:
    """Use other pixels in the backward pass than in the forward pass."""
    return gradient(lambda g: g.backward(change(g.X), g.dscores))


def penalty(change: Callable[[GradientParts], Any]) -> Plant:
    """Change the gradient of the penalty."""
    return gradient(lambda g: g.data + change(g))


def rows_of(change: Callable[[FloatArray, IntArray], tuple[FloatArray, IntArray]]) -> Plant:
    """Change the images of the gradient."""

    def plant(code: Implementation) -> Implementation:
        def wrong(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
            X, y = batch
            return code.gradient(objective, Batch.of(*change(X, y)), weights)

        return replace(code, gradient=wrong)

    return plant


def value(change: Callable[[float, Objective, FloatArray], float]) -> Plant:
    """Change the value of the objective without gradient: change(loss, objective, weights)."""

    def plant(code: Implementation) -> Implementation:
        def wrong(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, int]:
            loss, correct = code.value(objective, batch, weights)
            return change(loss, objective, weights), correct

        return replace(code, value=wrong)

    return plant


def descent(change: Callable[[TrainState, TrainState, Implementation, Objective], FloatArray]) -> Plant:
    """Change the weights after each step: change(before, after, code, objective)."""

    def plant(code: Implementation) -> Implementation:
        def wrong(state: TrainState, **parts: Any) -> Iterator[tuple[BatchGradient, TrainState]]:
            while True:
                seen, after = next(code.descend(state, **parts))
                state = after._replace(weights=change(state, after, code, parts["objective"]))
                yield seen, state

        return replace(code, descend=wrong)

    return plant
