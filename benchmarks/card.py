"""Time an epoch of the torch kernel at ImageNet's size: features of a thousand classes, on a graphics card.

    python benchmarks/card.py [--device auto|cpu|cuda] [--images 1281167] [--batches 1024,4096,16384] [--blocks]

Features are made in memory, float16. Also tells how far the gradient is from the textbook's, whether a run has the same
bytes twice, what an epoch takes if the card keeps no features, and, with --blocks, by the kernel `blocks`. Needs no
other library than imgclf[torch].
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
from results import heading, progress

from imgclf.arrays import FloatArray, IntArray
from imgclf.cli.console import table
from imgclf.config import resolve
from imgclf.data.dataset import Dataset
from imgclf.errors import UsageError
from imgclf.gradients import analytic_gradient
from imgclf.machine.cores import available_cores
from imgclf.machine.memory import format_bytes
from imgclf.numerics.sums import serial_sum
from imgclf.speed.kernels import device_of
from imgclf.speed.pytorch import load
from imgclf.speed.threads import workers
from imgclf.training.epochs import Epoch, Finished, first_snapshot, train
from imgclf.training.plan import Plan, make_kernel, make_plan

AT_ONCE = 1 << 14  # features made at a time


@dataclass(frozen=True)
class Size:
    """The numbers of training examples, of validation examples, of features and of classes."""

    N: int
    val: int
    D: int
    C: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time an epoch of the torch kernel on a graphics card.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--images", type=int, default=1_281_167)
    parser.add_argument("--val", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=768)
    parser.add_argument("--classes", type=int, default=1_000)
    parser.add_argument("--batches", default="1024,4096,16384")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--blocks", action="store_true")
    given = parser.parse_args()
    try:
        load(given.device)  # before the features, which take minutes
    except UsageError as error:
        sys.exit(f"card.py: error: {error}")
    size = Size(given.images, given.val, given.features, given.classes)
    batches = [*map(int, given.batches.split(","))]
    progress("making the features")
    data = features(size)
    progress("standardizing them")
    plans = [plan_of(data, given.device, batch, given.epochs) for batch in batches]
    used, kept = device_of(plans[0].kernel), format_bytes(data[0].images.nbytes)
    about = f"Device: {used}. {size.N:,} x {size.D} float16, {kept}; {size.C:,} classes."
    print(heading("a graphics card", f"{available_cores()} threads", ["numpy", "torch"], about))  # noqa: T201
    rows = [time_of(plan, f"{plan.batch_size:,}") for plan in plans]
    if used != "cpu":  # which keeps nothing
        from imgclf.speed.pytorch import examples  # imports torch

        examples.SHARE = 0.0  # of the memory of the card
        rows += [time_of(fresh(plans[-1], 2), f"{plans[-1].batch_size:,} (streamed)")]
    if given.blocks:
        rows += [time_of(fresh(plan, 2, "blocks"), f"{plan.batch_size:,} (blocks)") for plan in plans]
    print("", *table(["batch", "first epoch", "best epoch", "val", "val accuracy"], rows), sep="\n")  # noqa: T201
    print("", *table(["beside the textbook", ""], beside_the_book(plans[0])), sep="\n")  # noqa: T201


def features(size: Size) -> tuple[Dataset, Dataset]:
    """Return train and val: each example is the mean of its class, and noise."""
    rng = np.random.default_rng(0)
    means = rng.normal(0, 0.2, (size.C, size.D)).astype(np.float32)
    names = tuple(f"class {c}" for c in range(size.C))
    train, val = (Dataset.of(*examples_of(means, n, rng), names) for n in (size.N, size.val))
    return train, val


def examples_of(means: FloatArray, n: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Return X (n, D) float16 and y (n,), in no order."""
    y, X = rng.permutation(np.arange(n) % len(means)), np.empty((n, means.shape[1]), np.float16)
    for start in range(0, n, AT_ONCE):
        of_each = means[y[start : start + AT_ONCE]]
        X[start : start + AT_ONCE] = of_each + rng.standard_normal(of_each.shape, np.float32)
    return X, y


def plan_of(data: tuple[Dataset, Dataset], device: str, batch: int, epochs: int) -> Plan:
    """Return the plan of a run on these features."""
    chosen = f"train={{kernel: torch, device: {device}, batch_size: {batch}, epochs: {epochs}}}"
    with workers(available_cores()) as sum_blocks:
        return make_plan(resolve(overrides=["data.source=npz", chosen]).config, sum_blocks, lambda config: data)


def fresh(plan: Plan, epochs: int, kernel: str = "torch") -> Plan:
    """Return the plan of so many epochs, with a kernel that keeps nothing yet."""
    device = plan.config.train.device if kernel == "torch" else "auto"
    chosen = plan.config.train.model_copy(update={"epochs": epochs, "kernel": kernel, "device": device})
    config = plan.config.model_copy(update={"train": chosen})
    return replace(plan, config=config, kernel=make_kernel(config))


def time_of(plan: Plan, name: str) -> list[str]:
    """Train; return the row of a table: the first epoch sends the features, the others find them there."""
    progress(f"batches of {name}")
    seconds, evaluating = [], []
    with workers(available_cores()) as sum_blocks:
        began = time.perf_counter()
        for event in train(plan, sum_blocks, first_snapshot(plan)):
            if isinstance(event, Epoch):
                seconds.append(event.seconds)
                evaluating.append(time.perf_counter() - began - event.seconds)
                began = time.perf_counter()
    assert isinstance(event, Finished)
    assert event.val is not None
    times = [f"{one:.3f} s" for one in (seconds[0], min(seconds[1:] or seconds), min(evaluating))]
    return [name, *times, f"{event.val.accuracy:.2%}"]


def beside_the_book(plan: Plan) -> list[list[str]]:
    """Return how far a gradient is from the textbook's, and whether two short runs have the same bytes."""
    progress("beside the textbook")
    batch = plan.sample(0)
    with workers(available_cores()) as sum_blocks:
        weights = np.random.default_rng(0).normal(0, 0.01, plan.weights.shape).astype(np.float32)
        book, seen = (g(plan.objective, batch, weights) for g in (analytic_gradient, plan.kernel(serial_sum)))
        ends = [list(train(fresh(plan, 1), sum_blocks, first_snapshot(plan)))[-1] for _ in range(2)]
    off = np.abs(seen.grad - book.grad).max() / np.abs(book.grad).max()
    bytes_of = {one.model.weights.tobytes() for one in ends if isinstance(one, Finished)}
    return [
        ["largest difference of the gradient, over its largest number", f"{off:.1e}"],
        ["right answers, by the textbook", f"{book.correct:,} of {len(batch):,}"],
        ["right answers, by the kernel", f"{seen.correct:,} of {len(batch):,}"],
        ["bytes of the weights after an epoch, twice", "the same" if len(bytes_of) == 1 else "different"],
    ]


if __name__ == "__main__":
    main()
