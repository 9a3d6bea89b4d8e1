"""Pictures of lessons: panels of lines below each other."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from imgclf.lessons.lesson import Panel, Panels
from imgclf.report.comparison import COLORS
from imgclf.report.line_plot import format_number, label_ends, line_axes, say_empty
from imgclf.report.style import MARGIN, MUTED, SMALL, new_figure, styled, text_width

_LEFT, _WIDTH = 0.75, 5.6  # inches
_GAP, _HEIGHT, _AXIS, _NUMBER = 0.5, 2.2, 0.5, 0.6


@styled()
def draw_panels(picture: Panels) -> Figure:
    """Draw panels below each other; a line's name is beside it, with its last value where that is to be seen."""
    beside = max(text_width(name, SMALL) for panel in picture.panels for name in panel.lines) + _NUMBER
    height = len(picture.panels) * (_GAP + _HEIGHT + _AXIS) + MARGIN
    figure, top = new_figure(picture.title, picture.advice, _LEFT + _WIDTH + beside + MARGIN, height)
    for panel in picture.panels:
        _draw(line_axes(figure, _LEFT, top + _GAP, _WIDTH, _HEIGHT), panel)
        top += _GAP + _HEIGHT + _AXIS
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title)
    axes.set_xlabel(panel.across)
    for axis, name in ((axes.xaxis, "x"), (axes.yaxis, "y")):
        if name in panel.log:
            axes.set(**{f"{name}scale": "log"})
            axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
            axis.set_minor_locator(NullLocator())
    seen = False
    for i, (name, (x, y)) in enumerate(panel.lines.items()):
        values = np.asarray(y, np.float64)
        values = np.where(np.isfinite(values) & (("y" not in panel.log) | (values > 0)), values, np.nan)
        seen |= bool(np.isfinite(values).any())
        style = "o" if panel.markers or len(values) < 2 else ""
        # Of lines that coincide, the later is the thinner: so all are seen.
        axes.plot(x, values, color=COLORS[i % len(COLORS)], label=name, marker=style, markersize=4,
                  linewidth=2.6 * 0.8**i)  # fmt: skip
    if not seen:
        say_empty(axes)
    for text, place in panel.marks.items():
        axes.axvline(place, color=MUTED, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.annotate(text, (place, 1), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points",
                      va="top", size=SMALL, color=MUTED)  # fmt: skip
    if panel.limits is not None:  # a line may end outside of them
        axes.set_ylim(*panel.limits)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, labelcolor="linecolor", fontsize=SMALL)
    else:
        axes.autoscale_view()  # or labels would be placed on other axes than those that are drawn
        label_ends(axes, format_number)
