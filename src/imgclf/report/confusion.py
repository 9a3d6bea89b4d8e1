"""The confusion matrix, as a picture and as CSV."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from imgclf.arrays import IntArray
from imgclf.files.csv_text import csv_text
from imgclf.report.style import (
    BODY,
    EMPTY,
    INK,
    LINE_HEIGHT,
    MARGIN,
    MUTED,
    POINT,
    SMALL,
    add_axes,
    add_text,
    class_labels,
    key_to_numbers,
    new_figure,
    styled,
    text_width,
)

COUNTED = 20  # classes; with more, the numbers are too small to read

_ADVICE = "Right answers lie on the diagonal. Color: share of the row, stretched so that rare mistakes show."
_NAME_WIDTH = 1.5  # inches, at most
_BAR = 0.14


@styled()
def confusion_matrix(counts: IntArray, class_names: Sequence[str], title: str) -> Figure:
    """Draw how often each true class (row) was predicted as each class (column).

    counts (C, C) int. Color is the share of the row, so that rare and common classes look alike; the counts
    themselves are written in the cells if there are few classes. A row without examples is hatched.
    """
    _check(counts, class_names)
    classes = len(class_names)
    cell = min(1.5, max(0.42, 5.8 / classes)) if classes <= COUNTED else 8.8 / classes
    side = cell * classes
    size = min(BODY, max(5.0, 0.8 * cell / POINT))
    labels = class_labels(class_names, _NAME_WIDTH, size)
    widest = max(text_width(label, size) for label in labels)
    angle = 0 if widest <= 0.9 * cell else 45 if classes <= COUNTED else 90  # of the names of the columns
    depth = widest * math.sin(math.radians(angle)) + size * POINT * math.cos(math.radians(angle))

    left = MARGIN + 0.28 + widest + 0.1
    width = left + side + 0.2 + _BAR + 0.75 + MARGIN
    below = 0.2 + depth + BODY * LINE_HEIGHT * POINT
    figure, top = new_figure(title, _ADVICE + key_to_numbers(class_names), width, 0.2 + side + below + MARGIN)
    top += 0.2
    axes = add_axes(figure, left, top, side, side)
    # In two steps: a row of zeros must stay zeros and not warn.
    totals = counts.sum(axis=1, keepdims=True)  # (C, 1)
    shares = counts / np.maximum(totals, 1)
    # The square root: a mistake made once in 25 is a fifth of the way to blue.
    image = axes.imshow(shares, cmap=colormaps["Blues"], norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    _name(axes, labels, size, cell, angle)
    add_text(figure, MARGIN, top + side / 2, "true class", rotation=90, va="center")
    add_text(figure, left + side / 2, top + side + below, "predicted class", ha="center", va="bottom")
    _hatch(axes, totals[:, 0])
    if classes <= COUNTED:
        _count(axes, counts, image.to_rgba(shares), cell)
    _bar(figure, image, left + side + 0.2, top, min(side, 3.5))
    return figure


def write_confusion_csv(counts: IntArray, class_names: Sequence[str]) -> str:
    r"""Write the counts (C, C) as CSV: a header `true \ predicted` and the names, then one row per true class."""
    _check(counts, class_names)
    rows = [[name, *row] for name, row in zip(class_names, counts.tolist(), strict=True)]
    return csv_text([["true \\ predicted", *class_names], *rows])


def _check(counts: IntArray, class_names: Sequence[str]) -> None:
    if counts.shape != (len(class_names), len(class_names)):
        raise ValueError(f"counts are {counts.shape}, but there are {len(class_names)} class names")


def _name(axes: Axes, labels: list[str], size: float, cell: float, angle: float) -> None:
    """Label rows and columns; only every k-th if the labels would overlap."""
    every = math.ceil(1.05 * size * POINT / cell)
    rows = range(0, len(labels), every)
    shown = [labels[c] for c in rows]
    axes.set_yticks(rows, shown, size=size, color=INK)
    axes.set_xticks(rows, shown, size=size, color=INK, rotation=angle)
    axes.tick_params(length=2, pad=2)
    if len(labels) <= COUNTED:
        axes.tick_params(length=0, pad=4)
        borders = np.arange(len(labels) - 1) + 0.5
        axes.set_xticks(borders, minor=True)
        axes.set_yticks(borders, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.0)
        axes.tick_params(which="minor", length=0)
    if angle == 45:
        for label in axes.get_xticklabels():
            label.set(ha="right", va="top", rotation_mode="anchor")


def _hatch(axes: Axes, totals: IntArray) -> None:
    """Gray out the rows without examples."""
    for row in np.flatnonzero(totals == 0).tolist():
        band = Rectangle((-0.5, row - 0.5), len(totals), 1, facecolor=EMPTY, hatch="////", linewidth=0, zorder=3)
        axes.add_patch(band)
        if len(totals) <= COUNTED:
            middle = (len(totals) - 1) / 2
            note = axes.text(middle, row, "no examples", size=SMALL, color=MUTED, ha="center", va="center")
            note.set(zorder=4, bbox={"facecolor": EMPTY, "linewidth": 0, "pad": 2})


def _count(axes: Axes, counts: IntArray, colors: NDArray[Any], cell: float) -> None:
    """Write each count in its cell, dark or white so that it can be read on colors (C, C, 4); a zero is pale."""
    size = min(11.0, BODY * 0.8 * cell / text_width(str(counts.max()), BODY))
    for (row, column), count in np.ndenumerate(counts):
        if not counts[row].any():
            continue
        dark = colors[row, column, :3] @ (0.299, 0.587, 0.114) < 0.55
        color = "white" if dark else INK if count else "#9aa5b1"
        axes.text(column, row, str(count), size=size, color=color, ha="center", va="center")


def _bar(figure: Figure, image: AxesImage, left: float, top: float, height: float) -> None:
    axes = add_axes(figure, left, top, _BAR, height)
    bar = figure.colorbar(image, cax=axes, ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
    bar.ax.set_yticklabels(["0%", "1%", "5%", "20%", "50%", "100%"], size=SMALL, color=MUTED)
    bar.ax.tick_params(length=2)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)
    axes.set_ylabel("share of the true class", size=SMALL, color=MUTED, labelpad=4)
