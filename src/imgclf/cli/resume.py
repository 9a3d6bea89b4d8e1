"""`imgclf train --resume`: resume or complete a run."""

from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, plural
from imgclf.cli.eval import config_of_run
from imgclf.errors import RunError, UsageError

if TYPE_CHECKING:
    from imgclf.checkpoint import Checkpoint
    from imgclf.compose import Plan
    from imgclf.config import Config
    from imgclf.data.dataset import Dataset
    from imgclf.early_stopping import Best
    from imgclf.evaluate import Evaluation
    from imgclf.model_file import Model

MAY_CHANGE = ("train.epochs", "early_stopping.patience", "data.path")  # and early_stopping may become null
RESULTS = ("model.npz", "metrics.json")
_WHERE = "say where the run's data is now: -s data.path=PATH"
_RESTORE = f"restore the data, or {_WHERE}"


@dataclass(frozen=True)
class OldRun:
    """A run that is to go on in its own directory; `before` is the config that it had."""

    directory: Path
    before: "Config"
    config: "Config"

    @classmethod
    def at(cls, directory: Path, files: tuple[Path, ...], out: Path | None, overrides: tuple[str, ...]) -> "OldRun":
        """Look at a run, in which -s may change only how long it trains and where its data is."""
        for option, given in (("--config", files), ("--out", out)):
            if given:
                raise UsageError(option, "does not go with --resume", "a run goes on in its own directory and config")
        if not directory.is_dir():
            raise RunError(directory, "no such run directory", "see what is under runs/")
        before = config_of_run(directory)
        now = config_of_run(directory, overrides) if overrides else before
        may_change = (*MAY_CHANGE, *(["early_stopping"] if now.early_stopping is None else []))
        if changed := [key for key in _differences(before.model_dump(), now.model_dump()) if key not in may_change]:
            remedy = f"only {', '.join(MAY_CHANGE)} and early_stopping=null can"
            raise UsageError(f"-s {changed[0]}", "cannot change in the middle of a run", remedy)
        return cls(directory, before, now)

    @property
    def is_changed(self) -> bool:
        """Whether -s asks for another length; the place of the data is none of the run's settings."""
        from imgclf.data_identity import with_data_path

        return with_data_path(self.config, self.before.data.path) != self.before

    def is_over(self) -> bool:
        """Whether every step is made, and what came of them is there."""
        from imgclf.run_dir import read_status

        finished = read_status(self.directory) == "finished"
        return finished and not self.is_changed and all((self.directory / name).exists() for name in RESULTS)

    def with_data_found(self) -> "OldRun":
        """Return the same run with its data where it is found now; a place that -s names is taken as it is."""
        from imgclf.data_identity import find_data

        if self.config.data.path != self.before.data.path:
            return self
        return replace(self, config=find_data(self.config, self.directory, _WHERE))

    def complete(self, ctx: click.Context, console: Console, threads: int | None, *, change: bool, draw: bool) -> None:
        """Answer for a run that is over as it did when it finished, and draw what pictures it lacks.

        Where -s names another place of the data, config.yaml gets it; nothing else changes.
        """
        from imgclf.checkpoint import load_checkpoint
        from imgclf.run_dir import read_metrics

        checkpoint, _ = load_checkpoint(self.directory)
        metrics = read_metrics(self.directory)
        best = checkpoint.snapshot.best if checkpoint else None
        console.result(f"{self.directory}: finished already; {self._way_to_go_on(best)}")
        missing = self._missing_pictures() if change and draw else []
        moved = change and self.before != self.config
        if missing or moved:
            self._own(ctx)
        if moved:
            self._load()
            self._write_config(console)
        if missing:
            self._draw(console, best, threads, missing)
        # Whoever removed the checkpoints to save room gets an answer, too.
        epochs, steps = (
            (None, None) if checkpoint is None else (checkpoint.snapshot.epochs, checkpoint.snapshot.state.step)
        )
        console.object({"run": str(self.directory), "epochs": epochs, "steps": steps, "seconds": 0.0} | metrics)

    def take_up(self, ctx: click.Context, console: Console) -> "Checkpoint | None":
        """Own the directory; return from where the run goes on, or None for its beginning."""
        from imgclf.checkpoint import load_checkpoint

        self._own(ctx)
        checkpoint, damaged = load_checkpoint(self.directory)
        if damaged is not None:
            console.warn(f"{damaged.where}: {damaged.problem} - going on from the one before")
        return checkpoint

    def check(self, plan: "Plan", since: "Checkpoint | None") -> None:
        """Refuse to go on with other data than before, or where no epoch is left to train."""
        from imgclf.data_identity import check_data
        from imgclf.loading import where
        from imgclf.record import check_origin

        if since is None:
            check_data(plan.train, plan.val, self.directory, where(plan.config), _RESTORE)
        else:
            check_origin(plan, since, self.directory, _RESTORE)
            if self.is_changed:
                self._check_length(since)

    def make_ready(
        self, ctx: click.Context, console: Console, since: "Checkpoint | None", environment: dict[str, Any]
    ) -> Path:
        """Say how the run goes on, and write down a config that is longer than before."""
        from imgclf.run_dir import PICTURES, write_status
        from imgclf.storage import translate_os_errors

        self._describe(console, since)
        for line in compare_environment(self.directory, environment):
            console.warn(f"{line}: the bytes may differ from those of an unbroken run")
        if self.is_changed:
            write_status(self.directory, "interrupted")  # first: with the longer config, it is not finished
            for name in PICTURES:  # of the shorter run: a kill must not leave them to the longer one
                with translate_os_errors(self.directory / name):
                    (self.directory / name).unlink(missing_ok=True)
        if self.before != self.config:
            self._write_config(console)
        return self.directory

    def _own(self, ctx: click.Context) -> None:
        from imgclf.run_dir import acquire
        from imgclf.storage import remove_litter

        ctx.with_resource(closing(acquire(self.directory)))
        remove_litter(self.directory)

    def _check_length(self, since: "Checkpoint") -> None:
        from imgclf.run import patience_is_over
        from imgclf.run_dir import read_status

        done, epochs = since.snapshot.epochs, self.config.train.epochs
        finished = read_status(self.directory) == "finished"
        if done > epochs or (finished and done == epochs):
            raise UsageError("-s train.epochs", f"{plural(done, 'epoch')} are complete already", "give a larger number")
        if patience_is_over(self.config, since.snapshot.best):
            remedy = "add -s early_stopping=null, or a larger -s early_stopping.patience=N"
            raise UsageError("early_stopping", f"it ends the run where it is, after {plural(done, 'epoch')}", remedy)

    def _way_to_go_on(self, best: "Best | None") -> str:
        from imgclf.run import patience_is_over

        if best is not None and patience_is_over(self.config, best):
            return f"early stopping ended it after epoch {best.epoch + best.waited}; `-s early_stopping=null` goes on"
        return "`-s train.epochs=N` makes it longer"

    def _missing_pictures(self) -> list[str]:
        """Return the pictures that a kill or an error cost; none of a run that was to have none."""
        from imgclf.run_dir import pictures_of, read_json

        if read_json(self.directory / "environment.json").get("plots") is False:
            return []
        return [name for name in pictures_of(self._model()) if not (self.directory / name).exists()]

    def _draw(self, console: Console, best: "Best | None", threads: int | None, missing: list[str]) -> None:
        from imgclf.cli.drawing import draw_pictures

        model, kept = self._model(), best.epoch if best else None
        evaluate = partial(self._evaluate, model, threads)
        drawn = draw_pictures(console, self.directory, model, kept, evaluate, self.config, missing)
        console.result(f"drawn  {self.directory} ({', '.join(drawn)})")

    def _model(self) -> "Model":
        from imgclf.model_file import load_model

        return load_model(self.directory / "model.npz")

    def _evaluate(self, model: "Model", threads: int | None) -> "tuple[str, Evaluation]":
        """Evaluate the split of which the confusion matrix is."""
        from imgclf.cores import helpful_threads
        from imgclf.evaluate import evaluate
        from imgclf.parallel import workers

        train, val = self.with_data_found()._load()
        with workers(threads or helpful_threads(*model.weights.shape)) as sum_blocks:
            return ("val", evaluate(model, val, sum_blocks)) if val else ("train", evaluate(model, train, sum_blocks))

    def _load(self) -> "tuple[Dataset, Dataset | None]":
        """Load the data that the run was trained on, and no other."""
        from imgclf.data_identity import check_data
        from imgclf.loading import load_training_data, where

        train, val = load_training_data(self.config)
        check_data(train, val, self.directory, where(self.config), _RESTORE)
        return train, val

    def _write_config(self, console: Console) -> None:
        from imgclf.config import dump
        from imgclf.storage import write_whole

        write_whole(self.directory / "config.yaml", dump(self.config).encode())
        if self.before.data.path != self.config.data.path:
            self._remember_place()
            console.say(f"data      {self.before.data.path} -> {self.config.data.path}: the same images")

    def _remember_place(self) -> None:
        """Note from which folder the path of the data leads to it, so that it is found when both move again."""
        from imgclf.environment import path_text
        from imgclf.run_dir import read_json, write_json

        path = self.directory / "environment.json"
        if environment := read_json(path):
            write_json(path, environment | {"folder": path_text(self.directory.resolve().parent)})

    def _describe(self, console: Console, since: "Checkpoint | None") -> None:
        before, epochs = self.before.train.epochs, self.config.train.epochs
        if since is None:
            console.say("resume    from the beginning: there is no checkpoint yet")
        else:
            done = since.snapshot
            console.say(
                f"resume    {self.directory}, after {plural(done.epochs, 'epoch')}, at step {done.state.step:,}"
            )
        stopping, now = self.before.early_stopping, self.config.early_stopping
        if stopping is not None and stopping != now:
            console.say(
                f"stopping  {stopping.patience} epochs without an improvement -> {now.patience if now else 'never'}"
            )
        if before != epochs:
            console.say(
                f"epochs    {before} -> {epochs}: from here on, step sizes are those of a run of {epochs} epochs; "
                "the result differs from a run configured so from the start"
            )


def compare_environment(run: Path, environment: dict[str, Any]) -> list[str]:
    """Return what has changed since a run began of that on which its bytes depend."""
    from imgclf.run_dir import read_json

    then, now = _versions(read_json(run / "environment.json")), _versions(environment)
    return [f"{what} was {then[what]} and is {now[what]}" for what in now if then[what] != now[what]]


def _differences(before: Any, now: Any, key: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [one for k in keys for one in _differences(before.get(k), now.get(k), f"{key}.{k}" if key else str(k))]
    return [] if before == now else [key]


def _versions(environment: dict[str, Any]) -> dict[str, str]:
    packages = environment.get("packages")
    numpy = packages.get("numpy") if isinstance(packages, dict) else None
    return {"numpy": _text(numpy), "blas": _libraries(environment.get("blas")), "cpu": _text(environment.get("cpu"))}


def _libraries(blas: Any) -> str:
    """Write each as its name, version and the processors that it is for: `openblas 0.3.31 Haswell`."""
    libraries = [library for library in blas if isinstance(library, dict)] if isinstance(blas, list) else []
    return " and ".join(" ".join(map(_text, library.values())) for library in libraries[:4]) or "unknown"


def _text(value: Any) -> str:
    return value[:80] if isinstance(value, str) else "unknown"
