"""Run targets: a new directory, or one that is resumed."""

import os
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from imgclf.config import Config, dump
from imgclf.data.dataset import Dataset
from imgclf.errors import ImgclfError, RunError, UsageError
from imgclf.files.writing import json_bytes, remove_litter, translate_os_errors, write_json, write_whole
from imgclf.run.checkpoint import Checkpoint, load_checkpoint
from imgclf.run.data_identity import check_data, find_data, with_data_path
from imgclf.run.environment import compare_environment, path_text
from imgclf.run.model_file import load_model
from imgclf.run.opening import config_of_run
from imgclf.run.record import check_origin
from imgclf.run.run_dir import (
    acquire,
    create,
    parent_of,
    read_json,
    read_status,
    write_status,
)
from imgclf.training.classifier import Model
from imgclf.training.epochs import patience_is_over
from imgclf.training.loading import load_training_data, where
from imgclf.training.plan import Plan

MAY_CHANGE = ("train.epochs", "early_stopping.patience", "data.path")  # and early_stopping may become null
RESULTS = ("model.npz", "metrics.json")
_WHERE = "say where the run's data is now: -s data.path=PATH"
_RESTORE = f"restore the data, or {_WHERE}"


class RunTarget(Protocol):
    """Where a run is written; its methods in the order in which a run needs them."""

    @property
    def config(self) -> Config:
        """What to train."""

    def with_data_found(self) -> Self:
        """Return the same target, with its data where it is now."""

    def with_config(self, config: Config) -> Self:
        """Return the same target for a config in which nothing is left to the data."""

    def take_up(self, stack: ExitStack) -> tuple[Checkpoint | None, ImgclfError | None]:
        """Return the checkpoint to resume from, if any, and what was wrong with a newer one; own its directory."""

    def check(self, plan: Plan, since: Checkpoint | None) -> None:
        """Refuse data that is not that of the run."""

    def make_ready(self, stack: ExitStack, since: Checkpoint | None, environment: dict[str, Any]) -> "Ready":
        """Make the directory ready to be written to, owned until the stack is closed."""


@dataclass(frozen=True)
class Ready:
    """A directory to train in; what is resumed and how, and what may set it apart from an unbroken run."""

    directory: Path
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewRun:
    """A run in a directory that is not there yet, or empty; `out` None: runs/NAME."""

    config: Config
    out: Path | None = None

    def with_data_found(self) -> Self:
        """Return itself: its data is where the config says."""
        return self

    def with_config(self, config: Config) -> Self:
        """Return the same target for another config."""
        return replace(self, config=config)

    def take_up(self, stack: ExitStack) -> tuple[None, None]:
        """A new run has no checkpoint."""
        return None, None

    def check(self, plan: Plan, since: Checkpoint | None) -> None:
        """Accept any data."""

    def make_ready(self, stack: ExitStack, since: Checkpoint | None, environment: dict[str, Any]) -> Ready:
        """Make the directory, with what is in it from its first moment on."""
        environment = {**environment, "folder": path_text(os.path.realpath(parent_of(self.out)))}
        name = self.config.name or f"{self.config.data.source}-{self.config.model.loss}"
        files = {"config.yaml": dump(self.config).encode(), "environment.json": json_bytes(environment)}
        return Ready(stack.enter_context(closing(create(name, self.out, files))).path)


@dataclass(frozen=True)
class ResumedRun:
    """A run that goes on in its own directory.

    before    the config that it had
    pictures  names of files drawn of it, which are removed when it is made longer: they show the shorter run
    """

    directory: Path
    before: Config
    config: Config
    pictures: tuple[str, ...]

    @classmethod
    def at(cls, directory: Path, overrides: tuple[str, ...], pictures: Iterable[str]) -> Self:
        """Look at a run, in which -s may change only how long it trains and where its data is."""
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
        """Whether -s asks for another length; the place of the data is none of the run's settings."""
        return with_data_path(self.config, self.before.data.path) != self.before

    def is_over(self) -> bool:
        """Whether every step is made, and what came of them is there."""
        finished = read_status(self.directory) == "finished"
        return finished and not self.is_changed and all((self.directory / name).exists() for name in RESULTS)

    def with_data_found(self) -> Self:
        """Return the same run with its data where it is found now; a place that -s names is taken as it is."""
        if self.config.data.path != self.before.data.path:
            return self
        return replace(self, config=find_data(self.config, self.directory, _WHERE))

    def with_config(self, config: Config) -> Self:
        """Return the same run with another config."""
        return replace(self, config=config)

    def take_up(self, stack: ExitStack) -> tuple[Checkpoint | None, ImgclfError | None]:
        """Own the directory; return from where the run goes on, if not from its beginning."""
        self.own(stack)
        return load_checkpoint(self.directory)

    def check(self, plan: Plan, since: Checkpoint | None) -> None:
        """Refuse to go on with other data than before, or where no epoch is left to train."""
        if since is None:
            check_data(plan.train, plan.val, self.directory, where(plan.config), _RESTORE)
        else:
            check_origin(plan, since, self.directory, _RESTORE)
            if self.is_changed:
                self._check_length(since)

    def make_ready(self, stack: ExitStack, since: Checkpoint | None, environment: dict[str, Any]) -> Ready:
        """Write down a config that is longer than before; say how the run goes on."""
        notes = self._story(since)
        changed = compare_environment(self.directory, environment)
        if self.is_changed:
            write_status(self.directory, "interrupted")  # first: with the longer config, it is not finished
            for name in self.pictures:  # a kill must not leave them to the longer run
                with translate_os_errors(self.directory / name):
                    (self.directory / name).unlink(missing_ok=True)
        if self.before != self.config:
            notes += self.write_config()
        warnings = tuple(f"{line}: the bytes may differ from those of an unbroken run" for line in changed)
        return Ready(self.directory, tuple(notes), warnings)

    def own(self, stack: ExitStack) -> None:
        """Own the directory until the stack is closed, and remove what a kill left half written."""
        stack.enter_context(closing(acquire(self.directory)))
        remove_litter(self.directory)

    def model(self) -> Model:
        """Load the model of the run."""
        return load_model(self.directory / "model.npz")

    def load(self) -> tuple[Dataset, Dataset | None]:
        """Load the data that the run was trained on, and no other."""
        train, val = load_training_data(self.config)
        check_data(train, val, self.directory, where(self.config), _RESTORE)
        return train, val

    def write_config(self) -> list[str]:
        """Write config.yaml; say so where it names another place of the data."""
        write_whole(self.directory / "config.yaml", dump(self.config).encode())
        if self.before.data.path == self.config.data.path:
            return []
        # From which folder the path leads to the data, so that it is found when both move again.
        path = self.directory / "environment.json"
        if environment := read_json(path):
            write_json(path, environment | {"folder": path_text(self.directory.resolve().parent)})
        return [f"data      {self.before.data.path} -> {self.config.data.path}: the same images"]

    def _check_length(self, since: Checkpoint) -> None:
        done, epochs = since.snapshot.epochs, self.config.train.epochs
        finished = read_status(self.directory) == "finished"
        if done > epochs or (finished and done == epochs):
            raise UsageError("-s train.epochs", f"{_epochs(done)} are complete already", "give a larger number")
        if patience_is_over(self.config, since.snapshot.best):
            remedy = "add -s early_stopping=null, or a larger -s early_stopping.patience=N"
            raise UsageError("early_stopping", f"it ends the run where it is, after {_epochs(done)}", remedy)

    def _story(self, since: Checkpoint | None) -> list[str]:
        before, epochs = self.before.train.epochs, self.config.train.epochs
        notes = ["resume    from the beginning: there is no checkpoint yet"]
        if since is not None:
            done = since.snapshot
            notes = [f"resume    {self.directory}, after {_epochs(done.epochs)}, at step {done.state.step:,}"]
        stopping, now = self.before.early_stopping, self.config.early_stopping
        if stopping is not None and stopping != now:
            patience = now.patience if now else "never"
            notes.append(f"stopping  {stopping.patience} epochs without an improvement -> {patience}")
        if before != epochs:
            notes.append(
                f"epochs    {before} -> {epochs}: from here on, step sizes are those of a run of {epochs} epochs; "
                "the result differs from a run configured so from the start"
            )
        return notes


def _epochs(n: int) -> str:
    return f"{n:,} epoch{'' if n == 1 else 's'}"


def _differences(before: Any, now: Any, key: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [one for k in keys for one in _differences(before.get(k), now.get(k), f"{key}.{k}" if key else str(k))]
    return [] if before == now else [key]
