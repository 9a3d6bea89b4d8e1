"""Weights, penalties and images at which a learner's function is checked."""

from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.numerics.random_streams import CHECK, normal, stream

# Counters of the seed's stream, far from those of `differences`, `noise` and `other_data`.
WEIGHTS, SHIFT = 2_000_000, 2_000_001
SMALL, WIDE, HUGE, LARGE = 0.01, 30.0, 300.0, 1000.0  # scores; exp overflows beyond 88 in float32, 709 in float64
CLIPPED = "is a score, a probability or dW clipped or rounded, in the gradient or in the loss?"


class Point(NamedTuple):
    """The arguments of one call, and words for them."""

    name: str  # zero, start, steps or wide
    words: str
    W: FloatArray  # (D, C)
    reg: float
    X: FloatArray  # (N, D)
    y: IntArray  # (N,)
    advice: str = ""  # the likely mistake if it is wrong only here


def random_weights(X: FloatArray, classes: int, seed: int) -> FloatArray:
    """Return normal weights (D, C) that give scores of standard deviation 1."""
    W = normal(stream(seed, CHECK, WEIGHTS), (X.shape[1], classes))
    deviation = float((X @ W).std())
    return W / deviation if deviation else W


def balanced_reg(dW: FloatArray, W: FloatArray) -> float:
    """Return a reg of one digit whose penalty gradient is about as large as the data gradient."""
    there = np.abs(dW[dW != 0])
    return float(f"{np.median(there) / (2 * np.median(np.abs(W))):.0e}") if len(there) else 1.0


def other_points(full: Point, reg: float) -> list[Point]:
    """Return W = 0, small and large W, and the reg of the config."""
    points = [
        full._replace(name="zero", words="at W = 0", W=np.zeros_like(full.W), reg=0.0),
        scaled(full, SMALL)._replace(name="start", words="at small W", reg=full.reg),
        scaled(full, WIDE),
    ]
    return points + ([full._replace(words=f"at random W, reg = {reg:g}", reg=reg)] if reg else [])


def scaled(point: Point, largest: float) -> Point:
    """Return the point with W scaled to scores up to `largest`, without penalty."""
    spread = float(np.abs(point.X @ point.W).max()) or 1.0
    words = f"at W with scores up to {largest:g}"
    return point._replace(name="wide", words=words, W=largest / spread * point.W, reg=0.0)


def huge_scores(point: Point) -> Point:
    """Return scores up to HUGE, about as far apart; exp of s - max is no overflow in float64."""
    return _with_advice(scaled(point, HUGE), f"up to {HUGE:g}")


def large_scores(point: Point, seed: int) -> Point:
    """Add one vector to all columns of W: scores become LARGE, but no difference between scores changes."""
    shift = normal(stream(seed, CHECK, SHIFT), (point.X.shape[1],))
    reached = float(np.abs(point.X @ shift).max()) or 1.0
    W = point.W + (LARGE / reached * shift)[:, None]
    return _with_advice(point._replace(name="wide", words=f"at scores of {LARGE:g}", W=W, reg=0.0), f"of {LARGE:g}")


def _with_advice(point: Point, size: str) -> Point:
    return point._replace(advice=f"right for scores up to {WIDE:g}, wrong for scores {size}: {CLIPPED}")
