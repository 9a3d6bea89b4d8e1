"""Picture of the most confident mistakes of a model."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from imgclf.arrays import FloatArray, IntArray
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import WHITE, default_scale
from imgclf.errors import plural
from imgclf.losses import LOSSES
from imgclf.numerics.indices import slices
from imgclf.report.labels import shorten
from imgclf.report.line_plot import format_number
from imgclf.report.pixel_squares import show_pixels, zoomed_size
from imgclf.report.style import (
    DPI,
    INK,
    LINE_HEIGHT,
    MARGIN,
    MUTED,
    POINT,
    VERMILION,
    add_text,
    class_labels,
    key_to_numbers,
    legible,
    new_figure,
    styled,
    text_width,
)
from imgclf.training.classifier import Model
from imgclf.training.evaluation import PROBABILITIES, score_images

SHOWN = 24
_SCORES = 1 << 22  # computed at a time
A_PAIR = 3  # at most, of one true and one predicted class: else one pair could fill the picture

_COLUMNS = 6
_SIDE, _LEAST_ROOM, _GAP, _LEAST_WIDTH = 1.12, 0.9, 0.22, 4.6  # inches
_SIZE, _NOTE = 8.0, 6.5  # points


class Mistakes(NamedTuple):
    """Mistakes of a model, the most confident first.

    rows         (K,) rows of the split
    true, predicted   (K,) classes
    confidence   (K,) probability of the predicted class, or how much its score is above the second highest
    """

    rows: IntArray
    true: IntArray
    predicted: IntArray
    confidence: FloatArray


def most_confident(model: Model, dataset: Dataset) -> Mistakes:
    """Find the most confident mistakes, at most three of a pair of classes; memory does not grow with the images."""
    probabilities = PROBABILITIES.get(LOSSES[model.loss])
    none = np.zeros(0, np.int64)
    best = Mistakes(none, none, none, np.zeros(0))
    for part in slices(len(dataset), min(dataset.at_once, max(1, _SCORES // len(model.class_names)))):
        y = dataset.y_of(part)
        s = score_images(model, dataset.pixels(part))
        predicted = s.argmax(axis=1)
        wrong = np.flatnonzero(predicted != y)
        if not len(wrong):
            continue
        s, y, predicted = s[wrong], y[wrong], predicted[wrong]
        if probabilities:
            confidence = probabilities(s)[np.arange(len(s)), predicted]
        else:
            second, first = np.partition(s, -2, axis=1)[:, -2:].T.astype(np.float64)
            confidence = first - second
        more = Mistakes(part.start + wrong, y, predicted, confidence)
        best = _first(best, more)
    return best


def _first(best: Mistakes, more: Mistakes) -> Mistakes:
    """Keep the most confident of both; of equal ones, the earlier images."""
    rows, true, predicted = (np.concatenate(both) for both in zip(best[:3], more[:3], strict=True))
    confidence = np.concatenate([best.confidence, more.confidence])
    kept: list[int] = []
    pairs: Counter[tuple[int, int]] = Counter()
    for i in np.lexsort((rows, -confidence)).tolist():
        pair = int(true[i]), int(predicted[i])
        pairs[pair] += 1
        if pairs[pair] <= A_PAIR:
            kept.append(i)
        if len(kept) == SHOWN:
            break
    return Mistakes(rows[kept], true[kept], predicted[kept], confidence[kept])


@styled()
def mistakes(found: Mistakes, dataset: Dataset, model: Model, split: str) -> Figure:
    """Draw images that were taken for another class: true and predicted class, confidence, and which image it is."""
    shown = len(found.rows)
    if not shown:
        title = f"Not one mistake among {plural(len(dataset), 'image')}"
        return new_figure(title, f"The model is right about every image of {split}.", _LEAST_WIDTH, MARGIN)[0]
    how = "probability" if LOSSES[model.loss] in PROBABILITIES else "lead over the next score"
    advice = f"Above each image its true class; below it the model's answer, its {how}, and which image it is. "
    advice += f"At most {A_PAIR} share both the class and the answer."
    columns = min(_COLUMNS, shown)
    height, width, _ = model.preprocess.example_shape
    height, width = zoomed_size((height, width), _SIDE * DPI)
    room, gap = max(width, round(_LEAST_ROOM * DPI)), round(_GAP * DPI)  # in device pixels, as all sizes here
    line, pad = round(LINE_HEIGHT * _SIZE * POINT * DPI), 3
    row_height = height + 3 * line + gap
    across = max((columns * (room + gap) - gap) / DPI, _LEAST_WIDTH) + 2 * MARGIN
    down = 0.1 + (-(-shown // columns) * row_height - gap) / DPI + MARGIN
    title = f"The most confident mistakes, {split}"
    figure, top = new_figure(title, advice + key_to_numbers(model.class_names), across, down)

    sure = [_written(value, model) for value in found.confidence.tolist()]
    widest = max(text_width(f" {text}", _SIZE) for text in sure)
    names = class_labels(model.class_names, room / DPI, _SIZE)
    shorter = class_labels(model.class_names, room / DPI - widest, _SIZE)
    places = [Path(name).name for name in dataset.names_of(found.rows)]
    brighten = WHITE / default_scale(dataset)
    for i, image in enumerate(dataset.pixels(found.rows)):
        row, column = divmod(i, columns)
        left, upper = round(MARGIN * DPI) + column * (room + gap), round((top + 0.1) * DPI) + row * row_height
        pixels = np.rint(image * brighten).clip(0, WHITE).astype(np.uint8)
        show_pixels(figure, pixels, left, upper + line, height, width)
        lower = upper + line + height + pad
        _write(figure, left, upper + line // 2 - pad, names[found.true[i]], INK)
        _write(figure, left, lower + line // 2, shorter[found.predicted[i]], VERMILION)
        _write(figure, left + room, lower + line // 2, sure[i], VERMILION, ha="right")
        _write(figure, left, lower + 3 * line // 2, _fit(places[i], room / DPI), MUTED, size=_NOTE)
    return figure


def _write(
    figure: Figure, left: int, middle: int, text: str, color: str, size: float = _SIZE, ha: str = "left"
) -> None:
    add_text(figure, left / DPI, middle / DPI, text, size=size, color=color, ha=ha, va="center_baseline")


def _written(confidence: float, model: Model) -> str:
    if LOSSES[model.loss] not in PROBABILITIES:
        return f"+{format_number(confidence)}"
    return f"{confidence:.0%}" if confidence < 0.995 else ">99%"


def _fit(text: str, room: float) -> str:
    return shorten(legible(text), lambda one: text_width(one, _NOTE) <= room)
