"""`imgclf train --resume`: a run that was broken off, and how it goes on."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, plural
from imgclf.cli.eval import config_of_run
from imgclf.errors import RunError, UsageError, printable

if TYPE_CHECKING:
    from imgclf.checkpoint import Checkpoint
    from imgclf.compose import Plan
    from imgclf.config import Config


@dataclass(frozen=True)
class OldRun:
    """A run that is to go on in its own directory; `before` is the config that it had."""

    directory: Path
    before: "Config"
    config: "Config"

    @classmethod
    def at(cls, directory: Path, files: tuple[Path, ...], out: Path | None, overrides: tuple[str, ...]) -> "OldRun":
        """Look at a run, in which -s may change nothing but train.epochs."""
        for option, given in (("--config", files), ("--out", out)):
            if given:
                raise UsageError(option, "does not go with --resume", "a run goes on in its own directory and config")
        if not directory.is_dir():
            raise RunError(directory, "no such run directory", "see what is under runs/")
        before = config_of_run(directory)
        now = config_of_run(directory, overrides) if overrides else before
        if changed := [key for key in _differences(before.model_dump(), now.model_dump()) if key != "train.epochs"]:
            raise UsageError(f"-s {changed[0]}", "cannot change in the middle of a run", "only train.epochs can")
        return cls(directory, before, now)

    def is_over(self) -> bool:
        """Whether there is nothing left to do."""
        from imgclf.run_dir import read_status

        return read_status(self.directory) == "finished" and self.before.train.epochs == self.config.train.epochs

    def say_what_it_said(self, console: Console) -> None:
        """Answer for a run that is over, as it did when it finished; nothing is changed."""
        from imgclf.checkpoint import load_checkpoint
        from imgclf.run_dir import read_metrics

        checkpoint, _ = load_checkpoint(self.directory)
        metrics = read_metrics(self.directory)
        console.result(f"{self.directory}: finished already; `-s train.epochs=N` makes it longer")
        if checkpoint is not None:
            snapshot = checkpoint.snapshot
            done = {"run": str(self.directory), "epochs": snapshot.epochs, "steps": snapshot.state.step, "seconds": 0.0}
            console.object(done | metrics)

    def take_up(self, ctx: click.Context, console: Console) -> "Checkpoint | None":
        """Own the directory; return from where the run goes on, or None for its beginning."""
        from imgclf.checkpoint import load_checkpoint
        from imgclf.run_dir import own
        from imgclf.storage import remove_litter

        ctx.with_resource(closing(own(self.directory)))
        remove_litter(self.directory)
        checkpoint, damaged = load_checkpoint(self.directory)
        if damaged is not None:
            console.warn(f"{damaged.where}: {damaged.problem} - going on from the one before")
        return checkpoint

    def check(self, plan: "Plan", since: "Checkpoint | None") -> None:
        """Refuse to go on with other data than before."""
        from imgclf.record import check_origin

        if since is not None:
            check_origin(plan, since, self.directory)

    def make_ready(
        self, ctx: click.Context, console: Console, since: "Checkpoint | None", environment: dict[str, Any]
    ) -> Path:
        """Say how the run goes on, and write down a config that is longer than before."""
        from imgclf.config import dump
        from imgclf.run_dir import write_status
        from imgclf.storage import write_whole

        self._describe(console, since)
        for line in compare_environment(self.directory, environment):
            console.warn(f"{line}: the bytes may differ from those of an unbroken run")
        if self.before != self.config:
            write_status(self.directory, "interrupted")  # first: with the longer config, it is not finished
            write_whole(self.directory / "config.yaml", dump(self.config).encode())
        return self.directory

    def _describe(self, console: Console, since: "Checkpoint | None") -> None:
        before, epochs = self.before.train.epochs, self.config.train.epochs
        if since is None:
            console.say("resume    from the beginning: there is no checkpoint yet")
        else:
            done = since.snapshot
            console.say(
                f"resume    {self.directory}, after {plural(done.epochs, 'epoch')}, at step {done.state.step:,}"
            )
            if done.epochs > epochs:
                raise UsageError("-s train.epochs", f"{done.epochs} are complete already", "give a larger number")
        if before != epochs:
            console.say(
                f"epochs    {before} -> {epochs}: steps are as a run of {epochs} would make them from here on; it is "
                "not equal to one that had been so long from the start"
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
    return printable(value)[:80] if isinstance(value, str) else "unknown"
