"""Time an epoch of each program, in turn and in rounds, so that load on the machine affects all."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import numpy as np
import sklearn
from contenders import COUNTS, FLOOR, L2, SLOW, Contenders, contenders, of
from growth_plot import Panel, draw
from images import Images
from ours import kernels
from results import Ratio, fenced, here, paragraph, picture, progress
from threadpoolctl import threadpool_limits

from imgclf.cli.console import table
from imgclf.errors import plural
from imgclf.report.style import png_bytes

ROUNDS = 5
# For `compiled`: two cores without AVX-512, with it; 16 cores.
OVER_PYTORCH = {256: (0.45, 0.65, 1.0), 1024: (0.45, 0.6, 1.0)}
OVER_FLOOR = 1.5, 1.5, None
ALL_OVER_FEWER = 1.1
SVM_OVER_SOFTMAX = 0.8

Key = TypeVar("Key")


class Spread(NamedTuple):
    """Seconds of the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, seconds: list[float]) -> "Spread":
        """Summarize the rounds."""
        return cls(median(seconds), min(seconds), max(seconds))


Times = dict[str, dict[int, Spread]]  # of a program, by the number of threads


def measure_epochs(images: Images) -> tuple[str, list[Ratio]]:
    """Time everyone's epoch on each number of threads; describe and draw it, and compare."""
    # BLAS on one thread: so imgclf wants it, so the floor has it; PyTorch brings its own, which this does not touch.
    with (
        TemporaryDirectory() as folder,
        threadpool_limits(limits=1, user_api="blas"),
        sklearn.config_context(assume_finite=True),
        ExitStack() as stack,
    ):
        everyone = contenders(images, Path(folder), stack)
        times = {batch: time_all(those, f"epochs in batches of {batch:,}") for batch, those in everyone.items()}
    file = picture("threads")
    file.write_bytes(png_bytes(draw([panel(*of_batch) for of_batch in times.items()], TITLE, ADVICE)))
    return describe(times, file.name), ratios(times)


def time_all(those: Contenders, what: str) -> Times:
    """Time each program on each number of threads, in turn."""
    found = in_turn({(name, n): way for name, ways in those.items() for n, way in ways.items()}, what, ROUNDS)
    return {name: {threads: found[name, threads] for threads in ways} for name, ways in those.items()}


def in_turn(ways: Mapping[Key, Callable[[], object]], what: str, rounds: int) -> dict[Key, Spread]:
    """Time each way once a round, after a round that does not count; every other round in the opposite order."""
    times: dict[Key, list[float]] = {key: [] for key in ways}
    for number in range(rounds + 1):
        progress(f"{what}: round {number} of {rounds}" if number else f"{what}: warm-up")
        for key, way in list(ways.items())[:: -1 if number % 2 else 1]:
            began = time.perf_counter()
            way()
            times[key].append(time.perf_counter() - began)
    return {key: Spread.of(found[1:]) for key, found in times.items()}


def fastest(times: Times, *, loops: bool = False) -> Spread:
    """Return the least median; with `loops`, that of PyTorch's loops on what is in memory already."""
    chosen = [of_name for name, of_name in times.items() if not loops or is_loop(name)]
    return min((spread for of_name in chosen for spread in of_name.values()), key=lambda spread: spread.median)


def is_loop(name: str) -> bool:
    """Whether a program is one of PyTorch's loops."""
    return name.startswith("PyTorch") and not any(word in name for word in SLOW)


def ratios(times: dict[int, Times]) -> list[Ratio]:
    """Compare imgclf, on the threads that it takes by itself, with the fastest of the others' ways."""
    found = []
    for batch, those in times.items():
        what, taken = f"an epoch, batches of {batch:,}", {kernel: taken_by(those[of(kernel)]) for kernel in kernels()}

        def over(other: float, taken: dict[str, Spread] = taken) -> dict[str, float]:
            return {kernel: spread.median / other for kernel, spread in taken.items()}

        found.append(
            Ratio(
                f"{what}, over PyTorch's fastest", over(fastest(those, loops=True).median), here(*OVER_PYTORCH[batch])
            )
        )
        found.append(Ratio(f"{what}, over the floor", over(fastest({FLOOR: those[FLOOR]}).median), here(*OVER_FLOOR)))
        fewer = {kernel: [spread.median for spread in list(those[of(kernel)].values())[1:]] for kernel in kernels()}
        growth = {kernel: taken[kernel].median / min(some) for kernel, some in fewer.items() if some}
        found.append(Ratio(f"{what}, over other numbers of threads", growth, ALL_OVER_FEWER, kernels()))
        svm = {kernel: taken_by(those[of(kernel, "svm")]).median / taken[kernel].median for kernel in kernels()}
        found.append(Ratio(f"{what}, SVM over softmax", svm, SVM_OVER_SOFTMAX))
    return found


def taken_by(times: dict[int, Spread]) -> Spread:
    """Return the time on the number of threads that imgclf takes by itself, which is its first."""
    return next(iter(times.values()))


def panel(batch: int, times: Times) -> Panel:
    """Show what threads do to the kernels, to PyTorch's loops, the fastest on each number, and to the floor."""
    loops = [of_name for name, of_name in times.items() if is_loop(name)]
    lines = {kernel: times[of(kernel)] for kernel in kernels()}
    lines["PyTorch, its fastest loop"] = {n: min(of_name[n] for of_name in loops) for n in COUNTS}
    lines["floor"] = times[FLOOR]
    seconds = {name: np.array([line[n].median for n in COUNTS]) for name, line in lines.items()}
    return Panel(f"threads, batches of {batch:,}", np.array(COUNTS, float), seconds, falls=True)


TITLE = "Time of an epoch by number of threads"
ADVICE = "The time of an epoch of each kernel on 50,000 images of 3,072 numbers, beside PyTorch and the floor."


def describe(times: dict[int, Times], file: str) -> str:
    """Return the tables."""
    return (
        "## 1. An epoch\n\n"
        + paragraph(
            f"Softmax, momentum, l2 {L2:g}, float32, a new order every epoch, images in memory; medians of {ROUNDS}"
            " rounds in turn after a warm-up, and the least and the most of the fastest. A star: the number of threads"
            " that imgclf takes by itself. SGDClassifier learns one-vs-all, image by image. The floor is what NumPy"
            " cannot avoid: to make the pixels numbers, X @ W and X.T @ dscores, in the order of the images and with"
            " nothing between. Loops of another kind may be below it."
        )
        + "".join(table_of(batch, those) for batch, those in times.items())
        + f"![Time of an epoch against threads]({file})"
    )


def table_of(batch: int, times: Times) -> str:
    """Show the seconds of each program on each number of threads."""
    counts = sorted({n for of_name in times.values() for n in of_name})
    loops = fastest(times, loops=True).median

    def row(name: str, of_name: dict[int, Spread]) -> list[str]:
        own = next(iter(of_name)) if name.startswith("imgclf") else None
        cells = [f"{of_name[n].median:.3f}{'*' if n == own else ' '}" if n in of_name else "" for n in counts]
        best = fastest({name: of_name})
        return [name, *cells, f"{best.least:.3f} .. {best.most:.3f}", f"{best.median / loops:.2f}"]

    header = [f"batches of {batch:,}, seconds", *(plural(n, "thread") for n in counts), "least .. most", "over PyTorch"]
    return fenced(*table(header, [row(*program) for program in times.items()]))
