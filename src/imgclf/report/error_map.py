"""Picture of gradient errors, one image per class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from imgclf.arrays import ByteArray, FloatArray
from imgclf.report.style import (
    DPI,
    INK,
    LINE_HEIGHT,
    MARGIN,
    MUTED,
    POINT,
    RULE,
    SMALL,
    VERMILION,
    Heading,
    class_labels,
    place,
    sheet,
    styled,
    write,
)

LEAST = 1e-4  # of the bound; what is less, but not 0, has the colour of this
# The cool part of viridis: its yellow and green look like vermilion to some eyes. Reversed, so that dark is much.
SEQUENTIAL = ListedColormap(colormaps["viridis"](np.linspace(0.6, 0, 256)))

_ADVICE = (
    "A pixel is a weight{of_colors}; the square before a name is the bias. "
    "Dark: an error near the most that rounding and the step explain; orange: a larger one, a proven mistake."
)
_SEEN = 3  # device pixels; a mistake on a smaller square is overlooked


@dataclass(frozen=True)
class _Grid:
    """Where the panels are: in device pixels, so that every weight is a square of whole pixels."""

    columns: int
    rows: int
    width: int  # of a picture
    height: int
    pitch: int  # from one picture to the next
    gap: int
    name_size: float  # points

    @classmethod
    def of(cls, classes: int, image_height: int, image_width: int) -> "_Grid":
        columns = min(classes, max(5, int(np.ceil(np.sqrt(classes)))))
        zoom = max(1, _wanted(classes) // max(image_height, image_width))
        gap = 20 if classes <= 20 else 12
        return cls(
            columns=columns,
            rows=-(-classes // columns),
            width=image_width * zoom,
            height=image_height * zoom,
            pitch=max(image_width * zoom, round(0.7 * DPI)) + gap,  # a narrow picture has a name too
            gap=gap,
            name_size=9.5 if classes <= 20 else 6.5,
        )

    @property
    def square(self) -> int:
        """Return the side of a bias."""
        return round(self.name_size * POINT * DPI)

    @property
    def name_height(self) -> int:
        return round(1.8 * self.square)

    @property
    def name_width(self) -> int:
        return self.pitch - self.gap - round(1.4 * self.square)

    @property
    def size(self) -> tuple[int, int]:
        across = self.columns * self.pitch - self.gap
        return across, self.rows * (self.name_height + self.height + self.gap) - self.gap

    def corner(self, c: int) -> tuple[int, int]:
        """Return where the name of class c begins."""
        row, column = divmod(c, self.columns)
        return column * self.pitch, row * (self.name_height + self.height + self.gap)


def error_map(ratio: FloatArray, image_shape: Sequence[int], class_names: Sequence[str], title: str) -> Figure:
    """Draw how wrong the gradient of each weight is, as an image a class: dark is much, vermilion a proven mistake.

    ratio (D+1, C) at least 0: the error of a parameter's gradient, divided by the largest error that is no mistake;
    inf and nan are infinitely wrong. The last row, the bias, is a square before the name. The largest ratio of a
    pixel's channels is drawn, on a log scale. A picture too large for its panel is reduced to the largest ratios, so
    that no mistake is lost. The first axes hold an image a class, then a square a class, in order, as bytes.
    """
    height, width, channels = image_shape
    if ratio.shape != (height * width * channels + 1, len(class_names)) or channels not in (1, 3):
        raise ValueError(f"ratio {ratio.shape} is no map of {tuple(image_shape)} for {len(class_names)} classes")
    if (ratio < 0).any():
        raise ValueError(f"a ratio is {np.nanmin(ratio)}, but an error is at least 0")
    ratio = np.where(np.isnan(ratio), np.inf, ratio)
    pictures = ratio[:-1].T.reshape(len(class_names), height, width, channels).max(axis=3)
    with styled():
        advice = _ADVICE.format(of_colors=", the worst of its three colours" if channels == 3 else "")
        return _draw(ratio, pictures, class_names, title, advice)


def _colors(ratio: FloatArray) -> ByteArray:
    """Give each ratio its colour: white for exactly 0, vermilion for more than 1, in between by its logarithm."""
    share = 1 - np.log10(np.clip(ratio, LEAST, 1)) / np.log10(LEAST)  # 0 at LEAST, 1 at 1
    colors = np.asarray(SEQUENTIAL(share, bytes=True)[..., :3])
    colors[ratio == 0] = 255
    colors[ratio > 1] = np.rint(255 * np.array(to_rgb(VERMILION)))
    return colors


def _wanted(classes: int) -> int:
    """Return how long the longer side of a picture may be, in device pixels."""
    return round(DPI * (2.3 if classes <= 4 else 1.6 if classes <= 20 else 0.9))


def _reduced(pictures: FloatArray, longest: int) -> FloatArray:
    """Let the largest of k times k pixels stand for all: pictures (C, H, W), with k as small as fits in longest."""
    k = -(-max(pictures.shape[1:]) // longest)
    rows, columns = (range(0, size, k) for size in pictures.shape[1:])
    return np.asarray(np.maximum.reduceat(np.maximum.reduceat(pictures, rows, axis=1), columns, axis=2))


def _draw(ratio: FloatArray, pictures: FloatArray, class_names: Sequence[str], title: str, advice: str) -> Figure:
    classes = len(class_names)
    pictures = _reduced(pictures, _wanted(classes) // _SEEN)
    grid = _Grid.of(classes, *pictures.shape[1:])
    across, down = grid.size
    margin = round(MARGIN * DPI)
    sheet_width = max(across, round(4.6 * DPI)) + 2 * margin
    heading = Heading(title, advice, sheet_width / DPI - 2 * MARGIN)
    top = round((MARGIN + heading.height + 0.1) * DPI)

    figure = sheet(sheet_width / DPI, (top + down + margin) / DPI + _KEY_HEIGHT)
    heading.write(figure)
    axes = place(figure, margin / DPI, top / DPI, across / DPI, down / DPI)
    axes.set(xlim=(0, across), ylim=(down, 0))
    axes.axis("off")
    corners = [grid.corner(c) for c in range(classes)]
    for (left, upper), picture in zip(corners, pictures, strict=True):
        _panel(axes, _colors(picture), left, upper + grid.name_height, grid.width, grid.height)
    for (left, upper), bias in zip(corners, ratio[-1], strict=True):
        _panel(axes, _colors(np.array([[bias]])), left, upper, grid.square, grid.square)
    labels = class_labels(class_names, grid.name_width / DPI, grid.name_size)
    mistakes = (ratio > 1).sum(axis=0)  # (C,)
    for (left, upper), label, wrong in zip(corners, labels, mistakes, strict=True):
        # Among a hundred classes one wrong pixel is easily overlooked, a name less so.
        color = VERMILION if wrong else INK
        begin, middle = left + 1.4 * grid.square, upper + 0.5 * grid.square
        axes.text(begin, middle, label, size=grid.name_size, color=color, va="center_baseline")
    _key(figure, int(mistakes.sum()), ratio.size, (top + down) / DPI + 0.25)
    return figure


def _panel(axes: Axes, colors: ByteArray, left: int, top: int, width: int, height: int) -> None:
    extent = (left, left + width, top + height, top)
    axes.imshow(colors, extent=extent, aspect="auto", interpolation="nearest")
    # An error of 0 is as white as the paper: a frame, behind the picture so as to hide none of it.
    frame = Rectangle((left, top), width, height, fill=False, color=RULE, clip_on=False, zorder=-1)
    axes.add_patch(frame)


_STRIP, _BOX, _SPACE = 2.4, 0.15, 0.35  # inches
_KEY_HEIGHT = 0.25 + 2 * SMALL * LINE_HEIGHT * POINT + _BOX + 0.35


def _key(figure: Figure, wrong: int, parameters: int, top: float) -> None:
    """Say what the colours mean: none, a share of the bound, more than it; and how many are that."""
    write(figure, MARGIN, top, "error, as a share of its bound (log scale)", size=SMALL)
    top += SMALL * LINE_HEIGHT * POINT + 0.05
    ramp = np.geomspace(LEAST, 1, 257)
    left = MARGIN
    for values, width, ticks in (
        (np.zeros(1), _BOX, {0.5: "0"}),
        (ramp, _STRIP, {i / 4: f"{LEAST ** (1 - i / 4):.4g}" for i in range(5)}),
        (np.array([np.inf]), _BOX, {0.5: "> 1"}),
    ):
        axes = place(figure, left, top, width, _BOX)
        extent = (0, 1, 0, 1)
        axes.imshow(_colors(values[np.newaxis]), extent=extent, aspect="auto", interpolation="nearest")
        axes.set_yticks([])
        axes.set_xticks(list(ticks), list(ticks.values()), size=SMALL, color=MUTED)
        axes.tick_params(length=2)
        left += width + _SPACE
    count = f"{wrong:,}" if wrong else "none"
    text, color = f"above 1, a mistake: {count} of {parameters:,} parameters", VERMILION if wrong else MUTED
    write(figure, MARGIN, top + _BOX + 0.25, text, size=SMALL, color=color)
