"""Picture of the weights as templates, one per class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, FloatArray
from imgclf.report.class_grid import Beside, class_grid, empty_image
from imgclf.report.line_plot import format_number
from imgclf.report.pixel_squares import zoomed_size
from imgclf.report.style import DPI, MARGIN, MUTED, SMALL, add_axes, add_text, key_to_numbers, styled, text_width

DIVERGING = "RdBu_r"  # red for the class, white 0, blue against it
QUANTILE = 0.995  # of |W|: a few huge weights must not turn all others to gray

_TITLE = "The weights of each class, as an image"
_GRAY_ADVICE = (
    "One scale for all classes. A bright pixel counts for the class where the template is red, "
    "against it where it is blue."
)
_COLOR_ADVICE = (
    "One scale for all classes; mid-gray is 0. An image that is bright where the template is bright, "
    "color by color, scores high."
)
_MEANS_ADVICE = " Beside it: the mean of its training images"


@styled()
def templates(
    weights: FloatArray,
    image_shape: Sequence[int],
    class_names: Sequence[str],
    means: Sequence[ByteArray | None] | None = None,
    recalls: tuple[str, Sequence[float | None]] | None = None,
    kept_epoch: int | None = None,
) -> Figure:
    """Draw the weights of each class as an image: a column of W (D, C), reshaped to (H, W, channels).

    weights (D+1, C); the bias, the last row, is written. The first axes hold an image per class, in order: the
    colors of W / scale, from -1 to 1.

    means       the mean image of each class (H, W, channels), None for a class without images; beside the weights
    recalls     a split, and for each class how many of its images in that split are recognized, None where are none
    kept_epoch  the epoch after which early stopping kept these weights, if it is not the last one
    """
    height, width, channels = image_shape
    if weights.shape != (height * width * channels + 1, len(class_names)) or channels not in (1, 3):
        raise ValueError(
            f"weights {weights.shape} are no templates of {tuple(image_shape)} for {len(class_names)} classes"
        )
    images, scale = template_images(weights, image_shape)
    advice = _GRAY_ADVICE if channels == 1 else _COLOR_ADVICE
    size, beside = None, None
    if means is not None:
        half = zoomed_size((height, width), _side_of_mean(len(class_names)))
        size = 2 * half[0], 2 * half[1]
        notes = [[f"bias {_signed(b)}"] for b in weights[-1].tolist()]
        advice += _MEANS_ADVICE + (f", its bias and its recall on {recalls[0]}." if recalls else " and its bias.")
        if recalls:
            for lines, recall in zip(notes, recalls[1], strict=True):
                lines.append("recall \N{EN DASH}" if recall is None else f"recall {recall:.0%}")
        shown = [empty_image(height, width) if mean is None else mean for mean in means]
        beside = Beside(shown, half, notes=notes)
    if kept_epoch is not None:
        advice += f" These are the weights after epoch {kept_epoch:,}, which early stopping kept."
    figure, top = class_grid(
        images, class_names, _TITLE, advice + key_to_numbers(class_names), 0.6 + MARGIN, size=size, beside=beside
    )
    color_key(figure, scale, channels, top + 0.25)
    return figure


def _side_of_mean(classes: int) -> int:
    """Return the maximum length of the longer side of a mean image, in device pixels: half that of its template."""
    return round(DPI * (0.92 if classes <= 4 else 0.66 if classes <= 20 else 0.45))


def template_images(weights: FloatArray, image_shape: Sequence[int]) -> tuple[ByteArray, float]:
    """Return the colors of W (D, C) as an image per class, (C, H, W, 3), and the weight of the darkest color."""
    W = weights[:-1].astype(np.float64)
    scale = _scale(W)
    return _colors((np.clip(W, -scale, scale) / scale).T.reshape(-1, *image_shape)), scale


def _signed(value: float) -> str:
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return sign + format_number(abs(value), 2)


def _scale(W: FloatArray) -> float:
    """Return the |W| of the darkest color."""
    finite = np.abs(W[np.isfinite(W)])
    scale = float(np.quantile(finite, QUANTILE)) if finite.size else 0.0
    # Most weights may be exactly 0, under l1 for one.
    return scale or float(finite.max(initial=0.0)) or 1.0


def _colors(values: NDArray[Any]) -> ByteArray:
    """Map -1..1 to colors: (..., 1) by the diverging color map, (..., 3) as red, green and blue around 128."""
    values = np.nan_to_num(values)
    if values.shape[-1] == 3:
        return np.rint(127.5 + 127.5 * values).astype(np.uint8)
    return np.asarray(colormaps[DIVERGING](0.5 + 0.5 * values[..., 0], bytes=True)[..., :3])


def color_key(figure: Figure, scale: float | None, channels: int, top: float) -> None:
    """Explain the colors: a strip from -scale to scale, or one for each of red, green and blue.

    Without a scale, the ends are called `-max` and `max`.
    """
    ramp = np.linspace(-1, 1, 255)[:, np.newaxis]  # odd, so that 0 is among them
    strips = _colors(np.eye(channels)[:, np.newaxis] * ramp)  # (channels, 255, 3)
    width, height = 2.0, 0.15 if channels == 1 else 0.24
    left, middle = MARGIN + text_width("against", SMALL) + 0.1, top + height / 2
    add_text(figure, left - 0.1, middle, "against", size=SMALL, ha="right", va="center")
    add_text(figure, left + width + 0.1, middle, "for the class", size=SMALL, va="center")
    axes = add_axes(figure, left, top, width, height)
    axes.imshow(strips, extent=(-1, 1, 0, 1), aspect="auto", interpolation="nearest")
    axes.set_yticks([])
    end = "max" if scale is None else format_number(scale, 2)
    axes.set_xticks([-1, 0, 1], [f"\N{MINUS SIGN}{end}", "0", end], size=SMALL, color=MUTED)
    axes.tick_params(length=2)
