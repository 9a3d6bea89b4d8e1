"""Learning curves of the page, as lines in SVG.

A panel's lines are in thousandths of its width and height, stretched to any size; its words are placed by shares of
them, so that they stay as large as other words on a phone, too.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

UNIT = 1000
LOG_SPAN = 100.0  # largest / smallest value: beyond it, a linear axis shows only the largest
LEAST_SPAN = 0.05  # of an accuracy: on a narrower axis, noise would fill the panel
STEPS_DRAWN = 1000  # more than pixels
BAND = " The band is where the accuracy of the model may lie: 95 % of such intervals hold the truth."


class Line(NamedTuple):
    """A line: `points` for <polyline>, the name of what it shows, and its value at the end."""

    kind: str
    points: str
    name: str
    value: str
    top: float


class Level(NamedTuple):
    """A horizontal line at a share of the height, with its label."""

    top: float
    text: str


class Dot(NamedTuple):
    """A circle at shares of the width and of the height: a line of one point, or the ring around the kept epoch."""

    kind: str
    left: float
    top: float


class Series(NamedTuple):
    """Measured values: the kind and the name of their line, and what a reader should know of it."""

    kind: str
    name: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    advice: str = ""

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points with a finite value."""
        return [(x, y) for x, y in zip(self.xs, self.ys, strict=False) if y is not None and math.isfinite(y)]


class Panel(NamedTuple):
    """A plot of lines over learning steps.

    alone  the sentence that takes the place of a plot of a single value; "": there are more
    """

    title: str
    advice: str
    alone: str
    lines: list[Line]
    dots: list[Dot]
    ticks: list[Level]
    levels: list[Level]
    band: tuple[float, float] | None
    labels: list[Line]


def panels(about: dict[str, Any]) -> list[Panel]:
    """Return the panels of a run: loss, accuracy, update ratio, step size; none for what was not measured."""
    epochs, last = about["epochs"], last_step(about)
    ends = epochs.get("step", [])
    middles = [(start + end) / 2 for start, end in zip([0, *ends], ends, strict=False)]
    result, guess = about.get("result"), about["guess"]
    steps = about["steps"]
    stride = max(1, len(steps["step"]) // STEPS_DRAWN)
    kept = dict(zip(epochs.get("epoch", []), ends, strict=False)).get(about.get("kept_epoch"))
    ring = "" if kept is None else f" Ring: epoch {about['kept_epoch']:g}, which early stopping kept."
    band = result["interval"] if result and result["split"] == "val" else None

    def from_guessing(xs: Sequence[float], ys: Sequence[float | None]) -> tuple[list[float], list[float | None]]:
        return ([0, *xs], [guess["accuracy"], *ys]) if Series("", "", xs, ys).points else ([], [])

    loss = _panel(
        "Loss",
        f"Dotted: guessing.{ring}",
        [
            Series("steps", "", steps["step"][::stride], steps["loss"][::stride], "Faint: the loss of single batches."),
            Series("train", "train", middles, epochs.get("train/loss", []),
                   "Blue: its mean over an epoch, drawn in the middle of the epoch."),
            Series("val", "val", ends, epochs.get("val/loss", []),
                   "Orange: after the epoch, on images that are never trained on."),
        ],
        last,
        lambda value: f"{value:.4g}",
        levels=[(guess["loss"], "guessing")],
        kept=kept,
    )  # fmt: skip
    accuracy = _panel(
        "Accuracy",
        f"Dotted: guessing.{ring}" + (BAND if band else ""),
        [
            Series("train", "train", *from_guessing(middles, epochs.get("train/accuracy", [])), "Blue: train."),
            Series("val", "val", *from_guessing(ends, epochs.get("val/accuracy", [])), "Orange: val."),
        ],
        last,
        lambda value: f"{100 * value:.1f}\N{NARROW NO-BREAK SPACE}%",
        levels=[(guess["accuracy"], "guessing")],
        band=band,
        most=1.0,
        kept=kept,
    )  # fmt: skip
    ratio = _panel(
        "Update ratio",
        "The length of a step over that of the weights: near 0.001 is a common rule of thumb.",
        [Series("train", "", ends, epochs.get("update_ratio", []))],
        last,
        lambda value: f"{value:.2g}",
        levels=[(1e-3, "0.001")],
        log=True,
    )
    step_size = _panel(
        "Step size",
        "What the schedule asked for.",
        [Series("train", "", ends, epochs.get("step_size", []))],
        last,
        lambda value: f"{value:.3g}",
        least=0.0,
        log=False,
    )
    return [panel for panel in (loss, accuracy, ratio, step_size) if panel is not None]


def last_step(about: dict[str, Any]) -> int:
    """Return the last step that was measured, at least 1."""
    measured = [*about["epochs"].get("step", [])[-1:], *about["steps"]["step"][-1:]]
    return max([1, *(int(step) for step in measured if step)])


def _panel(
    title: str,
    advice: str,
    series: Sequence[Series],
    last: int,
    write: Callable[[float], str],
    *,
    levels: Sequence[tuple[float | None, str]] = (),
    band: Sequence[float] | None = None,
    least: float | None = None,
    most: float | None = None,
    log: bool | None = None,
    kept: float | None = None,
) -> Panel | None:
    """Scale lines to a panel; None without a single finite value.

    log   whether the axis is logarithmic; None: if the lines span too much
    kept  the step on the line of val that gets a ring; None: there is none
    """
    series = [one for one in series if one.points]
    seen = [y for one in series for _, y in one.points]
    if not seen:
        return None
    if len(seen) == 1:
        ((step, value),) = series[0].points
        alone = f"Only one value was measured: {write(value)}, at step {step:,.0f}."
        return Panel(title, "", alone, [], [], [], [], None, [])
    guides = [(value, text) for value, text in levels if value is not None]
    shown = [*seen, *(value for value, _ in guides), *(band or ())]
    low, high = min([*shown, *([] if least is None else [least])]), max(shown)
    if log is None:
        log = most is None and min(seen) > 0 and high / min(seen) > LOG_SPAN
    if log:
        low = min((value for value in shown if value > 0), default=1e-9)
        scaled, ticks = _log_axis(low, max(high, low * 10))
        title += ", log scale"
    else:
        scaled, ticks = _linear_axis(low, high, most)
    lines = [
        Line(one.kind, _points(one.points, last, scaled), one.name, write(one.points[-1][1]), scaled(one.points[-1][1]))
        for one in series
    ]
    dots = [Dot(one.kind, *one.points[0]) for one in series if len(one.points) == 1]
    dots += [Dot("ring", x, y) for one in series if one.kind == "val" for x, y in one.points if x == kept]
    return Panel(
        title,
        " ".join([*(one.advice for one in series if one.advice), advice]),
        "",
        lines,
        [Dot(dot.kind, dot.left / last, scaled(dot.top)) for dot in dots],
        [Level(scaled(value), write(value) if log or most is None else f"{100 * value:g} %") for value in ticks],
        [Level(scaled(value), text) for value, text in guides],
        None if band is None else (scaled(band[1]), scaled(band[0])),
        _apart([line for line in lines if line.kind != "steps"]),
    )


def _points(points: Sequence[tuple[float, float]], last: int, scaled: Callable[[float], float]) -> str:
    return " ".join(f"{UNIT * x / last:.1f},{UNIT * scaled(y):.1f}" for x, y in points)


def _linear_axis(low: float, high: float, most: float | None) -> tuple[Callable[[float], float], list[float]]:
    """Return the share of the height, from the top, of a value, and some four round values."""
    span = max(high - low, LEAST_SPAN if most is not None else 1e-3 * abs(high), 1e-12)
    room = 0.06 * span
    bottom, top = low - room, min(high + room, most) if most is not None else high + room
    top = max(top, bottom + span)
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 4.5)
    ticks = [k * step for k in range(math.ceil(bottom / step), math.floor(top / step) + 1)]
    return lambda value: (top - value) / (top - bottom), ticks


def _log_axis(low: float, high: float) -> tuple[Callable[[float], float], list[float]]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)

    def scaled(value: float) -> float:
        return min(1.0, (last - math.log10(max(value, 10.0**first))) / (last - first))

    return scaled, [10.0**power for power in range(first, last + 1, math.ceil((last - first) / 5))]


def _apart(lines: Sequence[Line], least: float = 0.11) -> list[Line]:
    """Move the labels at the ends of lines apart, so that none covers another."""
    placed: list[Line] = []
    room = 1 - least * (len(lines) - 1)
    for line in sorted(lines, key=lambda line: line.top):
        top = max(line.top, placed[-1].top + least) if placed else line.top
        placed.append(line._replace(top=min(top, room + least * len(placed))))
    return placed
