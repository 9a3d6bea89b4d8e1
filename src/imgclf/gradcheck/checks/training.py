"""Check of the kernel that trains, on a batch of the run.

On several threads its gradient must be the same to the bit.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from imgclf.arrays import Batch, FloatArray, IntArray
from imgclf.gradcheck.case import Case, Expected
from imgclf.gradcheck.checks import CheckFn
from imgclf.gradcheck.checks.float32 import fits, judge
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.truth.bounds import UNIT_ROUNDOFF
from imgclf.gradcheck.verdict import Outcome
from imgclf.gradients import Objective
from imgclf.numerics.products import block_of
from imgclf.numerics.sums import BLOCK, serial_sum
from imgclf.speed.folding import MIN_IMAGES_PER_CLASS
from imgclf.speed.threads import workers
from imgclf.training.plan import Plan

# Images of a batch: 7 blocks, so that their summation tree has branches of every height. More where blocks have more
# than 128 rows, or if folding needs them.
MOST = 850
THREADS = 2


def training_on(plan: Plan) -> CheckFn:
    """Return the check of the first batch's gradient, as a run with this plan computes it.

    The kernel may work on stored pixels, with the preprocessing folded into the weights. It is compared with the
    gradient of the preprocessed X in float64, which the other checks examine.
    """

    @lru_cache(maxsize=1)
    def batch() -> tuple[Batch, FloatArray, IntArray]:
        first = plan.sample(0)
        D, C = plan.weights[:-1].shape
        most = max(MOST * block_of(D, C, len(first)) // BLOCK, MIN_IMAGES_PER_CLASS * C)
        first = replace(first, rows=first.rows[:most])
        X, y = first
        return first, X.astype(np.float64), y

    def training(code: Implementation, case: Case, l2: float, l1: float) -> Outcome:
        images, X, y = batch()
        case = replace(case, X=X, y=y)
        if not fits(case, l2, l1):
            return Outcome("inconclusive", f"scores or penalty are close to the largest {plan.weights.dtype}")
        seen_scores: list[FloatArray] = []

        def watched(s: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
            seen_scores.append(s.copy())
            return code.weighted_loss(s, y)

        weights = case.weights.astype(plan.weights.dtype, order="K")
        code.kernel(serial_sum)(Objective(watched, l2, l1), images, weights)
        s = np.concatenate(seen_scores)[: len(y)]
        if len(s) < len(y):
            return Outcome("fail", f"it reads {len(s)} of the {len(y)} images of a batch")
        # A kernel may have its own loop for the loss that it knows.
        seen = code.kernel(serial_sum)(code.objective(l2, l1), images, weights)
        here = code.gradient_at(X, y, case.weights, l2, l1)
        expected = Expected(here, case.rounding(UNIT_ROUNDOFF, case.scores_off(UNIT_ROUNDOFF)), np.zeros_like(here))
        outcome = judge(case, s, seen, expected, l2, l1)
        if outcome.verdict != "pass":
            return outcome
        with workers(THREADS) as sum_blocks:
            again = code.kernel(sum_blocks)(code.objective(l2, l1), images, weights)
        if again.grad.tobytes() != seen.grad.tobytes() or again[:2] != seen[:2]:
            return Outcome("fail", f"on {THREADS} threads it differs from one thread")
        return outcome

    return training
