"""Plant mistakes in the functions under check."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray, ReadFn
from imgclf.data.batches import Reader
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradients import BatchGradient, Objective
from imgclf.losses import LossFn
from imgclf.model import scores
from imgclf.numerics.sums import Summation
from imgclf.trainer import TrainState

Plant: TypeAlias = Callable[[Implementation], Implementation]
Memory: TypeAlias = dict[Any, Any]  # of a gradient function, from call to call
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
        """Return X.T @ dscores / N, the last step of the chain rule."""
        return np.vstack([X.T @ dscores, dscores.sum(axis=0)]) / len(X)


def gradient_fn(wrong: Callable[[Implementation, Objective, Batch, FloatArray], BatchGradient]) -> Plant:
    """Replace the gradient function: wrong(code, objective, batch, weights)."""
    return lambda code: replace(code, gradient=partial(wrong, code))


def remembering(change: Callable[[Memory, BatchGradient], BatchGradient]) -> Plant:
    """Change the gradient by what is remembered from call to call: change(memory, right)."""

    def wrong(code: Implementation, memory: Memory, *arguments: Any) -> BatchGradient:
        return change(memory, code.gradient(*arguments))

    return lambda code: replace(code, gradient=partial(wrong, code, {}))


def gradient(change: Callable[[GradientParts], FloatArray]) -> Plant:
    """Change the gradient, but not the loss."""

    def wrong(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        X, y = batch
        right = code.gradient(objective, batch, weights)
        data = code.gradient(replace(objective, l2=0.0, l1=0.0), batch, weights).grad
        seen = GradientParts(objective, X, y, weights, data, right.grad - data)
        with np.errstate(all="ignore"):
            return right._replace(grad=np.asarray(change(seen)))

    return gradient_fn(wrong)


def in_kernel(plant: Plant) -> Plant:
    """Plant into the kernel that trains, but not into the textbook gradient."""
    return lambda code: replace(
        code, kernel=lambda sum_blocks: plant(replace(code, gradient=code.kernel(sum_blocks))).gradient
    )


def in_sums(change: Callable[[Summation], Summation]) -> Plant:
    """Change the sum over blocks in the kernel that trains."""
    return lambda code: replace(code, kernel=lambda sum_blocks: code.kernel(change(sum_blocks)))


def in_reading(change: Callable[[Reader], ReadFn]) -> Plant:
    """Change what the kernel that trains reads from a data set."""

    def wrong(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        read = change(batch.read) if isinstance(batch.read, Reader) else batch.read
        return code.gradient(objective, replace(batch, read=read), weights)

    return in_kernel(gradient_fn(wrong))


def dscores(change: Callable[[FloatArray, FloatArray, IntArray], FloatArray]) -> Plant:
    """Change the derivative of the loss by the scores: change(dscores, scores, y)."""
    return _loss(lambda right, s, y: (right[0], np.asarray(change(right[1], s, y), s.dtype)))


def losses(change: Callable[[FloatArray, FloatArray, IntArray], FloatArray]) -> Plant:
    """Change the value of each image's loss: change(losses, scores, y)."""
    return _loss(lambda right, s, y: (change(right[0], s, y), right[1]))


def loss_of(wrong: LossFn) -> Plant:
    """Replace the loss, value and derivative."""
    return _loss(lambda right, s, y: wrong(s, y))


def _loss(change: Callable[[Loss, FloatArray, IntArray], Loss]) -> Plant:
    def wrong(code: Implementation, s: FloatArray, y: IntArray) -> Loss:
        with np.errstate(all="ignore"):
            return change(code.loss_fn(s, y), s, y)

    return lambda code: replace(code, loss_fn=partial(wrong, code))


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
        return out

    return data(changed)


def backward(change: Callable[[FloatArray], FloatArray]) -> Plant:
    """Use other pixels in the backward pass than in the forward pass."""
    return data(lambda g: g.backward(change(g.X), g.dscores))


def data(change: Callable[[GradientParts], FloatArray]) -> Plant:
    """Change the gradient of the data term."""
    return gradient(lambda g: change(g) + g.penalty)


def penalty(change: Callable[[GradientParts], Any]) -> Plant:
    """Change the gradient of the penalty."""
    return gradient(lambda g: g.data + change(g))


def examples(change: Callable[[FloatArray, IntArray], tuple[FloatArray, IntArray]]) -> Plant:
    """Change the images of the gradient."""

    def wrong(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
        return code.gradient(objective, Batch.of(*change(*batch)), weights)

    return gradient_fn(wrong)


def value(change: Callable[[float, Objective, FloatArray], float]) -> Plant:
    """Change the value of the objective without gradient: change(loss, objective, weights)."""

    def wrong(code: Implementation, objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, int]:
        loss, correct = code.value(objective, batch, weights)
        return change(loss, objective, weights), correct

    return lambda code: replace(code, value=partial(wrong, code))


def descent(change: Callable[[TrainState, TrainState, Implementation, Objective], FloatArray]) -> Plant:
    """Change the weights after each step: change(before, after, code, objective)."""

    def wrong(code: Implementation, state: TrainState, **parts: Any) -> Iterator[tuple[BatchGradient, TrainState]]:
        while True:
            seen, after = next(code.descend(state, **parts))
            state = after._replace(weights=change(state, after, code, parts["objective"]))
            yield seen, state

    return lambda code: replace(code, descend=partial(wrong, code))
