"""Picture of the numerical gradient's error by step size."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from imgclf.arrays import FloatArray
from imgclf.gradcheck.step_sizes import ErrorCurve
from imgclf.report.line_plot import format_number, line_axes
from imgclf.report.style import BLUE, DPI, INK, MARGIN, MUTED, SMALL, VERMILION, legible, new_figure, styled, text_width

_ADVICE = "A large step h misses the bend of the loss, a small one is dominated by rounding: the best lies in between."
_FLAT_ADVICE = (
    "This loss is piecewise linear: a large step h errs where it crosses a kink, a small one is dominated by rounding."
)
_BOUND_ADVICE = " Dashed: the largest error that the exhaustive check lets pass."
# Green is of Okabe and Ito too. The markers tell the lines apart where colors do not.
_LOOKS = ((BLUE, "o"), (VERMILION, "s"), ("#009e73", "^"), (INK, "D"))
_BOUND = "bound of the exhaustive check"

_LEFT, _WIDTH, _HEIGHT, _STEPS = 0.75, 5.4, 3.8, 0.42  # inches
_GAP, _SAMPLE = 0.42, 0.6  # above the axes; of a line beside its name


@styled()
def step_curve(series: Sequence[ErrorCurve], title: str, floor: float | None = None, *, flat: bool = False) -> Figure:
    """Draw the largest error of the gradient against the step it was found with, on log scales: one V per series.

    One to four series. An error of exactly 0 has a row of its own below all others, one that is not finite is a gap.
    Beside the first series lie guides as steep as truncation (h**2; none if the loss is flat, that is piecewise
    linear) and round-off (1/h), where it has such a branch. floor, the bound of the exhaustive check, is a line across.
    The first lines of the axes are the series, in order, each in two parts: log10 of its errors, and its exact zeros.
    """
    if not 1 <= len(series) <= len(_LOOKS):
        raise ValueError(f"there are {len(series)} series, not 1 to {len(_LOOKS)}")
    # In powers of ten guides are straight, and no number is too large to draw.
    xs, ys = [np.log10(one.steps) for one in series], [_exponents(one.errors) for one in series]
    bounds = _exponents(np.array([] if floor is None else [floor]))
    left, right = _decades(np.concatenate(xs), (-10, 0), at_least=1)
    # At least four decades, or noise would fill the axes.
    low, high = _decades(np.concatenate([*ys, bounds]), (-16, 0), at_least=4)
    zero = low - (high - low) / 10  # the row of what is exactly 0
    has_zero = np.isneginf(np.concatenate([*ys, bounds])).any()

    names = [
        f"{legible(one.name)}: no finite value" if np.isnan(y).all() else legible(one.name)
        for one, y in zip(series, ys, strict=True)
    ]
    beside = max(text_width(name, SMALL) for name in [*names, _BOUND]) + _SAMPLE
    height = _GAP + _HEIGHT + _STEPS + MARGIN
    advice = (_FLAT_ADVICE if flat else _ADVICE) + _BOUND_ADVICE * (floor is not None)
    figure, top = new_figure(title, advice, _LEFT + _WIDTH + beside + MARGIN, height)
    axes = line_axes(figure, _LEFT, top + _GAP, _WIDTH, _HEIGHT)
    axes.set_title("largest error of the gradient")
    axes.set_xlabel("step size h: largest change of a score")
    span = high - low
    axes.set_xlim(left - 0.03 * (right - left), right + 0.03 * (right - left))
    axes.set_ylim((zero if has_zero else low) - 0.06 * span, high + 0.06 * span)
    columns, rows = _powers(left, right), _powers(low, high)
    if has_zero:
        rows[zero] = "0"
    axes.set_xticks(list(columns), list(columns.values()))
    axes.set_yticks(list(rows), list(rows.values()))
    _draw(axes, xs, ys, names, zero)
    _guides(axes, xs[0], ys[0], flat)
    for bound in bounds:
        axes.axhline(max(bound, zero), color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=1, label=_BOUND)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, labelcolor="linecolor", fontsize=SMALL)
    return figure


def _exponents(values: FloatArray) -> FloatArray:
    """Return log10 of values >= 0: -inf for 0, nan for values that are not finite."""
    with np.errstate(divide="ignore"):
        return np.log10(np.where(np.isfinite(values), values, np.nan), dtype=np.float64)


def _decades(exponents: FloatArray, default: tuple[int, int], at_least: int) -> tuple[int, int]:
    """Return the integer exponents around these, at least `at_least` apart."""
    finite = exponents[np.isfinite(exponents)]
    # log10 is not exact: 1e-5 must not need the decade below it.
    low, high = (math.floor(finite.min() + 1e-9), math.ceil(finite.max() - 1e-9)) if finite.size else default
    return low, max(high, low + at_least)


def _powers(low: int, high: int) -> dict[float, str]:
    """Choose ticks from one exponent to another, and write the powers of ten at them."""
    powers = range(low, high + 1, math.ceil((high - low) / 8))
    return {power: format_number(10.0**power) if abs(power) < 5 else f"1e{power}" for power in powers}


def _draw(axes: Axes, xs: list[FloatArray], ys: list[FloatArray], names: list[str], zero: float) -> None:
    """Draw each line, and its errors of exactly 0 separately."""
    for i, (x, y, name, (color, marker)) in enumerate(zip(xs, ys, names, _LOOKS, strict=False)):
        # Not joined: on a log scale, a line from an error to 0 has no length that means anything.
        parts = np.column_stack([np.where(np.isneginf(y), np.nan, y), np.where(np.isneginf(y), zero, np.nan)])
        lines = axes.plot(x, parts, color=color, marker=marker, label=[name, "_exact"])
        # Of lines that coincide, the later is the thinner: so all are seen.
        for line in lines:
            line.set(linewidth=2.8 * 0.72**i, markersize=6.5 * 0.72**i, markeredgewidth=0)


def _guides(axes: Axes, x: FloatArray, y: FloatArray, flat: bool) -> None:
    """Draw a guide beside each branch of a line, with the slope it should have."""
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if not y.size:
        return
    best = int(y.argmin())
    branches = [(-1, "round-off, like 1/h", x <= x[best]), (2, "truncation, like h²", x >= x[best])]
    for slope, text, branch in branches[:1] if flat else branches:
        # One that climbs less than a decade is noise, and has no slope to compare.
        if y[branch].max() >= y[best] + 1:
            _guide(axes, slope, text, x[branch], y[branch])


def _guide(axes: Axes, slope: int, text: str, x: FloatArray, y: FloatArray) -> None:
    """Draw a straight line a little below a branch, as far as the axes reach, and its name below it."""
    low, high = axes.get_ylim()
    # The median: the error of a huge step grows no more, and a kink may throw one point far off.
    level = np.median(y - slope * x) - 0.05 * (high - low)
    bottom, top = sorted([(low - level) / slope, (high - level) / slope])
    ends = np.array([x.min(), x.max()]).clip(bottom, top)
    across, up = np.diff(axes.transData.transform(np.column_stack([ends, slope * ends + level])), axis=0)[0] / DPI
    if math.hypot(across, up) < text_width(text, SMALL):
        return
    axes.plot(ends, slope * ends + level, color=MUTED, linewidth=0.8, zorder=1)
    axes.text(
        ends.mean(),
        slope * ends.mean() + level - 0.02 * (high - low),
        text,
        color=MUTED,
        size=SMALL,
        ha="center",
        va="top",
        rotation=math.degrees(math.atan(slope)),
        rotation_mode="anchor",
        transform_rotates_text=True,
        path_effects=[withStroke(linewidth=2, foreground="white")],  # other lines may pass under it
    )
