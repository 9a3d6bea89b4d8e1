"""Lesson: random search, local search, and following the gradient."""

import math
import time
from collections.abc import Iterator
from itertools import count, islice
from typing import TypeAlias

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradients import GradientFn, analytic_gradient, evaluate_loss, numerical_gradient
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import Material, lowest
from imgclf.lessons.text import percent, three_digits
from imgclf.machine.progress import advancing
from imgclf.model import scores
from imgclf.numerics.random_streams import CHECK, normal, stream
from imgclf.schedules import constant
from imgclf.trainer import descend, start

Search: TypeAlias = Iterator[tuple[float, FloatArray]]  # the lowest loss so far, or the present one, and its weights

SECONDS = 1.0  # for each strategy
WIDE, NEAR = 0.3, 0.2  # standard deviation of the scores that random weights, and a random move of them, make
SIDE, PARAMETERS, IMAGES, STEPS = 7, 600, 200, 8  # of the small problem that trying can solve


def random_search(material: Material) -> Search:
    """Strategy 1: try random weights, and keep the best."""
    best, weights = math.inf, material.weights
    for tried in _random_weights(material, WIDE):
        loss, _ = evaluate_loss(material.objective, material.train, tried)
        if loss < best:
            best, weights = loss, tried
        yield best, weights


def local_search(material: Material) -> Search:
    """Strategy 2: try a random move from the best weights, and go there if the loss is lower."""
    weights = material.weights
    best, _ = evaluate_loss(material.objective, material.train, weights)
    for move in _random_weights(material, NEAR):
        tried = weights + move
        loss, _ = evaluate_loss(material.objective, material.train, tried)
        if loss < best:
            best, weights = loss, tried
        yield best, weights


def follow_gradient(material: Material, batch: Batch, weights: FloatArray, gradient: GradientFn) -> Search:
    """Strategy 3: follow the gradient, with the optimizer and the step size of the config."""
    steps = descend(
        start(weights, material.plan.optimizer),
        sample=lambda step: batch,
        objective=material.objective,
        evaluate_gradient=gradient,
        optimizer=material.plan.optimizer,
        step_size=constant(material.step_size),
    )
    for seen, state in steps:
        yield seen.loss, weights
        weights = state.weights


def coarse(X: FloatArray, shape: tuple[int, ...], side: int) -> FloatArray:
    """Keep side x side pixels of images (N, H * W * channels); of feature vectors, the first side**2 numbers."""
    if len(shape) == 1:
        return X[:, : side**2]
    down, across = (np.linspace(0, length - 1, side).astype(int) for length in shape[:2])
    return X.reshape(-1, *shape)[:, down][:, :, across].reshape(len(X), -1)


def few_weights(material: Material) -> tuple[Batch, FloatArray, str]:
    """Return some coarse images, weights for them, all 0 and few enough to try each, and the images' size in words."""
    X, y = material.few(IMAGES)
    shape, classes = material.plan.train.example_shape, material.weights.shape[1]
    channels = shape[2] if len(shape) == 3 else 1
    side = max(1, min(SIDE, math.isqrt(PARAMETERS // (classes * channels))))
    X = coarse(X, shape, side)
    return Batch.of(X, y), np.zeros((X.shape[1] + 1, classes)), f"{side} x {side}"


def study(material: Material) -> Findings:
    """Give each strategy the same time; then compare trying and calculus where trying is feasible."""
    train, weights = material.train, material.weights
    strategies = {
        "random": random_search(material),
        "local": local_search(material),
        "gradient": follow_gradient(material, train, weights, analytic_gradient),
    }
    gradients: dict[str, GradientFn] = {"numerical": numerical_gradient, "analytic": analytic_gradient}
    advance = advancing("searching", len(strategies) + len(gradients), "search")
    curves, numbers, few_curves = {}, {}, {}
    evaluate_loss(material.objective, train, weights)  # the first time takes longer, whoever does it
    for name, search in strategies.items():
        seconds, losses, end = _timed(search)
        curves[name] = seconds, losses
        numbers[name] = {"passes": len(losses), "loss": losses[-1], "accuracy": material.accuracy(train, end)}
        advance(1)
    few, zeros, size = few_weights(material)
    for name, gradient in gradients.items():
        steps = islice(follow_gradient(material, few, zeros, gradient), STEPS + 1)
        few_curves[name] = range(STEPS + 1), [loss for loss, _ in steps]
        advance(1)

    one_step = 2 * weights.size * SECONDS / numbers["random"]["passes"]  # a pass of random search is one loss
    both = {name: losses for name, (_, losses) in few_curves.items()}
    apart = float(np.abs(np.subtract(both["numerical"], both["analytic"])).max())
    best = list(numbers)[lowest([one["loss"] for one in numbers.values()])]
    return Findings(
        shown=[
            f"{SECONDS:g} s each, on {len(train):,} training examples; a pass looks at all of them once:",
            Rows(("strategy", "passes", "loss", "accuracy"),
                 [(name, f"{one['passes']:,}", f"{one['loss']:.4g}", percent(one["accuracy"]))
                  for name, one in numbers.items()]),
            f"A gradient by trying would need the loss of all {len(train):,} examples {2 * weights.size:,} times, "
            f"about {three_digits(one_step)} s, for its first step.",
            f"With {zeros.size:,} weights, for {size} values of {len(few)} examples, it is feasible: at each of "
            f"{STEPS} steps the losses of trying and of calculus differ by {apart:.1g} at most.",
        ],
        picture=Panels(
            "Three strategies in the same time",
            "Below, on few weights: the gradient by trying makes the same steps as the one by calculus.",
            [Panel("training loss", "seconds", curves), Panel("loss on few weights", "step", few_curves)],
        ),
        question="What does the gradient know that a random move does not?",
        answer=f"A try gives one number, whether one move was good. One pass for the gradient gives {weights.size:,}: "
        f"the slope along every weight. Lowest after {SECONDS:g} s: {best}. The numerical gradient makes "
        f"the same steps, but for rounding and kinks, at {2 * weights.size:,} losses each.",
        numbers={
            "seconds": SECONDS, **numbers, "numerical_step_seconds": one_step, "small_parameters": zeros.size, **both,
        },
    )  # fmt: skip


def _random_weights(material: Material, deviation: float) -> Iterator[FloatArray]:
    """Yield normal weights without end, scaled so that their scores have this standard deviation."""
    seed, like = material.plan.config.seed, material.weights
    X, _ = material.few(IMAGES)
    for i in count():
        drawn = normal(stream(seed, CHECK, i), like.shape)
        if i == 0:
            scale = deviation / (scores(X, drawn).std() or 1.0)
        yield (scale * drawn).astype(like.dtype)


def _timed(search: Search) -> tuple[list[float], list[float], FloatArray]:
    """Search for SECONDS; return the time and the loss after each pass, and the last weights."""
    seconds, losses, began = [], [], time.perf_counter()
    for loss, weights in search:
        seconds.append(time.perf_counter() - began)
        losses.append(loss)
        if seconds[-1] > SECONDS:
            return seconds, losses, weights
    raise AssertionError("a search does not end")


LESSON = Lesson(
    "random search, local search, the gradient: the same seconds each",
    "Three ways to lower the loss, with the same time for each: random weights, random moves from the best weights, "
    "steps against the gradient. How low does each come?",
    study,
)
