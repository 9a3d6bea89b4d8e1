"""Learning curves: loss, accuracy and step size by epoch."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from imgclf.arrays import FloatArray
from imgclf.report.line_plot import format_number, label_ends, line_axes
from imgclf.report.style import BLUE, MARGIN, MUTED, SMALL, VERMILION, new_figure, styled

LEAST_SPAN = 1e-3  # of a loss: on a narrower axis, rounding and noise would fill the panel
LOG_SPAN = 1000.0  # largest / smallest loss: beyond it, a linear axis shows only the largest
LOG_LOSS = 1e5  # no loss of a sound run
LAST_DECADE = 308  # of a float64

_COLORS = {"train": BLUE, "val": VERMILION}
_ADVICE = {
    "train": "train: mean over the epoch, during training.",
    "val": "val: after the epoch, on images that are never trained on.",
}
_LEFT, _WIDTH, _LABELS = 0.85, 6.3, 0.9  # inches
_GAP, _TALL, _LOW, _EPOCHS = 0.42, 2.0, 0.75, 0.38
_MARKED = 30  # epochs; with more, the markers would hide the line


@styled()
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
    table = {name: _finite(column) for name, column in metrics.items()}
    epochs, step_sizes = table["epoch"], table["step_size"]
    has_val = np.isfinite([table["val/loss"], table["val/accuracy"]]).any()
    splits = ["train", "val"] if has_val else ["train"]

    advice = " ".join(_ADVICE[split] for split in splits)
    height = _GAP + 2 * (_TALL + _GAP) + _LOW + _EPOCHS + MARGIN
    figure, top = new_figure(title, advice, _LEFT + _WIDTH + _LABELS + MARGIN, height)
    tops = top + _GAP + np.array([0, _TALL + _GAP, 2 * (_TALL + _GAP)])
    loss, accuracy, step_size = (
        line_axes(figure, _LEFT, *panel) for panel in zip(tops, [_WIDTH] * 3, (_TALL, _TALL, _LOW), strict=True)
    )
    for split in splits:
        _plot(loss, epochs, table[f"{split}/loss"], _COLORS[split], split)
        _plot(accuracy, epochs, table[f"{split}/accuracy"], _COLORS[split], split)
    starts = [] if first_step_size is None else [first_step_size]
    _plot(step_size, np.append(np.zeros(len(starts)), epochs), np.append(starts, step_sizes), MUTED)
    last = max(epochs, default=1)
    for axes in (loss, accuracy, step_size):
        axes.set_xlim(-0.015 * last, 1.015 * last)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]))
        axes.tick_params(axis="x", labelbottom=axes is step_size)
    step_size.set_xlabel("epoch")
    _fit_loss(loss)
    _fit_accuracy(accuracy)
    _fit_step_size(step_size)
    for row in np.flatnonzero(epochs == kept_epoch):
        values = [table[f"{splits[-1]}/{what}"][row] for what in ("loss", "accuracy")]
        _mark([loss, accuracy], epochs[row], values, splits[-1])
    return figure


def _finite(column: Sequence[float | None]) -> FloatArray:
    values = np.array(column, dtype=np.float64)  # None becomes nan
    return np.where(np.isfinite(values), values, np.nan)


def _plot(axes: Axes, epochs: FloatArray, values: FloatArray, color: str, label: str = "") -> None:
    marker = "o" if len(epochs) <= _MARKED else ""
    axes.plot(epochs, values, color=color, label=label, marker=marker, markersize=3.2, linewidth=1.6, clip_on=False)


def _fit_loss(axes: Axes) -> None:
    """Scale the axis to the losses: linear, or logarithmic if they span too much."""
    low, high = _span(axes)
    if low > 0 and (high / low > LOG_SPAN or high >= LOG_LOSS):
        axes.set_title("loss (log scale)")
        # A little room, or a point at a power of ten would lie on the frame.
        first = max(math.floor(math.log10(low) - 0.05), 1 - LAST_DECADE)
        last = min(math.ceil(math.log10(high) + 0.05), LAST_DECADE)
        axes.set_ylim(10.0**first, 10.0**last)
        axes.set_yscale("log")
        powers = [10.0**power for power in range(first, last + 1, math.ceil((last - first) / 6))]
        axes.set_yticks(powers, [format_number(power) for power in powers])
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_title("loss")
        room = max(0.08 * (high - low), LEAST_SPAN * high / 2) or 0.1
        _ticks(axes, low - room, high + room, 5, lambda value: format_number(value, 6))
    label_ends(axes, lambda value: format_number(value, 4))


def _fit_accuracy(axes: Axes) -> None:
    """Scale the axis to the accuracies, in percent, at least 5 points high, or noise would fill the panel."""
    axes.set_title("accuracy")
    low, high = _span(axes)
    room = max(0.08 * (high - low), (0.05 - (high - low)) / 2)
    _ticks(axes, max(low - room, 0), min(high + room, 1), 5, lambda value: f"{100 * value:g}%")
    label_ends(axes, _format_percent)


def _fit_step_size(axes: Axes) -> None:
    axes.set_title("step size")
    _ticks(axes, 0, 1.12 * _span(axes)[1] or 1, 2, format_number)
    label_ends(axes, format_number)


def _span(axes: Axes) -> tuple[float, float]:
    """Return the smallest and the largest value of the lines."""
    values = np.concatenate([np.asarray(line.get_ydata()) for line in axes.lines])
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _ticks(axes: Axes, low: float, high: float, wanted: int, write: Callable[[float], str]) -> None:
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(MaxNLocator(wanted, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))


def _format_percent(value: float) -> str:
    """Format a fraction as a percentage that distinguishes 8361 of 10000 from 8362: 83.61%."""
    return f"{value:.2%}"


def _mark(panels: list[Axes], epoch: float, values: list[float], split: str) -> None:
    """Mark the epoch whose weights were kept with a ring in each panel, explained above the accuracy."""
    color = _COLORS[split]
    for axes, value in zip(panels, values, strict=True):
        axes.axvline(epoch, color=color, linewidth=0.8, linestyle=(0, (1, 3)), zorder=1)
        (ring,) = axes.plot([epoch], [value], color=color, marker="o", markersize=8, clip_on=False)
        ring.set(markerfacecolor="none", markeredgewidth=1.3)
    note = f"\N{WHITE CIRCLE} kept: the weights after epoch {epoch:.0f}, {split} {_format_percent(values[1])}"
    panels[1].set_title(note, loc="right", color=color, size=SMALL, weight="normal")
