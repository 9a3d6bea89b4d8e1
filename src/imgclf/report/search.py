"""Picture of a sweep: accuracy by each key, and by any two."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from imgclf.report.line_plot import format_number
from imgclf.report.style import (
    BLUE,
    DPI,
    INK,
    MARGIN,
    MUTED,
    POINT,
    SMALL,
    VERMILION,
    add_axes,
    class_labels,
    legible,
    new_figure,
    styled,
    text_width,
)
from imgclf.sweep.results import Candidate, indistinguishable

MOST_KEYS = 6  # one panel each
WRITTEN = 40  # candidates; with more, their accuracies would fill the picture
_LEFT, _WIDTH, _RIGHT = 0.95, 6.3, 0.5  # inches
_GAP, _NAME, _PANEL, _AXIS, _MAP = 0.42, 0.22, 1.7, 0.62, 3.6
_TINY = 6.5  # points
MOST_TICKS = 8  # with more values, ticks are round numbers
_FEW_DECADES = 100.0  # largest / smallest
_FEWEST_FOR_LOG = 10.0  # largest / smallest value of a key
_DOT, _SMALL_DOT = 9.0, 5.0  # points
_BESIDE, _AT_MOST = 5.0, 40.0  # points between candidates of one value, and all of them
_SHADES = ListedColormap(colormaps["Blues"](np.linspace(0.15, 0.95, 256)))


@styled()
def search_picture(ranked: Sequence[Candidate], title: str) -> Figure:
    """Draw the candidates of a sweep, the best first: val accuracy on the plane of any two keys, and by key.

    Candidates that diverged have no accuracy; those that halving stopped have that of fewer epochs.
    """
    swept = [key for key in ranked[0].values if len({_name(one.values[key]) for one in ranked}) > 1]
    keys = swept[:MOST_KEYS] or list(ranked[0].values)[:1]
    planes = list(combinations(keys, 2))
    height = len(planes) * (_GAP + _NAME + _MAP + _AXIS) + len(keys) * (_GAP + _PANEL + _AXIS) + MARGIN
    finished = [one for one in ranked if one.status == "finished"]
    ranked = [*finished, *(one for one in ranked if one.status != "finished")]
    ringed = finished[: indistinguishable(finished)]
    advice = _advice(ranked, ringed, swept, len(planes))
    figure, top = new_figure(title, advice, _LEFT + _WIDTH + _RIGHT, height)
    for x, y in planes:
        _draw_plane(add_axes(figure, _LEFT, top + _GAP + _NAME, _WIDTH, _MAP), x, y, ranked, ringed)
        top += _GAP + _NAME + _MAP + _AXIS
    for key in keys:
        _draw_key(add_axes(figure, _LEFT, top + _GAP, _WIDTH, _PANEL), key, ranked, ringed)
        top += _GAP + _PANEL + _AXIS
    return figure


def _advice(ranked: Sequence[Candidate], ringed: Sequence[Candidate], keys: Sequence[str], planes: int) -> str:
    words = ["A dot is a choice of values that was tried; where there is none, nothing is known."]
    if planes:
        words.append("The darker blue, the better.")
    if ringed:
        best = ranked[0]
        values = ", ".join(f"{key} {_written(best.values[key])}" for key in keys)
        words.append(f"Orange: the best, {100 * best.accuracy:.1f}%{f' by {values}' * bool(values)}.")
    if len(ringed) > 1:
        look = "Ringed, below with dark bars" if planes else "Dark bars"
        words.append(f"{look}: as good, as far as {ranked[0].n:,} validation images can tell.")
    if any(one.status == "paused" for one in ranked):
        words.append("Small: stopped early by halving.")
    if any(one.status == "diverged" for one in ranked):
        words.append("Crosses: diverged.")
    return " ".join(words)


def _draw_plane(axes: Axes, x: str, y: str, ranked: Sequence[Candidate], ringed: Sequence[Candidate]) -> None:
    """Draw a dot for each candidate, the darker the better."""
    across = _scaled(axes.xaxis, axes.set_xscale, [one.values[x] for one in ranked], _WIDTH)
    up = _scaled(axes.yaxis, axes.set_yscale, [one.values[y] for one in ranked])
    right = [one.accuracy for one in ranked if one.status != "diverged"]
    shade = Normalize(min(right, default=0), max(right, default=1))
    for i in reversed(range(len(ranked))):  # the best on top
        one = ranked[i]
        if one.status == "diverged":
            axes.plot(across[i], up[i], "x", color=MUTED, markersize=6)
            continue
        axes.plot(
            across[i], up[i], "o", clip_on=False, markersize=_DOT if one.status == "finished" else _SMALL_DOT,
            color=VERMILION if i == 0 else _SHADES(shade(one.accuracy)),
            markeredgecolor=INK if one in ringed else "white", markeredgewidth=1.1 if one in ringed else 0.5,
        )  # fmt: skip
    axes.grid()
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(0.07)
    axes.set_xlabel(legible(x))
    axes.set_ylabel(f"\N{UPWARDS ARROW} {legible(y)}", rotation=0, ha="left", va="bottom")
    axes.yaxis.set_label_coords(0, 1.02)
    axes.set_title("val accuracy in %", pad=8 + _NAME / POINT)
    if len(ranked) <= WRITTEN:
        _write_accuracies(axes, [(across[i], up[i]) for i in range(len(ranked))], ranked)


def _write_accuracies(axes: Axes, places: Sequence[tuple[float, float]], ranked: Sequence[Candidate]) -> None:
    """Write the accuracy beside each dot, the best first, where no text and no other dot is; else not at all."""
    axes.autoscale_view()
    centers = axes.transData.transform(places) / DPI / POINT
    taken = [(x - _DOT / 2, y - _DOT / 2, x + _DOT / 2, y + _DOT / 2) for x, y in centers]
    written = set()
    for one, place, (x, y) in zip(ranked, places, centers, strict=True):
        if one.status == "diverged" or place in written:
            continue
        written.add(place)  # by the best one there
        text = f"best {100 * one.accuracy:.1f}" if one is ranked[0] else f"{100 * one.accuracy:.1f}"
        width = text_width(text, _TINY) / POINT
        for right, above in product((True, False), repeat=2):
            left, bottom = x + (6 if right else -6 - width), y + (2 if above else -2 - _TINY)
            box = (left, bottom, left + width, bottom + _TINY)
            if not any(_overlap(box, other) for other in taken):
                axes.annotate(text, place, xytext=(left - x, bottom - y), color=INK, size=_TINY,
                              textcoords="offset points")  # fmt: skip
                taken.append(box)
                break


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Tell whether two boxes (left, bottom, right, top) share more than a border."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _draw_key(axes: Axes, key: str, ranked: Sequence[Candidate], ringed: Sequence[Candidate]) -> None:
    """Draw the accuracy of each candidate, with its interval, over one key; those of one value beside each other."""
    places = _scaled(axes.xaxis, axes.set_xscale, [one.values[key] for one in ranked], _WIDTH)
    crowd, seen = Counter(places), Counter[float]()
    for i in reversed(range(len(ranked))):
        one = ranked[i]
        if one.status == "diverged":
            axes.plot(places[i], 0.02, "x", color=MUTED, markersize=5, transform=axes.get_xaxis_transform())
            continue
        last, nth = crowd[places[i]] - 1, seen[places[i]]
        seen[places[i]] += 1
        aside = (nth - last / 2) * min(_BESIDE, _AT_MOST / max(last, 1))
        beside = axes.transData + ScaledTranslation(aside * POINT, 0, axes.figure.dpi_scale_trans)
        strong = one in ringed
        color = VERMILION if i == 0 else BLUE
        axes.vlines(
            places[i], *one.interval, color=color, linewidth=1.4, alpha=0.8 if strong else 0.35, transform=beside
        )
        size = 4.5 if one.status == "finished" else 2.5
        axes.plot(places[i], one.accuracy, "o", color=color, markersize=size, alpha=1 if strong else 0.5,
                  transform=beside)  # fmt: skip
        axes.update_datalim([(places[i], limit) for limit in one.interval])
    axes.grid(axis="y")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    axes.margins(x=0.05)
    axes.autoscale_view()
    axes.set_xlabel(legible(key))
    axes.set_title(f"val accuracy by {legible(key)}, with its 95% interval")


def _scaled(
    axis: Axis, set_scale: Callable[[str], Any], values: Sequence[Any], width: float | None = None
) -> list[float]:
    """Return the places of values on an axis: numbers by their size, or its logarithm; other values by their names.

    width   that names share, in inches; None: each has the margin
    """
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        if min(values) > 0 and max(values) >= _FEWEST_FOR_LOG * min(values):
            set_scale("log")
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if max(values) < _FEW_DECADES * min(values) else (1,)))
            axis.set_minor_locator(NullLocator())
        if len(set(values)) <= MOST_TICKS:
            axis.set_ticks(sorted(set(values)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
        return [float(value) for value in values]
    names = sorted({_name(value) for value in values})
    room = width / len(names) if width else _LEFT
    axis.set_ticks(range(len(names)), class_labels(names, room - 0.15, SMALL))
    return [float(names.index(_name(value))) for value in values]


def _name(value: object) -> str:
    return "null" if value is None else str(value)


def _written(value: object) -> str:
    return format_number(value) if isinstance(value, float) else _name(value)
