"""Lesson: the optimizers, each at its own best step size."""

from itertools import islice
from typing import Any

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.data.batches import steps_per_epoch
from imgclf.gradients import evaluate_loss
from imgclf.lessons.lesson import Findings, Lesson, Panel, Panels, Rows
from imgclf.lessons.material import BATCH, Material, lowest
from imgclf.lessons.text import listed, percent
from imgclf.machine.progress import advancing
from imgclf.optimizers import OPTIMIZERS
from imgclf.schedules import constant

EPOCHS = 5
# Those that divide by the size of the gradient make steps of about the step size in each weight, others do not.
LONG, SHORT = (0.03, 0.1, 0.3, 1.0, 3.0), (0.001, 0.003, 0.01, 0.03, 0.1)
GRIDS = {"adagrad": (0.003, 0.01, 0.03, 0.1, 0.3), "rmsprop": SHORT, "adam": SHORT}  # of others: LONG


def study(material: Material) -> Findings:
    """Train with each optimizer at five step sizes, and compare each at its best."""
    train, start = material.train, evaluate_loss(material.objective, material.train, material.weights)[0]
    steps = EPOCHS * steps_per_epoch(len(train), BATCH)
    rows: list[tuple[str, ...]] = []
    numbers: dict[str, dict[str, Any]] = {}
    curves = {}
    advance = advancing("training", len(OPTIMIZERS), "optimizer")
    for name, make in OPTIMIZERS.items():
        grid = GRIDS.get(name, LONG)
        runs = [list(islice(material.descend(make(), constant(size), BATCH), steps)) for size in grid]
        ends = [evaluate_loss(material.objective, train, run[-1][1].weights)[0] for run in runs]
        best = lowest(ends)
        accuracy = material.accuracy(material.val, runs[best][-1][1].weights)
        border = best in (0, len(grid) - 1)
        rows.append((name, " ".join(f"{size:g}" for size in grid), f"{grid[best]:g}{' !' if border else ''}",
                     f"{ends[best]:.4g}", percent(accuracy)))  # fmt: skip
        numbers[name] = {"grid": list(grid), "losses": ends, "best": grid[best], "loss": ends[best],
                         "accuracy": accuracy, "on_border": border}  # fmt: skip
        advance(1)
        curves[name] = np.arange(1, steps + 1), _smooth(np.array([seen.loss for seen, _ in runs[best]]))
    order = sorted(numbers, key=lambda name: np.nan_to_num(numbers[name]["loss"], nan=np.inf))
    borders = [name for name in order if numbers[name]["on_border"]]
    one_size = {name: one["losses"][one["grid"].index(0.03)] for name, one in numbers.items() if 0.03 in one["grid"]}
    return Findings(
        shown=[
            f"{EPOCHS} epochs from a loss of {start:.4g}, batches of {BATCH}; each at the best of five step sizes:",
            Rows(("optimizer", "step sizes tried", "best", "train loss", material.held_out), rows, left=2),
            f"! The best is the smallest or largest of its grid: {listed(borders)}. A wider grid might be better still."
            if borders else "No best step size is the smallest or largest of its grid.",
        ],
        picture=Panels(
            "Optimizers, each at its own best step size",
            "The loss of batches, as means of the last ten steps.",
            [Panel("training loss", "step", curves)],
        ),
        question="Why would one step size for all of them be an unfair race?",
        answer=f"A step size means something else to each: sgd moves by it times the gradient, momentum by up to ten "
        f"times as much in the long run, adam by about the step size in each weight, however small the gradient. All "
        f"at 0.03, the losses are {listed(f'{loss:.3g} ({name})' for name, loss in one_size.items())}; each at its "
        f"best, the order is {listed(order)}.",
        numbers={"start": start, "epochs": EPOCHS, "optimizers": numbers},
    )  # fmt: skip


def _smooth(losses: FloatArray) -> FloatArray:
    """Return the mean of each step's loss and those of up to nine steps before."""
    sums, last = np.cumsum([0.0, *losses]), np.arange(1, len(losses) + 1)
    first = np.maximum(0, last - 10)
    return np.asarray((sums[last] - sums[first]) / (last - first))


LESSON = Lesson(
    "six optimizers, each at the best step size of its own grid",
    "Six optimizers train for five epochs, each at the best of five step sizes of its own. Which comes lowest, and "
    "how far apart are they?",
    study,
)
