"""Lesson: how many images a step should look at."""

import time
from typing import NamedTuple

import numpy as np

from imgclf.data.batches import steps_per_epoch
from imgclf.gradients import evaluate_loss
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import Material, lowest
from imgclf.machine.progress import advancing
from imgclf.optimizers import sgd
from imgclf.schedules import constant

# For each size of a batch two step sizes, of which the better one counts; smaller batches need shorter steps.
STEP_SIZES = {"all": (0.3, 1.0), "256": (0.3, 1.0), "16": (0.03, 0.1), "1": (0.003, 0.01)}
EPOCHS, SECONDS, MOST = 5, 1.0, 2.0  # a run ends after EPOCHS and SECONDS, or MOST seconds
OFTEN = 1.3  # the loss of all is measured after 1, 1.3, 1.69, ... steps


class Curve(NamedTuple):
    """The data loss of all training examples on the way; the seconds are of the steps alone."""

    step_size: float
    epochs: list[float]
    seconds: list[float]
    losses: list[float]

    def after(self, axis: list[float], end: float) -> float:
        """Return the loss when so many epochs or seconds are over, NaN if the run was shorter."""
        return float(np.interp(end, axis, self.losses)) if axis[-1] >= end else float("nan")


def train(material: Material, batch_size: int, step_size: float) -> Curve:
    """Train with batches of one size; measure the loss after EPOCHS, and ever more rarely on the way."""
    per_epoch = steps_per_epoch(len(material.train), batch_size)
    curve = Curve(step_size, [0.0], [0.0], [evaluate_loss(material.data_loss, material.train, material.weights)[0]])
    spent, due, began = 0.0, 1.0, time.perf_counter()
    for _, state in material.descend(sgd(), constant(step_size), batch_size):
        now = spent + time.perf_counter() - began
        over = (state.step >= EPOCHS * per_epoch and now >= SECONDS) or now >= MOST
        if state.step >= due or state.step == EPOCHS * per_epoch or over:
            due = max(due, state.step) * OFTEN
            curve.epochs.append(state.step / per_epoch)
            curve.seconds.append(now)
            curve.losses.append(evaluate_loss(material.data_loss, material.train, state.weights)[0])
            if over:
                break
            spent, began = now, time.perf_counter()
    return curve


def study(material: Material) -> Findings:
    """Train with four sizes of a batch, and compare after the same epochs and after the same seconds."""
    n = len(material.train)
    rows, numbers, drawn = [], {}, {}
    advance = advancing("training", len(STEP_SIZES), "size")
    for name, sizes in STEP_SIZES.items():
        batch_size = n if name == "all" else min(int(name), n)
        curves = [train(material, batch_size, size) for size in sizes]
        by_epochs, by_seconds = ([c.after(c.epochs, EPOCHS) for c in curves],
                                 [c.after(c.seconds, SECONDS) for c in curves])  # fmt: skip
        epochs, seconds = _least(by_epochs), _least(by_seconds)
        drawn[name] = curves[by_seconds.index(seconds)] if seconds in by_seconds else curves[0]
        per_epoch = steps_per_epoch(n, batch_size)
        rows.append((name, f"{per_epoch:,}", _or_dash(epochs), _or_dash(seconds), f"{drawn[name].step_size:g}"))
        advance(1)
        numbers[name] = {"steps_per_epoch": per_epoch, "after_epochs": epochs, "after_seconds": seconds}
    ceiling = 1.2 * drawn["all"].losses[0]
    fastest = list(numbers)[lowest([one["after_seconds"] for one in numbers.values()])]
    return Findings(
        shown=[
            f"Data loss on all {n:,} training examples, each with the better of two step sizes:",
            Rows(("batch", "steps an epoch", f"after {EPOCHS} epochs", f"after {SECONDS:g} s", "step size"), rows),
        ],
        picture=Panels(
            "The same training with four sizes of a batch",
            "Data loss on all training examples, above by epochs, below by seconds.",
            [
                Panel("loss by epochs", "epochs",
                      {name: (c.epochs[1:], c.losses[1:]) for name, c in drawn.items()}, log="x", limits=(0, ceiling)),
                Panel("loss by seconds", "seconds",
                      {name: (c.seconds, c.losses) for name, c in drawn.items()}, limits=(0, ceiling)),
            ],
        ),
        question="Smaller batches make more steps an epoch. Why is the smallest not always the best?",
        answer=f"A batch estimates the gradient: a quarter of the images doubles the noise, but costs a quarter. So an "
        f"epoch of small batches goes farther, while each of their steps costs more time an image, and noise forbids "
        f"long steps. After {SECONDS:g} s here the lowest loss had batches of {fastest}.",
        numbers={"epochs": EPOCHS, "seconds": SECONDS, "batches": numbers},
    )  # fmt: skip


def _least(losses: list[float]) -> float:
    finite = [loss for loss in losses if np.isfinite(loss)]
    return min(finite) if finite else float("nan")


def _or_dash(loss: float) -> str:
    return f"{loss:.4g}" if np.isfinite(loss) else "-"


LESSON = Lesson(
    "all images a step, 256, 16 or 1: after five epochs, after a second",
    "Gradient descent with all images a step, and with batches of 256, 16 and 1. Which has the lowest loss after five "
    "epochs, which after one second?",
    study,
)
