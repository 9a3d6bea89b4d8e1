"""Lesson: one gradient step in numbers, and why this direction."""

import numpy as np

from imgclf.gradients import analytic_gradient, evaluate_loss
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import Material
from imgclf.lessons.text import numbers_of, percent
from imgclf.model import scores, split
from imgclf.numerics.random_streams import CHECK, normal, stream
from imgclf.optimizers import sgd
from imgclf.schedules import constant
from imgclf.trainer import descend, start

IMAGES, DIRECTIONS = 4, 1000
DRAWN = 20_000_000  # random numbers at most, where weights are many
LENGTH = 1e-6  # of a step that measures a slope
KINK = 0.01  # a slope is not the gradient's by more than rounding and the bend of the loss explain


def study(material: Material) -> Findings:
    """Take one step on four images, and compare its direction with random ones."""
    objective, step_size = material.objective, material.step_size
    X, y = batch = material.few(IMAGES)
    weights = material.weights.astype(np.float64)

    s = scores(X, weights)  # X @ W + b
    losses, dscores = objective.loss_fn(s, y)
    before = analytic_gradient(objective, batch, weights)
    dW, db = split(before.grad)
    _, after = next(
        descend(
            start(weights, sgd()),
            sample=lambda step: batch,
            objective=objective,
            evaluate_gradient=analytic_gradient,
            optimizer=sgd(),
            step_size=constant(step_size),
        )
    )
    new = evaluate_loss(objective, batch, after.weights)[0]

    def slope(direction: np.ndarray) -> float:
        """How fast the loss falls in a direction of length 1."""
        return (before.loss - evaluate_loss(objective, batch, weights + LENGTH * direction)[0]) / LENGTH

    steepest = float(np.linalg.norm(before.grad))
    tried = []
    for i in range(max(1, min(DIRECTIONS, DRAWN // weights.size))):
        direction = normal(stream(material.plan.config.seed, CHECK, i), weights.shape)
        tried.append(slope(direction / np.linalg.norm(direction)) / steepest if steepest else 0.0)
    best, straight = max(tried), slope(-before.grad / steepest) / steepest if steepest else 0.0

    names = material.plan.train.class_names
    table = Rows(
        ("forward", "how", "shape", "in numbers"),
        [
            ("X", f"{len(y)} images", str(X.shape), f"from {X.min():.3g} to {X.max():.3g}"),
            ("scores", "X @ W + b", str(s.shape), f"image 1: {numbers_of(s[0])}"),
            ("losses", material.plan.config.model.loss, str(losses.shape), numbers_of(losses)),
            ("loss", "mean + penalty", "()", f"{before.loss:.6g}"),
            ("backward", "", "", ""),
            ("dscores", "dloss / dscores", str(dscores.shape), f"image 1: {numbers_of(dscores[0])}"),
            ("dW", "X.T @ dscores / N", str(dW.shape), f"of length {np.linalg.norm(dW):.4g}"),
            ("db", "sum(dscores) / N", str(db.shape), numbers_of(db)),
            ("update", f"W -= {step_size:g} * dW", str(dW.shape), f"loss {before.loss:.6g} -> {new:.6g}"),
        ],
        left=4,
    )
    rank, ordered = np.arange(1, len(tried) + 1), 100 * np.sort(tried)
    kink = " The loss has a kink here, where the gradient is that of one side." if abs(straight - 1) > KINK else ""
    return Findings(
        shown=[
            table,
            f"Image 1 is of class {names[int(y[0])]!r}; its dscores add up to {dscores[0].sum():.1g}.",
            f"Against the gradient, the loss falls at {percent(straight)} of |gradient| = {steepest:.4g} (dW and db "
            f"together) per unit of length; the best of {len(tried):,} random directions falls at {percent(best)} of "
            f"it.{kink}",
        ],
        picture=Panels(
            "How fast the loss falls in random directions",
            "Tiny steps of equal length. Above 0 the loss falls, below it rises.",
            [Panel("fall of the loss, in % of the fall against the gradient",
                   f"{len(tried):,} random directions, the best last",
                   {"against the gradient": (rank, np.full(len(rank), 100.0)), "best random": (rank, ordered)})],
        ),
        question="How steep can a random direction be, and what would change if there were only two weights?",
        answer=f"The slope in a direction is the gradient times the cosine of the angle between them, so none is "
        f"steeper. A random direction among {weights.size:,} weights is nearly at right angles to any given one: its "
        f"cosine is typically 1 / sqrt({weights.size:,}) = {percent(weights.size**-0.5)}. With two weights it is "
        f"typically 71 %, and trying directions would do.",
        numbers={
            "loss": before.loss, "loss_after": new, "step_size": step_size, "gradient_length": steepest,
            "gradient_slope": straight, "best_random_slope": best, "directions": len(tried),
            "losses": losses.tolist(), "scores": s.tolist(), "dscores": dscores.tolist(),
        },
    )  # fmt: skip


LESSON = Lesson(
    "one gradient step in numbers; 1,000 random directions beside it",
    "One step on four images. Then 1,000 random directions of the same length: how much of the gradient's slope does "
    "the best of them reach?",
    study,
)
