"""Style of all pictures: layout, font and colors.

Positions are inches from the top left corner of the sheet, as on paper; sizes of text are points, 1/72 inch.
No pyplot: it keeps every figure alive, and picks a window system.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from io import BytesIO
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from imgclf.report.labels import distinct_labels, shorten

DPI = 150
POINT = 1 / 72  # inches

INK, MUTED, RULE, EMPTY = "#1f2933", "#5f6b7a", "#d9dee4", "#eef0f3"
BLUE, VERMILION = "#0072b2", "#d55e00"  # of Okabe and Ito (2008)

TITLE, BODY, SMALL = 12.0, 9.0, 8.0  # points
LINE_HEIGHT = 1.4  # of the size of the text
MARGIN = 0.3  # inches

NO_GLYPH = "\N{WHITE SQUARE}"

_FONT = "DejaVu Sans"  # comes with matplotlib, so a picture is the same everywhere
_RC = {
    "font.family": [_FONT],
    "font.size": BODY,
    "text.color": INK,
    "text.parse_math": False,  # a class may be named $x$
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.labelsize": BODY,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "xtick.color": RULE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.color": RULE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": SMALL,
    "hatch.color": RULE,
    "hatch.linewidth": 0.8,
}


def styled() -> AbstractContextManager[None]:
    """Build and save a picture in this style, whatever the user's matplotlibrc says, and leave no trace."""
    return matplotlib.style.context(["default", _RC])


def sheet(width: float, height: float) -> Figure:
    """Return an empty white figure, inches."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes whose upper left corner is at (left, top)."""
    sheet_width, sheet_height = figure.get_size_inches()
    bottom = sheet_height - top - height
    return figure.add_axes((left / sheet_width, bottom / sheet_height, width / sheet_width, height / sheet_height))


def write(figure: Figure, left: float, top: float, text: str, **how: Any) -> Text:
    """Write text whose upper left corner is at (left, top)."""
    width, height = figure.get_size_inches()
    return figure.text(left / width, 1 - top / height, text, **{"va": "top", **how})


class Heading:
    """The title of a picture and one sentence on how to read it, wrapped to a width in inches."""

    def __init__(self, title: str, advice: str, width: float) -> None:
        self.title = _wrap(title, width, TITLE, "bold")
        self.advice = _wrap(advice, width, BODY)
        self.height = (len(self.title) * TITLE + len(self.advice) * BODY) * LINE_HEIGHT * POINT

    def write(self, figure: Figure) -> None:
        """Write it at the top of the sheet, a margin from its edges."""
        top = MARGIN
        for lines, size, weight, color in (
            (self.title, TITLE, "bold", INK),
            (self.advice, BODY, "normal", MUTED),
        ):
            for line in lines:
                write(figure, MARGIN, top, line, size=size, weight=weight, color=color)
                top += size * LINE_HEIGHT * POINT


def legible(text: str) -> str:
    """Make one line of a text, with a square for every sign that the font does not have.

    Matplotlib would warn of such a sign each time it measures or draws it.
    """
    has_glyph = get_font(findfont(_FONT)).get_char_index
    line = " ".join(text.split())
    return "".join(sign if sign == " " or has_glyph(ord(sign)) else NO_GLYPH for sign in line)


def class_labels(class_names: Sequence[str], width: float, size: float) -> list[str]:
    """Name the classes within a width in inches, all differently; one that the font cannot write is its number."""
    lines = [legible(name) if _can_be_written(name) else f"class {c}" for c, name in enumerate(class_names)]
    return distinct_labels(lines, lambda text: text_width(text, size) <= width)


def key_to_numbers(class_names: Sequence[str]) -> str:
    """Return a sentence on which class has which number, where the font cannot write all names."""
    if all(map(_can_be_written, class_names)):
        return ""
    return " The font lacks the letters of the numbered classes: confusion_matrix.csv has their names, from class 0 on."


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Measure a line of text: inches."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, _font(size, weight), ismath=False)
    return float(width) * POINT


def png_bytes(figure: Figure) -> bytes:
    """Draw a figure as a PNG file; the same figure gives the same bytes."""
    file = BytesIO()
    with styled():
        # By default the version of matplotlib is written into the file.
        figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


@lru_cache
def _font(size: float, weight: str) -> FontProperties:
    return FontProperties(family=[_FONT], size=size, weight=weight)


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
