"""The programs to time: a call trains one epoch."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch_loops
from floor import products, reading
from images import Images
from ours import Ways, epochs, kernels, plan_of
from sklearn.linear_model import SGDClassifier

from imgclf.arrays import FloatArray
from imgclf.losses import softmax
from imgclf.machine.cores import available_cores
from imgclf.model import scores, split

BATCHES = 256, 1024
L2, STEP_SIZE, SVM_STEP_SIZE = 1e-4, 0.01, 0.004
FLOOR, READING, SLOW = "floor: one cast, two products", "reading the pixels once", ("DataLoader", "SGDClassifier")

Contenders = dict[str, Ways]


def contenders(images: Images, folder: Path, stack: ExitStack) -> dict[int, Contenders]:
    """Put everyone on the same images, by size of batch; the slow ones have the first size only.

    `stack` ends imgclf's runs, which live in `folder`.
    """
    plan = plan_of(images.save(folder / "images.npz"))
    (folder / "images.npz").unlink()
    X = plan.preprocess.apply(images.pixels)
    pixels, mean = images.pixels.reshape(len(images), -1), plan.preprocess.mean
    assert mean is not None, "the default is to subtract the mean image"
    weights = fitted(plan.weights, X, images)
    dscores = softmax(scores(X, weights), images.y)[1]

    def ours(batch: int) -> Contenders:
        svm = "model.loss=svm", f"schedule.step_size={SVM_STEP_SIZE}"
        by_kernel = {kernel: (f"train.kernel={kernel}", *settings(batch)) for kernel in kernels()}
        return {
            **{of(name): epochs(stack, plan.train, folder, *those, also=COUNTS) for name, those in by_kernel.items()},
            **{of(name, "svm"): epochs(stack, plan.train, folder, *those, *svm) for name, those in by_kernel.items()},
        }

    def pytorch(batch: int) -> Contenders:
        return {
            **loops("float32", torch_loops.float32_batches(X, images.y, batch), plan.weights.shape),
            **loops("uint8", torch_loops.uint8_batches(pixels, images.y, mean, batch), plan.weights.shape),
        }

    floor = {FLOOR: {threads: products(pixels, dscores, weights, threads) for threads in COUNTS}}
    others = {
        **{f"PyTorch, DataLoader, {workers} workers": loader(X, images, workers) for workers in (0, 2)},
        "scikit-learn, SGDClassifier": {threads: classifier(X, images, threads) for threads in ENDS},
        READING: {threads: reading(pixels, threads) for threads in ENDS},
    }
    return {batch: ours(batch) | pytorch(batch) | floor | (others if batch == BATCHES[0] else {}) for batch in BATCHES}


def of(kernel: str, loss: str = "softmax") -> str:
    """Name imgclf with a kernel."""
    return f"imgclf, {kernel}{', SVM' if loss == 'svm' else ''}"


def settings(batch: int = BATCHES[0]) -> list[str]:
    """Return the common objective and optimizer as overrides of imgclf's config."""
    return [
        f"regularization.l2={L2}",
        f"train.batch_size={batch}",
        "schedule.name=constant",
        f"schedule.step_size={STEP_SIZE}",
    ]


def loops(kind: str, batches: torch_loops.Batches, shape: tuple[int, ...]) -> Contenders:
    """With autograd and by hand, for weights of a shape (D+1, C)."""
    return {
        f"PyTorch, {kind}, {make.__name__.replace('_', ' ')}": {
            threads: make(batches, shape[0] - 1, shape[1], L2, STEP_SIZE, threads) for threads in COUNTS
        }
        for make in (torch_loops.autograd, torch_loops.by_hand)
    }


def loader(X: FloatArray, images: Images, workers: int) -> Ways:
    """Where workers load, the loop itself is best on one thread or on all."""
    return {
        threads: torch_loops.autograd(
            torch_loops.loader_batches(X, images.y, BATCHES[0], workers),
            X.shape[1],
            images.classes,
            L2,
            STEP_SIZE,
            threads,
        )
        for threads in ENDS
    }


def classifier(X: FloatArray, images: Images, threads: int) -> Callable[[], object]:
    """One epoch of one-vs-all logistic regression, example by example."""
    # The step of momentum adds up to ten times its size; the example-by-example one is as small as it has to be.
    model = SGDClassifier(
        loss="log_loss", alpha=L2, learning_rate="constant", eta0=STEP_SIZE / 10, n_jobs=threads, random_state=0
    )
    names = np.arange(images.classes)
    return lambda: model.partial_fit(X, images.y, names)


def fitted(start: FloatArray, X: FloatArray, images: Images) -> FloatArray:
    """Return weights (D+1, C) some steps down the gradient on the first images from where a run starts."""
    X, y, weights = X[:5000], images.y[:5000], start.copy(order="K")
    W, _ = split(weights)
    for _ in range(10):
        W -= STEP_SIZE * X.T @ softmax(scores(X, weights), y)[1] / len(y)
    return weights


def thread_counts(cores: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ... and the number of cores."""
    return tuple(sorted({cores, *(1 << power for power in range(cores.bit_length()))}))


COUNTS = thread_counts(max(2, available_cores()))
ENDS = tuple(sorted({1, available_cores()}))
