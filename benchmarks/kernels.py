"""Time an epoch of each kernel beside the floor: CIFAR-10, and features of a thousand classes.

    CIFAR10=DIR python benchmarks/kernels.py [--rounds 7]

Without CIFAR10, images of its shape are generated. Needs no other library than imgclf[fast]; wants an idle machine.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from floor import products
from images import training_images
from ours import plan_of
from results import cores, progress
from threadpoolctl import threadpool_limits

from imgclf.arrays import FloatArray
from imgclf.cli.console import table
from imgclf.config import resolve
from imgclf.losses import softmax
from imgclf.model import scores
from imgclf.speed.threads import workers
from imgclf.training.epochs import Epoch, first_snapshot, train
from imgclf.training.plan import Plan, make_plan

FEATURES, D, C = 64_000, 768, 1_000
BATCHES = 256, 1024
Ways = dict[str, Callable[[], object]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time an epoch of each kernel beside the floor.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as folder, ExitStack() as stack:
        of_cifar10(Path(folder), stack, rounds)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        of_many_classes(Path(folder), stack, rounds)


def of_cifar10(folder: Path, stack: ExitStack, rounds: int) -> None:
    """Time softmax and SVM with each kernel, on one thread and on all."""
    progress("reading the images")
    images, counts = training_images(), sorted({1, cores()})
    file = images.save(folder / "images.npz")
    plan = plan_of(file)
    weights = np.asfortranarray(np.random.default_rng(0).normal(0, 0.01, plan.weights.shape).astype(np.float32))
    some = slice(5000)
    dscores = softmax(scores(plan.preprocess.apply(images.pixels[some]), weights), images.y[some])[1]
    dscores, pixels = np.resize(dscores, (len(images), images.classes)), images.pixels.reshape(len(images), -1)
    for batch in BATCHES:
        ways: Ways = {f"floor, {n} threads": products(pixels, dscores, weights, n) for n in counts}
        for kernel in ("blocks", "compiled"):
            for loss in ("softmax", "svm"):
                like = variant(plan, f"train={{kernel: {kernel}, batch_size: {batch}}}", f"model.loss={loss}")
                for n in counts:
                    ways[f"{kernel}, {loss}, {n} threads"] = epochs(stack, like, n)
        in_turn(f"CIFAR-10, batch {batch}", ways, rounds, floor=f"floor, {counts[-1]} threads")


def of_many_classes(folder: Path, stack: ExitStack, rounds: int) -> None:
    """Time each kernel on features, beside the two matrix products of the same batches."""
    rng, file = np.random.default_rng(0), folder / "features.npz"
    np.savez(file, X=rng.standard_normal((FEATURES, D), dtype=np.float32), y=np.arange(FEATURES) % C)
    plan = plan_of(file)
    for batch in BATCHES:
        dscores = rng.standard_normal((batch, C), dtype=np.float32)
        ways: Ways = {"products": partial(both_products, plan.train.images, dscores)}
        for kernel in ("blocks", "compiled"):
            like = variant(plan, f"train={{kernel: {kernel}, batch_size: {batch}}}")
            ways[kernel] = epochs(stack, like, cores())
        in_turn(f"{FEATURES:,} x {D}, {C:,} classes, batch {batch}", ways, rounds, floor="products")


def variant(plan: Plan, *settings: str) -> Plan:
    """Return the plan of a run without end on the same data, with other settings."""
    config = resolve(overrides=["data.source=npz", *settings, "train.epochs=100000"]).config
    return make_plan(config, load=lambda _: (plan.train, None))


def both_products(X: FloatArray, dscores: FloatArray) -> None:
    """Multiply each batch of X by W, and its transpose by dscores, on as many threads as BLAS takes."""
    W, s = np.ones((D, C), np.float32), np.empty_like(dscores)
    dW = np.empty_like(W)
    with threadpool_limits(cores(), user_api="blas"):
        for start in range(0, len(X), len(dscores)):
            batch = X[start : start + len(dscores)]
            np.matmul(batch, W, out=s[: len(batch)])
            np.matmul(batch.T, dscores[: len(batch)], out=dW)


def epochs(stack: ExitStack, plan: Plan, threads: int) -> Callable[[], object]:
    """Return a function that trains one epoch, and returns its own time."""
    events = train(plan, stack.enter_context(workers(threads)), first_snapshot(plan))
    return lambda: next(event for event in events if isinstance(event, Epoch)).seconds


def in_turn(what: str, ways: Ways, rounds: int, floor: str) -> None:
    """Time each way once a round, after two that do not count, and print the table."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-2, rounds):
        progress(f"{what}: round {number + 1} of {rounds}")
        for name, way in ways.items():
            began = time.perf_counter()
            seconds = way()
            times[name].append(seconds if isinstance(seconds, float) else time.perf_counter() - began)
    best = {name: min(found[2:]) for name, found in times.items()}
    rows = [
        [name, f"{best[name]:.4f} s", f"{median(found[2:]):.4f} s", f"{best[name] / best[floor]:.2f}"]
        for name, found in times.items()
    ]
    print("", *table([what, "best", "median", "best over floor"], rows), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main()
