"""Run targets: a new run directory, or a resumed one."""

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

from imgclf.config import Config, dump, dump_given
from imgclf.data.dataset import Dataset
from imgclf.errors import ImgclfError, RunError, UsageError, plural
from imgclf.files.writing import json_bytes, remove_litter, translate_os_errors, write_json, write_whole
from imgclf.run.checkpoint import Checkpoint, load_checkpoint
from imgclf.run.data_identity import check_data, find_data
from imgclf.run.environment import compare_environment, path_text
from imgclf.run.model_file import load_model
from imgclf.run.opening import config_of_run
from imgclf.run.run_dir import acquire, create, parent_of, read_json, read_status, write_status
from imgclf.run.writer import check_fingerprints
from imgclf.training.classifier import Model
from imgclf.training.epochs import patience_is_over
from imgclf.training.loading import load_training_data, where
from imgclf.training.plan import Plan

# early_stopping may also become null.
MAY_CHANGE = ("train.epochs", "train.device", "early_stopping.patience", "data.path")
RESULTS = ("model.npz", "metrics.json")
_WHERE = "say where the run's data is now: -s data.path=PATH"
_RESTORE = f"restore the data, or {_WHERE}"


@dataclass(frozen=True)
class Ready:
    """The directory is ready to train in; notes on how it resumes, warnings if its bytes may differ."""

    directory: Path
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewRun:
    """A run in a directory that is absent or empty; `out` None: runs/NAME."""

    config: Config
    out: Path | None = None

    def with_data_found(self) -> Self:
        """Return itself: the config says where its data is."""
        return self

    def open(self, stack: ExitStack) -> tuple[None, None]:
        """Return no checkpoint: a new run has none."""
        return None, None

    def check(self, plan: Plan, since: Checkpoint | None) -> None:
        """Accept any data."""

    def prepare(self, stack: ExitStack, since: Checkpoint | None, environment: dict[str, Any]) -> Ready:
        """Create the directory with its first files."""
        environment = {**environment, "folder": path_text(os.path.realpath(parent_of(self.out)))}
        name = self.config.name or f"{self.config.data.source}-{self.config.model.loss}"
        files = {"config.yaml": dump(self.config).encode(), "environment.json": json_bytes(environment)}
        directory, lock = create(name, self.out, files)
        stack.enter_context(lock)
        return Ready(directory)


@dataclass(frozen=True)
class ResumedRun:
    """A run that resumes in its own directory.

    before    its config so far
    pictures  names of its picture files, which are removed when it resumes: they show the shorter run
    """

    directory: Path
    before: Config
    config: Config
    pictures: tuple[str, ...]

    @classmethod
    def at(cls, directory: Path, overrides: tuple[str, ...], pictures: Iterable[str]) -> Self:
        """Open a run, of which -s may change only the length, the device and the path of its data."""
        if not directory.is_dir():
            raise RunError(directory, "no such run directory", "see what is under runs/")
        before = config_of_run(directory)
        now = config_of_run(directory, overrides) if overrides else before
        may_change = (*MAY_CHANGE, *(["early_stopping"] if now.early_stopping is None else []))
        if changed := [key for key in _differences(before.model_dump(), now.model_dump()) if key not in may_change]:
            remedy = f"only {', '.join(MAY_CHANGE)} and early_stopping=null can"
            raise UsageError(f"-s {changed[0]}", "cannot change in the middle of a run", remedy)
        return cls(directory, before, now, tuple(pictures))

    @property
    def is_changed(self) -> bool:
        """Whether -s changes the length; where the data is and what computes do not count."""
        changed = _differences(self.before.model_dump(), self.config.model_dump())
        return not {*changed} <= {"data.path", "train.device"}

    def is_over(self) -> bool:
        """Whether the run is finished, with all of its results."""
        finished = read_status(self.directory) == "finished"
        return finished and not self.is_changed and all((self.directory / name).exists() for name in RESULTS)

    def with_data_found(self) -> Self:
        """Return the same run with the current path of its data; a path from -s is used unchanged."""
        if self.config.data.path != self.before.data.path:
            return self
        return replace(self, config=find_data(self.config, self.directory, _WHERE))

    def open(self, stack: ExitStack) -> tuple[Checkpoint | None, ImgclfError | None]:
        """Lock the directory; return its checkpoint (None: from the start), and the error of a newer, damaged one."""
        self.lock(stack)
        return load_checkpoint(self.directory)

    def check(self, plan: Plan, since: Checkpoint | None) -> None:
        """Refuse to resume with other data, or if no epoch is left to train."""
        if since is None:
            check_data(plan.train, plan.val, self.directory, where(plan.config), _RESTORE)
        else:
            check_fingerprints(plan, since, self.directory, _RESTORE)
            if self.is_changed:
                self._check_length(since)

    def prepare(self, stack: ExitStack, since: Checkpoint | None, environment: dict[str, Any]) -> Ready:
        """Write a changed config; return notes on how the run resumes."""
        notes = self._notes(since)
        changed = compare_environment(self.directory, environment)
        if self.is_changed:
            write_status(self.directory, "interrupted")  # first: with the longer config, the run is not finished
        for name in self.pictures:  # before training: a kill must not leave them in the longer run
            with translate_os_errors(self.directory / name):
                (self.directory / name).unlink(missing_ok=True)
        if self.before != self.config:
            notes += self.write_config()
        warnings = tuple(f"{line}: the bytes may differ from those of an uninterrupted run" for line in changed)
        return Ready(self.directory, tuple(notes), warnings)

    def lock(self, stack: ExitStack) -> None:
        """Lock the directory until the stack is closed, and remove files that a kill left unfinished."""
        stack.enter_context(acquire(self.directory))
        remove_litter(self.directory)

    def model(self) -> Model:
        """Load the model of the run."""
        return load_model(self.directory / "model.npz")

    def load(self) -> tuple[Dataset, Dataset | None]:
        """Load the run's data, and check that it has not changed."""
        train, val = load_training_data(self.config)
        check_data(train, val, self.directory, where(self.config), _RESTORE)
        return train, val

    def write_config(self) -> list[str]:
        """Write config.yaml; return a note if the path of the data has changed."""
        # No other keys, even if later versions have more: the checkpoints so far are of a config without them.
        write_whole(self.directory / "config.yaml", dump_given(self.config).encode())
        if self.before.data.path == self.config.data.path:
            return []
        # Record the folder from which the path leads to the data, so that it is found when both move again.
        path = self.directory / "environment.json"
        if environment := read_json(path):
            write_json(path, environment | {"folder": path_text(self.directory.resolve().parent)})
        return [f"data      {self.before.data.path} -> {self.config.data.path}: the same images"]

    def _check_length(self, since: Checkpoint) -> None:
        done, epochs = since.snapshot.epochs, self.config.train.epochs
        finished = read_status(self.directory) == "finished"
        if done > epochs or (finished and done == epochs):
            raise UsageError("-s train.epochs", f"{plural(done, 'epoch')} are complete already", "give a larger number")
        if done == epochs and since.snapshot.tally.examples:
            raise UsageError("-s train.epochs", f"epoch {done + 1} has begun already", "give a larger number")
        if patience_is_over(self.config, since.snapshot.best):
            remedy = "add -s early_stopping=null, or a larger -s early_stopping.patience=N"
            raise UsageError("early_stopping", f"it has already ended the run, after {plural(done, 'epoch')}", remedy)

    def _notes(self, since: Checkpoint | None) -> list[str]:
        before, epochs = self.before.train.epochs, self.config.train.epochs
        notes = ["resume    from the beginning: there is no checkpoint yet"]
        if since is not None:
            done = since.snapshot
            notes = [f"resume    {self.directory}, after {plural(done.epochs, 'epoch')}, at step {done.state.step:,}"]
        stopping, now = self.before.early_stopping, self.config.early_stopping
        if stopping is not None and stopping != now:
            patience = now.patience if now else "never"
            notes.append(f"stopping  {stopping.patience} epochs without an improvement -> {patience}")
        if before != epochs:
            notes.append(
                f"epochs    {before} -> {epochs}: from here on, step sizes are those of a run of {epochs} epochs; "
                f"the result differs from a run of {epochs} epochs from the start"
            )
        return notes


RunTarget: TypeAlias = NewRun | ResumedRun  # a session calls with_data_found, open, check and prepare, in this order


def _differences(before: Any, now: Any, key: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [one for k in keys for one in _differences(before.get(k), now.get(k), f"{key}.{k}" if key else str(k))]
    return [] if before == now else [key]
