"""Grid of images, one per class, each under its class name."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import IdentityTransform
from PIL import Image

from imgclf.arrays import ByteArray
from imgclf.report.style import DPI, INK, MARGIN, POINT, RULE, add_text, class_labels, new_figure

_LEAST_COLUMN, _LEAST_WIDTH = 0.7, 4.6  # inches: a narrow image has a name too, and a small grid a title


def longest_side(classes: int) -> int:
    """Return the maximum length of the longer side of an image, in device pixels."""
    return round(DPI * (2.3 if classes <= 4 else 1.6 if classes <= 20 else 0.9))


def class_grid(
    images: ByteArray,
    class_names: Sequence[str],
    title: str,
    advice: str,
    key_height: float,
    *,
    biases: ByteArray | None = None,
    name_colors: Sequence[str] | None = None,
) -> tuple[Figure, float]:
    """Draw an image per class; return the figure, and the top of the room below the images, key_height inches high.

    images (C, H, W, 3) and biases (C, 3), squares before the names, are colors as bytes. A pixel of an image is a
    square of whole device pixels, unless the image is too large and must be shrunk.
    """
    classes, height, width, _ = images.shape
    gap, name_size = (20, 9.5) if classes <= 20 else (12, 6.5)
    zoom = longest_side(classes) // max(height, width) or longest_side(classes) / max(height, width)
    width, height = max(1, round(zoom * width)), max(1, round(zoom * height))
    square = round(name_size * POINT * DPI)  # the side of a bias, in device pixels like all sizes here
    indent = 0 if biases is None else round(1.4 * square)  # of the name
    name_height = round(1.8 * square)

    columns = min(classes, max(5, math.ceil(math.sqrt(classes))))
    rows = math.ceil(classes / columns)
    column_width, row_height = max(width, round(_LEAST_COLUMN * DPI)) + gap, name_height + height + gap
    grid_width, grid_height = (columns * column_width - gap) / DPI, (rows * row_height - gap) / DPI  # inches
    figure, top = new_figure(title, advice, max(grid_width, _LEAST_WIDTH) + 2 * MARGIN, 0.1 + grid_height + key_height)
    top += 0.1
    labels = class_labels(class_names, (column_width - gap - indent) / DPI, name_size)
    for c, (image, label) in enumerate(zip(images, labels, strict=True)):
        row, column = divmod(c, columns)
        left, upper = round(MARGIN * DPI) + column * column_width, round(top * DPI) + row * row_height
        show_pixels(figure, image, left, upper + name_height, width, height)
        if biases is not None:
            show_pixels(figure, biases[c, None, None], left, upper, square, square)
        color = name_colors[c] if name_colors else INK
        middle = (upper + square / 2) / DPI
        add_text(figure, (left + indent) / DPI, middle, label, size=name_size, color=color, va="center_baseline")
    return figure, top + grid_height


def show_pixels(figure: Figure, image: ByteArray, left: int, top: int, width: int, height: int) -> None:
    """Show an image (h, w, 3), in a frame, on this rectangle of device pixels."""
    # Resized here: imshow would leave it to rounding which pixels an image covers.
    pixels = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))
    bottom = round(figure.bbox.height) - top - height
    figure.figimage(pixels, left, bottom)
    # A frame shows the edge of a white image; it lies behind the image, so that it covers no pixel.
    frame = Rectangle((left, bottom), width, height, fill=False, color=RULE, transform=IdentityTransform(), zorder=-1)
    figure.add_artist(frame)
