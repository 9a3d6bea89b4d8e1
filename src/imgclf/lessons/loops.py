"""Lesson: the gradient with Python loops, and with matrix products."""

import time
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradients import Objective, analytic_gradient
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import Material
from imgclf.lessons.text import three_digits
from imgclf.model import split
from imgclf.speed.compiled.row_losses import row_loss_of

GradFn: TypeAlias = Callable[[Objective, Batch, FloatArray], tuple[float, FloatArray]]

SIZES = (1, 2, 4, 8, 16, 32, 64)  # images of a batch
MULTIPLICATIONS = 1_000_000  # that the loops may make at most, with the largest batch


def three_loops(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, FloatArray]:
    """Loss and gradient with a loop over examples, one over classes, and one over the numbers of an example."""
    (X, y), (D, C), w = batch, split(weights)[0].shape, weights.tolist()
    N, total, grad = len(y), 0.0, [[0.0] * C for _ in range(D + 1)]
    loss_of_row, dscores = row_loss_of(objective.loss_fn), [0.0] * C
    for x, right in zip(X.tolist(), y.tolist(), strict=True):
        scores = [w[D][c] for c in range(C)]  # b
        for c in range(C):
            for d in range(D):
                scores[c] += x[d] * w[d][c]
        total += loss_of_row(scores, right, dscores)
        for c, dscore in enumerate(dscores):
            for d in range(D):
                grad[d][c] += x[d] * dscore / N
            grad[D][c] += dscore / N
    return total / N + objective.penalty(weights), np.array(grad) + objective.penalty_gradient(weights)


def one_loop(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, FloatArray]:
    """Loss and gradient with a loop over examples: a product of a vector and a matrix for each."""
    (X, y), (W, b) = batch, split(weights)
    total, grad = 0.0, objective.penalty_gradient(weights)
    dW, db = split(grad)
    for n, x in enumerate(X):
        losses, dscores = objective.loss_fn((x @ W + b)[None], y[n : n + 1])
        total += float(losses[0])
        dW += np.outer(x, dscores[0]) / len(y)
        db += dscores[0] / len(y)
    return total / len(y) + objective.penalty(weights), grad


def no_loop(objective: Objective, batch: Batch, weights: FloatArray) -> tuple[float, FloatArray]:
    """Loss and gradient with products of matrices: imgclf's own."""
    loss, _, grad = analytic_gradient(objective, batch, weights)
    return loss, grad


WAYS: dict[str, GradFn] = {"three loops": three_loops, "one loop": one_loop, "no loop": no_loop}


def study(material: Material) -> Findings:
    """Time three ways to compute one gradient, and compare what they compute."""
    weights = material.step_size * analytic_gradient(material.objective, material.train, material.weights).grad.astype(
        np.float64
    )  # some weights that are not 0
    sizes = [n for n in SIZES if n * weights.size <= MULTIPLICATIONS and n <= len(material.train)] or [1]
    X, y = material.few(sizes[-1])
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    results = {}
    for n in sizes:
        batch = Batch.of(X[:n], y[:n])
        for name, way in WAYS.items():
            began = time.perf_counter()
            results[name] = way(material.objective, batch, weights)
            seconds[name].append(time.perf_counter() - began)
    loss, grad = results["no loop"]
    apart = {name: float(max(abs(other - loss), np.abs(ours - grad).max())) for name, (other, ours) in results.items()}
    times = {name: taken[-1] / seconds["no loop"][-1] for name, taken in seconds.items()}
    return Findings(
        shown=[
            f"One gradient of {sizes[-1]} examples, {len(weights) - 1:,} numbers each, {weights.shape[1]} classes:",
            Rows(("way", "milliseconds", "times as long", "differs at most by"),
                 [(name, three_digits(1000 * seconds[name][-1]), f"{times[name]:,.0f}", f"{apart[name]:.1g}")
                  for name in WAYS]),
        ],
        picture=Panels(
            "One gradient, three ways to compute it",
            "Both scales are logarithmic.",
            [Panel("seconds", "examples of the batch", {name: (sizes, taken) for name, taken in seconds.items()},
                   log="xy", markers=True)],
        ),
        question="All three make the same multiplications. Where does the time of the loops go?",
        answer=f"Into Python: for each product it looks up objects and their types. NumPy does so once for a whole "
        f"matrix, and its products use the cache and several numbers at a time: here {times['three loops']:,.0f} times "
        f"as fast as three loops. The results differ by rounding alone, as sums are added in another order: write the "
        f"loops first, and hold the fast code to them.",
        numbers={"images": sizes, "seconds": seconds, "times_as_long": times, "differs_by": apart},
    )  # fmt: skip


LESSON = Lesson(
    "the gradient by Python loops and by matrices: equal, and how fast",
    "One gradient: with three loops in Python, with one loop, and with two products of matrices. In how many digits do "
    "they agree, and how much longer do the loops take?",
    study,
)
