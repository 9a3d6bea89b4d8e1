"""Measure a step of training on one rank and on two, fit a model of its cost to that, and print what it predicts.

`python benchmarks/ranks.py` starts itself under mpiexec, with one and two ranks in turn, every rank on one thread,
prints its tables, and writes them to RESULTS.md beside this file. Needs mpi4py and an MPI (requirements.txt).
"""
# ruff: noqa: T201 - a script talks

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from math import ceil, log2
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from results import fenced, heading, say, write_part

from imgclf.cli.console import table
from imgclf.data.batches import Reader, epoch_sampler
from imgclf.data.dataset import Dataset
from imgclf.data.preprocess import Preprocess
from imgclf.gradients import Objective
from imgclf.losses import softmax
from imgclf.numerics.sums import BLOCK, Summation
from imgclf.optimizers import OPTIMIZERS
from imgclf.speed.kernels import KERNELS
from imgclf.speed.ranks import on_ranks
from imgclf.speed.threads import workers
from imgclf.trainer import descend, start

ROUNDS = 7  # starts with one rank and with two, in turn
Shape = tuple[tuple[int, int, int], int]  # of an image, and the number of classes
CIFAR: Shape = (32, 32, 3), 10
IMAGENET: Shape = (224, 224, 3), 1000
SMALLER: Shape = (112, 112, 1), 1000  # a twelfth of ImageNet's weights; time grows with their number
BATCHES = (256, 1024, 4096, 16384)
LARGE = (128, 1024)  # batches of the smaller ImageNet
SENT = (1 << 10, 1 << 16, 1 << 20, 1 << 23)  # bytes, exchanged by two ranks
NODES = (2, 4, 16, 64, 256)
SECONDS = 0.25  # of measuring one thing, at least


class Network(NamedTuple):
    """An assumed network: bytes a second one way at each machine, and seconds per message."""

    name: str
    bandwidth: float
    latency: float


NETWORKS = (
    Network("10 Gbit/s, 30 us", 10e9 / 8, 30e-6),
    Network("25 Gbit/s, 15 us", 25e9 / 8, 15e-6),
    Network("100 Gbit/s, 3 us", 100e9 / 8, 3e-6),
)


def weights_of(shape: Shape) -> int:
    """Return how many numbers the gradient has."""
    size, classes = shape
    return (int(np.prod(size)) + 1) * classes


def time_of(work: Callable[[], object], comm: Any) -> tuple[float, float]:
    """Return the median and the least time of something that all ranks do together."""
    work()
    times: list[float] = []
    while not comm.bcast(len(times) >= 3 and sum(times) >= SECONDS):
        comm.barrier()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times), min(times)


def steps_on(shape: Shape, n: int, batch: int, sum_blocks: Summation) -> Callable[[], object]:
    """Return what makes a step of training on n generated images, preprocessing and momentum included."""
    size, classes = shape
    D = int(np.prod(size))
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, *size), dtype=np.uint8)
    dataset = Dataset.of(pixels, rng.integers(0, classes, n), tuple(map(str, range(classes))))
    preprocess = Preprocess(size, 255.0, np.full(D, 0.5, np.float32), None, "float32")
    optimizer = OPTIMIZERS["momentum"]()
    steps = descend(
        start(np.zeros((D + 1, classes), np.float32), optimizer),
        sample=epoch_sampler(n, batch, 0, Reader(preprocess, dataset)),
        objective=Objective(softmax, 1e-4),
        evaluate_gradient=KERNELS["blocks"](sum_blocks),
        optimizer=optimizer,
        step_size=lambda step: 1e-3,
    )
    return partial(next, steps)


def measure() -> None:
    """Print the seconds of a step, and of the exchange alone, on this number of ranks."""
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    with workers(1) as here:
        sum_blocks = on_ranks(here, comm) if comm.size > 1 else here
        exchange = on_ranks(here, comm)

        def exchanges(size: int) -> Callable[[], object]:
            array = np.zeros(size // 4, np.float32)
            return lambda: exchange(lambda i: (0.0, 0, array), comm.size)

        seen = {
            "steps": {batch: time_of(steps_on(CIFAR, BATCHES[-1], batch, sum_blocks), comm) for batch in BATCHES},
            "exchange": {size: time_of(exchanges(size), comm) for size in SENT},
        }
        if comm.size == 1:
            seen["large"] = {batch: time_of(steps_on(SMALLER, LARGE[-1], batch, here), comm) for batch in LARGE}
    if comm.rank == 0:
        print(json.dumps(seen))


def start_ranks(ranks: int) -> dict[str, Any]:
    """Measure under mpiexec."""
    beside = Path(sys.executable).parent / "mpiexec"
    command = [beside if beside.exists() else "mpiexec", "-n", str(ranks), sys.executable, __file__, "measure"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=600)
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


class Cost(NamedTuple):
    """A model of a step for one shape of data, in seconds and bytes.

    block     one block of 128 rows
    rest      what every node does once the sums are there: penalty, optimizer, weights
    size      bytes of the gradient
    per_byte  what a node does to the gradient in an exchange, apart from the wire
    """

    block: float
    rest: float
    size: float
    per_byte: float

    def step(self, batch: int, nodes: int, network: Network) -> float:
        """Seconds of a step: the blocks of the busiest node, the rest, and the exchange."""
        computing = ceil(batch / BLOCK / nodes) * self.block + self.rest
        if nodes == 1:
            return computing
        wire = 2 * self.size * (nodes - 1) / nodes / network.bandwidth
        rounds = 4 * ceil(log2(nodes))  # two messages of numbers, slices of the gradient, and of the sum
        return computing + wire + self.size * self.per_byte + rounds * network.latency

    def stops(self, batch: int, network: Network) -> int:
        """Return the most nodes that pay: twice as many make a step less than 1.5 times as fast."""
        nodes = 1
        while self.step(batch, nodes, network) >= 1.5 * self.step(batch, 2 * nodes, network):
            nodes *= 2
        return nodes


def seconds(time: float) -> str:
    """Write a time in three digits or more."""
    return f"{time:,.0f} s" if time >= 100 else f"{time:.3g} s"


def line_through(points: dict[int, float]) -> tuple[float, float]:
    """Return (slope, rest) of the line with the least squares of relative errors."""
    x, y = np.array(list(points)), np.array(list(points.values()))
    slope, rest = np.linalg.lstsq(np.stack([x / y, 1 / y], axis=1), np.ones(len(x)), rcond=None)[0]
    return float(slope), max(float(rest), 0.0)


def steps_table(one: dict[int, float], two: dict[int, float], what: str) -> str:
    """Show what a step takes on one rank and on two."""
    rows = [
        [f"{batch:,}", f"{1e3 * one[batch]:.2f} ms", f"{1e3 * two[batch]:.2f} ms", f"{one[batch] / two[batch]:.2f}"]
        for batch in BATCHES
    ]
    title = f"a step at CIFAR-10's shape, one thread a rank, {what} of {ROUNDS} starts in turn"
    return "\n".join([title, "", *table(["batch", "1 rank", "2 ranks", "ratio"], rows)])


def fit_table(costs: dict[str, Cost], latency: float) -> str:
    """Show the constants of the model."""
    fitted = [
        [name, f"{1e3 * cost.block:,.2f} ms", f"{1e3 * cost.rest:,.2f} ms", f"{cost.size / 1e6:.2f} MB"]
        for name, cost in costs.items()
    ]
    sent = [
        [name, f"{2 * cost.size / 1e6:,.2f} MB", *(f"{2e3 * cost.size / net.bandwidth:.3g} ms" for net in NETWORKS)]
        for name, cost in costs.items()
    ]
    per_megabyte = 1e9 * costs["CIFAR-10"].per_byte
    return "\n".join(
        [
            "fitted to the quickest",
            "",
            *table(["", "a block", "the rest", "gradient"], fitted),
            "",
            f"exchange of two ranks on this machine: {1e6 * latency:.0f} us + {per_megabyte:.2f} ms a MB of gradient",
            "",
            "on the wire of every one of many nodes, a step",
            "",
            *table(["", "sent", *(network.name for network in NETWORKS)], sent),
        ]
    )


def prediction_table(name: str, cost: Cost, batches: tuple[int, ...], images: int) -> str:
    """Show how many times as fast as one node others are, how many pay, and an epoch on one and on those."""
    rows = []
    for batch in batches:
        for network in NETWORKS:
            alone, stops = cost.step(batch, 1, network), cost.stops(batch, network)
            speeds = [f"{alone / cost.step(batch, nodes, network):.1f}" for nodes in NODES]
            epochs = [seconds(ceil(images / batch) * cost.step(batch, nodes, network)) for nodes in (1, stops)]
            rows.append([f"{batch:>6,}  {network.name}", epochs[0], *speeds, str(stops), epochs[1]])
    shown = table([" batch  network", "an epoch", *map(str, NODES), "pay", "an epoch"], rows)
    return "\n".join([f"{name}: times as fast as one node", "", *shown])


def main() -> None:
    """Measure, fit, predict."""
    threads = f"one thread a rank, kernel blocks; load {os.getloadavg()[0]:.1f} before the start"
    packages = "imgclf", "numpy", "mpi4py"
    about = say(heading("several processes, and what a model says of more", threads, packages))
    found: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for ranks, seen in found.items():
            seen.append(start_ranks(ranks))

    def medians(ranks: int, what: str) -> dict[int, float]:
        return {int(key): median(seen[what][key][0] for seen in found[ranks]) for key in found[ranks][0][what]}

    def least(ranks: int, what: str) -> dict[int, float]:
        return {int(key): min(seen[what][key][1] for seen in found[ranks]) for key in found[ranks][0][what]}

    # The model is of an undisturbed machine: others may be at work on this one.
    per_byte, latency = line_through(least(2, "exchange"))
    block, rest = line_through({batch // BLOCK: seconds for batch, seconds in least(1, "steps").items()})
    costs = {"CIFAR-10": Cost(block, rest, 4 * weights_of(CIFAR), per_byte)}
    block, rest = line_through({batch // BLOCK: seconds for batch, seconds in least(1, "large").items()})
    times = weights_of(IMAGENET) / weights_of(SMALLER)
    costs["ImageNet"] = Cost(block * times, rest * times, 4 * weights_of(IMAGENET), per_byte)
    parts = [
        steps_table(medians(1, "steps"), medians(2, "steps"), "medians"),
        steps_table(least(1, "steps"), least(2, "steps"), "the quickest"),
        fit_table(costs, latency),
        prediction_table("CIFAR-10", costs["CIFAR-10"], (256, 4096, 16384), 50_000),
        prediction_table("ImageNet", costs["ImageNet"], (256, 4096, 65536), 1_281_167),
    ]
    shown = say("\n\n".join(parts))
    write_part(f"{about}\n\n{fenced(shown)}")


if __name__ == "__main__":
    measure() if sys.argv[1:] == ["measure"] else main()
