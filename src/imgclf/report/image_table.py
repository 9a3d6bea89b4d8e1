"""Tables of images, with labels of their rows and columns."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from imgclf.arrays import ByteArray
from imgclf.report.pixel_squares import show_pixels, zoomed_size
from imgclf.report.style import DPI, INK, LINE_HEIGHT, MARGIN, MUTED, POINT, add_text, new_figure, text_width

_LEAST_WIDTH = 4.6  # inches, for the title
_SPACE = 0.08  # inches between a label and what it labels


class ImageTable(NamedTuple):
    """Images (R, K, H, W, 3) as bytes, with lines of text for each row and column, and for the corner between them."""

    images: ByteArray
    rows: Sequence[Sequence[str]]
    columns: Sequence[Sequence[str]]
    corner: Sequence[str] = ()


def image_tables(
    tables: Sequence[ImageTable], title: str, advice: str, key_height: float, *, longest: float, size: float
) -> tuple[Figure, float]:
    """Draw tables side by side; return the figure, and the top of the room below them, key_height inches high.

    longest   the maximum length of the longer side of an image, in device pixels
    size      of the labels, in points; the first line of each is darker than the others
    """
    _, _, height, width, _ = tables[0].images.shape
    height, width = zoomed_size((height, width), longest)
    gap = 4 if longest < 0.5 * DPI else 6  # device pixels, as all sizes here
    line = round(LINE_HEIGHT * size * POINT * DPI)
    space, apart = round(_SPACE * DPI), round(MARGIN * DPI)
    header = line * max(len(lines) for lines in tables[0].columns) + space // 2
    labels = [
        round(DPI * max(text_width(text, size) for lines in (*table.rows, table.corner) for text in lines)) + space
        for table in tables
    ]
    widths = [label + len(table.columns) * (width + gap) - gap for label, table in zip(labels, tables, strict=True)]
    down = header + max(len(table.rows) for table in tables) * (height + gap) - gap
    across = (sum(widths) + apart * (len(tables) - 1)) / DPI
    figure, top = new_figure(title, advice, max(across, _LEAST_WIDTH) + 2 * MARGIN, 0.1 + down / DPI + key_height)
    top += 0.1
    left, upper = round(MARGIN * DPI), round(top * DPI)
    for table, label, table_width in zip(tables, labels, widths, strict=True):
        _label(figure, table.corner, left + label - space, upper, line, size, ha="right", color=MUTED)
        for k, lines in enumerate(table.columns):
            _label(figure, lines, left + label + k * (width + gap), upper, line, size)
        for r, (lines, images) in enumerate(zip(table.rows, table.images, strict=True)):
            row = upper + header + r * (height + gap)
            middle = row + (height - line * len(lines)) // 2
            _label(figure, lines, left + label - space, middle, line, size, ha="right")
            for k, image in enumerate(images):
                show_pixels(figure, image, left + label + k * (width + gap), row, height, width)
        left += table_width + apart
    return figure, top + down / DPI


def _label(
    figure: Figure, lines: Sequence[str], left: int, top: int, line: int, size: float, ha: str = "left", color: str = ""
) -> None:
    for i, text in enumerate(lines):
        ink = color or (MUTED if i else INK)
        add_text(figure, left / DPI, (top + (i + 0.5) * line) / DPI, text, size=size, color=ink, ha=ha,
                 va="center_baseline")  # fmt: skip
