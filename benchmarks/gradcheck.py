"""Measure the check of every parameter beside torch.autograd.gradcheck, at CIFAR-10's shape: time, memory, strictness.

Softmax after ten steps of training, 3,072 pixels, 10 classes, 30,730 parameters, float64, one thread. The environment
variable CIFAR10 names the data (cifar-10-batches-py, cifar-10-batches-bin or their .tar.gz); without it the images are
generated. Prints its tables, and writes them into RESULTS.md beside this file.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from images import data
from results import again, fenced, heading, paragraph, say, write_part
from threadpoolctl import threadpool_limits

from imgclf.arrays import Batch, FloatArray
from imgclf.cli.console import table
from imgclf.config import resolve
from imgclf.errors import ImgclfError
from imgclf.gradcheck.case import Case
from imgclf.gradcheck.check import make_cases
from imgclf.gradcheck.points import stratified_images
from imgclf.gradients import Objective, analytic_gradient
from imgclf.losses import LOSSES
from imgclf.training.plan import Plan, make_plan

TARGETS = {64: 0.3, 500: 2.0, 5000: 15.0}  # images: seconds
MEMORY_TARGET, RATIO_TARGET = 500, 30  # MB; times faster than slow mode
REPEATS, ROUNDS = 5, 3
L2 = 1e-4


class Timing(NamedTuple):
    """Seconds by the clock, and of the processor: the same on an idle machine, as there is one thread."""

    clock: float
    processor: float


class Measured(NamedTuple):
    """One number of images: medians, and the memory of a process that does nothing else, in MB."""

    timing: Timing
    before: float  # with the images read
    peak: float


class Mutant(NamedTuple):
    """A mistake, and the gradient with it."""

    name: str
    analytic: FloatArray
    l2: float = 0.0


def main() -> None:
    """Measure, print and write."""
    plan = make_plan(resolve(overrides=data(train=6000)).config)
    with threadpool_limits(limits=1):
        cases = {images: case_of(plan, images) for images in TARGETS}
        sections = [say(part) for part in report(plan.config.data.source, cases)]
    write_part("\n\n".join(sections))


def report(source: str, cases: dict[int, Case]) -> Iterator[str]:
    """Measure one thing after the other, and describe each."""
    first = cases[min(cases)]
    yield about(source, first)
    yield sizes(cases)
    import torch  # only now: the processes before this had to be small

    torch.set_num_threads(1)
    yield speed(first)
    yield strictness(first)


def case_of(plan: Plan, images: int) -> Case:
    """Return softmax after the first steps of training, on so many images."""
    X, y = stratified_images(plan, images)
    return make_cases(plan, "softmax", X, y)["steps"]


def gradient(case: Case, l2: float = 0.0) -> FloatArray:
    """Return the gradient that training would use, (D+1, C)."""
    return analytic_gradient(Objective(LOSSES[case.loss], l2), Batch.of(case.X, case.y), case.weights).grad


def passes(case: Case) -> bool:
    """Check every parameter, from the images to the verdict."""
    fresh = replace(case)  # a case remembers what it has computed
    return fresh.compare(gradient(fresh)).verdict == "pass"


def sees(case: Case, mutant: Mutant) -> bool:
    """Whether our check fails a gradient; `inconclusive` does not count."""
    return case.compare(mutant.analytic, mutant.l2).verdict == "fail"


def timed(check: Callable[[], bool]) -> Timing:
    """Time a check of a right gradient."""
    clock, processor = time.perf_counter(), time.process_time()
    if not check():
        raise SystemExit("a right gradient does not pass: the times would mean nothing")
    return Timing(time.perf_counter() - clock, time.process_time() - processor)


def middle(timings: list[Timing]) -> Timing:
    """Return the medians."""
    return Timing(*map(median, zip(*timings, strict=True)))


def about(source: str, case: Case) -> str:
    """Say what was measured, on what, and how to repeat it."""
    images = "CIFAR-10" if source == "cifar10" else "generated images of CIFAR-10's shape"
    (D, C), parameters = (case.X.shape[1], case.weights.shape[1]), case.weights.size
    return heading(
        "checking a gradient beside torch.autograd.gradcheck",
        "one thread",
        ("imgclf", "numpy", "torch"),
        f"Data: {images}; softmax after ten steps of training, {D:,} pixels, {C} classes, {parameters:,} parameters,"
        " float64.",
        again(source),
    )


def sizes(cases: dict[int, Case]) -> str:
    """Measure our check for each number of images, each in a process of its own."""
    rows = []
    for images, case in cases.items():
        found = alone(case)
        rows.append(
            [
                f"{images:,}",
                *(f"{seconds:.2f} s" for seconds in found.timing),
                f"{TARGETS[images]:g} s",
                f"{found.before:.0f} MB",
                f"{found.peak:.0f} MB",
                f"{MEMORY_TARGET} MB",
            ]
        )
    header = ["images", "clock", "processor", "target", "before", "peak", "target"]
    return (
        "## 1. Every parameter, all images at once\n\n"
        + paragraph(
            f"Differences of all parameters, the analytic gradient and the comparison; medians of {REPEATS}. Memory is"
            " that of the whole process: before, with Python, NumPy and the images in it, and at its peak."
        )
        + fenced(*table(header, rows))
    )


def alone(case: Case) -> Measured:
    """Measure in a process that has seen nothing of this one; the images reach it by file, and only once."""
    # Forked from a small server: a process started from this one would count our own peak as its.
    with TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("forkserver")) as pool:
        np.save(Path(folder, "X.npy"), case.X)
        small = replace(case, X=np.empty((0, 0)))
        return pool.submit(measure, small, Path(folder, "X.npy")).result()


def measure(case: Case, images: Path) -> Measured:
    """Run in the child: read the images, check, and look at the memory."""
    with threadpool_limits(limits=1):
        case = replace(case, X=np.load(images))
        before = peak_memory()
        timing = middle([timed(lambda: passes(case)) for _ in range(REPEATS)])
    return Measured(timing, before, peak_memory())


def peak_memory() -> float:
    """Return the most memory that this process has had, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def speed(case: Case) -> str:
    """Time the three checks in turn, so that all of them meet the same machine."""
    import by_torch

    checks: dict[str, Callable[[], bool]] = {
        "imgclf, every parameter": lambda: passes(case),
        "torch slow mode, every parameter": lambda: by_torch.passes(case, fast_mode=False),
        "torch fast mode, one direction": lambda: by_torch.passes(case, fast_mode=True),
    }
    timings: dict[str, list[Timing]] = {name: [] for name in checks}
    for _ in range(ROUNDS):
        for name, check in checks.items():
            timings[name].append(timed(check))
    found = {name: middle(some) for name, some in timings.items()}
    ours, slow, _ = found.values()
    rows = [
        [name, *(f"{seconds:.3f} s" for seconds in one), f"{one.clock / ours.clock:.3g}"] for name, one in found.items()
    ]
    return (
        "## 2. Time beside PyTorch's check\n\n"
        + paragraph(f"{len(case.X)} images, the three in turn, medians of {ROUNDS}; torch with its defaults.")
        + fenced(*table(["check", "clock", "processor", "of ours"], rows))
        + paragraph(
            f"imgclf is {slow.clock / ours.clock:.0f} times as fast as slow mode by the clock,"
            f" {slow.processor / ours.processor:.0f} times by the processor (target: {RATIO_TARGET})."
        )
    )


def strictness(case: Case) -> str:
    """Plant mistakes into the gradient, and see who notices."""
    import by_torch

    numerical = {l2: by_torch.numerical_gradient(case, l2) for l2 in (0.0, L2)}
    rows = []
    for mutant in mutants(case):
        seen = (
            sees(case, mutant),
            by_torch.slow_mode_sees(mutant.analytic, numerical[mutant.l2]),
            by_torch.fast_mode_sees(case, mutant.analytic, mutant.l2),
        )
        rows.append([mutant.name, *("sees it" if one else "-" for one in seen)])
    right = gradient(case)
    size, rough = np.median(np.abs(right)), np.abs(right - numerical[0.0]).max()
    ours, theirs = (float(np.median(one)) for one in (case.truth.bound, by_torch.allowed(numerical[0.0])))
    return (
        "## 3. Which mistakes each of them sees\n\n"
        + paragraph(
            f"On the same {len(case.X)} images. Slow mode: its rule, |analytic - numerical| <= {by_torch.ATOL:g} +"
            f" {by_torch.RTOL:g} |numerical|, applied to its own numerical Jacobian, computed once for each loss. Fast"
            " mode: run on each."
        )
        + fenced(*table(["planted", "imgclf", "torch slow", "torch fast"], rows))
        + paragraph(
            f"The median |gradient| is {size:.1e}. The median error that passes is {ours:.1e} with imgclf"
            f" ({ours / size:.0e} of it), {theirs:.1e} in slow mode ({theirs / size:.0e} of it). Slow mode's tolerances"
            f" could be set tighter, down to the error of its Jacobian: at most {rough:.1e} here ({rough / size:.0e})."
        )
    )


def mutants(case: Case) -> Iterator[Mutant]:
    """Plant each mistake; the first two are none."""
    right, N = gradient(case), len(case.X)
    yield Mutant("nothing", right)
    yield Mutant(f"nothing, with a penalty (l2 = {L2:g})", gradient(case, L2), L2)
    for digits in range(2, 7):
        yield Mutant(f"all of it too long by 1e-{digits}", right * (1 + 10.0**-digits))
    place = typical(right)
    for digits in range(1, 7):
        one = right.copy()
        one[place] *= 1 + 10.0**-digits
        yield Mutant(f"one parameter wrong by 1e-{digits}", one)
    yield Mutant(f"the penalty's gradient missing (l2 = {L2:g})", right, L2)
    yield Mutant("1/(N-1) in the place of 1/N", right * (N / (N - 1)))


def typical(grad: FloatArray) -> tuple[int, int]:
    """Return the place of the median |gradient|."""
    flat = np.abs(grad).ravel().argsort(kind="stable")[grad.size // 2]
    row, c = np.unravel_index(flat, grad.shape)
    return int(row), int(c)


if __name__ == "__main__":
    try:
        main()
    except ImgclfError as error:
        sys.exit(str(error))
