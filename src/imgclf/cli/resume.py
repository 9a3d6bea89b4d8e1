"""`imgclf train --resume`: a run that was broken off, and how it goes on."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgclf.cli.console import Console, plural
from imgclf.cli.eval import config_of_run
from imgclf.errors import RunError, UsageError

if TYPE_CHECKING:
    from imgclf.checkpoint import Checkpoint
    from imgclf.compose import Plan
    from imgclf.config import Config


def config_to_go_on(run: Path, files: tuple[Path, ...], out: Path | None, overrides: tuple[str, ...]) -> "Config":
    """Return the config of a run, in which -s may change nothing but train.epochs."""
    for option, given in (("--config", files), ("--out", out)):
        if given:
            raise UsageError(option, "does not go with --resume", "a run goes on in its own directory and config")
    if not run.is_dir():
        raise RunError(run, "no such run directory", "see what is under runs/")
    before, now = config_of_run(run), config_of_run(run, overrides)
    if changed := [key for key in _differences(before.model_dump(), now.model_dump()) if key != "train.epochs"]:
        raise UsageError(f"-s {changed[0]}", "cannot change in the middle of a run", "only train.epochs can")
    return now


def is_finished(run: Path, config: "Config") -> bool:
    """Whether there is nothing left to do."""
    from imgclf.run_dir import read_status

    return read_status(run) == "finished" and config_of_run(run).train.epochs == config.train.epochs


def say_finished(console: Console, run: Path) -> None:
    """Answer for a run that is finished already, as it did when it finished; nothing is changed."""
    from imgclf.checkpoint import load_checkpoint

    checkpoint, _ = load_checkpoint(run)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    console.result(f"{run}: finished already; `-s train.epochs=N` makes it longer")
    if checkpoint is not None:
        snapshot = checkpoint.snapshot
        done = {"run": str(run), "epochs": snapshot.epochs, "steps": snapshot.state.step, "seconds": 0.0}
        console.object(done | metrics)


def where_it_was(console: Console, run: Path) -> "Checkpoint | None":
    """Return from where a run goes on, or None for its beginning; say so if the newest checkpoint is damaged."""
    from imgclf.checkpoint import load_checkpoint
    from imgclf.storage import remove_litter

    remove_litter(run)
    checkpoint, damaged = load_checkpoint(run)
    if damaged is not None:
        console.warn(f"{damaged.where}: {damaged.problem} - going on from the one before")
    return checkpoint


def describe(
    console: Console, run: Path, plan: "Plan", since: "Checkpoint | None", environment: dict[str, Any]
) -> None:
    """Say from where the run goes on, and what may keep it from the bytes it would have had."""
    before = config_of_run(run).train.epochs
    if since is None:
        console.say("resume    from the beginning: there is no checkpoint yet")
    else:
        snapshot = since.snapshot
        console.say(f"resume    {run}, after {plural(snapshot.epochs, 'epoch')}, at step {snapshot.state.step:,}")
        if snapshot.epochs > plan.config.train.epochs:
            raise UsageError("-s train.epochs", f"{snapshot.epochs} are complete already", "give a larger number")
    if before != plan.config.train.epochs:
        console.say(
            f"epochs    {before} -> {plan.config.train.epochs}: steps are as a run of {plan.config.train.epochs} would "
            "make them from here on; it is not equal to one that had been so long from the start"
        )
    for line in compare_environment(run, environment):
        console.warn(f"{line}: the bytes may differ from those of an unbroken run")


def compare_environment(run: Path, environment: dict[str, Any]) -> list[str]:
    """Return what has changed since a run began of that on which its bytes depend."""
    from imgclf.run_dir import read_json

    then, now = _versions(read_json(run / "environment.json")), _versions(environment)
    return [f"{what} was {then[what]} and is {now[what]}" for what in now if then[what] != now[what]]


def keep_config(run: Path, config: "Config") -> None:
    """Write down a config that is longer than before."""
    from imgclf.config import dump
    from imgclf.storage import write_whole

    if config_of_run(run) != config:
        write_whole(run / "config.yaml", dump(config).encode())


def _differences(before: Any, now: Any, key: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [one for k in keys for one in _differences(before.get(k), now.get(k), f"{key}.{k}" if key else str(k))]
    return [] if before == now else [key]


def _versions(environment: dict[str, Any]) -> dict[str, str]:
    packages = environment.get("packages")
    numpy = packages.get("numpy") if isinstance(packages, dict) else None
    return {"numpy": str(numpy), "blas": _libraries(environment.get("blas")), "cpu": str(environment.get("cpu"))}


def _libraries(blas: Any) -> str:
    """Write each as its name, version and the processors that it is for: `openblas 0.3.31 Haswell`."""
    libraries = [library for library in blas if isinstance(library, dict)] if isinstance(blas, list) else []
    return " and ".join(" ".join(map(str, library.values())) for library in libraries) or "unknown"
