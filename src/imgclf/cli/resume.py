"""`imgclf train --resume` of a finished run: answer and complete it."""

from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.cli.console import Console, fold
from imgclf.cli.drawing import draw_pictures
from imgclf.cli.train_report import describe_findings
from imgclf.errors import UsageError

if TYPE_CHECKING:
    from imgclf.report.shown_run import ShownRun
    from imgclf.run.targets import ResumedRun
    from imgclf.training.early_stopping import Best


def resumed(
    directory: Path, path: Path | None, files: tuple[Path, ...], out: Path | None, overrides: tuple[str, ...]
) -> "ResumedRun":
    """Return the run to resume."""
    from imgclf.report.pictures import PICTURES
    from imgclf.run.targets import ResumedRun

    for option, given in (("PATH", path), ("--config", files), ("--out", out)):
        if given:
            raise UsageError(
                option, "does not go with --resume", "a run is resumed in its own directory, with its own config"
            )
    return ResumedRun.at(directory, overrides, PICTURES)


def complete(console: Console, run: "ResumedRun", threads: int | None, *, change: bool, draw: bool) -> None:
    """Print the results of a finished run again, and draw its missing pictures.

    If -s names a new location of the data, config.yaml is updated; nothing else changes.
    """
    from imgclf.report.shown_run import FINISHED, ShownRun, evaluate_shown
    from imgclf.run.checkpoint import load_checkpoint
    from imgclf.run.run_dir import read_metrics
    from imgclf.training.features import featured_splits

    checkpoint, _ = load_checkpoint(run.directory)
    metrics = read_metrics(run.directory)
    best = checkpoint.snapshot.best if checkpoint else None
    console.result(f"{run.directory}: finished already; {_how_to_continue(run, best)}")
    describe_findings(console, run.directory)
    missing: list[str] = []
    if change and draw:
        model = run.model()
        data = cache(lambda: featured_splits(model.features, run.with_data_found().load(), threads))
        evaluate, kept = partial(evaluate_shown, model, data, threads), best.epoch if best else None
        to_draw = ShownRun(run.directory, run.config, model, FINISHED, kept, data, evaluate)
        missing = _missing_pictures(to_draw)
    moved = change and run.before != run.config
    with ExitStack() as stack:
        if missing or moved:
            run.lock(stack)
        if moved:
            run.load()
            console.say(*run.write_config())
        if missing:
            draw_pictures(console, to_draw, missing)
            console.result(f"drawn  {run.directory}", *fold("       ", ", ".join(missing)))
    # The checkpoints may have been deleted to save space.
    epochs, steps = (None, None) if checkpoint is None else (checkpoint.snapshot.epochs, checkpoint.snapshot.state.step)
    console.object({"run": str(run.directory), "epochs": epochs, "steps": steps, "seconds": 0.0} | metrics)


def _how_to_continue(run: "ResumedRun", best: "Best | None") -> str:
    from imgclf.training.epochs import patience_is_over

    if best is not None and patience_is_over(run.config, best):
        return f"early stopping ended it after epoch {best.epoch + best.waited}; `-s early_stopping=null` continues it"
    return "add `-s train.epochs=N` to train for longer"


def _missing_pictures(run: "ShownRun") -> list[str]:
    """Return the missing pictures, lost to a kill or an error; none if the run was started with --no-plots."""
    from imgclf.report.pictures import pictures_of
    from imgclf.run.run_dir import read_json

    if read_json(run.directory / "environment.json").get("plots") is False:
        return []
    return [name for name in pictures_of(run) if not (run.directory / name).exists()]
