"""Picture of the numerical gradient's error by step size."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from imgclf.arrays import FloatArray
from imgclf.gradcheck.step_sizes import ErrorCurve
from imgclf.report.scales import number
from imgclf.report.style import (
    BLUE,
    INK,
    MARGIN,
    MUTED,
    POINT,
    RULE,
    SMALL,
    VERMILION,
    Heading,
    legible,
    place,
    sheet,
    styled,
    text_width,
)

_ADVICE = (
    "Too large a step cuts off the bend of the loss, and too small a one drowns in rounding: the best lies in between."
)
_FLAT_ADVICE = (
    "This loss is straight between its kinks: a large step errs where it crosses one, a small one drowns in rounding."
)
# Green is of Okabe and Ito too. The markers tell the lines apart where colours do not.
_LOOKS = ((BLUE, "o"), (VERMILION, "s"), ("#009e73", "^"), (INK, "D"))

_LEFT, _WIDTH, _HEIGHT, _STEPS = 0.75, 5.4, 3.8, 0.42  # inches; _WIDTH without the names
_GAP, _ROOM, _MARK, _APART = 0.42, 0.15, 0.2, 0.1
_SPILL = 0.3  # above and below the lines: half the height of four names
_FLOOR = "bound of the\nexhaustive check"


@dataclass(frozen=True)
class _Line:
    """A series in powers of ten, sorted by step: in them guides are straight, and no number is too large to draw."""

    name: str
    color: str
    marker: str
    x: FloatArray  # (k,) log10 of the steps
    y: FloatArray  # (k,) log10 of the errors: nan where there is no finite number, -inf for exactly 0

    @classmethod
    def of(cls, series: ErrorCurve, color: str, marker: str) -> "_Line":
        steps, errors = series.steps.astype(np.float64), series.errors.astype(np.float64)
        if steps.ndim != 1 or steps.shape != errors.shape:
            raise ValueError(f"{series.name}: steps {steps.shape} and errors {errors.shape} are not both (k,)")
        if not (np.isfinite(steps) & (steps > 0)).all() or (errors < 0).any():
            raise ValueError(f"{series.name}: a step must be finite and above 0, an error at least 0")
        order = np.argsort(steps, kind="stable")
        with np.errstate(divide="ignore"):
            y = np.log10(np.where(np.isfinite(errors), errors, np.nan)[order])
        return cls(legible(series.name), color, marker, np.log10(steps[order]), y)

    @property
    def label(self) -> str:
        return f"{self.name}: no finite value" if np.isnan(self.y).all() else self.name


@dataclass(frozen=True)
class _Decades:
    """An axis from one power of ten to another: their exponents, and how far they are apart in inches."""

    low: int
    high: int
    inches: float

    @classmethod
    def of(cls, exponents: FloatArray, default: tuple[int, int], inches: float, at_least: int = 1) -> "_Decades":
        finite = exponents[np.isfinite(exponents)]
        # log10 is not exact: 1e-5 must not need the decade below it.
        low, high = (math.floor(finite.min() + 1e-9), math.ceil(finite.max() - 1e-9)) if finite.size else default
        return cls(low, max(high, low + at_least), inches)

    def of_inches(self, inches: float) -> float:
        return inches * (self.high - self.low) / self.inches

    def ticks(self) -> dict[float, str]:
        powers = range(self.low, self.high + 1, math.ceil((self.high - self.low) / 8))
        return {power: number(10.0**power) if abs(power) < 5 else f"1e{power}" for power in powers}


@dataclass(frozen=True)
class _Plot:
    """Axes in powers of ten, and where on them the errors of exactly 0 lie."""

    axes: Axes
    xs: _Decades
    ys: _Decades
    zero: float

    @property
    def left(self) -> float:
        return self.xs.low - self.xs.of_inches(_ROOM)

    @property
    def right(self) -> float:
        return self.xs.high + self.xs.of_inches(_ROOM)

    def write(self, x: float, y: float, text: str, color: str, **how: Any) -> Text:
        label = self.axes.text(x, y, text, color=color, size=SMALL, **how)
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])  # other lines may pass under it
        return label


def step_curve(series: Sequence[ErrorCurve], title: str, floor: float | None = None, *, flat: bool = False) -> Figure:
    """Draw the largest error of the gradient by the step it was found with, both as powers of ten: a V a series.

    One to four series. An error of exactly 0 has a row of its own below all others, one that is not finite is a gap.
    Beside the first series lie guides as steep as truncation (h**2; none if the loss is flat, that is piecewise
    linear) and round-off (1/h), where it has such a branch. floor, the bound of the exhaustive check, is a line across.
    The first lines of the axes are the series, in order: log10 of the steps and of the errors.
    """
    if not 1 <= len(series) <= len(_LOOKS):
        raise ValueError(f"there are {len(series)} series, not 1 to {len(_LOOKS)}")
    if floor is not None and not 0 <= floor < math.inf:
        raise ValueError(f"floor is {floor}, but a bound is finite and at least 0")
    lines = [_Line.of(one, *look) for one, look in zip(series, _LOOKS, strict=False)]
    floors = [] if floor is None else [math.log10(floor) if floor else -math.inf]
    with styled():
        return _draw(lines, title, floors, flat)


def _draw(lines: list[_Line], title: str, floors: list[float], flat: bool) -> Figure:
    steps, errors = np.concatenate([line.x for line in lines]), np.concatenate([*(line.y for line in lines), floors])
    row = 0.35 if np.isneginf(errors).any() else 0.0  # inches
    xs = _Decades.of(steps, (-10, 0), _WIDTH - 2 * _ROOM)
    # At least four decades, or noise would fill the axes.
    ys = _Decades.of(errors, (-16, 0), _HEIGHT - 2 * _SPILL - row, at_least=4)
    # At large steps all methods are one line, at small ones they are not: so the names stand at the left.
    names = max(text_width(line.label, SMALL) for line in lines) + _MARK
    right = max(text_width(part, SMALL) for part in _FLOOR.split("\n")) + _MARK if floors else 0
    width = _LEFT + names + _WIDTH + right + MARGIN
    heading = Heading(title, _FLAT_ADVICE if flat else _ADVICE, width - 2 * MARGIN)
    top = MARGIN + heading.height + _GAP

    figure = sheet(width, top + _HEIGHT + _STEPS + MARGIN)
    heading.write(figure)
    axes = place(figure, _LEFT, top, names + _WIDTH, _HEIGHT)
    plot = _Plot(axes, xs, ys, ys.low - ys.of_inches(row))
    axes.set_xlim(plot.left - xs.of_inches(names), plot.right)
    axes.set_ylim(plot.zero - ys.of_inches(_SPILL), ys.high + ys.of_inches(_SPILL))
    _axes(axes, xs.ticks(), {plot.zero: "0"} | ys.ticks() if row else ys.ticks())
    axes.set_xlabel("step: the most that it moves a score", x=(names + _WIDTH / 2) / (names + _WIDTH))
    _lines(plot, lines)
    _name_lines(plot, lines)
    _guides(plot, lines[0], flat)
    for height in floors:
        _bound(plot, max(height, plot.zero))
    return figure


def _axes(axes: Axes, columns: Mapping[float, str], rows: Mapping[float, str]) -> None:
    axes.set_xticks(list(columns), list(columns.values()))
    axes.set_yticks(list(rows), list(rows.values()))
    # Above the axis, where it can be read without turning the head.
    axes.set_ylabel("largest error of the gradient", rotation=0, ha="left", va="baseline", weight="bold")
    axes.yaxis.set_label_coords(0, 1 + 8 * POINT / _HEIGHT)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=3)


def _lines(plot: _Plot, lines: list[_Line]) -> None:
    above = [np.where(np.isfinite(line.y), line.y, np.nan) for line in lines]
    # Not joined to the others: a line from an error to none would fall by so many decades, which nobody knows.
    exact = [np.where(np.isneginf(line.y), plot.zero, np.nan) for line in lines]
    for i, (line, y) in enumerate(zip(lines * 2, above + exact, strict=True)):
        # Of lines that coincide, the later is the thinner: so all are seen.
        size = 0.72 ** (i % len(lines))
        (drawn,) = plot.axes.plot(line.x, y, color=line.color, marker=line.marker, linewidth=2.8 * size)
        drawn.set(markersize=6.5 * size, markeredgewidth=0)


def _name_lines(plot: _Plot, lines: list[_Line]) -> None:
    """Write each line's name at its left end, with its marker, moved apart where they would overlap."""
    top = float(plot.ys.high)
    starts = [next((max(y, plot.zero) for y in line.y.tolist() if not math.isnan(y)), top) for line in lines]
    heights = _spread(starts, plot.ys.of_inches(1.35 * SMALL * POINT))
    beside = plot.left - plot.xs.of_inches(_MARK / 2)
    for line, height in zip(lines, heights, strict=True):
        label = plot.write(beside, height, line.label, line.color, ha="right", va="center_baseline")
        label.set_bbox({"facecolor": "white", "linewidth": 0, "pad": 1})  # else the grid strikes it through
        plot.axes.plot([plot.left], [height], color=line.color, marker=line.marker, markersize=4)


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places as little as possible (least squares), so that they are a gap apart and keep their order."""
    order = np.argsort(places, kind="stable")
    # Less their gaps, the places need only not fall: that is isotonic regression, here by its max-min formula.
    free = np.asarray(places)[order] - gap * np.arange(len(places))
    moved = [0.0] * len(places)
    for i, which in enumerate(order):
        means = [min(free[j : k + 1].mean() for k in range(i, len(free))) for j in range(i + 1)]
        moved[which] = float(max(means) + gap * i)
    return moved


def _guides(plot: _Plot, line: _Line, flat: bool) -> None:
    """Draw beside each branch of a line what it should be parallel to."""
    x, y = line.x[np.isfinite(line.y)], line.y[np.isfinite(line.y)]
    if not y.size:
        return
    best = int(y.argmin())
    branches = [(-1, "round-off, like 1/h", slice(None, best)), (2, "truncation, like h²", slice(best + 1, None))]
    for slope, text, branch in branches[:1] if flat else branches:
        # One that climbs less than a decade is noise, and has no slope to compare.
        if y[branch].max(initial=-math.inf) >= y[best] + 1:
            # The median: the error of a huge step grows no more, and a kink may throw one point far off.
            level = float(np.median(y[branch] - slope * x[branch]))
            ends = np.append(x[branch], x[best])
            _guide(plot, (slope, level), (float(ends.min()), float(ends.max())), text)


def _guide(plot: _Plot, straight: tuple[float, float], ends: tuple[float, float], text: str) -> None:
    """Draw y = slope * x + level a little below itself, as far as the axes reach; and below it, what it is."""
    slope, level = straight
    angle = math.atan(slope * plot.xs.of_inches(1) / plot.ys.of_inches(1))  # on paper
    level -= plot.ys.of_inches(_APART) / math.cos(angle)
    bottom, top = sorted((height - level) / slope for height in (plot.ys.low, plot.ys.high))
    left, right = max(ends[0], bottom), min(ends[1], top)
    if (right - left) / plot.xs.of_inches(1) / math.cos(angle) < text_width(text, SMALL):
        return
    plot.axes.plot([left, right], [slope * left + level, slope * right + level], color=MUTED, linewidth=0.8, zorder=1)
    middle, below = (left + right) / 2, 3 * POINT
    where = middle + plot.xs.of_inches(below * math.sin(angle)), -plot.ys.of_inches(below * math.cos(angle))
    label = plot.write(where[0], slope * middle + level + where[1], text, MUTED, ha="center", va="top")
    label.set(rotation=math.degrees(angle), rotation_mode="anchor")


def _bound(plot: _Plot, height: float) -> None:
    ends = [plot.left, plot.right]
    plot.axes.plot(ends, [height, height], color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    plot.write(plot.right + plot.xs.of_inches(_MARK / 2), height, _FLOOR, MUTED, va="center")
