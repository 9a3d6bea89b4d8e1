"""The direction of a step, by parts, on all threads."""

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.numerics.products import PART, order_of
from imgclf.numerics.sums import Summation, Sums
from imgclf.optimizers import Optimizer, OptimizerState
from imgclf.speed.ranks import on_this_process


def in_parts(optimizer: Optimizer, sum_blocks: Summation) -> Optimizer:
    """Return the same optimizer; of many weights, it is given some rows at a time, which fit a cache.

    The bytes are the same: an optimizer treats each weight alone.
    """
    on_threads = on_this_process(sum_blocks)

    def direction(grad: FloatArray, state: OptimizerState) -> tuple[FloatArray, OptimizerState]:
        rows, C = grad.shape
        if order_of(rows - 1, C) == "F":
            return optimizer.direction(grad, state)
        whole, memory = np.empty_like(grad), {name: np.empty_like(array) for name, array in state.items()}
        at_once = max(1, PART // C)

        def some(i: int) -> Sums:
            part = slice(i * at_once, (i + 1) * at_once)
            before = {name: array[part] if array.ndim else array for name, array in state.items()}
            whole[part], after = optimizer.direction(grad[part], before)
            for name, array in after.items():
                memory[name][part if array.ndim else ()] = array
            return ()

        on_threads(some, -(-rows // at_once))
        return whole, memory

    return Optimizer(optimizer.init, direction)
