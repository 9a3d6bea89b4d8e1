"""Lesson: the gradient by trying and by calculus."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from imgclf.arrays import Batch, FloatArray
from imgclf.gradcheck.points import after_steps
from imgclf.gradients import STEP, Objective, analytic_gradient, central_difference, evaluate_loss
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import Material
from imgclf.lessons.text import three_digits
from imgclf.losses import LOSSES

IMAGES, WEIGHTS, REPEATS = 64, 10, 20
STEPS = 10.0 ** np.arange(-12, 0.5, 0.5)
SECANT, FAR = 5.0, 4.0  # h of the secant that is drawn; how much farther the hinge is


def study(material: Material) -> Findings:
    """Compare ten slopes, follow the loss along one weight, and count what either way costs."""
    objective, batch = material.objective, material.few(IMAGES)
    X, y = batch
    weights = after_steps(material.plan, objective, X)  # not at 0, where much is equal by symmetry

    def loss(w: FloatArray) -> float:
        return evaluate_loss(objective, batch, w)[0]

    grad = analytic_gradient(objective, batch, weights).grad
    steep = np.argsort(-np.abs(grad[:-1]), axis=None)  # of W: the steepest first
    chosen = [divmod(int(i), weights.shape[1]) for i in steep[:: max(1, steep.size // (2 * WEIGHTS))][:WEIGHTS]]
    tried = [central_difference(loss, weights, at, STEP) for at in chosen]
    errors = [_relative(t, float(grad[at])) for t, at in zip(tried, chosen, strict=True)]
    rows = [
        (_name(at), f"{t:.9g}", f"{grad[at]:.9g}", f"{error:.1g}")
        for at, t, error in zip(chosen, tried, errors, strict=True)
    ]
    sizes = [max(_relative(central_difference(loss, weights, at, h), float(grad[at])) for at in chosen) for h in STEPS]
    best = float(STEPS[int(np.argmin(sizes))])
    one, calculus = (_seconds(f) for f in (partial(loss, weights),
                                           partial(analytic_gradient, objective, batch, weights)))  # fmt: skip
    losses = 2 * weights.size

    at, moves = chosen[0], np.linspace(-2 * SECANT, 2 * SECANT, 201)
    name, curve = _name(at), _along(objective, batch, weights, at, moves)
    low, here, high = _along(objective, batch, weights, at, np.array([-SECANT, 0, SECANT]))
    secant = (low + high) / 2 + (high - low) / (2 * SECANT) * moves
    hinge = _along(Objective(LOSSES["svm"]), Batch.of(X[:1], y[:1]), weights, at, FAR * moves)
    return Findings(
        shown=[
            Rows(("weight", f"by trying, h = {STEP:g}", "by calculus", "relative error"), rows),
            "By trying: (L(w + h) - L(w - h)) / 2h, everything else as it was.",
            f"By trying, all {weights.size:,} slopes need {losses:,} losses of these {len(y):,} images, about "
            f"{three_digits(losses * one)} s; by calculus they take {three_digits(1000 * calculus)} ms: "
            f"{losses * one / calculus:,.0f} times less.",
            f"Among h from {STEPS[0]:g} to {STEPS[-1]:g} the largest relative error is least at h = {best:.1g}.",
        ],
        picture=Panels(
            "The slope along one weight",
            f"Trying moves the weight by a step h to either side, and takes the slope of the secant between them; here "
            f"h = {SECANT:g}. As h shrinks, the secant comes near the tangent.",
            [
                Panel(f"loss along {name}", "change of the weight",
                      {"loss": (moves, curve), "tangent": (moves, here + grad[at] * moves), "secant": (moves, secant)}),
                Panel(f"svm loss of one image along {name}: a kink has no slope", "change of the weight",
                      {"hinge": (FAR * moves, hinge)}),
                Panel("largest relative error of ten slopes by trying", "step h",
                      {"error": (STEPS, sizes)}, log="xy", marks={f"h = {STEP:g}, of the table": STEP}, markers=True),
            ],
        ),
        question="Why does the error grow again when h gets smaller than the best one?",
        answer=f"Trying is off by truncation, which shrinks as h**2 does, and by rounding: the two losses "
        f"agree in most of their 16 digits, and what is left is divided by 2h. At h = {STEPS[0]:g} the error is "
        f"{sizes[0]:.1g}, at {best:.1g} it is {min(sizes):.1g}, at {STEPS[-1]:g} it is {sizes[-1]:.1g}. At a kink of "
        f"a hinge there is no slope: trying gives the mean of both sides.",
        numbers={
            "weights": [_name(at) for at in chosen], "numerical": tried,
            "analytic": [float(grad[at]) for at in chosen], "relative_error": errors,
            "step_sizes": STEPS.tolist(), "largest_relative_error": sizes, "losses": losses,
            "numerical_seconds": losses * one, "analytic_seconds": calculus,
        },
    )  # fmt: skip


def _along(
    objective: Objective, batch: Batch, weights: FloatArray, at: tuple[int, int], moves: FloatArray
) -> FloatArray:
    """Return the loss where one weight is changed by each of `moves` (k,), and all others stay."""
    losses = []
    for move in moves:
        moved = weights.copy()
        moved[at] += move
        losses.append(evaluate_loss(objective, batch, moved)[0])
    return np.array(losses)


def _relative(a: float, b: float) -> float:
    """|a - b| / max(|a|, |b|), as courses define it."""
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0


def _name(at: tuple[int, int]) -> str:
    return f"W[{at[0]},{at[1]}]"


def _seconds(f: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(REPEATS):
        f()
    return (time.perf_counter() - began) / REPEATS


LESSON = Lesson(
    "ten slopes by trying and by calculus; the best h; the cost",
    "The slope of the loss along ten weights, once by trying a step h to either side, once by calculus. In how many "
    "digits will they agree, and how much longer does trying all weights take?",
    study,
)
