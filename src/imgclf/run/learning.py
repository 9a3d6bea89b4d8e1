"""Record the losses and weights of a run on its way.

    steps.csv   step,loss: of batch number `step`, from 0, with the weights before that step
    path.npz    steps (K,) and weights (K, D+1, C): after 0 and round(2**(k/2)) steps, and at the end

What is kept depends on the number of steps alone: a run that was interrupted, lengthened or shared among processes
leaves the same bytes.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imgclf.arrays import FloatArray, IntArray
from imgclf.errors import DataError, RunError
from imgclf.files.sealed_npz import read_sealed_npz, sealed_npz
from imgclf.files.writing import write_whole
from imgclf.run.run_dir import format_row, read_table
from imgclf.training.state import Snapshot

STEPS, PATH = "steps.csv", "path.npz"
MOST_ROWS = 3000  # an even number
MOST_WEIGHTS = 1 << 19  # of a model whose path is kept: 40 copies of a larger one would fill memory and disk
KEPT = {0, *(round(2 ** (k / 2)) for k in range(100))}  # numbers of steps: 0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, ...
_COLUMNS = ("step", "loss")
_REMEDY = "remove it to go on without: only pictures need it"


class LearningPath(NamedTuple):
    """The weights on the way: weights (K, D+1, C) after steps (K,) int64."""

    steps: IntArray
    weights: FloatArray


class Learning:
    """What is kept of a run so far; None of a run that began without it, as those of earlier versions did.

    losses   by the number of the step
    weights  by the number of steps before them
    """

    def __init__(self, losses: dict[int, float] | None, weights: dict[int, FloatArray] | None) -> None:
        self._losses = losses
        self._weights = weights
        self._written = 0  # the number of weights in the file

    @classmethod
    def start(cls, snapshot: Snapshot) -> "Learning":
        """Begin with the first weights of a run."""
        weights = snapshot.state.weights
        return cls({}, {0: weights} if weights.size <= MOST_WEIGHTS else None)

    @classmethod
    def resume(cls, directory: Path, snapshot: Snapshot, losses: FloatArray | None) -> "Learning":
        """Go on from a checkpoint: with its losses, and the weights up to there in the run's directory."""
        step, path = snapshot.state.step, read_path(directory)
        kept = None if losses is None else dict(zip(kept_losses(step), losses.tolist(), strict=False))
        if path is None:
            return cls(kept, None)
        weights = {n: W for n, W in zip(path.steps.tolist(), path.weights, strict=True) if n <= step and n in KEPT}
        if set(weights) != {n for n in KEPT if n <= step} or path.weights.shape[1:] != snapshot.state.weights.shape:
            raise RunError(directory / PATH, "not the path of this run up to its checkpoint", _REMEDY)
        return cls(kept, weights)

    @property
    def losses(self) -> FloatArray | None:
        """The losses for a checkpoint, of the steps `kept_losses`."""
        return None if self._losses is None else np.array(list(self._losses.values()), np.float64)

    def note(self, snapshot: Snapshot) -> None:
        """Keep the loss of the last step and the weights after it, if they are due; once or again."""
        step, loss = snapshot.state.step, snapshot.previous_loss
        if self._losses is not None and loss is not None:
            stride = _stride(step)
            if (step - 1) % stride == 0:
                self._losses[step - 1] = loss
            if len(self._losses) > MOST_ROWS:
                self._losses = {n: loss for n, loss in self._losses.items() if n % stride == 0}
        if self._weights is not None and step in KEPT:
            self._weights[step] = snapshot.state.weights

    def write(self, directory: Path) -> None:
        """Write both files, if more weights are kept than before: a resumed run needs them."""
        if self._weights is not None and len(self._weights) > self._written:
            self._write(directory, self._weights)

    def finish(self, directory: Path, snapshot: Snapshot) -> None:
        """Write both files, with the last weights of the run."""
        state = snapshot.state
        self._write(directory, None if self._weights is None else self._weights | {state.step: state.weights})

    def _write(self, directory: Path, weights: dict[int, FloatArray] | None) -> None:
        if self._losses is not None:
            rows = [format_row(_COLUMNS, {"step": step, "loss": loss}) for step, loss in self._losses.items()]
            write_whole(directory / STEPS, "".join(f"{row}\n" for row in [",".join(_COLUMNS), *rows]).encode())
        if weights is not None:
            arrays = {"steps": np.array(list(weights), np.int64), "weights": np.stack(list(weights.values()))}
            write_whole(directory / PATH, sealed_npz(arrays))
            self._written = len(weights)


def kept_losses(steps: int) -> range:
    """Return the steps whose losses are kept after so many: every one, or every 2nd, 4th, 8th..., at most 3,000."""
    return range(0, steps, _stride(steps))


def _stride(steps: int) -> int:
    return 1 << max(0, math.ceil(math.log2(max(steps, 1) / MOST_ROWS)))


def read_steps(directory: Path) -> tuple[IntArray, FloatArray] | None:
    """Return steps (K,) int64 and their losses (K,) float64; None if the run has no steps.csv."""
    path = directory / STEPS
    if not path.exists():
        return None
    table = read_table(path)
    steps, losses = (np.array(table.get(column, [None]), np.float64) for column in _COLUMNS)
    if not (np.isfinite(steps).all() and np.isfinite(losses).all()):
        raise RunError(path, "not a table of steps and losses", "it is written by `imgclf train`")
    return steps.astype(np.int64), losses


def read_path(directory: Path) -> LearningPath | None:
    """Return the weights on the way; None if the run has no path.npz."""
    path = directory / PATH
    if not path.exists():
        return None
    try:
        arrays = read_sealed_npz(path)
        steps, weights = arrays["steps"], arrays["weights"]
    except (DataError, KeyError) as error:
        problem = error.problem if isinstance(error, DataError) else f"it has no {error}"
        raise RunError(path, f"a damaged path: {problem}", _REMEDY) from error
    is_path = steps.dtype == np.int64 and steps.ndim == 1 and weights.ndim == 3 and 0 < len(steps) == len(weights)
    if not (is_path and steps[0] == 0 and (np.diff(steps) > 0).all() and weights.dtype in (np.float32, np.float64)):
        raise RunError(path, "not the weights after steps", _REMEDY)
    if not np.isfinite(weights).all():
        raise RunError(path, "a weight is not a finite number", _REMEDY)
    return LearningPath(steps, weights)
