"""The programs to time, each in several variants: calling a variant trains one epoch."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch_loops
from floor import products, reading
from images import Images
from ours import epochs, plan_of
from results import cores
from sklearn.linear_model import SGDClassifier

from imgclf.arrays import FloatArray
from imgclf.losses import softmax
from imgclf.model import scores, split

BATCH, L2, STEP_SIZE = 256, 1e-4, 0.01


class Contender(NamedTuple):
    """A name, and its ways by what distinguishes them."""

    name: str
    ways: dict[str, Callable[[], object]]


def contenders(images: Images, folder: Path, stack: ExitStack) -> list[Contender]:
    """Put everyone on the same images; imgclf is the first, PyTorch's loops in memory the next two.

    `stack` ends imgclf's runs, which live in `folder`.
    """
    plan = plan_of(images.save(folder / "images.npz"), *settings(10**6))
    X = plan.preprocess.apply(images.pixels)
    pixels, mean = images.pixels.reshape(len(images), -1), plan.preprocess.mean
    assert mean is not None, "the default is to subtract the mean image"
    shape = X.shape[1], images.classes
    from_float = torch_loops.float32_batches(X, images.y, BATCH)
    from_bytes = torch_loops.uint8_batches(pixels, images.y, mean, BATCH)
    weights = fitted(plan.weights, X, images)
    dscores = softmax(scores(X, weights), images.y)[1]
    return [
        Contender(
            "imgclf",
            {
                on(threads): stack.enter_context(epochs(plan, folder / f"run-{threads}", threads))
                for threads in thread_counts()
            },
        ),
        Contender("PyTorch, float32 in memory", loops(from_float, shape)),
        Contender("PyTorch, uint8 in memory", loops(from_bytes, shape)),
        Contender("PyTorch, DataLoader", loaders(X, images)),
        Contender("scikit-learn, SGDClassifier", classifiers(X, images)),
        Contender(
            "floor: one cast, two products",
            {on(threads): products(pixels, dscores, weights, threads) for threads in thread_counts()},
        ),
        Contender(
            "reading the pixels once",
            {on(threads): reading(pixels, threads) for threads in thread_counts()},
        ),
    ]


def settings(epochs: int, batch: int = BATCH) -> list[str]:
    """Return the common objective and optimizer as overrides of imgclf's config."""
    return [
        f"regularization.l2={L2}",
        f"train.batch_size={batch}",
        f"train.epochs={epochs}",
        "schedule.name=constant",
        f"schedule.step_size={STEP_SIZE}",
    ]


def loops(batches: torch_loops.Batches, shape: tuple[int, int]) -> dict[str, Callable[[], object]]:
    """With autograd and by hand."""
    return {
        f"{make.__name__.replace('_', ' ')}, {on(threads)}": make(batches, *shape, L2, STEP_SIZE, threads)
        for make in (torch_loops.autograd, torch_loops.by_hand)
        for threads in thread_counts()
    }


def loaders(X: FloatArray, images: Images) -> dict[str, Callable[[], object]]:
    """With no worker and with two; where they load, the loop itself is best on one thread or on all."""
    return {
        f"{workers} workers, {on(threads)}": torch_loops.autograd(
            torch_loops.loader_batches(X, images.y, BATCH, workers), X.shape[1], images.classes, L2, STEP_SIZE, threads
        )
        for workers in (0, 2)
        for threads in thread_counts()
    }


def classifiers(X: FloatArray, images: Images) -> dict[str, Callable[[], object]]:
    """One epoch of one-vs-all logistic regression, example by example."""
    names = np.arange(images.classes)

    def way(threads: int) -> Callable[[], object]:
        # The step of momentum adds up to ten times its size; the example-by-example one is as small as it has to be.
        model = SGDClassifier(
            loss="log_loss", alpha=L2, learning_rate="constant", eta0=STEP_SIZE / 10, n_jobs=threads, random_state=0
        )
        return lambda: model.partial_fit(X, images.y, names)

    return {on(threads): way(threads) for threads in thread_counts()}


def fitted(start: FloatArray, X: FloatArray, images: Images) -> FloatArray:
    """Return weights (D+1, C) some steps down the gradient on the first images from where a run starts."""
    X, y, weights = X[:5000], images.y[:5000], start.copy(order="K")
    W, _ = split(weights)
    for _ in range(10):
        W -= STEP_SIZE * X.T @ softmax(scores(X, weights), y)[1] / len(y)
    return weights


def thread_counts() -> list[int]:
    """One, and as many as there are cores."""
    return sorted({1, cores()})


def on(threads: int) -> str:
    """Say how many threads."""
    return f"{threads} thread{'s' if threads > 1 else ''}"
