"""Style of all pictures: layout, fonts and colors.

Positions are inches from the top left corner of the figure, as on paper; sizes of text are points, 1/72 inch.
No pyplot: it keeps every figure alive, and picks a window system.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from PIL import Image

from imgclf.report.labels import distinct_labels, shorten

DPI = 150
POINT = 1 / 72  # inches

INK, MUTED, RULE, EMPTY = "#1f2933", "#5f6b7a", "#d9dee4", "#eef0f3"
BLUE, VERMILION = "#0072b2", "#d55e00"  # of Okabe and Ito (2008)

TITLE, BODY, SMALL = 12.0, 9.0, 8.0  # points
LINE_HEIGHT = 1.4  # of the size of the text
MARGIN = 0.3  # inches

_COMPRESSION = 3  # of 9: the next ones take twice as long, and save a tenth
LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"  # on both sides of a name in a sentence: what is around it keeps its order
NO_GLYPH = "\N{WHITE SQUARE}"

_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_FONT = "DejaVu Sans"  # comes with matplotlib, so a picture is the same everywhere
_RC = {
    "font.family": [_FONT],
    "font.size": BODY,
    "text.color": INK,
    "text.hinting": "none",  # hinted letters are up to 4 % wider than measured
    "text.parse_math": False,  # a class may be named $x$
    "axes.edgecolor": RULE,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    # Above the axis, horizontal, and so easier to read.
    "axes.titlelocation": "left",
    "axes.titlesize": BODY,
    "axes.titleweight": "bold",
    "axes.titlepad": 8.0,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": SMALL,
    "hatch.color": RULE,
    "hatch.linewidth": 0.8,
}


@contextmanager
def styled() -> Iterator[None]:
    """Build and save a picture in this style, independently of the user's matplotlibrc, which stays unchanged."""
    with matplotlib.style.context(["default", _RC]):
        yield


def new_figure(title: str, advice: str, width: float, height: float) -> tuple[Figure, float]:
    """Return a white figure with a title and a sentence on how to read it, and the top of the room below them.

    width is that of the figure, height that of the room below; both are rounded to whole device pixels.
    """
    lines = [(line, TITLE, "bold", INK) for line in _wrap(title, width - 2 * MARGIN, TITLE, "bold")]
    lines += [(line, BODY, "normal", MUTED) for line in _wrap(advice, width - 2 * MARGIN, BODY)]
    top = MARGIN + LINE_HEIGHT * POINT * sum(size for _, size, _, _ in lines)
    width, height, top = (round(DPI * inches) / DPI for inches in (width, height, top))
    figure = Figure(figsize=(width, top + height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    upper = MARGIN
    for line, size, weight, color in lines:
        add_text(figure, MARGIN, upper, line, size=size, weight=weight, color=color)
        upper += LINE_HEIGHT * POINT * size
    return figure, top


def add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes whose upper left corner is at (left, top)."""
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, (down - top - height) / down, width / across, height / down))


def add_text(figure: Figure, left: float, top: float, text: str, **how: Any) -> Text:
    """Write text whose upper left corner is at (left, top)."""
    across, down = figure.get_size_inches()
    return figure.text(left / across, 1 - top / down, text, **{"va": "top", **how})


def legible(text: str) -> str:
    """Join a text into one line, with a square for every character that the font lacks.

    Matplotlib would warn of such a character each time it measures or draws it. Characters that turn the direction of
    what follows are left out: one in a name could write a sentence backwards.
    """
    has_glyph = get_font(findfont(_FONT)).get_char_index
    line = " ".join(text.translate(_TURNING).split())
    return "".join(char if char == " " or has_glyph(ord(char)) else NO_GLYPH for char in line)


def class_labels(class_names: Sequence[str], width: float, size: float) -> list[str]:
    """Shorten class names to a width in inches, all different; a name that the font lacks is replaced by its number."""
    lines = [legible(name) if _can_be_written(name) else f"class {c}" for c, name in enumerate(class_names)]
    return distinct_labels(lines, lambda text: text_width(text, size) <= width)


def key_to_numbers(class_names: Sequence[str]) -> str:
    """Return a sentence on where to find the names of numbered classes, if the font lacks characters."""
    if all(map(_can_be_written, class_names)):
        return ""
    return " The font lacks the letters of the numbered classes: confusion_matrix.csv has their names, from class 0 on."


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Measure a line of text: inches."""
    words = text.split(" ")
    return size * (sum(_width(word, weight) for word in words) + (len(words) - 1) * _width(" ", weight))


@lru_cache(maxsize=4096)
def _width(word: str, weight: str) -> float:
    """Measure a word of size 1; to do so for each line anew takes as long as to draw it."""
    font = FontProperties(family=[_FONT], size=1, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(word, font, ismath=False)
    return float(width) * POINT


def png_bytes(figure: Figure) -> bytes:
    """Draw a figure as a PNG file; the same figure gives the same bytes."""
    file = BytesIO()
    assert isinstance(figure.canvas, FigureCanvasAgg)
    with styled():
        figure.canvas.draw()  # type: ignore[no-untyped-call]
    drawn = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    # Nothing shines through a white figure: without alpha, and compressed less, in a third of the time of savefig.
    pixels = Image.fromarray(drawn).convert("RGB")
    pixels.save(file, format="png", dpi=(DPI, DPI), compress_level=_COMPRESSION)
    return file.getvalue()


def _can_be_written(name: str) -> bool:
    line = legible(name)
    return bool(line) and NO_GLYPH not in line


def _wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    lines: list[str] = []
    for word in legible(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(word, lambda text: text_width(text, size, weight) <= width))
    return lines
