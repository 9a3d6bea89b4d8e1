"""Lesson: how long a step may be."""

from itertools import islice

import numpy as np

from imgclf.arrays import Batch
from imgclf.data.batches import steps_per_epoch
from imgclf.gradients import analytic_gradient, evaluate_loss
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import BATCH, Material, lowest
from imgclf.machine.progress import advancing
from imgclf.model import split
from imgclf.optimizers import sgd
from imgclf.schedules import constant

LENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
SIZES = tuple(10.0 ** (k / 2) for k in range(-8, 5))  # 1e-4 to 100
EPOCHS = 2
SMALLER = 30  # times: the step that is drawn as too short


def study(material: Material) -> Findings:
    """Hold one step to what the gradient promises, then train with thirteen step sizes."""
    objective, train, weights = material.objective, material.train, material.weights
    seen = analytic_gradient(objective, train, weights)
    steepness = float(np.square(seen.grad, dtype=np.float64).sum())
    promised = [seen.loss - size * steepness for size in LENGTHS]  # to first order: a straight line
    true = [evaluate_loss(objective, train, weights - size * seen.grad)[0] for size in LENGTHS]

    steps = EPOCHS * steps_per_epoch(len(train), BATCH)
    curves, ends = [], []
    advance = advancing("training", len(SIZES), "step size")
    for size in SIZES:
        run = list(islice(material.descend(sgd(), constant(size), BATCH), steps))
        advance(1)
        curves.append([one.loss for one, _ in run])
        ends.append(evaluate_loss(objective, train, run[-1][1].weights)[0])
    best = lowest(ends)
    diverged = sum(not end <= seen.loss for end in ends)  # not finite either
    low = int(np.abs(np.log(SIZES) - np.log(SIZES[best] / SMALLER)).argmin())
    high = next((i for i in range(best, len(SIZES)) if not ends[i] <= seen.loss), len(SIZES) - 1)
    drawn = {f"step size {SIZES[i]:.3g}": (range(steps), curves[i]) for i in dict.fromkeys((low, best, high))}

    (X, y), zeros = material.few(BATCH), np.zeros(weights.shape)
    dW, larger = (split(analytic_gradient(objective, Batch.of(scale * X, y), zeros).grad)[0] for scale in (1, 1000))
    longer = float(np.linalg.norm(larger) / (np.linalg.norm(dW) or 1.0))
    return Findings(
        shown=[
            "One step against the gradient of all training examples:",
            Rows(("step size", "first order says", "loss after it"),
                 [(f"{size:g}", f"{a:.5g}", f"{b:.5g}") for size, a, b in zip(LENGTHS, promised, true, strict=True)]),
            f"Then {EPOCHS} epochs of sgd with each of {len(SIZES)} step sizes, from a loss of {seen.loss:.4g}:",
            Rows(("step size", "loss", ""), [(f"{size:.3g}", f"{end:.4g}", "lowest" if i == best else "")
                                             for i, (size, end) in enumerate(zip(SIZES, ends, strict=True))]),
            f"With all values of X 1,000 times as large, the gradient by W at 0 is {longer:,.0f} times as long.",
        ],
        picture=Panels(
            "How long a step may be",
            f"Above one step, in the middle and below {EPOCHS} epochs of training.",
            [
                Panel("loss after one step, and what first order says", "step size",
                      {"loss": (LENGTHS, true), "first order": (LENGTHS, promised)}, log="x", markers=True,
                      limits=(0, 3 * seen.loss)),
                Panel(f"loss after {EPOCHS} epochs", "step size", {"loss": (SIZES, ends)}, log="xy", markers=True),
                Panel("loss of each batch", "step", drawn, limits=(0, 3 * seen.loss)),
            ],
        ),
        question="Which of these runs is too low, which too high, and how do their losses look, step by step?",
        answer=f"Too low: the loss falls steadily, and would go on; at {SIZES[0]:g} it is {ends[0]:.4g} after {EPOCHS} "
        f"epochs. Lowest here: {SIZES[best]:.3g}. Too high: the loss jumps, and {diverged} of {len(SIZES)} step sizes "
        f"end above where they began. First order is a promise for short steps only: the loss bends upward, as all "
        f"losses here are convex, so no step does better than it says.",
        numbers={
            "start": seen.loss, "gradient_length": steepness**0.5, "lengths": list(LENGTHS), "first_order": promised,
            "loss_after": true, "step_sizes": list(SIZES), "end": ends, "best": SIZES[best],
        },
    )  # fmt: skip


LESSON = Lesson(
    "one step of seven lengths, and thirteen step sizes for two epochs",
    "The gradient promises by how much the loss falls. For which lengths of a step is it right, and which of thirteen "
    "step sizes, from 1e-4 to 100, leaves the lowest loss after two epochs?",
    study,
)
