"""Picture of the weights as templates, one per class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from imgclf.arrays import FloatArray
from imgclf.report.style import (
    DPI,
    MARGIN,
    MUTED,
    POINT,
    RULE,
    SMALL,
    Heading,
    class_labels,
    key_to_numbers,
    place,
    sheet,
    styled,
    text_width,
    write,
)

DIVERGING = "RdBu_r"  # red for the class, white 0, blue against it
QUANTILE = 0.995  # of |W|: a few huge weights must not turn all others to grey

_TITLE = "The weights of each class, as a picture"
_GREY_ADVICE = (
    "One scale for all classes. A bright pixel where the template is red speaks for the class; "
    "where it is blue, against it."
)
_COLOR_ADVICE = (
    "One scale for all classes; mid-grey is 0. A picture that is bright where the template is bright, "
    "colour by colour, scores high."
)


@dataclass(frozen=True)
class _Grid:
    """Where the panels are: in device pixels, so that every weight is a square of whole pixels."""

    columns: int
    rows: int
    width: int  # of a panel
    height: int
    gap: int
    name_size: float  # points

    @classmethod
    def of(cls, classes: int, image_height: int, image_width: int) -> "_Grid":
        columns = min(classes, max(5, int(np.ceil(np.sqrt(classes)))))
        wanted = DPI * (2.3 if classes <= 4 else 1.6 if classes <= 20 else 0.9)
        longest = max(image_height, image_width)
        # A picture larger than its panel is shrunk; a smaller one is enlarged by a whole number.
        zoom = max(1, int(wanted / longest)) if longest <= wanted else wanted / longest
        return cls(
            columns=columns,
            rows=-(-classes // columns),
            width=max(1, round(image_width * zoom)),
            height=max(1, round(image_height * zoom)),
            gap=20 if classes <= 20 else 12,
            name_size=9.5 if classes <= 20 else 6.5,
        )

    @property
    def name_height(self) -> int:
        return int(np.ceil(self.name_size * 1.7 * POINT * DPI))

    @property
    def size(self) -> tuple[int, int]:
        across = self.columns * (self.width + self.gap) - self.gap
        return across, self.rows * (self.name_height + self.height + self.gap) - self.gap

    def corner(self, c: int) -> tuple[int, int]:
        row, column = divmod(c, self.columns)
        top = row * (self.name_height + self.height + self.gap) + self.name_height
        return column * (self.width + self.gap), top


def templates(weights: FloatArray, image_shape: Sequence[int], class_names: Sequence[str]) -> Figure:
    """Draw the weights of each class as an image of its own: W (D, C), a column reshaped to (H, W, channels).

    weights (D+1, C); the bias, the last row, has no place in a picture. The first axes hold an image a class,
    in order: W / scale within -1..1 on a diverging map, or, of three channels, as bytes 0..255 where 128 is 0.
    """
    height, width, channels = image_shape
    if weights.shape != (height * width * channels + 1, len(class_names)) or channels not in (1, 3):
        raise ValueError(
            f"weights {weights.shape} are no templates of {tuple(image_shape)} for {len(class_names)} classes"
        )
    W = weights[:-1].astype(np.float64)
    scale = _scale(W)
    pictures = (np.clip(W, -scale, scale) / scale).T.reshape(len(class_names), height, width, channels)
    with styled():
        return _draw(pictures, scale, class_names)


def _scale(W: FloatArray) -> float:
    """Return the |W| that is drawn in full colour."""
    finite = np.abs(W[np.isfinite(W)])
    scale = float(np.quantile(finite, QUANTILE)) if finite.size else 0.0
    # Most weights may be exactly 0, under l1 for one.
    return scale or float(finite.max(initial=0.0)) or 1.0


def _rgb(values: FloatArray) -> NDArray[np.uint8]:
    """Map -1..1 to 0..255 and 0 to 128."""
    return np.asarray(np.rint(127.5 + 127.5 * np.nan_to_num(values)), dtype=np.uint8)


def _draw(pictures: NDArray[Any], scale: float, class_names: Sequence[str]) -> Figure:
    classes, image_height, image_width, channels = pictures.shape
    grid = _Grid.of(classes, image_height, image_width)
    across, down = grid.size
    margin = round(MARGIN * DPI)
    sheet_width = max(across, round(4.6 * DPI)) + 2 * margin
    advice = (_GREY_ADVICE if channels == 1 else _COLOR_ADVICE) + key_to_numbers(class_names)
    heading = Heading(_TITLE, advice, sheet_width / DPI - 2 * MARGIN)
    top = round((MARGIN + heading.height + 0.1) * DPI)
    key_height = round(0.6 * DPI)

    figure = sheet(sheet_width / DPI, (top + down + key_height + margin) / DPI)
    heading.write(figure)
    axes = place(figure, margin / DPI, top / DPI, across / DPI, down / DPI)
    axes.set(xlim=(0, across), ylim=(down, 0))
    axes.axis("off")
    axes.set_autoscale_on(False)
    labels = class_labels(class_names, grid.width / DPI, grid.name_size)
    for c, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left, upper = grid.corner(c)
        extent = (left, left + grid.width, upper + grid.height, upper)
        axes.imshow(
            picture[:, :, 0] if channels == 1 else _rgb(picture),
            cmap=colormaps[DIVERGING],
            norm=Normalize(-1, 1),
            extent=extent,
            aspect="auto",
            interpolation="nearest" if image_width <= grid.width else "antialiased",
        )
        # Weights of 0 are nearly as white as the paper: a frame, behind the picture so as to hide none of it.
        frame = Rectangle((left, upper), grid.width, grid.height, fill=False, color=RULE, clip_on=False, zorder=-1)
        axes.add_patch(frame)
        axes.text(left, upper - 0.25 * grid.name_height, label, size=grid.name_size, va="baseline")
    _key(figure, scale, channels, (top + down) / DPI + 0.25)
    return figure


def _key(figure: Figure, scale: float, channels: int, top: float) -> None:
    """Say what the colours mean: a strip from -scale to scale, or one for each of red, green and blue."""
    ramp = np.linspace(-1, 1, 255)  # odd, so that 0 is among them
    strips: NDArray[Any] = ramp[np.newaxis]  # (1, 255)
    if channels == 3:
        strips = np.full((3, len(ramp), 3), _rgb(np.zeros(1)), np.uint8)
        for channel in range(3):
            strips[channel, :, channel] = _rgb(ramp)
    width, height = 2.0, 0.15 if channels == 1 else 0.24
    before, after = "against", "for the class"
    left = MARGIN + text_width(before, SMALL) + 0.1
    middle = top + height / 2
    write(figure, left - 0.1, middle, before, size=SMALL, ha="right", va="center")
    write(figure, left + width + 0.1, middle, after, size=SMALL, va="center")
    axes = place(figure, left, top, width, height)
    axes.imshow(
        strips,
        cmap=colormaps[DIVERGING],
        norm=Normalize(-1, 1),
        extent=(-1, 1, 0, 1),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_yticks([])
    axes.set_xticks([-1, 0, 1], [f"\N{MINUS SIGN}{scale:.2g}", "0", f"{scale:.2g}"], size=SMALL, color=MUTED)
    axes.tick_params(length=2)
