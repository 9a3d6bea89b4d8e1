"""Grid of images, one per class, each under its class name."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from imgclf.arrays import ByteArray
from imgclf.report.pixel_squares import show_pixels, zoomed_size
from imgclf.report.style import (
    DPI,
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
_BESIDE, _BESIDE_ALIKE = 6, 16  # device pixels between an image and the one beside it


def longest_side(classes: int) -> int:
    """Return the maximum length of the longer side of an image, in device pixels."""
    return round(DPI * (2.3 if classes <= 4 else 1.6 if classes <= 20 else 0.9))


def _side_beside(classes: int) -> int:
    """Return the same of an image of half the size, beside another."""
    return round(DPI * (0.92 if classes <= 4 else 0.66 if classes <= 20 else 0.45))


def class_grid(
    images: ByteArray,
    class_names: Sequence[str],
    title: str,
    advice: str,
    key_height: float,
    *,
    biases: ByteArray | None = None,
    name_colors: Sequence[str] | None = None,
    beside: Sequence[ByteArray] | None = None,
    alike: bool = False,
    notes: Sequence[Sequence[str]] | None = None,
) -> tuple[Figure, float]:
    """Draw an image per class; return the figure, and the top of the room below the images, key_height inches high.

    images (C, H, W, 3) and biases (C, 3), squares before the names, are colors as bytes. A pixel of an image is a
    square of whole device pixels, unless the image is too large and must be shrunk.

    beside   C images (H, W, 1 or 3), shown beside the others at half their size, or as large if they are to be `alike`
    notes    for each class, lines to write below the image beside
    """
    classes, height, width, _ = images.shape
    gap, name_size, note_size = (20, 9.5, 6.5) if classes <= 20 else (12, 6.5, 5.5)
    small_height, small_width = zoomed_size((height, width), _side_beside(classes))
    between = _BESIDE
    if beside is None or alike:
        height, width = zoomed_size((height, width), longest_side(classes))
    else:
        height, width = 2 * small_height, 2 * small_width
    if beside is not None and alike:
        down, across = beside[0].shape[:2]
        zoom = max(height, width) / max(down, across)
        small_height, small_width = max(1, round(zoom * down)), max(1, round(zoom * across))
        between, gap = _BESIDE_ALIKE, 2 * gap
    square = round(name_size * POINT * DPI)  # the side of a bias, in device pixels like all sizes here
    indent = 0 if biases is None else round(1.4 * square)  # of the name
    name_height = round(1.8 * square)
    note_height = round(note_size * LINE_HEIGHT * POINT * DPI)
    lines = max(map(len, notes or [()]))
    widest = max((text_width(line, note_size) for those in notes or () for line in those), default=0)
    card_width, card_height = width, height
    if beside is not None:
        card_width += between + max(small_width, math.ceil(widest * DPI))
        card_height = max(height, small_height + between + lines * note_height)

    least, cards = (3, classes / 2) if beside is not None and alike else (5, classes)
    columns = min(classes, max(least, math.ceil(math.sqrt(cards))))
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
        if beside is not None:
            show_pixels(figure, beside[c], left + width + between, upper + name_height, small_height, small_width)
        for i, line in enumerate(reversed(notes[c]) if notes else ()):
            lower = (upper + name_height + card_height - i * note_height) / DPI
            place = (left + width + between) / DPI
            add_text(figure, place, lower, line, size=note_size, color=MUTED, va="bottom")
    return figure, top + grid_height
