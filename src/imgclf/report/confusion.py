"""The confusion matrix, as a picture and as CSV."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from imgclf.arrays import ByteArray, IntArray
from imgclf.data.preprocess import WHITE
from imgclf.files.csv_text import csv_text
from imgclf.report.confused_pairs import in_words
from imgclf.report.pixel_squares import place_pixels, zoomed_size
from imgclf.report.style import (
    BODY,
    DPI,
    EMPTY,
    INK,
    LEFT_TO_RIGHT,
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
_PAIR_WIDTH = 1.8  # inches, at most: of a name in a sentence
_BAR = 0.14
_SHARES = (0, 0.01, 0.05, 0.2, 0.5, 1)
_RECALL = "recall"


@styled()
def confusion_matrix(
    counts: IntArray,
    class_names: Sequence[str],
    title: str,
    interval: tuple[float, float] | None = None,
    confused: Sequence[tuple[int, int, int]] = (),
) -> Figure:
    """Draw how often each true class (row) was predicted as each class (column).

    counts (C, C) int. Color is the share of the row, so that rare and common classes look alike; the counts
    themselves are written in the cells if there are few classes. At the end of a row is the class's recall, its share
    of right answers. A row without examples is hatched.

    interval   of the accuracy
    confused   true class, predicted class and count of mistakes to name in words
    """
    _check(counts, class_names)
    classes = len(class_names)
    most = min(1.5, max(0.42, 5.8 / classes)) * classes if classes <= COUNTED else 8.8
    pixels, _ = zoomed_size((classes, classes), round(DPI * most))
    side = pixels / DPI
    cell = side / classes
    size = min(BODY, max(5.0, 0.8 * cell / POINT))
    labels = class_labels(class_names, _NAME_WIDTH, size)
    widest = max(text_width(label, size) for label in labels)
    angle = 0 if widest <= 0.9 * cell else 45 if classes <= COUNTED else 90  # of the names of the columns
    depth = widest * math.sin(math.radians(angle)) + size * POINT * math.cos(math.radians(angle))

    left = MARGIN + 0.28 + widest + 0.1
    beside = 0.1 + max(text_width("100%", size), text_width(_RECALL, SMALL))
    width = left + side + beside + 0.3 + _BAR + 0.75 + MARGIN
    below = 0.2 + depth + BODY * LINE_HEIGHT * POINT
    # In two steps: a row of zeros must stay zeros and not warn.
    totals = counts.sum(axis=1, keepdims=True)  # (C, 1)
    shares = counts / np.maximum(totals, 1)
    advice = " ".join([*_said(interval, confused, totals[:, 0], class_names), _ADVICE])
    figure, top = new_figure(title, advice + key_to_numbers(class_names), width, 0.35 + side + below + MARGIN)
    left, top = round(DPI * left) / DPI, round(DPI * (top + 0.35)) / DPI
    colors = share_colors(shares)
    _show(figure, colors, left, top, pixels)
    axes = add_axes(figure, left, top, side, side)
    axes.patch.set_visible(False)  # the cells lie behind it
    axes.set(xlim=(-0.5, classes - 0.5), ylim=(classes - 0.5, -0.5))
    _name(axes, labels, size, cell, angle)
    add_text(figure, MARGIN, top + side / 2, "true class", rotation=90, va="center")
    add_text(figure, left + side / 2, top + side + below, "predicted class", ha="center", va="bottom")
    _hatch(axes, totals[:, 0])
    _recall(axes, shares.diagonal(), totals[:, 0], size, cell)
    if classes <= COUNTED:
        _count(axes, counts, colors, cell)
    _bar(figure, left + side + beside + 0.3, top, min(side, 3.5))
    return figure


def write_confusion_csv(counts: IntArray, class_names: Sequence[str]) -> str:
    r"""Write the counts (C, C) as CSV: a header `true \ predicted` and the names, then one row per true class."""
    _check(counts, class_names)
    rows = [[name, *row] for name, row in zip(class_names, counts.tolist(), strict=True)]
    return csv_text([["true \\ predicted", *class_names], *rows])


def _check(counts: IntArray, class_names: Sequence[str]) -> None:
    if counts.shape != (len(class_names), len(class_names)):
        raise ValueError(f"counts are {counts.shape}, but there are {len(class_names)} class names")


def share_colors(shares: NDArray[Any]) -> ByteArray:
    """Return the colors of shares 0..1, as bytes (..., 3)."""
    # The square root: a mistake made once in 25 is a fifth of the way to blue.
    return np.asarray(colormaps["Blues"](np.sqrt(shares), bytes=True)[..., :3])


def _show(figure: Figure, colors: ByteArray, left: float, top: float, pixels: int) -> None:
    """Draw the cells (C, C, 3) as squares of whole device pixels, with white lines between them if they are few."""
    cells = np.array(Image.fromarray(colors).resize((pixels, pixels), Image.Resampling.BOX))
    if len(colors) <= COUNTED:
        borders = np.arange(1, len(colors)) * (pixels // len(colors))
        cells[borders] = cells[borders - 1] = cells[:, borders] = cells[:, borders - 1] = WHITE
    place_pixels(figure, cells, round(DPI * left), round(DPI * top), zorder=-1)


def _said(
    interval: tuple[float, float] | None,
    confused: Sequence[tuple[int, int, int]],
    totals: IntArray,
    class_names: Sequence[str],
) -> list[str]:
    """Return sentences on the accuracy and the most frequent mistakes."""
    said = []
    if interval is not None:
        said.append(f"95% interval of the accuracy: {interval[0]:.1%} to {interval[1]:.1%}.")
    if confused:
        names = [f"{LEFT_TO_RIGHT}{name}{LEFT_TO_RIGHT}" for name in class_labels(class_names, _PAIR_WIDTH, BODY)]
        pairs = in_words(confused, names, totals)
        said.append(f"Most confused: {', '.join(pairs)}.")
    return said


def _recall(axes: Axes, recall: NDArray[Any], totals: IntArray, size: float, cell: float) -> None:
    """Write the recall of each class at the end of its row; of each k-th if they would overlap."""
    classes = len(totals)
    place = classes - 0.5 + 0.1 / cell
    axes.text(place, -0.5 - 0.08 / cell, _RECALL, size=SMALL, color=MUTED, va="bottom")
    for row in range(0, classes, _every(size, cell)):
        if totals[row]:
            axes.text(place, row, f"{recall[row]:.0%}", size=size, color=INK, va="center_baseline")


def _every(size: float, cell: float) -> int:
    """Return k such that each k-th row has room for a label."""
    return math.ceil(1.05 * size * POINT / cell)


def _name(axes: Axes, labels: list[str], size: float, cell: float, angle: float) -> None:
    """Label rows and columns; only every k-th if the labels would overlap."""
    rows = range(0, len(labels), _every(size, cell))
    shown = [labels[c] for c in rows]
    axes.set_yticks(rows, shown, size=size, color=INK)
    axes.set_xticks(rows, shown, size=size, color=INK, rotation=angle)
    axes.tick_params(length=2, pad=2)
    if len(labels) <= COUNTED:
        axes.tick_params(length=0, pad=4)
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


def _count(axes: Axes, counts: IntArray, colors: ByteArray, cell: float) -> None:
    """Write each count in its cell, dark or white so that it can be read on colors (C, C, 3); a zero is pale."""
    size = min(11.0, BODY * 0.8 * cell / text_width(str(counts.max()), BODY))
    for (row, column), count in np.ndenumerate(counts):
        if not counts[row].any():
            continue
        dark = colors[row, column] @ (0.299, 0.587, 0.114) < 0.55 * WHITE
        color = "white" if dark else INK if count else "#9aa5b1"
        axes.text(column, row, str(count), size=size, color=color, ha="center", va="center")


def _bar(figure: Figure, left: float, top: float, height: float) -> None:
    axes = add_axes(figure, left, top, _BAR, height)
    ramp = share_colors(np.linspace(1, 0, 256)[:, np.newaxis] ** 2)
    axes.imshow(ramp, extent=(0, 1, 0, 1), aspect="auto", interpolation="nearest")
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_xticks([])
    axes.set_yticks(np.sqrt(_SHARES), [f"{share:.0%}" for share in _SHARES], size=SMALL, color=MUTED)
    axes.tick_params(length=2)
    axes.spines[:].set_visible(False)
    axes.set_ylabel("share of the true class", size=SMALL, color=MUTED, labelpad=4)
