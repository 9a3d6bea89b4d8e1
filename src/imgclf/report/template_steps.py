"""Picture of the templates after some steps of training."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from imgclf.arrays import FloatArray, IntArray
from imgclf.report.image_table import ImageTable, image_tables
from imgclf.report.line_plot import format_number
from imgclf.report.style import DPI, MARGIN, class_labels, key_to_numbers, styled
from imgclf.report.templates import color_key, template_images

SHOWN = 6  # steps
_TITLE = "The weights of each class, as training goes on"
_ADVICE = "Each step has a scale of its own, for all classes: the weight of the darkest color is above it."
_COLOR_ADVICE = "Each step has a scale of its own, for all classes: the weight of the brightest color is above it."
_FROM_NOTHING = " Before the first step all weights are 0."
_RING = "\N{WHITE CIRCLE} "
_KEPT = f" Early stopping kept the weights of {_RING.strip()}, which templates.png shows, too."
_CORNER = ("step", "epoch", "scale")


@styled()
def template_steps(
    steps: IntArray,
    weights: FloatArray,
    image_shape: Sequence[int],
    class_names: Sequence[str],
    steps_per_epoch: int,
    kept_step: int | None = None,
) -> Figure:
    """Draw the weights of each class after six of the steps as images: a class a row, a step a column.

    steps (K,) increasing; weights (K, D+1, C), the weights after each. Weights that are all 0 are not drawn. The step
    whose weights early stopping kept is always drawn, and marked with a ring.
    """
    classes = len(class_names)
    if len(steps) != len(weights) or weights.shape[1:] != (math.prod(image_shape) + 1, classes):
        raise ValueError(f"weights {weights.shape} are no templates of {len(steps)} steps for {classes} classes")
    chosen = _chosen(weights, steps.tolist().index(kept_step) if kept_step else None)
    drawn = [template_images(weights[k], image_shape) for k in chosen]
    images = np.stack([shown for shown, _ in drawn], axis=1)  # (C, K, H, W, 3)
    columns = [
        (
            f"{_RING * (step == kept_step)}{step:,}",
            format_number(step / steps_per_epoch, 2 if step < 10 * steps_per_epoch else 4),
            f"±{format_number(scale, 2)}",
        )
        for step, (_, scale) in zip(steps[chosen].tolist(), drawn, strict=True)
    ]
    size, side = (7.5, 0.95) if classes <= 4 else (7.0, 0.68) if classes <= 20 else (6.0, 0.45)
    blocks = 1 if classes <= 4 else 2 if classes <= 20 else max(3, round(math.sqrt(classes / 7)))  # wider than high
    each = math.ceil(classes / blocks)
    names = [(label,) for label in class_labels(class_names, 0.9, size)]
    tables = [
        ImageTable(images[start : start + each], names[start : start + each], columns, _CORNER)
        for start in range(0, classes, each)
    ]
    channels = image_shape[2]
    advice = _ADVICE if channels == 1 else _COLOR_ADVICE
    if not steps[0] and not weights[0, :-1].any():
        advice += _FROM_NOTHING
    if kept_step is not None:
        advice += _KEPT
    figure, top = image_tables(
        tables, _TITLE, advice + key_to_numbers(class_names), 0.6 + MARGIN, longest=DPI * side, size=size
    )
    color_key(figure, None, channels, top + 0.25)
    return figure


def _chosen(weights: FloatArray, always: int | None) -> IntArray:
    """Return places of six of the steps, evenly among those with the first and the last whose W is not all 0.

    always   a place that must be among them, unless its W is all 0
    """
    drawn = np.flatnonzero([W.any() for W in weights[:, :-1]])
    if not len(drawn):
        drawn = np.arange(len(weights))[-1:]
    chosen = drawn[np.unique(np.rint(np.linspace(0, len(drawn) - 1, SHOWN)).astype(int))]
    if always in drawn and always not in chosen:
        chosen[1:-1][np.abs(chosen[1:-1] - always).argmin()] = always
    return np.asarray(chosen)
