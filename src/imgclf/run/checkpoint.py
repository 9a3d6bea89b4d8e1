"""Save and load checkpoints, from which a run resumes.

    checkpoint.npz            the newest
    checkpoint.previous.npz   the one before it, in case the newest is damaged

A sealed npz of plain arrays: `about`, a JSON text with the numbers; the weights; the optimizer state; the losses of
steps for steps.csv; and, under early stopping, the weights of the best epoch.
"""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.arrays import FloatArray
from imgclf.errors import DataError, RunError, excerpt
from imgclf.files.sealed_npz import described_npz, read_described_npz
from imgclf.files.writing import write_whole
from imgclf.trainer import TrainState
from imgclf.training.early_stopping import Best
from imgclf.training.state import Snapshot, Tally

NEWEST = "checkpoint.npz"
PREVIOUS = "checkpoint.previous.npz"
_MEMORY = "memory/"


@dataclass(frozen=True)
class Checkpoint:
    """A snapshot, and the run it belongs to.

    tables        the lengths of metrics.csv and timings.csv, in bytes
    fingerprints  of the config, the data and the order of the images
    losses        (K,) float64 of the steps `learning.kept_losses`; None in a run of an earlier version
    """

    snapshot: Snapshot
    tables: dict[str, int]
    fingerprints: dict[str, str]
    losses: FloatArray | None = None


def save_checkpoint(directory: Path, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint, and keep the one before it."""
    write_whole(directory / NEWEST, checkpoint_bytes(checkpoint), keep=directory / PREVIOUS)


def load_checkpoint(directory: Path) -> tuple[Checkpoint | None, RunError | None]:
    """Return the newest undamaged checkpoint (None if there is none yet), and the error of a newer, damaged one.

    Raises RunError if all of them are damaged.
    """
    damaged: RunError | None = None
    for path in (directory / NEWEST, directory / PREVIOUS):
        if path.exists():
            try:
                return read_checkpoint(path), damaged
            except RunError as error:
                damaged = damaged or error
    if damaged is not None:
        raise damaged
    return None, None


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """Return the bytes of the file; equal checkpoints have equal bytes."""
    snapshot = checkpoint.snapshot
    best = snapshot.best
    about = {
        "step": snapshot.state.step,
        "epochs": snapshot.epochs,
        "tally": asdict(snapshot.tally),
        "best": None if best is None else {"epoch": best.epoch, "score": best.score, "waited": best.waited},
        "previous_loss": snapshot.previous_loss,
        "tables": checkpoint.tables,
        "origin": checkpoint.fingerprints,
    }
    arrays = {"weights": snapshot.state.weights}
    arrays |= {_MEMORY + name: array for name, array in snapshot.state.memory.items()}
    if best is not None:
        arrays["best_weights"] = best.weights
    if checkpoint.losses is not None:
        arrays["losses"] = checkpoint.losses
    return described_npz(about, arrays)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; raises RunError if it is not valid or any bit has changed."""
    try:
        return _checkpoint(*read_described_npz(path))
    except DataError as error:
        raise RunError(path, f"a damaged checkpoint: {error.problem}", "train again") from error
    # JSON may hold numbers too large for a float, and lists too deep for Python.
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise RunError(path, f"not a usable checkpoint ({excerpt(error)})", "train again") from error


def _checkpoint(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Checkpoint:
    weights = _finite(arrays["weights"])
    optimizer = {name.removeprefix(_MEMORY): array for name, array in arrays.items() if name.startswith(_MEMORY)}
    state = TrainState(_count(about["step"]), weights, optimizer)
    best = None if about["best"] is None else _best(arrays["best_weights"], **about["best"])
    tally = _tally(**about["tally"])
    loss = None if about["previous_loss"] is None else _real(about["previous_loss"])
    tables = {str(name): _count(length) for name, length in about["tables"].items()}
    fingerprints = {str(name): str(text) for name, text in about["origin"].items()}
    snapshot = Snapshot(state, _count(about["epochs"]), tally, best, loss)
    return Checkpoint(snapshot, tables, fingerprints, _losses(arrays.get("losses")))


def _best(weights: NDArray[Any], epoch: Any, score: Any, waited: Any) -> Best:
    return Best(_count(epoch), _real(score), _finite(weights), _count(waited))


def _tally(loss: Any, correct: Any, examples: Any) -> Tally:
    return Tally(_real(loss), _count(correct), _count(examples))


def _finite(array: FloatArray) -> FloatArray:
    if array.ndim != 2 or array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError("weights are not a finite float matrix")
    return array


def _losses(array: FloatArray | None) -> FloatArray | None:
    if array is not None and (array.ndim != 1 or array.dtype != np.float64 or not np.isfinite(array).all()):
        raise ValueError("losses are not finite numbers")
    return array


def _real(number: Any) -> float:
    if type(number) not in (int, float) or not math.isfinite(number):
        raise ValueError(f"{str(number)[:20]} is not a finite number")
    return float(number)


def _count(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"{str(number)[:20]} is not a count")
    return number
