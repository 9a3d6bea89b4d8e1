"""Other data to check a learner's function on.

A function may be right for one N, one C, one scale of X or one order of the images only. Each set here differs from the
original images in one way, so that a mistake has a name.
"""

from itertools import count

import numpy as np

from imgclf.arrays import IntArray
from imgclf.gradcheck.student.points import CLIPPED, Point
from imgclf.numerics.random_streams import CHECK, normal, shuffled, stream

# Counters of the seed's stream, far from those of `differences`, `noise` and `points`.
ROWS, TOY_X, TOY_W = 3_000_000, 3_000_001, 3_000_002
SCALE = 2.0**30  # a power of two, so that X * SCALE and W / SCALE give exactly the same scores
FEATURES = (5, 6)  # of a toy: the first number that the images do not have
TOY_REGS = 0.5, 1000.0  # the first penalty is about as large as the data loss, the second much larger


def other_data(full: Point, seed: int) -> list[Point]:
    """Return other numbers and orders of images, other labels, scales, features and classes, with advice."""
    return [*_other_images(full, seed), *_other_scales(full), *toys(full, seed)]


def more_images(full: Point, seed: int) -> Point:
    """Return a prime number of images, a few more than the original: in another order, the first ones twice."""
    order = _other_order(full, seed)
    return _other_number(full, np.resize(order, next(n for n in count(len(order) + 1) if _is_prime(n))))


def part(point: Point, rows: slice | IntArray) -> Point:
    """Return the point with some of its images."""
    X, y = point.X[rows], point.y[rows]
    return point._replace(X=X, y=y, words=f"with {len(y)} {'images' if len(y) > 1 else 'image'}")


def _other_images(full: Point, seed: int) -> list[Point]:
    N, last = len(full.y), full.W.shape[1] - 1
    order = _other_order(full, seed)
    # No batch size divides a prime, so the last batch is always smaller.
    fewer = next((n for n in range(N - 1, 1, -1) if _is_prime(n)), 1)
    points = [_other_number(full, order[:fewer]), more_images(full, seed), _other_number(full, order[:1])]
    shuffled_images = part(full, order)._replace(
        words="with the images in another order",
        advice="right for one order of the images, wrong for another: does it expect sorted labels, or keep something "
        "from an earlier call?",
    )
    without_last = part(full, np.flatnonzero(full.y != last))._replace(
        words=f"with no image of class {last}, the last",
        advice="right where the last class has images, wrong where it has none: the number of classes is W.shape[1], "
        "not y.max() + 1",
    )
    return [*points, shuffled_images, *([without_last] if len(without_last.y) else [])]


def _other_order(full: Point, seed: int) -> IntArray:
    """Return the rows in another order, first one of the last class, so that every part has one."""
    order = shuffled(len(full.y), seed, CHECK, ROWS)
    return np.roll(order, -int((full.y[order] == full.W.shape[1] - 1).argmax()))


def _other_number(full: Point, rows: IntArray) -> Point:
    n = len(rows)
    likely = "or omit a last, smaller batch" if n > 1 else "omit a last, smaller batch, or squeeze an axis away"
    advice = f"right for {len(full.y)} images, wrong for {n}: does it divide by a constant, {likely}? N is len(y)"
    return part(full, rows)._replace(advice=advice)


def _other_scales(full: Point) -> list[Point]:
    return [
        full._replace(
            words=f"with X {words}, W {opposite}",
            X=full.X * factor,
            W=full.W / factor,
            reg=0.0,
            advice=f"right for the original X, wrong where X is {words}: {CLIPPED}",
        )
        for factor, words, opposite in (
            (SCALE, "a billion times larger", "a billion times smaller"),
            (1 / SCALE, "a billion times smaller", "a billion times larger"),
        )
    ]


def toys(full: Point, seed: int) -> list[Point]:
    """Return small sets with other features, pixels of both signs, and one class more or only two."""
    D, C = full.W.shape
    features = next(d for d in FEATURES if d != D)
    sizes = [(2 * C + 2, C + 1, TOY_REGS[0]), *([(6, 2, TOY_REGS[1] * max(1.0, full.reg))] if C != 2 else [])]
    return [
        full._replace(
            words=f"with {N} images of {features} features, {classes} classes",
            # Exact in float32, as images are: storing them in float32 must not change the result.
            X=normal(stream(seed, CHECK, TOY_X, classes), (N, features)).astype(np.float32).astype(np.float64),
            y=np.arange(N) % classes,
            W=normal(stream(seed, CHECK, TOY_W, classes), (features, classes)) / np.sqrt(features),
            reg=reg,
            advice=f"right for {D} features and {C} classes, wrong for {features} and {classes}: D, C = W.shape",
        )
        for N, classes, reg in sizes
    ]


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))
