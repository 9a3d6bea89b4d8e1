"""Check that the points exercise every class, hinge and parameter."""

from collections.abc import Sequence

import numpy as np

from imgclf.gradcheck.case import Case, resolution

CLEAR = 10  # bounds; rounding could hide a smaller gradient
SHARE = 0.9  # of the parameters of features that are not always 0


def missing(cases: Sequence[Case], l2: float, l1: float, class_names: Sequence[str], present: Sequence[int]) -> str:
    """Return what no case of a loss exercises, or "" where they exercise enough; present: classes in the data."""
    y, margins = cases[0].y, cases[0].facts.margins
    absent = [class_names[c] for c in present if not (y == c).any()]
    if absent:
        return f"no image of {_listed(absent)}: take at least {len(present)} images"
    if margins is not None:
        violations = np.array([margins(case.scores, y) for case in cases])  # (cases, N, C)
        idle = [class_names[c] for c in present if not (violations[:, y == c] > 0).any()]
        if idle:
            return f"no image of {_listed(idle)} violates a margin: its gradient is 0 everywhere"
        if (violations > 0)[violations > -np.inf].all():
            return "every margin is violated at every point: a loss without its hinge would pass"
    there = np.zeros(cases[0].weights.shape, bool)
    for case in cases:
        expected, size = case.expected(l2, l1), np.abs(case.truth.gradient)
        stands_out = (size > CLEAR * expected.spread) & (expected.spread <= resolution(size))
        if l2 or l1:  # b has no penalty; in W both parts must be visible
            penalty = np.abs(expected.gradient - case.truth.gradient)
            stands_out[:-1] &= penalty[:-1] > CLEAR * expected.spread[:-1]
        there |= stands_out
    alive = np.append((cases[0].X != 0).any(axis=0), True)
    if alive.sum() == 1:
        return "every pixel of every image is 0"
    share = there[alive].mean()
    if share < SHARE:
        parts = "gradient and penalty" if l2 or l1 else "gradient"
        return f"only {share:.0%} of the parameters have a {parts} larger than what rounding can hide"
    return ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more classes" if len(names) > 3 else "")
