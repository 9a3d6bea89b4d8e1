"""`imgclf train`: train a classifier."""

import shlex
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, fold, format_loss, format_percent, write
from imgclf.cli.drawing import draw_pictures, drawn_if_stopped
from imgclf.cli.mpi import on_every_rank
from imgclf.cli.options import PATH, config_options, json_option, progress_option, threads_option
from imgclf.cli.parsing import Command
from imgclf.cli.signals import Stop, asked
from imgclf.cli.train_report import (
    describe_cost,
    describe_findings,
    describe_first_loss,
    describe_plan,
    describe_results,
)
from imgclf.errors import DivergedError, ImgclfError, StorageError, plural

if TYPE_CHECKING:
    from imgclf.config import Config
    from imgclf.run.session import Planned, SessionEvent
    from imgclf.run.targets import ResumedRun
    from imgclf.training.epochs import Finished


@click.command("train", cls=Command, short_help="Train a classifier.")
@click.argument("path", type=PATH, required=False, metavar="[PATH|CONFIG]")
@config_options
@click.option(
    "--out", type=PATH, metavar="DIR", help="Run directory to create (default: runs/NAME); must not exist, or be empty."
)
@click.option(
    "--resume", type=PATH, metavar="RUN", help="Resume an interrupted run; add -s train.epochs=N to train for longer."
)
@threads_option
@click.option("--no-plots", is_flag=True, help="Do not draw pictures.")
@progress_option("Progress bar, one line per epoch (plain), or none; auto: lines, and a bar if stderr is a terminal.")
@click.option("--dry-run", is_flag=True, help="Load the data, print what would be done, and stop.")
@click.option("--print-config", is_flag=True, help="Print the resolved config and stop.")
@json_option
@click.pass_context
@on_every_rank
def command(
    ctx: click.Context,
    path: Path | None,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    threads: int | None,
    no_plots: bool,
    progress: str,
    dry_run: bool,
    print_config: bool,
    as_json: bool,
    comm: Any,
) -> None:
    """Train a linear image classifier by gradient descent, and write a run directory: model, metrics, pictures.

    \b
    imgclf train                        on the images that ship with imgclf
    imgclf train photos                 on yours: a folder for each class, a file
    imgclf train cifar10_softmax        with a config that ships with imgclf
    imgclf train -c my.yaml             with the settings of a config file
    imgclf train -s model.loss=svm -s train.epochs=5
    imgclf train --resume runs/NAME     resume a run; bit-identical result
    mpiexec -n 4 imgclf train           on four processes, with imgclf[mpi]

    Decoded image folders are cached in your cache directory; IMGCLF_CACHE=0 turns that off.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.cli.data_path import config_for
    from imgclf.cli.resume import complete, resumed
    from imgclf.config import dump
    from imgclf.run.run_dir import check_new
    from imgclf.run.targets import NewRun

    is_first = comm is None or comm.rank == 0  # the other ranks print and write nothing
    console = Console(ctx, as_json=as_json, progress=progress if is_first else "none")
    target: NewRun | ResumedRun
    if resume is None:
        config, line = config_for(ctx, console, path, files, overrides)
        if line and is_first and not print_config:
            console.say(*fold("path      ", line))
        target = NewRun(config, out)
    else:
        target = resumed(resume, path, files, out, overrides)
    if print_config:
        if is_first:
            write(dump(target.config))
        return
    if not isinstance(target, NewRun) and target.is_over():
        if is_first:
            complete(console, target, threads, change=not dry_run, draw=not no_plots)
        return
    if target.config.sweep is not None and is_first:
        console.say("sweep     is not searched: `imgclf sweep` does that")
    if out is not None:
        check_new(out)  # early: the directory is made only after the data is loaded

    from imgclf.run.session import session

    found = target.with_data_found()
    with closing(session(found, threads, plots=not no_plots, comm=comm, draft=dry_run)) as events:
        if not is_first:
            for _ in [next(events)] if dry_run else events:
                pass
            return
        _follow(console, events, comm, progress, dry_run=dry_run, draw=not no_plots)


def _follow(
    console: Console,
    events: "Generator[SessionEvent, None, None]",
    comm: Any,
    progress: str,
    *,
    dry_run: bool,
    draw: bool,
) -> None:
    """Print the events of a session, and draw the pictures of the run."""
    from imgclf.report.pictures import pictures_of
    from imgclf.report.shown_run import FINISHED, ShownRun
    from imgclf.run.session import Planned
    from imgclf.run.targets import Ready

    seconds: dict[str, float] = {}
    with _timed(seconds, "loading"):
        planned = next(events)
    assert isinstance(planned, Planned)
    if planned.damaged is not None:
        console.warn(f"{planned.damaged.where}: {planned.damaged.problem} - resuming from the previous checkpoint")
    describe_plan(console, planned.plan)
    if planned.since is None:
        describe_first_loss(console, planned.plan)
    if dry_run:
        describe_cost(console, planned.plan)
        return
    if comm:
        console.say(f"ranks     {comm.size} processes, {plural(planned.threads, 'thread')} each")
    ready = next(events)
    assert isinstance(ready, Ready)
    console.say(*ready.notes)
    console.warn(*ready.warnings)
    with _timed(seconds, "training"), drawn_if_stopped(console, planned.plan, ready.directory, draw=draw):
        try:
            finished = _train(console, planned, ready.directory, events, progress)
        except DivergedError:
            describe_findings(console, ready.directory, planned.plan)
            raise
    if progress != "none":
        console.say("")
    _say_results(console, finished, planned.plan.config)
    describe_results(console, planned.plan, ready.directory, finished)
    drawn: list[str] = []
    if draw:
        with _timed(seconds, "drawing"):
            plan = planned.plan
            run = ShownRun(
                ready.directory,
                plan.config,
                finished.model,
                FINISHED,
                finished.best_epoch,
                lambda: (plan.train, plan.val),
                lambda: finished.val or finished.train,
            )
            drawn = pictures_of(run)
            draw_pictures(console, run, drawn)
    _summarize(console, finished, planned.plan.config, ready.directory, drawn, seconds)


@contextmanager
def _timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[what] = time.perf_counter() - began


def _train(
    console: Console,
    planned: "Planned",
    directory: Path,
    events: "Generator[SessionEvent, None, None]",
    progress: str,
) -> "Finished":
    from imgclf.cli.progress import TrainProgress
    from imgclf.training.epochs import Epoch, Finished, Step

    try:
        with ExitStack() as unless_finished:
            unless_finished.callback(events.close)  # which saves a checkpoint
            show = TrainProgress(console, planned.plan, progress)
            for event in events:
                if isinstance(event, Finished):
                    unless_finished.pop_all()  # the directory stays locked until its pictures are drawn
                    return event
                assert isinstance(event, Step | Epoch)
                show(event)
                if stop := asked():  # a Stop that could not propagate
                    raise stop
    except ImgclfError:
        raise
    except BaseException as error:
        remedy = f"resume it with `imgclf train --resume {shlex.quote(str(directory))}`"
        if stop := error if isinstance(error, Stop) else asked():
            raise stop.error(directory, remedy) from None
        if isinstance(error, MemoryError):
            raise StorageError(directory, "not enough memory", remedy) from error
        raise
    raise AssertionError("a session ends with its results")


def _say_results(console: Console, finished: "Finished", config: "Config") -> None:
    if config.early_stopping and finished.epochs < config.train.epochs:
        ended = f"stopped early, after epoch {finished.epochs} of {config.train.epochs:,}"
        console.say(f"{ended}: {config.early_stopping.monitor} no longer got better")
    if finished.best_epoch is not None:
        console.say(f"kept the weights of epoch {finished.best_epoch}, the best one")
    for name, seen in (("train", finished.train), ("val", finished.val)):
        if seen is not None:
            console.result(
                f"{name:<6} objective {format_loss(seen.objective)}, accuracy {format_percent(seen.accuracy)}"
            )


def _summarize(
    console: Console,
    finished: "Finished",
    config: "Config",
    directory: Path,
    drawn: list[str],
    seconds: dict[str, float],
) -> None:
    console.result(f"run    {directory}", *fold("       ", ", ".join(["model.npz", "metrics.csv", *drawn])))
    console.say(f"next   imgclf eval {shlex.quote(str(directory))}{_split_option(finished, config)}")
    console.detail(f"time   {', '.join(f'{what} {spent:.2f} s' for what, spent in seconds.items())}")
    done = {"run": str(directory), "epochs": finished.epochs, "steps": finished.steps, "seconds": seconds["training"]}
    console.object(done | finished.metrics())


def _split_option(finished: "Finished", config: "Config") -> str:
    """Return the option without which `imgclf eval` finds no images: where there is neither test nor val."""
    from imgclf.training.loading import has_test

    try:
        return "" if finished.val is not None or has_test(config) else " --split train"
    except ImgclfError:  # the data has gone: the run is as good without
        return ""
