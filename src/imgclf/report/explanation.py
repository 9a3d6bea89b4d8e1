"""Picture of an explanation: maps of an image, or bars of features."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imgclf.arrays import ByteArray, FloatArray
from imgclf.data.preprocess import WHITE, Preprocess
from imgclf.errors import plural, printable
from imgclf.report.evidence import INK_ALONE, Evidence, Explanation
from imgclf.report.evidence_text import Printed, decimal_text, formulas, last_place, printed, rounded_parts
from imgclf.report.labels import shorten
from imgclf.report.line_plot import format_number
from imgclf.report.pixel_squares import show_pixels
from imgclf.report.style import (
    BODY,
    DPI,
    INK,
    LINE_HEIGHT,
    MARGIN,
    MUTED,
    NO_GLYPH,
    POINT,
    SMALL,
    TITLE,
    add_axes,
    add_text,
    class_labels,
    legible,
    new_figure,
    styled,
    text_width,
)
from imgclf.report.templates import DIVERGING

STRONGEST = 10  # features each way
QUANTILE = 0.99  # of the pixels that say something
_SIDE, _GAP = 2.2, 0.32  # inches: the longest side of an image, and the space between two
_WIDTH = 4 * _SIDE + 3 * _GAP  # the example, and a map for the difference and for each of two classes
_LINE, _SMALL_LINE = LINE_HEIGHT * BODY * POINT, LINE_HEIGHT * SMALL * POINT  # inches
_SPACE, _PARAGRAPH = 0.07, 0.2  # inches: between a map and its words, and between two parts of a picture
_NAME, _VALUE = 1.15, 0.55  # inches for the name of a feature, and for what it adds
_KEY_WIDTH, _KEY_HEIGHT = 2.0, 0.15
_FOR, _AGAINST, _REST = "#b2182b", "#2166ac", "#c3cad3"  # bars: two of the color map, and gray
_SPECTRUM = colormaps[DIVERGING](np.linspace(0, 1, 255))  # odd, so that 0 has a color: white instead of light gray
_COLORS = ListedColormap(np.minimum(_SPECTRUM / _SPECTRUM[127], 1))


@styled()
def explanation_picture(preprocess: Preprocess, explanation: Explanation, feature_names: Sequence[str] = ()) -> Figure:
    """Draw the evidence for the best class rather than the second, and for each: maps of an image, or bars.

    Each decomposition is a row. That of an image begins with the image, then the mean image.
    """
    draw = _maps if preprocess.is_image else _bars
    return draw(preprocess, explanation, feature_names)


def evidence_map(one: Evidence, image_shape: Sequence[int]) -> FloatArray:
    """Return the evidence of each pixel, (H, W): the sum over its channels."""
    return np.asarray(one.terms.reshape(image_shape).sum(axis=2))


def evidence_colors(values: FloatArray, scale: float) -> ByteArray:
    """Map evidence (H, W) to colors as bytes (H, W, 3): blue at -scale, white at 0, red at scale."""
    return np.asarray(_COLORS(0.5 + 0.5 * np.clip(values / scale, -1, 1), bytes=True)[..., :3])


def _maps(preprocess: Preprocess, explanation: Explanation, _: Sequence[str]) -> Figure:
    shape = preprocess.example_shape
    maps = {name: [evidence_map(one, shape) for one in some] for name, some in explanation.parts.items()}
    scale, largest = _scale(np.abs(list(maps.values())))
    zoom = _SIDE * DPI / max(shape[:2])
    zoom = int(zoom) if zoom >= 1 else zoom
    height, width = (max(1, round(zoom * side)) for side in shape[:2])  # device pixels
    row_height = _LINE + _SPACE + height / DPI + _SPACE + 2 * _SMALL_LINE + _PARAGRAPH
    advice = "A red pixel speaks for the class, a blue one against it, a white one says nothing."
    if shape[2] == 3:
        advice += " A pixel of a map is the sum of its three colors; the totals count each color."
    figure, top = _figure(preprocess, explanation, advice, len(maps) * row_height + _KEY_HEIGHT + 0.25)
    top = _headings(figure, top, explanation, [_left(column) for column in range(1, 4)], _SIDE)
    shown = [("the image as the model sees it", as_shown(preprocess, explanation.example))]
    if preprocess.mean is not None:
        shown.append(("the mean image", mean_image(preprocess)))
    sums = printed(explanation)
    for (name, some), (caption, example) in zip(maps.items(), shown, strict=True):
        top = _row_heading(figure, top, preprocess, name)
        for column, image in enumerate([example, *(evidence_colors(one, scale) for one in some)]):
            show_pixels(figure, image, round(_left(column) * DPI), round(top * DPI), height, width)
        top += height / DPI + _SPACE
        add_text(figure, _left(0), top, caption, size=SMALL, color=MUTED)
        for column, one in enumerate(sums[name], 1):
            _totals(figure, _left(column), top, one)
        top += 2 * _SMALL_LINE + _PARAGRAPH
    _key(figure, top, scale, scale < largest)
    return figure


def _scale(sizes: FloatArray) -> tuple[float, float]:
    """Return the |evidence| of the darkest color, and the largest: a few pixels must not turn all others pale."""
    some = sizes[sizes > 0]
    return (float(np.quantile(some, QUANTILE)), float(some.max())) if some.size else (1.0, 1.0)


def _left(column: int) -> float:
    """Return the left edge of a column of images, in inches."""
    return MARGIN + column * (_SIDE + _GAP)


def as_shown(preprocess: Preprocess, image: NDArray[np.uint8]) -> ByteArray:
    """Return an image (H, W, 3) as bytes, white where it has the scale: images of 16 grays would be black."""
    white = preprocess.scale if image.max() <= preprocess.scale <= WHITE else WHITE
    return _as_bytes(image / white)


def mean_image(preprocess: Preprocess) -> ByteArray:
    """Return the mean image (H, W, 3) as bytes; of images of unit length, the largest mean is white."""
    assert preprocess.center is not None, "no mean"
    white = float(preprocess.center.max()) or 1.0 if preprocess.norm else preprocess.scale
    if not preprocess.norm and not preprocess.center.max() <= preprocess.scale <= WHITE:
        white = WHITE
    return _as_bytes(preprocess.center.reshape(preprocess.example_shape) / white)


def _as_bytes(brightness: FloatArray) -> ByteArray:
    bytes_ = np.rint(WHITE * np.clip(brightness, 0, 1)).astype(np.uint8)
    return bytes_.repeat(3, axis=2) if bytes_.shape[2] == 1 else bytes_


def _bars(preprocess: Preprocess, explanation: Explanation, feature_names: Sequence[str]) -> Figure:
    names = feature_names or [f"feature {d}" for d in range(preprocess.size)]
    unit, sums = last_place(explanation), printed(explanation)
    rows = {
        name: [bars(one, total, names, unit) for one, total in zip(some, sums[name], strict=True)]
        for name, some in explanation.parts.items()
    }
    longest = [max(map(len, some)) for some in rows.values()]
    values = [value for some in rows.values() for one in some for _, value, color in one if color != _REST]
    scale = float(max(map(abs, values), default=0)) or 1.0
    height = sum(_LINE + _SPACE + most * _SMALL_LINE + _SPACE + 2 * _SMALL_LINE + _PARAGRAPH for most in longest)
    advice = f"Red speaks for the class, blue against it: the {STRONGEST} strongest features each way."
    figure, top = _figure(preprocess, explanation, advice, height)
    column_width = (_WIDTH - 2 * _GAP) / 3
    lefts = [MARGIN + column * (column_width + _GAP) for column in range(3)]
    top = _headings(figure, top, explanation, lefts, column_width)
    for (name, some), most in zip(rows.items(), longest, strict=True):
        top = _row_heading(figure, top, preprocess, name)
        for left, one in zip(lefts, some, strict=False):
            _draw_bars(figure, left, top, column_width, one, scale)
        top += most * _SMALL_LINE + _SPACE
        for left, total in zip(lefts, sums[name], strict=False):
            _totals(figure, left, top, total)
        top += 2 * _SMALL_LINE + _PARAGRAPH
    return figure


def bars(one: Evidence, total: Printed, names: Sequence[str], unit: int) -> list[tuple[str, Decimal, str]]:
    """Return name, value and color of rows: the strongest features each way, and the rest. They add up as printed."""
    found: list[tuple[str, Decimal, str]] = []
    for places, side, whole, color in zip(
        one.strongest(STRONGEST), (one.terms > 0, one.terms < 0), total[:2], (_FOR, _AGAINST), strict=True
    ):
        others = side.copy()
        others[places] = False
        values = one.terms[places].tolist()
        labels = [names[d] for d in places]
        if count := int(others.sum()):
            values.append(float(one.terms[others].sum()))
            labels.append(plural(count, "other"))
        colors = [color] * len(places) + [_REST] * bool(count)
        found += zip(labels, rounded_parts(values, whole, unit), colors, strict=True)
    return found


def _draw_bars(
    figure: Figure, left: float, top: float, width: float, rows: Sequence[tuple[str, Decimal, str]], scale: float
) -> None:
    """Draw rows of a name, a bar from the middle, and the value."""
    if not rows:
        return
    axes = add_axes(figure, left + _NAME, top, width - _NAME - _VALUE, len(rows) * _SMALL_LINE)
    places = np.arange(len(rows))
    lengths = [0 if color == _REST else float(value) for _, value, color in rows]
    axes.barh(places, lengths, height=0.72, color=[color for _, _, color in rows])
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set(xlim=(-scale, scale), ylim=(len(rows) - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for place, (name, value, color) in enumerate(rows):
        middle = top + (place + 0.5) * _SMALL_LINE
        fitting = shorten(legible(printable(name)), lambda text: text_width(text, SMALL) <= _NAME - 0.1)
        ink = MUTED if color == _REST else INK
        add_text(figure, left + _NAME - 0.1, middle, fitting, size=SMALL, color=ink, ha="right", va="center_baseline")
        text = decimal_text(value)
        add_text(figure, left + width, middle, text, size=SMALL, color=MUTED, ha="right", va="center_baseline")


def _figure(preprocess: Preprocess, explanation: Explanation, advice: str, height: float) -> tuple[Figure, float]:
    """Return a figure whose title says what is explained, and the top of the room below it."""
    names = _written_names(explanation)
    best, *second = class_labels(names, _WIDTH / 3, TITLE)
    example = "" if preprocess.is_image else "example "
    title = f"{example}{printable(explanation.image)}: {best}" + "".join(
        f" {_than(explanation)} {label}" for label in second
    )
    heading_height = 2 * _LINE + 1.5 * _PARAGRAPH
    if names != list(explanation.classes):
        advice += " The font lacks the letters of the numbered classes: the JSON file has their names."
    if preprocess.norm:
        advice += (
            " Each example is divided by its length first, so a change of one number changes what all of them add."
        )
    figure, top = new_figure(title, advice, _WIDTH + 2 * MARGIN, heading_height + height + MARGIN)
    return figure, top + _PARAGRAPH


def _written_names(explanation: Explanation) -> list[str]:
    """Return the names of the classes; a name that the font lacks is replaced by its number."""
    both = zip(explanation.numbers, explanation.classes, strict=True)
    return [f"class {number}" if NO_GLYPH in legible(name) else name for number, name in both]


def _than(explanation: Explanation) -> str:
    """Return the words between the best class and the second, whose scores may be equal."""
    return "rather than" if explanation.parts[INK_ALONE][0].score else "as much as"


def _headings(figure: Figure, top: float, explanation: Explanation, lefts: Sequence[float], width: float) -> float:
    """Write what each column is about, in two lines; return the top of the room below."""
    labels = class_labels(_written_names(explanation), width - text_width("rather than ", BODY), BODY)
    heads = [(label, "by itself") for label in labels]
    if len(labels) == 2:
        heads.insert(0, (labels[0], f"{_than(explanation)} {labels[1]}"))
    for left, (label, rest) in zip(lefts, heads, strict=False):
        add_text(figure, left, top, label, weight="bold")
        add_text(figure, left, top + _LINE, rest, color=MUTED)
    return top + 2 * _LINE + _PARAGRAPH / 2


def _row_heading(figure: Figure, top: float, preprocess: Preprocess, name: str) -> float:
    """Write the name and the formula of a decomposition above its row; return the top of the room below."""
    title, rule = formulas(preprocess)[name]
    add_text(figure, MARGIN, top, title, weight="bold")
    add_text(figure, MARGIN + text_width(title, BODY, "bold") + 0.15, top, rule, color=MUTED)
    return top + _LINE + _SPACE


def _totals(figure: Figure, left: float, top: float, one: Printed) -> None:
    """Write the sum in two lines: for 9.18, against -8.58, / bias 0.12 = 0.72."""
    supporting, opposing, bias, score = one.phrases()
    add_text(figure, left, top, f"{supporting} {opposing}", size=SMALL)
    add_text(figure, left, top + _SMALL_LINE, bias, size=SMALL)
    add_text(figure, left + text_width(f"{bias} ", SMALL), top + _SMALL_LINE, score, size=SMALL, weight="bold")


def _key(figure: Figure, top: float, scale: float, some_exceed: bool) -> None:
    """Explain the colors: a strip from -scale to scale, and whether its ends stand for more."""
    left = MARGIN + text_width("against", SMALL) + 0.1
    ramp = np.linspace(-scale, scale, 255)[np.newaxis]  # odd, so that 0 is among them
    place = (round(inches * DPI) for inches in (left, top, _KEY_HEIGHT, _KEY_WIDTH))
    show_pixels(figure, evidence_colors(ramp, scale), *place)  # axes would take a tenth of the time of the picture
    least, most = ("\N{LESS-THAN OR EQUAL TO} ", "\N{GREATER-THAN OR EQUAL TO} ") if some_exceed else ("", "")
    labels = [f"{least}\N{MINUS SIGN}{format_number(scale)}", "0", f"{most}{format_number(scale)}"]
    for share, label in zip((0, 0.5, 1), labels, strict=True):
        middle, below = left + share * _KEY_WIDTH, top + _KEY_HEIGHT + _SPACE
        add_text(figure, middle, below, label, size=SMALL, color=MUTED, ha="center")
    middle = top + _KEY_HEIGHT / 2
    add_text(figure, left - 0.1, middle, "against", size=SMALL, ha="right", va="center")
    add_text(figure, left + _KEY_WIDTH + 0.1, middle, "for the class", size=SMALL, va="center")
