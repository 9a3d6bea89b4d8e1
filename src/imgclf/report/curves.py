"""Learning curves: loss, accuracy, update ratio and step size by epoch."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from imgclf.arrays import FloatArray, IntArray
from imgclf.errors import plural
from imgclf.metrics import wilson_interval
from imgclf.report.line_plot import format_number, label_ends, line_axes, say_empty
from imgclf.report.style import BLUE, MARGIN, MUTED, SMALL, VERMILION, new_figure, styled

LEAST_SPAN = 1e-3  # of a loss: on a narrower axis, rounding and noise would fill the panel
LOG_SPAN = 1000.0  # largest / smallest loss: beyond it, a linear axis shows only the largest
LOG_LOSS = 1e5  # no loss of a sound run
LAST_DECADE = 308  # of a float64
USUAL_RATIO = 1e-3  # of the change of W to W, in one step: a rule of thumb for a good step size

_COLORS = {"train": BLUE, "val": VERMILION}
_STEPS = "Faint: the batch of each step."
_ADVICE = {
    "train": "train: the mean over an epoch, drawn in its middle.",
    "val": "val: after the epoch, on what is never trained on; the band is a 95% interval.",
}
_LEFT, _WIDTH, _LABELS = 0.85, 6.3, 1.05  # inches
_GAP, _HEIGHTS, _EPOCHS = 0.42, (2.0, 2.0, 0.9, 0.6), 0.38
_MARKED = 30  # epochs; with more, the markers would hide the line
_FEW = 200  # steps; with more, their line is thin and pale
_DASHES = (0, (4, 2))


class Seen(NamedTuple):
    """A loss, and an accuracy."""

    loss: float
    accuracy: float


@styled()
def curves(
    metrics: Mapping[str, Sequence[float | None]],
    title: str,
    steps_per_epoch: int,
    *,
    guess: Seen | None = None,
    steps: tuple[IntArray, FloatArray] | None = None,
    start: Mapping[str, Seen] | None = None,
    val_images: int = 0,
    kept_epoch: int | None = None,
    first_step_size: float | None = None,
) -> Figure:
    """Draw the columns of metrics.csv and the losses of steps.csv, one panel above the other on one epoch axis.

    A cell without a finite number is a gap in its line; without any val cell there is no val line. What is measured
    in training is a mean over an epoch, and drawn in its middle. The epoch whose weights early stopping kept is
    marked; without it the last weights are kept, and nothing is. The loss is on a log scale when a linear one could
    not show it.

    guess             the loss of equal scores, and the accuracy of always naming the largest class
    steps             numbers of steps and the losses of their batches
    start             loss and accuracy before the first step, by split
    val_images        the number that val/accuracy is a share of
    first_step_size   that of step 0: metrics.csv has only those of the epochs' last steps
    """
    table = {name: _finite(column) for name, column in metrics.items()}
    epochs = table["epoch"]
    has_val = np.isfinite([table["val/loss"], table["val/accuracy"]]).any()
    splits = ["train", "val"] if has_val else ["train"]
    numbers, losses = (np.zeros(0), np.zeros(0)) if steps is None else (steps[0] / steps_per_epoch, _finite(steps[1]))
    last = max(epochs.max(initial=0), numbers.max(initial=0)) or 1

    advice = " ".join([*([_STEPS] if len(numbers) else []), *(_ADVICE[split] for split in splits if len(epochs))])
    height = (_GAP + sum(_HEIGHTS) + _GAP * len(_HEIGHTS)) + _EPOCHS + MARGIN - _GAP
    figure, top = new_figure(title, advice, _LEFT + _WIDTH + _LABELS + MARGIN, height)
    panels = []
    for panel in _HEIGHTS:
        panels.append(line_axes(figure, _LEFT, top + _GAP, _WIDTH, panel))
        top += panel + _GAP
    loss, accuracy, ratio, step_size = panels

    width, alpha = (1.1, 0.5) if len(numbers) <= _FEW else (0.7, 0.35)
    label = "_steps" if len(epochs) else "step"
    loss.plot(numbers, losses, color=BLUE, linewidth=width, alpha=alpha, label=label)
    band = _band(accuracy, epochs, table["val/accuracy"], val_images) if has_val and val_images else np.zeros(0)
    for axes, what, simplest in ((loss, "loss", "guessing"), (accuracy, "accuracy", "majority")):
        if guess is not None:
            _dash(axes, getattr(guess, what), simplest)
        for split in splits:
            before = start.get(split) if start else None
            _plot_split(axes, epochs, table[f"{split}/{what}"], split, before and getattr(before, what))
        if start:
            origin = getattr(start["train"], what)
            axes.plot([0], [origin], color=MUTED, marker="o", markersize=4.5, label="_start", clip_on=False, zorder=3)
    ratios = np.where(table["update_ratio"] > 0, table["update_ratio"], np.nan)
    _plot(ratio, epochs, ratios, MUTED, " ")
    starts = [] if first_step_size is None else [first_step_size]
    _plot(step_size, np.append(np.zeros(len(starts)), epochs), np.append(starts, table["step_size"]), MUTED, " ")
    for axes in panels:
        if not any(np.isfinite(line.get_ydata()).any() for line in axes.lines if line.get_linestyle() == "-"):
            say_empty(axes)
    for axes in panels:
        axes.set_xlim(-0.015 * last, 1.015 * last)
        _tick_epochs(axes, last, steps_per_epoch)
        axes.tick_params(axis="x", labelbottom=axes is step_size)
    an_epoch = plural(steps_per_epoch, "step")
    step_size.set_xlabel(f"epoch of {an_epoch}" if last >= 1 else f"step; an epoch has {an_epoch}")
    fit_loss(loss)
    fit_accuracy(accuracy, band)
    _fit_ratio(ratio)
    _fit_step_size(step_size)
    for row in np.flatnonzero(epochs == kept_epoch):
        values = [table[f"{splits[-1]}/{what}"][row] for what in ("loss", "accuracy")]
        _mark([loss, accuracy], epochs[row], values, splits[-1])
    return figure


def _finite(column: Sequence[float | None] | FloatArray) -> FloatArray:
    values = np.array(column, dtype=np.float64)  # None becomes nan
    return np.where(np.isfinite(values), values, np.nan)


def _plot(axes: Axes, epochs: FloatArray, values: FloatArray, color: str, label: str) -> None:
    marker = "o" if len(epochs) <= _MARKED + 1 else ""
    axes.plot(epochs, values, color=color, label=label, marker=marker, markersize=3.2, linewidth=1.6, clip_on=False)


def _plot_split(axes: Axes, epochs: FloatArray, values: FloatArray, split: str, before: float | None) -> None:
    """Draw a column of a split, from the value before the first step on, if it has any values."""
    x = epochs - (0.5 if split == "train" else 0)
    if before is not None:
        x, values = np.append(0, x), np.append(before, values)
    if np.isfinite(values[x > 0]).any():
        _plot(axes, x, values, _COLORS[split], split)


def _dash(axes: Axes, value: float, label: str) -> None:
    axes.axhline(value, color=MUTED, linewidth=0.8, linestyle=_DASHES, label=label, zorder=1)


def _band(axes: Axes, epochs: FloatArray, accuracy: FloatArray, n: int) -> FloatArray:
    """Draw the interval of each accuracy, a share of n images; return the ends of all."""
    seen = np.isfinite(accuracy)
    low, high = np.array([wilson_interval(share * n, n) for share in accuracy[seen].tolist()]).T
    if len(low) == 1:  # a band without width
        axes.vlines(epochs[seen], low, high, color=VERMILION, alpha=0.25, linewidth=5, clip_on=False)
    axes.fill_between(epochs[seen], low, high, color=VERMILION, alpha=0.14, linewidth=0)
    return np.concatenate([low, high])


def _tick_epochs(axes: Axes, last: float, steps_per_epoch: int) -> None:
    """Put ticks at whole epochs, or at whole steps before the end of the first."""
    locator = MaxNLocator(10, integer=True, steps=[1, 2, 5, 10])
    if last >= 1:
        axes.xaxis.set_major_locator(locator)
        return
    numbers = [number for number in locator.tick_values(0, last * steps_per_epoch) if number >= 0]
    axes.set_xticks([number / steps_per_epoch for number in numbers], [f"{number:,.0f}" for number in numbers])


def fit_loss(axes: Axes) -> None:
    """Scale the axis to the losses: linear, or logarithmic if they span too much."""
    low, high = _span(axes)
    if low > 0 and (high / low > LOG_SPAN or high >= LOG_LOSS):
        axes.set_title("loss (log scale)")
        _fit_powers(axes, low, high)
    else:
        axes.set_title("loss")
        room = max(0.08 * (high - low), LEAST_SPAN * high / 2) or 0.1
        _ticks(axes, low - room, high + room, 5, lambda value: format_number(value, 6))
    label_ends(axes, lambda value: format_number(value, 4))


def _fit_powers(axes: Axes, low: float, high: float, most: int = 6) -> None:
    """Make the axis logarithmic, with ticks at powers of ten."""
    # A little room, or a point at a power of ten would lie on the frame.
    first = max(math.floor(math.log10(low) - 0.05), 1 - LAST_DECADE)
    last = min(math.ceil(math.log10(high) + 0.05), LAST_DECADE)
    axes.set_ylim(10.0**first, 10.0**last)
    axes.set_yscale("log")
    powers = [10.0**power for power in range(first, last + 1, math.ceil((last - first) / most))]
    axes.set_yticks(powers, [format_number(power) for power in powers])
    axes.yaxis.set_minor_locator(NullLocator())


def fit_accuracy(axes: Axes, band: FloatArray | None = None) -> None:
    """Scale the axis to accuracies and a band, in percent, at least 5 points high, or noise would fill the panel."""
    axes.set_title("accuracy")
    low, high = _span(axes)
    if band is not None:
        low, high = band.min(initial=low), band.max(initial=high)
    room = max(0.08 * (high - low), (0.05 - (high - low)) / 2)
    _ticks(axes, max(low - room, 0), min(high + room, 1), 5, lambda value: f"{100 * value:g}%")
    label_ends(axes, _format_percent)


def _fit_ratio(axes: Axes) -> None:
    axes.set_title("update ratio (log scale)")
    note = "|change of W| / |W| in the last step of an epoch"
    axes.set_title(note, loc="right", color=MUTED, size=SMALL, weight="normal")
    _dash(axes, USUAL_RATIO, "usual")
    _fit_powers(axes, *_span(axes), most=3)
    label_ends(axes, lambda value: format_number(value, 2))


def _fit_step_size(axes: Axes) -> None:
    axes.set_title("step size")
    _ticks(axes, 0, 1.12 * _span(axes)[1] or 1, 2, format_number)
    label_ends(axes, format_number)


def _span(axes: Axes) -> tuple[float, float]:
    """Return the smallest and the largest value of the lines."""
    values = np.concatenate([np.zeros(0), *(np.atleast_1d(np.asarray(line.get_ydata())) for line in axes.lines)])
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
    place = epoch - (0.5 if split == "train" else 0)
    for axes, value in zip(panels, values, strict=True):
        axes.axvline(place, color=color, linewidth=0.8, linestyle=(0, (1, 3)), zorder=1)
        (ring,) = axes.plot([place], [value], color=color, marker="o", markersize=8, clip_on=False)
        ring.set(markerfacecolor="none", markeredgewidth=1.3)
    note = f"\N{WHITE CIRCLE} kept: the weights after epoch {epoch:.0f}, {split} {_format_percent(values[1])}"
    panels[1].set_title(note, loc="right", color=color, size=SMALL, weight="normal")
