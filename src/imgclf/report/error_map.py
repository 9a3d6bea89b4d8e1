"""Picture of gradient errors, one image per class."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure

from imgclf.arrays import ByteArray, FloatArray
from imgclf.report.class_grid import class_grid, longest_side
from imgclf.report.style import INK, LINE_HEIGHT, MARGIN, MUTED, POINT, SMALL, VERMILION, add_axes, add_text, styled

LEAST = 1e-4  # of the bound: smaller errors above 0 have the same color
# The cool part of viridis: its yellow and green look like vermilion to some eyes. Reversed, so that dark is large.
SEQUENTIAL = ListedColormap(colormaps["viridis"](np.linspace(0.6, 0, 256)))

_ADVICE = (
    "A pixel is a weight{of_colors}{bias}. "
    "Dark: an error near the most that rounding and the step explain; orange: a larger one, a proven mistake."
)
_SEEN = 3  # device pixels; a mistake on a smaller square is overlooked
_STRIP, _BOX, _SPACE = 2.4, 0.15, 0.35  # inches
_KEY_HEIGHT = 0.25 + 2 * SMALL * LINE_HEIGHT * POINT + _BOX + 0.35 + MARGIN


@styled()
def error_map(ratio: FloatArray, image_shape: Sequence[int], class_names: Sequence[str], title: str) -> Figure:
    """Draw the error of each weight's gradient, one image per class: dark is large, vermilion a proven mistake.

    ratio (D+1, C) at least 0: the error of a parameter's gradient, divided by the largest error that is no mistake;
    inf and nan are infinitely wrong. The last row, the bias, is a square before the name, if there is one. The largest
    ratio of a pixel's channels is drawn, on a log scale. An image too large for its space is reduced to the largest
    ratios, so that no mistake is lost. The first axes hold an image and a square per class, in order, as bytes.
    """
    height, width, channels = image_shape
    pixels = height * width * channels
    if ratio.shape not in [(rows, len(class_names)) for rows in (pixels + 1, pixels)] or channels not in (1, 3):
        raise ValueError(f"ratio {ratio.shape} is no map of {tuple(image_shape)} for {len(class_names)} classes")
    if (ratio < 0).any():
        raise ValueError(f"a ratio is {np.nanmin(ratio)}, but an error is at least 0")
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    has_bias = len(ratio) > pixels
    images = _reduced(
        ratio[:pixels].T.reshape(-1, height, width, channels).max(axis=3), longest_side(len(class_names)) // _SEEN
    )
    mistakes = (ratio > 1).sum(axis=0)  # (C,)
    figure, top = class_grid(
        _colors(images),
        class_names,
        title,
        _ADVICE.format(
            of_colors=", the worst of its three colors" if channels == 3 else "",
            bias="; the square before a name is the bias" if has_bias else "",
        ),
        _KEY_HEIGHT,
        biases=_colors(ratio[-1]) if has_bias else None,
        # Among a hundred classes one wrong pixel is easily overlooked, a name less so.
        name_colors=[VERMILION if wrong else INK for wrong in mistakes],
    )
    _key(figure, int(mistakes.sum()), ratio.size, top + 0.25)
    return figure


def _colors(ratio: FloatArray) -> ByteArray:
    """Map ratios to colors: white for exactly 0, vermilion above 1, in between by the logarithm."""
    share = 1 - np.log10(np.clip(ratio, LEAST, 1)) / np.log10(LEAST)  # 0 at LEAST, 1 at 1
    colors = np.asarray(SEQUENTIAL(share, bytes=True)[..., :3])
    colors[ratio == 0] = 255
    colors[ratio > 1] = np.rint(255 * np.array(to_rgb(VERMILION)))
    return colors


def _reduced(images: FloatArray, longest: int) -> FloatArray:
    """Shrink images (C, H, W) by the maximum over k x k pixels, with the smallest k that fits `longest`."""
    k = -(-max(images.shape[1:]) // longest)
    rows, columns = (range(0, size, k) for size in images.shape[1:])
    return np.asarray(np.maximum.reduceat(np.maximum.reduceat(images, rows, axis=1), columns, axis=2))


def _key(figure: Figure, wrong: int, parameters: int, top: float) -> None:
    """Explain the colors: no error, a share of the bound, more than the bound; and count the last."""
    add_text(figure, MARGIN, top, "error, as a share of its bound (log scale)", size=SMALL)
    top += SMALL * LINE_HEIGHT * POINT + 0.05
    ramp = np.geomspace(LEAST, 1, 257)
    left = MARGIN
    for values, width, ticks in (
        (np.zeros(1), _BOX, {0.5: "0"}),
        (ramp, _STRIP, {i / 4: f"{LEAST ** (1 - i / 4):.4g}" for i in range(5)}),
        (np.array([np.inf]), _BOX, {0.5: "> 1"}),
    ):
        axes = add_axes(figure, left, top, width, _BOX)
        extent = (0, 1, 0, 1)
        axes.imshow(_colors(values[np.newaxis]), extent=extent, aspect="auto", interpolation="nearest")
        axes.set_yticks([])
        axes.set_xticks(list(ticks), list(ticks.values()), size=SMALL, color=MUTED)
        axes.tick_params(length=2)
        left += width + _SPACE
    count = f"{wrong:,}" if wrong else "none"
    text, color = f"above 1, a mistake: {count} of {parameters:,} parameters", VERMILION if wrong else MUTED
    add_text(figure, MARGIN, top + _BOX + 0.25, text, size=SMALL, color=color)
