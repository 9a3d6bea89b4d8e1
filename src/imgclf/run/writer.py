"""Write the tables, checkpoints and record of learning of a run."""

import hashlib
import os
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgclf.config import Config, dump, dump_as_0_1, dump_given
from imgclf.errors import RunError, UsageError
from imgclf.files.writing import open_own, sync, translate_os_errors
from imgclf.optimizers import OptimizerState
from imgclf.run import run_dir
from imgclf.run.checkpoint import Checkpoint, save_checkpoint
from imgclf.run.data_identity import check_data, data_fingerprints, with_data_path
from imgclf.run.learning import Learning, kept_losses
from imgclf.training.epochs import Epoch
from imgclf.training.loading import where
from imgclf.training.plan import Plan
from imgclf.training.state import Snapshot

TABLES = {"metrics.csv": run_dir.METRICS, "timings.csv": run_dir.TIMINGS}


class RunWriter:
    """Writes tables, checkpoints and record of learning of a run into its directory, which this process has locked."""

    def __init__(self, plan: Plan, directory: Path, snapshot: Snapshot) -> None:
        self._reached: tuple[Snapshot, dict[str, int]] = snapshot, {}  # and the lengths of the tables then
        self._directory = directory
        self._chosen = plan.config.checkpoint
        self._fingerprints = run_fingerprints(plan)
        self._learning = Learning.start(snapshot)
        self._saved: Snapshot | None = None
        self._saved_at = time.monotonic()

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot from which the run could resume."""
        return self._reached[0]

    def start(self) -> None:
        """Start the tables of a new run."""
        for name, columns in TABLES.items():
            run_dir.start_table(self._directory / name, columns)
        self._reached = self.snapshot, self._table_lengths()

    def resume(self, since: Checkpoint) -> None:
        """Remove the rows that were written after a checkpoint."""
        for name in TABLES:
            path, length = self._directory / name, since.tables[name]
            kept = run_dir.read_file(path)[:length]
            if len(kept) < length:
                raise RunError(path, "shorter than when the checkpoint was made", "the file was changed: train again")
            if kept.count(b"\n") != since.snapshot.epochs + 1 or not kept.endswith(b"\n"):
                raise RunError(path, "not the rows that the checkpoint counts", "the file was changed: train again")
            with translate_os_errors(path), open_own(path, 0) as file:
                os.ftruncate(file.fileno(), length)
        self._learning = Learning.resume(self._directory, since.snapshot, since.losses)
        self._reached, self._saved = (since.snapshot, since.tables), since.snapshot

    def step(self, snapshot: Snapshot) -> None:
        """Take note of a step; make a checkpoint if one is due."""
        self._reached = snapshot, self._reached[1]
        self._learning.note(snapshot)
        if self._is_due():
            self.save()

    def epoch(self, epoch: Epoch) -> None:
        """Add the rows of an epoch to the tables; make a checkpoint if one is due."""
        row = {**epoch.row, "seconds": epoch.seconds, "images_per_second": epoch.images_per_second}
        for name, columns in TABLES.items():
            run_dir.append_row(self._directory / name, columns, row)
        # In one assignment, so that no signal comes between; after the rows, so that a full disk changes nothing.
        self._reached = epoch.snapshot, self._table_lengths()
        self._learning.note(epoch.snapshot)
        if self._is_due() or (self._chosen.unit == "epoch" and epoch.snapshot.epochs % self._chosen.every == 0):
            self.save()

    def save(self) -> None:
        """Make a checkpoint, unless this snapshot has one already."""
        if self._saved is not None and self._saved.moment == self.snapshot.moment:
            return
        self._learning.note(self.snapshot)  # again, if a signal came before
        # First the rows that the checkpoint counts, then the checkpoint: a power cut must not leave it without them.
        for name in TABLES:
            sync(self._directory / name)
        self._learning.write(self._directory)
        save_checkpoint(self._directory, Checkpoint(*self._reached, self._fingerprints, self._learning.losses))
        self._saved, self._saved_at = self.snapshot, time.monotonic()

    def finish(self) -> None:
        """Write what was learned until the end of the run, whatever ended it."""
        self._learning.note(self.snapshot)
        self._learning.finish(self._directory, self.snapshot)

    def _is_due(self) -> bool:
        unit, every = self._chosen.unit, self._chosen.every
        if unit == "step":
            return self.snapshot.state.step % every == 0
        return unit == "minute" and time.monotonic() - self._saved_at >= 60 * every

    def _table_lengths(self) -> dict[str, int]:
        return {name: (self._directory / name).stat().st_size for name in TABLES}


def run_fingerprints(plan: Plan) -> dict[str, str]:
    """Return fingerprints of everything that may not change when a run resumes.

    Its length (epochs, patience), its device and the path of its data may.
    """
    watched = plan.config.early_stopping
    return {
        "config": _sha256(dump(_unchangeable(plan.config)).encode()),
        "early_stopping": f"{watched.monitor} by {watched.min_delta}" if watched else "",
        **data_fingerprints(plan.train, plan.val),
        "order": str(zlib.crc32(plan.sample(0).rows.astype("<i8").tobytes())),
    }


def _unchangeable(config: Config) -> Config:
    """Return the config with fixed values for all that may change when a run resumes."""
    device = {"device": "auto"} if "device" in config.train.model_fields_set else {}  # an earlier version has none
    train = config.train.model_copy(update={"epochs": 1, **device})
    return with_data_path(config.model_copy(update={"train": train, "name": None, "early_stopping": None}), None)


def check_fingerprints(plan: Plan, checkpoint: Checkpoint, directory: Path, remedy: str) -> None:
    """Refuse a checkpoint of other settings, images, classes or another order, or one that does not fit the run.

    remedy   what to do if the data is not the same
    """
    then, now = checkpoint.fingerprints, run_fingerprints(plan)
    switched_off = not now["early_stopping"]
    # The run may be of an earlier version: a key that its config.yaml lacks has been added since.
    configs = {_sha256(write(_unchangeable(plan.config)).encode()) for write in (dump, dump_given, dump_as_0_1)}
    if then.get("config") not in configs or not (switched_off or then.get("early_stopping") == now["early_stopping"]):
        raise UsageError(directory / "config.yaml", "changed since the run began", "restore it, or start another run")
    check_data(plan.train, plan.val, directory, where(plan.config), remedy, then)
    if then.get("order") != now["order"]:
        raise RunError(directory, "this NumPy shuffles in another order", "use the version in environment.json")
    check_fit(plan, checkpoint, directory)


def check_fit(plan: Plan, checkpoint: Checkpoint, directory: Path) -> None:
    """Refuse an undamaged checkpoint that no run of this plan can have made."""
    snapshot, losses = checkpoint.snapshot, checkpoint.losses
    (step, weights, optimizer_state), tally, best = snapshot.state, snapshot.tally, snapshot.best
    epochs, batches = divmod(step, plan.steps_per_epoch)
    empty = plan.optimizer.init(plan.weights)
    fits = {
        "weights": _kind(weights) == _kind(plan.weights),
        "optimizer state": {name: _kind(array) for name, array in optimizer_state.items()}
        == {name: _kind(array) for name, array in empty.items()}
        and all(array == step for array in optimizer_state.values() if array.dtype.kind == "i")
        and _can_step(plan, optimizer_state),
        "epochs": snapshot.epochs == epochs,
        "position in the epoch": tally.examples == batches * plan.batch_size and tally.correct <= tally.examples,
        "previous loss": (snapshot.previous_loss is None) == (step == 0),
        "best epoch": (plan.config.early_stopping is None or epochs == 0)
        if best is None
        else 0 < best.epoch == epochs - best.waited and _kind(best.weights) == _kind(plan.weights),
        "tables": set(checkpoint.tables) == set(TABLES),
        "losses": losses is None or len(losses) == len(kept_losses(step)),
    }
    if wrong := [what for what, is_right in fits.items() if not is_right]:
        raise RunError(directory, f"a checkpoint does not fit this run: its {', '.join(wrong)}", "train again")


def _kind(array: NDArray[Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    return array.shape, array.dtype


def _can_step(plan: Plan, optimizer_state: OptimizerState) -> bool:
    """Whether the optimizer state gives a finite direction for a gradient of 0."""
    with np.errstate(all="ignore"):
        direction, _ = plan.optimizer.direction(np.zeros_like(plan.weights), optimizer_state)
    return bool(np.isfinite(direction).all())


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
