"""Losses times the weight of each example's class."""

from dataclasses import dataclass

from imgclf.arrays import FloatArray, IntArray
from imgclf.losses import LossFn


@dataclass(frozen=True, eq=False)
class Weighted:
    """A `LossFn` that multiplies another by class weights (C,): w[y] * loss, so also w[y] * dscores."""

    loss_fn: LossFn
    class_weights: FloatArray

    def __call__(self, scores: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return losses (N,) and dscores (N, C)."""
        losses, dscores = self.loss_fn(scores, y)
        w = self.class_weights[y].astype(scores.dtype)  # (N,)
        return w * losses, w[:, None] * dscores
