"""Lesson: the loss on a plane, and the path of training."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from imgclf.arrays import FloatArray
from imgclf.errors import DivergedError
from imgclf.lessons.lesson import Findings, Lesson, Rows
from imgclf.lessons.material import Material
from imgclf.lessons.text import percent
from imgclf.report.page.hill import hill, path_losses, share_inside, sides
from imgclf.training.loading import where

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS, IMAGES = 5, 300
KEPT, SHOWN = 24, 7  # weights on the way: of the path, and of the table


def study(material: Material) -> Findings:
    """Train, and lay a plane through the first and the last weights and where the path strays farthest from a line."""
    (X, y), objective = material.few(IMAGES), material.objective
    states = [state for _, state in material.train_for(EPOCHS)]
    steps = np.unique(np.geomspace(1, len(states), KEPT).astype(int))
    path = np.stack([material.weights, *(states[step - 1].weights for step in steps)])  # (K, D+1, C)
    steps = np.array([0, *steps])
    plane = hill(objective, X, y, path)
    if plane is None:
        problem = "training does not change the weights: there is no path to draw"
        raise DivergedError(where(material.plan.config), problem, "try a larger schedule.step_size")

    a, b = plane.at(path)
    true, shadow = path_losses(objective, X, y, path), plane.loss(a, b)
    across, up = sides(plane, a, b)
    grid = plane.grid(across, up)
    chosen = np.unique(np.linspace(0, len(path) - 1, SHOWN).round().astype(int))
    inside = share_inside(plane, path)
    return Findings(
        shown=[
            f"The loss of {len(y)} training examples along {steps[-1]:,} steps, and at the path's shadow on the plane:",
            Rows(("step", "on the path", "at its shadow"),
                 [(f"{steps[k]:,}", f"{true[k]:.5g}", f"{shadow[k]:.5g}") for k in chosen], left=0),
            f"The plane holds {percent(inside)} of the path's squared distances from its start. Its lowest point that "
            f"the picture shows has a loss of {grid.min():.5g}.",
        ],
        picture=partial(_picture, across, up, grid, a, b),
        question="The plane is two directions of many. Which of its numbers can you trust, and which not?",
        answer=f"Start and end lie in the plane: there path and shadow are equal, {true[0]:.5g} and {true[-1]:.5g}. In "
        f"between the path leaves the plane, and its shadow has another loss, by "
        f"{np.abs(np.subtract(true, shadow)).max():.2g} at most here. That there is one valley is no accident: "
        f"the loss of a linear model is convex, on this plane as on any other.",
        numbers={
            "steps": steps.tolist(), "path": true, "shadow": shadow.tolist(), "share_inside": inside,
            "lowest_drawn": float(grid.min()), "weights": plane.axes[0].size,
        },
    )  # fmt: skip


def _picture(across: FloatArray, up: FloatArray, grid: FloatArray, a: FloatArray, b: FloatArray) -> "Figure":
    from imgclf.report.style import INK, MUTED, SMALL, VERMILION, add_axes, new_figure, styled

    with styled():
        advice = "Heights are losses; the line is the shadow of the path, from the start to the end of training."
        figure, top = new_figure("The loss on the plane through start and end", advice, 6.6, 5.2)
        axes = add_axes(figure, 0.8, top + 0.2, 5.6, 4.2)
        # Levels that lie closer near the bottom, where the path is long.
        levels = np.unique(grid.min() + np.ptp(grid) * np.linspace(0, 1, 16) ** 2)
        if len(levels) > 1:  # else the plane is flat
            axes.contourf(across, up, grid, levels, cmap="Blues", alpha=0.7)
            lines = axes.contour(across, up, grid, levels[1::2], colors=MUTED, linewidths=0.6)
            axes.clabel(lines, fmt="%.3g", fontsize=SMALL - 1, colors=INK)
        axes.plot(a, b, color=VERMILION, marker="o", markersize=3, linewidth=1.4)
        for name, k in (("start", 0), ("end", -1)):
            axes.annotate(name, (a[k], b[k]), xytext=(5, 5), textcoords="offset points", size=SMALL, weight="bold")
        axes.set_xlabel("from the start towards the end: change of the weights")
        axes.set_ylabel("where the path strays")
        return figure


LESSON = Lesson(
    "the loss on a plane through start and end, and the path on it",
    "The weights of a run move through thousands of dimensions. On a plane through its start and its end, how many "
    "valleys has the loss, and is the path's shadow as low as the path?",
    study,
)
