"""Write the tables and checkpoints of a run."""

import hashlib
import os
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.config import Config, dump, dump_as_0_1
from imgclf.errors import RunError, UsageError
from imgclf.files.writing import open_own, sync, translate_os_errors
from imgclf.optimizers import OptimizerState
from imgclf.run import run_dir
from imgclf.run.checkpoint import Checkpoint, save_checkpoint
from imgclf.run.data_identity import check_data, fingerprints, with_data_path
from imgclf.training.epochs import Row
from imgclf.training.loading import where
from imgclf.training.plan import Plan
from imgclf.training.state import Snapshot

TABLES = {"metrics.csv": run_dir.METRICS, "timings.csv": run_dir.TIMINGS}


class Record:
    """Writes into the directory of a run, which this process owns."""

    def __init__(self, plan: Plan, directory: Path, snapshot: Snapshot) -> None:
        self._reached: tuple[Snapshot, dict[str, int]] = snapshot, {}  # and how long the tables were then
        self._directory = directory
        self._chosen = plan.config.checkpoint
        self._origin = origin(plan)
        self._saved: Snapshot | None = None
        self._when = time.monotonic()

    @property
    def snapshot(self) -> Snapshot:
        """From where the run could go on."""
        return self._reached[0]

    def begin(self) -> None:
        """Start from nothing."""
        for name, columns in TABLES.items():
            run_dir.start_table(self._directory / name, columns)
        self._reached = self.snapshot, self._measured()

    def go_on(self, since: Checkpoint) -> None:
        """Forget what was written after a checkpoint."""
        for name in TABLES:
            path, length = self._directory / name, since.tables[name]
            kept = run_dir.read_file(path)[:length]
            if len(kept) < length:
                raise RunError(path, "shorter than when the checkpoint was made", "it was changed: train again")
            if kept.count(b"\n") != since.snapshot.epochs + 1 or not kept.endswith(b"\n"):
                raise RunError(path, "not the rows that the checkpoint counts", "it was changed: train again")
            with translate_os_errors(path), open_own(path, 0) as file:
                os.ftruncate(file.fileno(), length)
        self._reached, self._saved = (since.snapshot, since.tables), since.snapshot

    def step(self, snapshot: Snapshot) -> None:
        """Note that a step was made."""
        self._reached = snapshot, self._reached[1]
        if self._is_due():
            self.save()

    def epoch(self, row: Row, timing: Row, snapshot: Snapshot) -> None:
        """Add an epoch's rows to the tables."""
        run_dir.append_row(self._directory / "metrics.csv", run_dir.METRICS, row)
        run_dir.append_row(self._directory / "timings.csv", run_dir.TIMINGS, timing)
        # Both at once, or a signal comes between; and only now: a disk that refuses a row leaves the run where it was.
        self._reached = snapshot, self._measured()
        if self._is_due() or (self._chosen.unit == "epoch" and snapshot.epochs % self._chosen.every == 0):
            self.save()

    def save(self) -> None:
        """Make a checkpoint, unless there is one of this very moment."""
        if self._saved is not None and _moment(self._saved) == _moment(self.snapshot):
            return
        # First the rows that it counts, then itself: a power cut must not leave it without them.
        for name in TABLES:
            sync(self._directory / name)
        save_checkpoint(self._directory, Checkpoint(*self._reached, self._origin))
        self._saved, self._when = self.snapshot, time.monotonic()

    def _is_due(self) -> bool:
        unit, every = self._chosen.unit, self._chosen.every
        if unit == "step":
            return self.snapshot.state.step % every == 0
        return unit == "minute" and time.monotonic() - self._when >= 60 * every

    def _measured(self) -> dict[str, int]:
        return {name: (self._directory / name).stat().st_size for name in TABLES}


def origin(plan: Plan) -> dict[str, str]:
    """Return fingerprints of all that a run is made of, but for what may change on its way.

    That is how long it goes on (epochs, patience) and where its data is.
    """
    watched = plan.config.early_stopping
    return {
        "config": _sha256(dump(_lasting(plan.config)).encode()),
        "early_stopping": f"{watched.monitor} by {watched.min_delta}" if watched else "",
        **fingerprints(plan.train, plan.val),
        "order": str(zlib.crc32(plan.sample(0).rows.astype("<i8").tobytes())),
    }


def _lasting(config: Config) -> Config:
    """Return what stays in the config of a run as long as it goes on."""
    train = config.train.model_copy(update={"epochs": 1})
    return with_data_path(config.model_copy(update={"train": train, "name": None, "early_stopping": None}), None)


def check_origin(plan: Plan, checkpoint: Checkpoint, directory: Path, remedy: str) -> None:
    """Refuse a checkpoint of other settings, images, classes or another order, or one that cannot be of this run.

    remedy   what to do where the data is another
    """
    then, now = checkpoint.origin, origin(plan)
    lifted = not now["early_stopping"]
    configs = now["config"], _sha256(dump_as_0_1(_lasting(plan.config)).encode())
    if then.get("config") not in configs or not (lifted or then.get("early_stopping") == now["early_stopping"]):
        raise UsageError(directory / "config.yaml", "changed since the run began", "restore it, or start another run")
    check_data(plan.train, plan.val, directory, where(plan.config), remedy, then)
    if then.get("order") != now["order"]:
        raise RunError(directory, "this NumPy deals the images in another order", "use the version of environment.json")
    check_fit(plan, checkpoint, directory)


def check_fit(plan: Plan, checkpoint: Checkpoint, directory: Path) -> None:
    """Refuse a checkpoint that no run of this plan can have made, though it is whole."""
    snapshot = checkpoint.snapshot
    (step, weights, memory), tally, best = snapshot.state, snapshot.tally, snapshot.best
    epochs, batches = divmod(step, plan.steps_per_epoch)
    empty = plan.optimizer.init(plan.weights)
    fits = {
        "weights": _kind(weights) == _kind(plan.weights),
        "memory of the optimizer": {name: _kind(array) for name, array in memory.items()}
        == {name: _kind(array) for name, array in empty.items()}
        and all(array == step for array in memory.values() if array.dtype.kind == "i")
        and _can_step(plan, memory),
        "epochs": snapshot.epochs == epochs,
        "place in the epoch": tally.examples == batches * plan.batch_size and tally.correct <= tally.examples,
        "previous loss": (snapshot.previous_loss is None) == (step == 0),
        "best epoch": (plan.config.early_stopping is None or epochs == 0)
        if best is None
        else 0 < best.epoch == epochs - best.waited and _kind(best.weights) == _kind(plan.weights),
        "tables": set(checkpoint.tables) == set(TABLES),
    }
    if wrong := [what for what, is_right in fits.items() if not is_right]:
        raise RunError(directory, f"a checkpoint does not fit this run: its {', '.join(wrong)}", "train again")


def _kind(array: NDArray[Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return array.shape, array.dtype


def _can_step(plan: Plan, memory: OptimizerState) -> bool:
    """Whether the optimizer comes to a finite direction from what it remembers, where the gradient is 0."""
    with np.errstate(all="ignore"):
        direction, _ = plan.optimizer.direction(np.zeros_like(plan.weights), memory)
    return bool(np.isfinite(direction).all())


def _moment(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.state.step, snapshot.epochs


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
