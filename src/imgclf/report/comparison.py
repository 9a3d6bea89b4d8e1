"""Picture of several runs: curves and recall by class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from imgclf.arrays import FloatArray
from imgclf.report.curves import fit_accuracy, fit_loss
from imgclf.report.line_plot import line_axes
from imgclf.report.style import (
    BLUE,
    INK,
    MARGIN,
    MUTED,
    RULE,
    SMALL,
    VERMILION,
    add_axes,
    class_labels,
    new_figure,
    styled,
    text_width,
)

COLORS = (BLUE, VERMILION, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", INK, MUTED)  # most of Okabe and Ito (2008)
SHOWN = 30  # classes: those whose recalls differ most

_LEFT, _WIDTH, _LABELS = 0.85, 6.3, 1.05  # inches
_GAP, _PANEL, _AXIS, _ROW, _NAME = 0.42, 2.0, 0.4, 0.24, 1.6


@styled()
def comparison(
    tables: Sequence[Mapping[str, Sequence[float | None]]],
    run_names: Sequence[str],
    recalls: FloatArray,
    class_names: Sequence[str],
    title: str,
    *,
    same_objective: bool = True,
) -> Figure:
    """Draw runs over each other: loss and accuracy by epoch, and the recall of each class.

    tables   the columns of metrics.csv of each run; val is drawn where all runs have it, else train
    recalls  (R, C), NaN for a class without images
    """
    split = "val" if all(value is not None for table in tables for value in table["val/loss"]) else "train"
    named = ", ".join(f"{number}: {name}" for number, name in enumerate(run_names, 1))
    chosen = _most_different(recalls)
    recall_height = _ROW * len(chosen) + _AXIS
    height = 2 * (_GAP + _PANEL) + _AXIS + _GAP + recall_height + MARGIN
    figure, top = new_figure(title, f"{named}. Above by epoch, below the recall of each class.",
                             _LEFT + _WIDTH + _LABELS + MARGIN, height)  # fmt: skip
    for what, fit in (("loss", fit_loss), ("accuracy", fit_accuracy)):
        axes = line_axes(figure, _LEFT, top + _GAP, _WIDTH, _PANEL)
        for number, (table, color) in enumerate(zip(tables, COLORS, strict=False), 1):
            values = np.array(table[f"{split}/{what}"], np.float64)
            marker = "o" if len(values) < 2 else ""
            axes.plot(
                np.array(table["epoch"], np.float64),
                values,
                color=color,
                label=f"{number}:",
                marker=marker,
                clip_on=False,
            )
        fit(axes)
        axes.set_title(f"{split} {axes.get_title(loc='left')}")
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="x", labelbottom=what == "accuracy")
        if what == "loss" and not same_objective:
            axes.set_title(
                "of different objectives: heights do not compare", loc="right", color=MUTED, size=SMALL, weight="normal"
            )
        top += _GAP + _PANEL
    axes.set_xlabel("epoch")

    labels = class_labels(class_names, _NAME - 0.1, SMALL)
    wide = max(text_width(labels[c], SMALL) for c in chosen)
    left = max(_LEFT, MARGIN + wide + 0.1)
    axes = add_axes(figure, left, top + _AXIS + _GAP, _LEFT + _WIDTH - left, _ROW * len(chosen))
    places = np.arange(len(chosen))
    shown = recalls[:, chosen]
    axes.hlines(places, shown.min(axis=0), shown.max(axis=0), color=RULE, linewidth=2, zorder=1)
    for number, (row, color) in enumerate(zip(shown, COLORS, strict=False), 1):
        axes.plot(row, places, "o", color=color, markersize=5, alpha=0.85, label=str(number), clip_on=False)
    axes.set_ylim(len(chosen) - 0.5, -0.5)
    axes.set_yticks(places, [labels[c] for c in chosen])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x")
    axes.set_title(
        "recall" if len(chosen) == len(class_names) else f"recall of the {len(chosen)} classes that differ most"
    )
    return figure


def _most_different(recalls: FloatArray) -> list[int]:
    """Return the classes that have images, in their order; of many, those whose recalls differ most."""
    has_images = np.flatnonzero(np.isfinite(recalls).all(axis=0))
    spread = np.ptp(recalls[:, has_images], axis=0)
    return sorted(has_images[np.argsort(-spread, kind="stable")[:SHOWN]].tolist())
