"""Gradient and evaluation of examples on a device, by PyTorch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from imgclf.arrays import Batch, FloatArray, IntArray, ReadFn
from imgclf.errors import StorageError, UsageError
from imgclf.gradients import BatchGradient, GradientFn, Objective
from imgclf.losses import LossFn
from imgclf.model import split
from imgclf.numerics.products import block_of
from imgclf.numerics.sums import BLOCK, Summation, Sums, serial_sum, sum_over_blocks
from imgclf.numerics.weighting import Weighted
from imgclf.speed.judging import Judged, JudgeFn
from imgclf.speed.pytorch.examples import DeviceReader, fetch, send
from imgclf.speed.pytorch.losses import TORCH_LOSSES, Tensor, TorchLoss
from imgclf.speed.ranks import on_ranks, on_this_process

KEY = "train.device"
AT_ONCE = 1 << 28  # numbers of a block on a card, a gigabyte in float32; it may not depend on the card's memory
ARRAYS = 6  # (n, C) that a loss makes


class TorchKernel:
    """A `Kernel` on a device; it keeps the examples that fit there.

    A card computes a batch in one block, or in few: its threads are its own. On the processor, the blocks are those of
    `speed.blocks`, each on one thread, so that their sums do not depend on the number of threads.
    """

    def __init__(self, device: str) -> None:
        # Both are properties of the process. By the first, products on a card have the same bytes each time.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.set_float32_matmul_precision("highest")
        self.device = _found(device)
        self.is_card = self.device != "cpu"
        self._reader = DeviceReader(self.device)

    def __call__(self, sum_blocks: Summation) -> GradientFn:
        """Return `analytic_gradient`, computed on the device."""
        add_up = self._on_device(sum_blocks)

        def evaluate(objective: Objective, batch: Batch, weights: FloatArray) -> BatchGradient:
            (D, C), N = split(weights)[0].shape, len(batch)
            with _memory_told(self.device):
                self._on_this_thread()
                w, loss_fn = self._send(weights), self._loss(objective.loss_fn)

                def sums(rows: IntArray) -> Sums:
                    X, y = self._read(batch.read, rows)
                    s = X @ w[:-1] + w[-1]
                    losses, dscores = loss_fn(s, y)
                    grad = torch.empty_like(w)
                    torch.mm(X.T, dscores, out=grad[:-1])
                    grad[-1] = dscores.sum(dim=0)
                    correct = (s.argmax(dim=1) == y).sum(dtype=torch.float64)
                    return torch.stack([losses.sum(dtype=torch.float64), correct]), grad

                seen, grad = map(self._send, sum_over_blocks(sums, batch.rows, add_up, self._rows(D, C, N)))
                grad /= N
                penalty = _penalize(objective, w[:-1], grad[:-1])
                (loss, correct), penalty = seen.tolist(), float(penalty)
                return BatchGradient(loss / N + penalty, int(correct), fetch(grad))

        return evaluate

    def judging(self, loss_fn: LossFn, weights: FloatArray) -> JudgeFn:
        """Return how to judge examples on the device; the weights travel once."""
        w, on_device = self._send(weights), self._loss(loss_fn)

        def judge(read: ReadFn, rows: IntArray) -> Judged:
            with _memory_told(self.device):
                X, y = self._read(read, rows)
                s = X @ w[:-1] + w[-1]
                losses, _ = on_device(s, y)
                right = s.gather(1, y[:, None])
                earlier = torch.arange(s.shape[1], device=s.device) < y[:, None]
                ranks = ((s > right) | ((s == right) & earlier)).sum(dim=1)
                seen = fetch(torch.stack([y, s.argmax(dim=1), ranks]))
                return Judged(float(losses.sum(dtype=torch.float64)), *seen)

        return judge

    def describe(self) -> str:
        """Return the kind of the device, and the name of a card."""
        return f"{self.device}: {torch.cuda.get_device_name()}" if self.is_card else self.device

    def _read(self, read: ReadFn, rows: IntArray) -> tuple[Tensor, Tensor]:
        """Read a block: X (n, D) and y (n,)."""
        self._on_this_thread()
        return self._reader(read, rows)

    def _on_this_thread(self) -> None:
        """Have PyTorch compute what follows on this thread alone: on several, it adds in another order."""
        if self.device == "cpu":
            torch.set_num_threads(1)  # a limit of each thread: a new one would take all cores

    def _send(self, given: Any) -> Tensor:
        return given if isinstance(given, torch.Tensor) else send(given, self.device)

    def _rows(self, D: int, C: int, N: int) -> int:
        """Return the number of rows in a block of a batch of N."""
        if not self.is_card:
            return block_of(D, C, N)
        return max(BLOCK, 1 << (AT_ONCE // (D + ARRAYS * C)).bit_length() - 1)

    def _on_device(self, sum_blocks: Summation) -> Summation:
        """Return who adds up blocks: what is added on the device is fetched only where ranks exchange it."""
        here = serial_sum if self.is_card else on_this_process(sum_blocks)
        if not isinstance(sum_blocks, on_ranks):
            return here
        return replace(sum_blocks, sum_blocks=lambda term, n: tuple(map(fetch, here(term, n))))

    def _loss(self, loss_fn: LossFn) -> TorchLoss:
        """Return a loss on the device: that of the table, or else a call of `loss_fn` on scores that are fetched."""
        if isinstance(loss_fn, Weighted):
            return _weighted(self._loss(loss_fn.loss_fn), self._send(loss_fn.class_weights))
        return TORCH_LOSSES.get(loss_fn) or self._called(loss_fn)

    def _called(self, loss_fn: LossFn) -> TorchLoss:
        def loss_by_numpy(s: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            losses, dscores = loss_fn(fetch(s), fetch(y))
            return self._send(losses), self._send(dscores)

        return loss_by_numpy


def _found(device: str) -> str:
    """Return cpu or cuda; raises UsageError where a card is asked for and there is none."""
    # Counting cards does not begin to use one: a sweep forks after this, which no card in use survives.
    there = torch.cuda.device_count() > 0
    if device == "cuda" and not there:
        built = torch.version.cuda or torch.version.hip
        why = "no graphics card is found" if built else "this PyTorch was built without it"
        remedy = "see `nvidia-smi`" if built else "install one that has it: https://pytorch.org/get-started"
        raise UsageError(KEY, f"cuda: {why}", f"{remedy}; or set it to cpu")
    return ("cuda" if there else "cpu") if device == "auto" else device


def _weighted(loss_fn: TorchLoss, class_weights: Tensor) -> TorchLoss:
    def weighted_loss(s: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        losses, dscores = loss_fn(s, y)
        w = class_weights[y].to(s.dtype)
        return w * losses, w[:, None] * dscores

    return weighted_loss


def _penalize(objective: Objective, W: Tensor, dW: Tensor) -> Tensor | float:
    """Add the gradient of the penalty to dW (D, C); return the penalty, summed in float64."""
    penalty: Tensor | float = 0.0
    if objective.l2:
        dW += objective.l2 * W
        penalty += objective.l2 / 2 * W.double().square().sum()
    if objective.l1:
        dW += objective.l1 * W.sign()
        penalty += objective.l1 * W.double().abs().sum()
    return penalty


@contextmanager
def _memory_told(device: str) -> Iterator[None]:
    """Raise what PyTorch says of memory as other errors of memory are."""
    try:
        yield
    except RuntimeError as error:
        if device == "cuda" and "out of memory" in str(error):
            remedy = "end other programs that use it, lower train.batch_size, or set train.device: cpu"
            raise StorageError(KEY, "the memory of the graphics card is full", remedy) from error
        if "allocate memory" in str(error):
            raise MemoryError(str(error)) from error
        raise
