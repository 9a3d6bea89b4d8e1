"""Growth of an epoch with images, pixels, classes and batch size."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from contenders import settings
from epochs import in_turn
from growth_plot import Panel, draw
from images import Images
from ours import epochs, kernels, plan_of
from results import fenced, paragraph, picture

from imgclf.arrays import FloatArray
from imgclf.cli.console import table
from imgclf.report.style import png_bytes

ROUNDS = 3
STANDARD = {"N": 10_000, "size": 32, "C": 10, "batch": 256}


@dataclass(frozen=True)
class Axis:
    """A variable, its values, and the least value at which it dominates the time: from there the slope is taken.

    What the least value takes is what does not grow; at 3,072 numbers an image that is still two fifths of the time.
    """

    name: str
    values: Sequence[int]
    vary: Callable[[int], dict[str, int]]
    dominates: int | None = None

    @property
    def key(self) -> str:
        """The letter or the word before the comma."""
        return self.name.partition(",")[0]


def axes() -> list[Axis]:
    """Return what is varied; the rest stays as in STANDARD."""
    return [
        Axis("N, images", (1000, 2000, 5000, 10_000, 20_000, 50_000), lambda n: {"N": n}, 5000),
        Axis("D, numbers an image", (48, 192, 768, 3072, 6912, 12_288, 27_648), lambda d: {"size": side(d)}, 6912),
        Axis("C, classes", (2, 10, 30, 100, 300, 1000), lambda c: {"C": c}, 100),
        Axis("batch, images a step", (16, 64, 256, 1024, 4096), lambda n: {"batch": n}),
    ]


def side(numbers: int) -> int:
    """Return the height of a square color image with this many numbers."""
    return isqrt(numbers // 3)


def measure_growth(images: Images) -> str:
    """Time an epoch at every point of every axis, draw them, and describe them."""
    panels = [panel(axis, times(axis, images)) for axis in axes()]
    file = picture("growth")
    advice = f"The time of one epoch of imgclf while one thing varies; {rest()}."
    file.write_bytes(png_bytes(draw(panels, "How the time of an epoch grows", advice)))
    return describe(panels, file.name)


def rest() -> str:
    """Describe the settings that stay fixed."""
    return (
        f"the others stay at N = {STANDARD['N']:,}, D = {STANDARD['size'] ** 2 * 3:,}, C = {STANDARD['C']} and batches"
        f" of {STANDARD['batch']}"
    )


def times(axis: Axis, images: Images) -> dict[str, FloatArray]:
    """Time the points of an axis in turn, (k,) seconds for each kernel."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        ways = {}
        for value in axis.values:
            chosen = {**STANDARD, **axis.vary(value)}
            file = reshaped(images, chosen["N"], chosen["size"], chosen["C"]).save(Path(folder, "images.npz"))
            train = plan_of(file).train
            file.unlink()
            for kernel in kernels():
                own = epochs(stack, train, Path(folder), f"train.kernel={kernel}", *settings(chosen["batch"]))
                (ways[kernel, value],) = own.values()
        found = in_turn(ways, f"growth with {axis.key}", ROUNDS)
    return {kernel: np.array([found[kernel, value].median for value in axis.values]) for kernel in kernels()}


def reshaped(images: Images, n: int, size: int, classes: int) -> Images:
    """Cut the same pixels into n images of another size; classes are assigned in turn."""
    numbers = n * size * size * 3
    pixels = np.resize(images.pixels, numbers) if numbers > images.pixels.size else images.pixels.ravel()[:numbers]
    y = images.y[:n] if classes == images.classes and size == 32 else np.arange(n) % classes
    return Images(pixels.reshape(n, size, size, 3), y, classes)


def panel(axis: Axis, found: dict[str, FloatArray]) -> Panel:
    """Find the slopes over the upper points: least squares in powers of ten."""
    x, slopes = np.array(axis.values, float), {}
    if axis.dominates is not None:
        upper = x >= axis.dominates
        slopes = {name: float(np.polyfit(np.log10(x[upper]), np.log10(y[upper]), 1)[0]) for name, y in found.items()}
    return Panel(axis.name, x, found, slopes, axis.dominates)


def describe(panels: list[Panel], file: str) -> str:
    """Return the slopes and the points."""
    slopes = [
        [
            f"{panel.name.partition(',')[0]} from {panel.dominates:,} on",
            *(f"{panel.slopes[name]:.2f}" for name in kernels()),
        ]
        for panel in panels
        if panel.slopes
    ]
    points = [
        "\n".join(
            table(
                [panel.name, *(f"{value:,.0f}" for value in panel.x)],
                [[f"{name}, seconds", *(f"{y:.4f}" for y in line)] for name, line in panel.lines.items()],
            )
        )
        for panel in panels
    ]
    return (
        "## 6. Growth\n\n"
        + paragraph(
            f"The time of an epoch of imgclf while one thing varies; {rest()}, on the threads that it takes by itself."
            f" The pixels are those of the images, cut to size. Medians of {ROUNDS} rounds, the points of a table in"
            " turn."
        )
        + fenced("\n\n".join(points))
        + paragraph("Slopes, time as a power of what varies, where that dominates:")
        + fenced(*table(["with", *kernels()], slopes))
        + f"![Time of an epoch against each of the four, in powers of ten]({file})"
    )
