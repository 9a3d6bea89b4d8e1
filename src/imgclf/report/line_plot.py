"""Axes, line labels and number formats of line plots."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from imgclf.report.style import DPI, MUTED, POINT, SMALL, add_axes


def line_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes for lines: no frame, and a grid across."""
    axes = add_axes(figure, left, top, width, height)
    axes.grid(axis="y")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_zorder(1)  # a line may lie on it
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=3)
    return axes


def label_ends(axes: Axes, write: Callable[[float], str]) -> None:
    """Write the label and the last value of each line beside its end, moved up where they would overlap.

    Lines whose label begins with `_` have none.
    """
    ends: list[tuple[float, Line2D]] = []
    for line in axes.lines:
        values = np.asarray(line.get_ydata())
        if not str(line.get_label()).startswith("_") and (finite := values[np.isfinite(values)]).size:
            ends.append((float(finite[-1]), line))
    free = -math.inf  # points; below it labels are written already
    for value, line in sorted(ends, key=lambda end: end[0]):
        height = axes.transData.transform((0, value))[1] / DPI / POINT
        free = max(free, height)
        axes.annotate(
            f"{line.get_label()} {write(value)}".lstrip(),
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(7, free - height),
            textcoords="offset points",
            color=line.get_color(),
            size=SMALL,
            va="center_baseline",
        )
        free += 1.35 * SMALL


def say_empty(axes: Axes) -> None:
    """Write that there is nothing to draw."""
    text = axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, color=MUTED, ha="center", va="center")
    text.set_bbox({"facecolor": "white", "linewidth": 0, "pad": 3})  # a line may lie there


def format_number(value: float, digits: int = 3) -> str:
    """Format a number with at most that many digits: 0.41, 12.3, 1e30."""
    written, e, power = f"{value:.{digits}g}".partition("e")
    return written + (f"e{int(power)}" if e else "")
