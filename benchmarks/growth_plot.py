"""Plot growth: a log-log panel per variable, a line per program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from imgclf.arrays import FloatArray
from imgclf.report.line_plot import format_number, line_axes
from imgclf.report.style import (
    BLUE,
    BODY,
    INK,
    MARGIN,
    MUTED,
    POINT,
    SMALL,
    VERMILION,
    add_axes,
    add_text,
    new_figure,
    styled,
    text_width,
)

_COLUMNS, _WIDTH, _HEIGHT = 3, 2.45, 1.9  # of a panel, inches
_LEFT, _ACROSS, _DOWN = 0.72, 0.62, 1.0
_NAME, _FOUND = 28 * POINT, 14 * POINT  # above a panel
_ROOM = 0.12  # beside the outermost points
_DASHED = (0, (4, 2))
_COLORS = {"plain": "#e69f00", "blocks": BLUE, "compiled": VERMILION, "torch": "#009e73"}  # of Okabe and Ito, too
_OTHERS = "#cc79a7", INK, "#56b4e9"


@dataclass(frozen=True)
class Panel:
    """One thing varied: its values x (k,), and the seconds (k,) of each program.

    Slopes by program, and from where on they were taken. Time rises with x, or else falls with it at best.
    """

    name: str
    x: FloatArray
    lines: Mapping[str, FloatArray]
    slopes: Mapping[str, float] = field(default_factory=dict)
    dominates: int | None = None
    falls: bool = False


@styled()
def draw(panels: Sequence[Panel], title: str, advice: str) -> Figure:
    """Draw the panels row by row, all with the same scale of time, and a key after the last."""
    rows = -(-(len(panels) + 1) // _COLUMNS)
    width = _LEFT + _COLUMNS * _WIDTH + (_COLUMNS - 1) * _ACROSS + MARGIN
    seconds = np.concatenate([line for panel in panels for line in panel.lines.values()])
    limits = float(seconds.min()) / 1.5, float(seconds.max()) * 1.5
    below = 0.75 + rows * _HEIGHT + (rows - 1) * _DOWN + 0.3 + MARGIN
    figure, top = new_figure(title, advice, width, below)
    corners = [
        (_LEFT + column * (_WIDTH + _ACROSS), top + 0.75 + row * (_HEIGHT + _DOWN))
        for row in range(rows)
        for column in range(_COLUMNS)
    ]
    colors = _colors(panels[0].lines)
    for panel, (left, upper) in zip(panels, corners, strict=False):
        _title(figure, panel, colors, left, upper)
        _panel(line_axes(figure, left, upper, _WIDTH, _HEIGHT), panel, colors, limits)
    _key(figure, panels, colors, *corners[len(panels)])
    return figure


def _colors(names: Mapping[str, Any]) -> dict[str, str]:
    others = iter(_OTHERS)
    return {name: _COLORS.get(name) or next(others) for name in names}


def _title(figure: Figure, panel: Panel, colors: Mapping[str, str], left: float, top: float) -> None:
    add_text(figure, left, top - _NAME, panel.name, weight="bold", va="center")
    for i, (name, slope) in enumerate(panel.slopes.items()):
        text = f"slope {slope:.2f}" if i == 0 else f"{slope:.2f}"
        add_text(figure, left, top - _FOUND, text, color=colors[name], size=SMALL, va="center")
        left += text_width(text, SMALL) + 8 * POINT


def _panel(axes: Axes, panel: Panel, colors: Mapping[str, str], limits: tuple[float, float]) -> None:
    stretch = (panel.x[-1] / panel.x[0]) ** (_ROOM / (_WIDTH - 2 * _ROOM))
    axes.set(xscale="log", yscale="log", xlim=(panel.x[0] / stretch, panel.x[-1] * stretch), ylim=limits)
    _ticks(axes, panel, limits)
    ends = np.array([panel.x[0] / stretch, panel.x[-1] * stretch])
    for name, line in panel.lines.items():
        if panel.falls:
            axes.plot(ends, line[0] * panel.x[0] / ends, color=MUTED, linewidth=0.6, linestyle=_DASHED, zorder=1)
        elif panel.slopes:
            axes.plot(ends, line[-1] * ends / panel.x[-1], color=MUTED, linewidth=0.6, linestyle=_DASHED, zorder=1)
        axes.plot(panel.x, line, color=colors[name], linewidth=1.6, zorder=3)
        for x, y in zip(panel.x, line, strict=True):
            axes.plot([x], [y], **_point(colors[name], filled=x >= (panel.dominates or 0)))


def _point(color: str, *, filled: bool) -> dict[str, Any]:
    return {
        "marker": "o",
        "color": color,
        "markersize": 4.5,
        "markerfacecolor": color if filled else "white",
        "markeredgewidth": 1.2,
        "zorder": 4,
    }


def _ticks(axes: Axes, panel: Panel, limits: tuple[float, float]) -> None:
    least, most = limits
    steps = (1, 2, 5) if most < 100 * least else (1,)
    decades = range(int(np.floor(np.log10(least))), int(np.ceil(np.log10(most))))
    seconds = [value for power in decades for step in steps if least <= (value := step * 10.0**power) <= most]
    axes.set_yticks(seconds, [f"{format_number(value)} s" for value in seconds])
    axes.set_xticks(panel.x, _labels(panel.x))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())


def _labels(x: FloatArray) -> list[str]:
    """Name as many of the values as have room beside the next one that is named, from the last on."""
    inches = (np.log10(x) - np.log10(x[0])) / np.log10(x[-1] / x[0]) * (_WIDTH - 2 * _ROOM)
    labels: list[str] = []
    free = np.inf
    for place_of, value in zip(inches[::-1], x[::-1], strict=True):
        half = text_width(f"{value:,.0f}", SMALL) / 2
        fits = place_of + half < free
        labels.append(f"{value:,.0f}" if fits else "")
        free = place_of - half - 5 * POINT if fits else free
    return labels[::-1]


def _key(figure: Figure, panels: Sequence[Panel], colors: Mapping[str, str], left: float, top: float) -> None:
    """Draw the legend in place of a panel."""
    axes = add_axes(figure, left, top, _WIDTH, _HEIGHT)
    axes.set_axis_off()
    axes.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0))
    lines: dict[str, dict[str, Any]] = {name: {"color": color, "linewidth": 1.6} for name, color in colors.items()}
    if any(panel.slopes for panel in panels):
        lines["the slope is taken over these"] = _point(INK, filled=True)
        lines["here other things take the time"] = _point(INK, filled=False)
    falls = any(panel.falls for panel in panels)
    text = "twice the threads, half the time" if falls else "slope 1, to compare with"
    lines[text] = {"color": MUTED, "linewidth": 0.9, "linestyle": _DASHED}
    for i, (text, look) in enumerate(lines.items()):
        height = 0.1 + i * 1.8 * BODY * POINT
        axes.plot([0.14] if "marker" in look else [0, 0.28], [height] * (1 if "marker" in look else 2), **look)
        axes.text(0.38, height, text, size=SMALL, color=INK, va="center_baseline")
