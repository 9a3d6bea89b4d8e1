"""Where a learner's function is asked: W = 0, small, random and large W, and scores that exp does not survive."""

from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.seeds import CHECK, normal, stream

# Counters of the seed's stream, far from those of `differences` and `noise`.
WEIGHTS, SHIFT = 2_000_000, 2_000_001
SMALL, WIDE, LARGE = 0.01, 30.0, 1000.0  # scores; exp overflows beyond 88 in float32, 709 in float64


class Point(NamedTuple):
    """Where the function is asked."""

    name: str  # zero, start, steps or wide
    words: str
    W: FloatArray
    reg: float


def random_weights(X: FloatArray, classes: int, seed: int) -> FloatArray:
    """Return normal weights (D, C) that give scores of standard deviation 1."""
    W = normal(stream(seed, CHECK, WEIGHTS), (X.shape[1], classes))
    deviation = float((X @ W).std())
    return W / deviation if deviation else W


def balanced_reg(dW: FloatArray, W: FloatArray) -> float:
    """Return a reg, in one digit, that makes the penalty's gradient about as large as that of the data."""
    there = np.abs(dW[dW != 0])
    return float(f"{np.median(there) / (2 * np.median(np.abs(W))):.0e}") if len(there) else 1.0


def other_points(X: FloatArray, classes: int, full: Point, reg: float, seed: int) -> list[Point]:
    """Return W = 0, small and large W, and the reg that was asked for."""
    spread = float(np.abs(X @ full.W).max()) or 1.0
    points = [
        Point("zero", "at W = 0", np.zeros_like(full.W), 0.0),
        Point("start", "at small W", SMALL / spread * full.W, full.reg),
        Point("wide", f"at W with scores up to {WIDE:g}", WIDE / spread * full.W, 0.0),
    ]
    return points + ([Point("steps", f"at random W, reg = {reg:g}", full.W, reg)] if reg else [])


def large_scores(X: FloatArray, W: FloatArray, seed: int) -> Point:
    """Add one vector to all columns of W: no difference between two scores changes, but they are LARGE."""
    shift = normal(stream(seed, CHECK, SHIFT), (X.shape[1],))
    reached = float(np.abs(X @ shift).max()) or 1.0
    return Point("wide", f"at scores of {LARGE:g}", W + (LARGE / reached * shift)[:, None], 0.0)
