"""The learning curves: loss, accuracy and step size, epoch by epoch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray

from imgclf.report.scales import Scale, accuracy_scale, epoch_ticks, loss_scale, percent, step_size_scale
from imgclf.report.style import (
    BLUE,
    DPI,
    MARGIN,
    MUTED,
    POINT,
    RULE,
    SMALL,
    VERMILION,
    Heading,
    place,
    sheet,
    styled,
)

_TRAIN_ADVICE = "train: mean over the epoch, as it was trained on."
_VAL_ADVICE = "val: after the epoch, on images that are never trained on."

_LEFT, _WIDTH, _LABELS = 0.85, 6.3, 0.9  # inches
_GAP, _TALL, _LOW, _EPOCHS = 0.42, 2.0, 0.75, 0.38
_MARKED = 30  # epochs; with more, the markers would hide the line


@dataclass(frozen=True)
class _Line:
    """One column of metrics.csv, NaN where there is no finite number."""

    label: str
    color: str
    values: NDArray[Any]

    @property
    def finite(self) -> NDArray[Any]:
        return np.asarray(self.values[np.isfinite(self.values)])


def curves(
    metrics: Mapping[str, Sequence[float | None]],
    title: str,
    kept_epoch: int | None = None,
    first_step_size: float | None = None,
) -> Figure:
    """Draw the columns of metrics.csv: loss, accuracy and step size, one above the other on one epoch axis.

    A cell without a finite number is a gap in its line; without any val cell there is no val line. The epoch
    whose weights early stopping kept is marked; without it the last weights are kept, and nothing is. The loss is
    on a log scale when a linear one could not show it.

    first_step_size   that of step 0: metrics.csv has only those of the epochs' last steps
    """
    epochs = _column(metrics, "epoch")
    loss, val_loss = _column(metrics, "train/loss"), _column(metrics, "val/loss")
    accuracy, val_accuracy = _column(metrics, "train/accuracy"), _column(metrics, "val/accuracy")
    at, step_size = epochs, _column(metrics, "step_size")
    if first_step_size is not None:
        at, step_size = np.append(0.0, epochs), np.append(first_step_size, step_size)
    scale = loss_scale(np.append(loss, val_loss))
    has_val = bool(np.isfinite(val_loss).any() or np.isfinite(val_accuracy).any())

    with styled():
        width = _LEFT + _WIDTH + _LABELS + MARGIN
        heading = Heading(title, f"{_TRAIN_ADVICE} {_VAL_ADVICE}" if has_val else _TRAIN_ADVICE, width - 2 * MARGIN)
        tops = MARGIN + heading.height + _GAP + np.array([0, _TALL + _GAP, 2 * (_TALL + _GAP)])
        figure = sheet(width, tops[2] + _LOW + _EPOCHS + MARGIN)
        heading.write(figure)
        panels = [
            place(figure, _LEFT, top, _WIDTH, height) for top, height in zip(tops, (_TALL, _TALL, _LOW), strict=True)
        ]
        lines = [_Line("train", BLUE, loss), _Line("val", VERMILION, val_loss)]
        _panel(panels[0], "loss (log scale)" if scale.log else "loss", epochs, lines, scale)
        lines = [_Line("train", BLUE, accuracy), _Line("val", VERMILION, val_accuracy)]
        _panel(panels[1], "accuracy", epochs, lines, accuracy_scale(np.append(accuracy, val_accuracy)))
        _panel(panels[2], "step size", at, [_Line("", MUTED, step_size)], step_size_scale(step_size))
        _epoch_axis(panels, epochs, start=at[0] if len(at) else 1.0)
        for row in np.flatnonzero(epochs == kept_epoch):
            color, columns = (VERMILION, (val_loss, val_accuracy)) if has_val else (BLUE, (loss, accuracy))
            _mark(panels[:2], epochs[row], [column[row] for column in columns], color, "val" if has_val else "train")
    return figure


def _column(metrics: Mapping[str, Sequence[float | None]], name: str) -> NDArray[Any]:
    values = np.array([math.nan if value is None else value for value in metrics[name]], dtype=np.float64)
    return np.where(np.isfinite(values), values, math.nan)


def _panel(axes: Axes, name: str, epochs: NDArray[Any], lines: list[_Line], scale: Scale) -> None:
    scale.apply(axes)
    # Above the axis, where it can be read without turning the head.
    axes.set_ylabel(name, rotation=0, ha="left", va="baseline", weight="bold")
    axes.yaxis.set_label_coords(0, 1 + 8 / _points(axes))
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    lines = [line for line in lines if line.finite.size]
    for line in lines:
        marker = "o" if len(epochs) <= _MARKED else ""
        axes.plot(epochs, line.values, color=line.color, marker=marker, markersize=3.2, linewidth=1.6, clip_on=False)
    if not lines:
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, color=MUTED, ha="center", va="center")
    _name_lines(axes, lines, scale)


def _name_lines(axes: Axes, lines: list[_Line], scale: Scale) -> None:
    """Write each line's name and last value at its right end, moved apart where they would overlap."""
    ends = [float(line.finite[-1]) for line in lines]
    heights = [scale.height(end) for end in ends]
    apart = 1.35 * SMALL / _points(axes)
    if len(heights) == 2 and abs(heights[0] - heights[1]) < apart:
        middle = sum(heights) / 2
        up = apart / 2 if heights[0] >= heights[1] else -apart / 2
        heights = [middle + up, middle - up]
    for line, end, height in zip(lines, ends, heights, strict=True):
        text = f"{line.label} {scale.end_label(end)}".strip()
        axes.annotate(
            text,
            (1, height),
            xycoords="axes fraction",
            xytext=(7, 0),
            textcoords="offset points",
            color=line.color,
            size=SMALL,
            va="center_baseline",
        )


def _points(axes: Axes) -> float:
    """Return the height of axes in points."""
    return axes.bbox.height / DPI / POINT


def _epoch_axis(panels: list[Axes], epochs: NDArray[Any], start: float) -> None:
    first, last = (float(epochs[0]), float(epochs[-1])) if len(epochs) else (1.0, 1.0)
    room = (last - start) * 0.015 or 0.5
    for axes in panels:
        axes.set_xlim(start - room, last + room)
        axes.xaxis.set_major_locator(FixedLocator(epoch_ticks(first, last)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        axes.tick_params(axis="x", length=3, labelbottom=axes is panels[-1])
    panels[-1].set_xlabel("epoch")


def _mark(panels: list[Axes], epoch: float, values: Sequence[float], color: str, split: str) -> None:
    """Mark the epoch that was kept: a ring on a line of each panel, and what the ring means above the accuracy."""
    for axes, value in zip(panels, values, strict=True):
        axes.axvline(epoch, color=color, linewidth=0.8, linestyle=(0, (1, 3)), zorder=1)
        (ring,) = axes.plot([epoch], [value], color=color, marker="o", markersize=8, clip_on=False)
        ring.set(markerfacecolor="none", markeredgewidth=1.3)
    panels[1].annotate(
        f"\N{WHITE CIRCLE} kept: the weights after epoch {epoch:.0f}, {split} {percent(values[1])}",
        (1, 1),
        xycoords="axes fraction",
        xytext=(0, 8),
        textcoords="offset points",
        color=color,
        size=SMALL,
        ha="right",
        va="baseline",
    )
