"""Grid of images, one per class, each under its class name."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from imgclf.arrays import ByteArray
from imgclf.report.style import DPI, INK, MARGIN, POINT, RULE, add_axes, class_labels, new_figure

_NARROWEST = 0.7, 4.6  # inches, of a column and of the whole grid: a narrow image has a name, and the grid a title


def longest_side(classes: int) -> int:
    """Return how long the longer side of an image may be, in device pixels."""
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

    images (C, H, W, 3) and biases (C, 3), squares before the names, are colours as bytes. All sizes are whole device
    pixels: so a pixel of an image is a square of them, unless the image is too large and must be shrunk.
    """
    classes, height, width, _ = images.shape
    gap, name_size = (20, 9.5) if classes <= 20 else (12, 6.5)
    zoom = longest_side(classes) // max(height, width) or longest_side(classes) / max(height, width)
    width, height = max(1, round(zoom * width)), max(1, round(zoom * height))
    square = round(name_size * POINT * DPI)  # the side of a bias
    indent = 0 if biases is None else round(1.4 * square)  # of the name
    name_height = round(1.8 * square)

    columns = min(classes, max(5, math.ceil(math.sqrt(classes))))
    right, down = max(width, round(_NARROWEST[0] * DPI)) + gap, name_height + height + gap  # from one to the next
    size = columns * right - gap, -(-classes // columns) * down - gap
    paper = max(size[0] / DPI, _NARROWEST[1]) + 2 * MARGIN
    figure, top = new_figure(title, advice, paper, 0.1 + size[1] / DPI + key_height)
    axes = add_axes(figure, MARGIN, top + 0.1, size[0] / DPI, size[1] / DPI)
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0), autoscale_on=False)
    axes.axis("off")
    labels = class_labels(class_names, (right - gap - indent) / DPI, name_size)
    for c, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, upper = c % columns * right, c // columns * down
        _show(axes, image, left, upper + name_height, width, height)
        if biases is not None:
            _show(axes, biases[c, None, None], left, upper, square, square)
        color = name_colors[c] if name_colors else INK
        axes.text(left + indent, upper + square / 2, label, size=name_size, color=color, va="center_baseline")
    return figure, top + 0.1 + size[1] / DPI


def _show(axes: Axes, image: ByteArray, left: int, top: int, width: int, height: int) -> None:
    extent = (left, left + width, top + height, top)
    interpolation = "nearest" if image.shape[1] <= width else "antialiased"
    axes.imshow(image, extent=extent, aspect="auto", interpolation=interpolation)
    # An image may be as white as the paper: a frame, behind it so as to hide none of it.
    axes.add_patch(Rectangle((left, top), width, height, fill=False, color=RULE, clip_on=False, zorder=-1))
