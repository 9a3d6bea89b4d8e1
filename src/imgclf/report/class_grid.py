"""Grid of images, one per class, each under its class name."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from imgclf.arrays import ByteArray
from imgclf.report.pixel_squares import show_pixels, zoomed_size
from imgclf.report.style import (
    DPI,
    EMPTY,
    INK,
    LINE_HEIGHT,
    MARGIN,
    MUTED,
    POINT,
    add_text,
    class_labels,
    new_figure,
    text_width,
)

_LEAST_COLUMN, _LEAST_WIDTH = 0.7, 4.6  # inches: a narrow image has a name too, and a small grid a title


class Beside(NamedTuple):
    """Images to show beside those of a grid, and how.

    images   one per class, (H, W, 1 or 3)
    size     height and width of each, in device pixels
    gap      between an image and the one beside it, in device pixels
    notes    for each class, lines to write below the image beside
    breadth  how many images alone take as much room in a row as the two
    """

    images: Sequence[ByteArray]
    size: tuple[int, int]
    gap: int = 6
    notes: Sequence[Sequence[str]] = ()
    breadth: int = 1


def longest_side(classes: int) -> int:
    """Return the maximum length of the longer side of an image, in device pixels."""
    return round(DPI * (2.3 if classes <= 4 else 1.6 if classes <= 20 else 0.9))


def empty_image(height: int, width: int) -> ByteArray:
    """Return what stands for an image that there is not."""
    return np.full((height, width, 3), np.rint(255 * np.array(to_rgb(EMPTY))), np.uint8)


def class_grid(
    images: ByteArray,
    class_names: Sequence[str],
    title: str,
    advice: str,
    key_height: float,
    *,
    biases: ByteArray | None = None,
    name_colors: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    beside: Beside | None = None,
) -> tuple[Figure, float]:
    """Draw an image per class; return the figure, and the top of the room below the images, key_height inches high.

    images (C, H, W, 3) and biases (C, 3), squares before the names, are colors as bytes. A pixel of an image is a
    square of whole device pixels, unless the image is too large and must be shrunk.

    size   height and width of each image in device pixels; None: as large as so many should be
    """
    classes = len(images)
    gap, name_size, note_size = (20, 9.5, 6.5) if classes <= 20 else (12, 6.5, 5.5)
    breadth, notes = (beside.breadth, beside.notes) if beside else (1, ())
    gap *= breadth
    height, width = size or zoomed_size((images.shape[1], images.shape[2]), longest_side(classes))
    square = round(name_size * POINT * DPI)  # the side of a bias, in device pixels like all sizes here
    indent = 0 if biases is None else round(1.4 * square)  # of the name
    name_height = round(1.8 * square)
    note_height = round(note_size * LINE_HEIGHT * POINT * DPI)
    lines = max(map(len, notes), default=0)
    widest = max((text_width(line, note_size) for those in notes for line in those), default=0)
    card_width, card_height, second = width, height, width
    if beside:
        second += beside.gap
        card_width = second + max(beside.size[1], math.ceil(widest * DPI))
        card_height = max(height, beside.size[0] + beside.gap + lines * note_height)

    columns = min(classes, math.ceil(max(5 / breadth, math.sqrt(classes / breadth))))
    rows = math.ceil(classes / columns)
    column_width, row_height = max(card_width, round(_LEAST_COLUMN * DPI)) + gap, name_height + card_height + gap
    grid_width, grid_height = (columns * column_width - gap) / DPI, (rows * row_height - gap) / DPI  # inches
    figure, top = new_figure(title, advice, max(grid_width, _LEAST_WIDTH) + 2 * MARGIN, 0.1 + grid_height + key_height)
    top += 0.1
    labels = class_labels(class_names, (column_width - gap - indent) / DPI, name_size)
    for c, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(c, columns)
        left, upper = round(MARGIN * DPI) + column * column_width, round(top * DPI) + row * row_height
        show_pixels(figure, image, left, upper + name_height, height, width)
        if biases is not None:
            show_pixels(figure, biases[c, None, None], left, upper, square, square)
        color = name_colors[c] if name_colors else INK
        middle = (upper + square / 2) / DPI
        add_text(figure, (left + indent) / DPI, middle, label, size=name_size, color=color, va="center_baseline")
        if beside:
            show_pixels(figure, beside.images[c], left + second, upper + name_height, *beside.size)
        for i, line in enumerate(reversed(notes[c]) if notes else ()):
            lower = (upper + name_height + card_height - i * note_height) / DPI
            add_text(figure, (left + second) / DPI, lower, line, size=note_size, color=MUTED, va="bottom")
    return figure, top + grid_height
