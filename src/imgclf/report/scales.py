"""Vertical axes of learning curves: limits, scale and ticks."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

LEAST_SPAN = 1e-3  # of a loss: on a narrower axis, rounding and noise would fill the panel
LOG_SPAN = 1000.0  # largest / smallest loss: beyond it, a linear axis shows only the largest
LOG_LOSS = 1e5  # no loss of a sound run
LAST_DECADE = 308  # of a float64


@dataclass(frozen=True)
class Scale:
    """A vertical axis: its limits and ticks, how a tick is written, and how the value a line ends with."""

    low: float
    high: float
    ticks: list[float]
    tick_label: Callable[[float], str]
    end_label: Callable[[float], str]
    log: bool = False

    def apply(self, axes: Axes) -> None:
        """Give axes this scale."""
        if self.log:
            axes.set_yscale("log")
        axes.set_ylim(self.low, self.high)
        axes.yaxis.set_major_locator(FixedLocator(self.ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: self.tick_label(value)))

    def height(self, value: float) -> float:
        """Return how far up the axis a value is: 0 at its low end, 1 at its high end."""
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return (value - low) / (high - low)


def loss_scale(values: NDArray[Any]) -> Scale:
    """Fit the losses; on a log scale if they span more than a linear one can show."""
    low, high = _span(values, 0.0, 1.0)
    if low > 0 and (high / low > LOG_SPAN or high >= LOG_LOSS):
        return _log_scale(low, high)
    room = (high - low) * 0.08 or high * 0.1 or 0.1
    room = max(room, (LEAST_SPAN * high - (high - low)) / 2)
    low, high = low - room, high + room
    ticks = _ticks(low, high, 5)
    digits = _digits(ticks)
    return Scale(
        low, high, ticks, partial(number, digits=digits), lambda value: f"{value:#.{digits}g}".removesuffix(".")
    )


def accuracy_scale(values: NDArray[Any]) -> Scale:
    """Fit the accuracies 0..1, written in percent; at least 5% are shown, or noise would fill the panel."""
    low, high = _span(values, 0.0, 1.0)
    room = max((high - low) * 0.08, (0.05 - (high - low)) / 2)
    low, high = max(low - room, -0.02), min(high + room, 1.02)
    ticks = [tick for tick in _ticks(low, high, 5) if 0 <= tick <= 1]
    return Scale(low, high, ticks, lambda value: f"{round(100 * value, 2):g}%", percent)


def step_size_scale(values: NDArray[Any]) -> Scale:
    """Fit the step sizes, from 0."""
    high = _span(values, 0.0, 0.0)[1] or 1.0
    low, high = -0.08 * high, 1.12 * high
    return Scale(low, high, [tick for tick in _ticks(low, high, 2) if tick >= 0], number, number)


def epoch_ticks(first: float, last: float) -> list[float]:
    """Choose whole numbers from the first epoch to the last; the first is always one of them."""
    if first == last:
        return [first]
    ticks = MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]).tick_values(first, last)
    return [first, *(float(tick) for tick in ticks if first + (last - first) / 20 < tick <= last)]


def number(value: float, digits: int = 3) -> str:
    """Write up to three digits: 0.41, 12.3, 1e30; or more of them."""
    written, e, power = f"{value:.{digits}g}".partition("e")
    return written + (f"e{int(power)}" if e else "")


def percent(value: float) -> str:
    """Write a share as a percentage that tells 8361 of 10000 from 8362: 83.61%."""
    return f"{value:.2%}"


def _span(values: NDArray[Any], low: float, high: float) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (low, high)


def _log_scale(low: float, high: float) -> Scale:
    # A little room, or a point at a power of ten would lie on the frame.
    first = max(math.floor(math.log10(low) - 0.05), -LAST_DECADE + 1)
    last = min(math.ceil(math.log10(high) + 0.05), LAST_DECADE)
    every = math.ceil((last - first) / 6)
    ticks = [10.0**power for power in range(first, last + 1, every)]
    return Scale(10.0**first, 10.0**last, ticks, number, number, log=True)


def _digits(ticks: list[float]) -> int:
    """Return how many digits tell neighbouring ticks apart, at least three."""
    return next(n for n in range(3, 18) if n == 17 or len({number(tick, n) for tick in ticks}) == len(ticks))


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    ticks = MaxNLocator(wanted, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    # A tick at the very bottom would draw its line over the axis.
    return [float(tick) for tick in ticks if low + (high - low) / 50 < tick <= high]
