"""One epoch in PyTorch, as fast as we know how to write it; X, y and the order of an epoch are in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from imgclf.arrays import ByteArray, FloatArray, IntArray

Epoch = Callable[[], object]
Batches = Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]

DECAY = 0.9


@contextmanager
def on_threads(threads: int) -> Iterator[None]:
    """Have PyTorch use so many threads, and afterwards as many as before: imgclf's own kernel wants one."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def float32_batches(X: FloatArray, y: IntArray, batch_size: int) -> Batches:
    """Gather rows of numbers that are preprocessed already: X (N, D) float32."""
    images, labels = torch.from_numpy(X), torch.from_numpy(y)
    # index_select into a buffer: X[rows] takes a third longer.
    buffer = torch.empty(batch_size, X.shape[1])

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for rows in torch.randperm(len(y)).split(batch_size):
            yield torch.index_select(images, 0, rows, out=buffer[: len(rows)]), labels[rows]

    return batches


def uint8_batches(pixels: ByteArray, y: IntArray, mean: FloatArray, batch_size: int) -> Batches:
    """Gather rows of pixels (N, D) and preprocess them: X = pixels / 255 - mean (D,)."""
    images, labels, center = (torch.from_numpy(array) for array in (pixels, y, mean))
    gathered = torch.empty(batch_size, pixels.shape[1], dtype=torch.uint8)
    buffer = torch.empty(batch_size, pixels.shape[1])

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for rows in torch.randperm(len(y)).split(batch_size):
            X = buffer[: len(rows)]
            X.copy_(torch.index_select(images, 0, rows, out=gathered[: len(rows)]))
            yield X.mul_(1 / 255).sub_(center), labels[rows]

    return batches


def loader_batches(X: FloatArray, y: IntArray, batch_size: int, workers: int) -> Batches:
    """Let a DataLoader deal a TensorDataset; its processes stay between epochs."""
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    loader = DataLoader(dataset, batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    return lambda: iter(loader)


def autograd(batches: Batches, D: int, C: int, l2: float, step_size: float, threads: int) -> Epoch:
    """nn.Linear, autograd and the fused SGD; b has no weight decay."""
    model = torch.nn.Linear(D, C)
    groups: list[dict[str, Any]] = [{"params": [model.weight], "weight_decay": l2}, {"params": [model.bias]}]
    optimizer = torch.optim.SGD(groups, lr=step_size, momentum=DECAY, fused=True)

    @on_threads(threads)
    def epoch() -> None:
        for X, y in batches():
            optimizer.zero_grad(set_to_none=True)
            cross_entropy(model(X), y).backward()
            optimizer.step()

    return epoch


def by_hand(batches: Batches, D: int, C: int, l2: float, step_size: float, threads: int) -> Epoch:
    """The gradient of softmax written out, in place, without autograd; W (C, D), which is multiplied faster."""
    W, b = torch.zeros(C, D), torch.zeros(C)
    velocity, velocity_b = torch.zeros_like(W), torch.zeros_like(b)

    @torch.inference_mode()
    @on_threads(threads)
    def epoch() -> None:
        for X, y in batches():
            dscores = torch.softmax(torch.addmm(b, X, W.T), 1)
            dscores[torch.arange(len(y)), y] -= 1
            dscores /= len(y)
            velocity.mul_(DECAY).add_(W, alpha=l2).addmm_(dscores.T, X)
            velocity_b.mul_(DECAY).add_(dscores.sum(0))
            W.sub_(velocity, alpha=step_size)
            b.sub_(velocity_b, alpha=step_size)

    return epoch
