"""`imgclf train`: train a classifier."""

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, number, percent, picture_size, plural, write
from imgclf.cli.drawing import draw_pictures
from imgclf.cli.launcher import on_every_rank
from imgclf.cli.options import (
    PATH,
    config_options,
    json_option,
    progress_option,
    read_config,
    threads_option,
)
from imgclf.cli.parsing import Command
from imgclf.cli.stopping import Stop, asked
from imgclf.errors import ImgclfError, StorageError

if TYPE_CHECKING:
    from imgclf.arrays import SumFn
    from imgclf.checkpoint import Checkpoint
    from imgclf.compose import Plan
    from imgclf.config import Config
    from imgclf.run import Finished


@click.command("train", cls=Command, short_help="Train a classifier.")
@config_options
@click.option("--out", type=PATH, metavar="DIR", help="The run directory (default: runs/NAME). Absent or empty.")
@click.option(
    "--resume", type=PATH, metavar="RUN", help="Resume an interrupted run; add -s train.epochs=N to train for longer."
)
@threads_option
@click.option("--no-plots", is_flag=True, help="Draw no pictures.")
@progress_option("A bar, one line an epoch, or nothing; auto: a bar too where stderr is a terminal.")
@click.option("--dry-run", is_flag=True, help="Load the data, say what would be done, and stop.")
@click.option("--print-config", is_flag=True, help="Print the resolved config and stop.")
@json_option
@click.pass_context
@on_every_rank
def command(
    ctx: click.Context,
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
    """Train a linear classifier by gradient descent and leave everything worth knowing in a run directory.

    \b
    imgclf train                                  on the images that come with imgclf
    imgclf train -c configs/cifar10_softmax.yaml  with the settings of a config file
    imgclf train -s model.loss=svm -s train.epochs=5
    imgclf train --resume runs/NAME               resume where it was stopped; same result, bit for bit
    mpiexec -n 4 imgclf train                     on four processes, with imgclf[mpi]

    Decoded images of a folder are cached in the user's cache folder; IMGCLF_CACHE=0 turns that off.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.cli.resume import OldRun
    from imgclf.config import dump
    from imgclf.run_dir import check_place

    console = Console(ctx, as_json=as_json)
    is_first = comm is None or comm.rank == 0  # the others say and write nothing
    run = NewRun(read_config(files, overrides), out) if resume is None else OldRun.at(resume, files, out, overrides)
    if print_config:
        if is_first:
            write(dump(run.config))
        return
    if isinstance(run, OldRun) and run.is_over():
        if is_first:
            run.complete(ctx, console, threads, change=not dry_run, draw=not no_plots)
        return
    run = run.with_data_found()
    if out is not None:
        check_place(out)  # early: it is made when the data turned out good
    since = run.take_up(ctx, console) if is_first else None
    if comm:
        since = comm.bcast(since)

    from imgclf.cli import together
    from imgclf.compose import make_plan
    from imgclf.cores import available_cores, helpful_threads
    from imgclf.loading import where
    from imgclf.memory import WEIGHT_COPIES, require_memory

    seconds: dict[str, float] = {}
    cores = threads or (together.share_of_cores(comm) if comm else available_cores())
    with together.workers_of(comm, cores) as sum_blocks:
        with _timed(seconds, "loading"):
            plan = make_plan(run.config, sum_blocks)
        if comm:
            together.check_plan(comm, plan)
    run = replace(run, config=plan.config)
    used = threads or min(cores, helpful_threads(*plan.weights.shape))
    require_memory(WEIGHT_COPIES * plan.weights.nbytes, where(run.config), used)
    with together.workers_of(comm, used) as sum_blocks:
        run.check(plan, since)
        if not is_first:
            if not dry_run:
                together.take_part(comm, plan, sum_blocks, since)
            return
        describe(console, plan)
        if dry_run:
            _describe_cost(console, plan)
            return
        environment = _environment(console, plan, used, comm) | {"plots": not no_plots}
        directory = run.make_ready(ctx, console, since, environment)
        with _timed(seconds, "training"):
            finished = _train(console, plan, directory, since, sum_blocks, comm, progress)
    _say_results(console, finished)
    drawn: list[str] = []
    if not no_plots:
        with _timed(seconds, "drawing"):
            drawn = draw_pictures(
                console, directory, finished.model, finished.best_epoch, finished.evaluated, plan.config
            )
    _summarise(console, finished, directory, drawn, seconds)


@dataclass(frozen=True)
class NewRun:
    """A run that is to begin, in a directory that is not there yet or empty; OldRun is one that goes on."""

    config: "Config"
    out: Path | None

    def with_data_found(self) -> "NewRun":
        """Return itself: its data is where the config says."""
        return self

    def take_up(self, ctx: click.Context, console: Console) -> None:
        """A new run has no checkpoint: return None."""

    def check(self, plan: "Plan", since: "Checkpoint | None") -> None:
        """Accept any data."""

    def make_ready(
        self, ctx: click.Context, console: Console, since: "Checkpoint | None", environment: dict[str, Any]
    ) -> Path:
        """Make the directory, and own it, with what is in it from its first moment on."""
        from imgclf.config import dump
        from imgclf.environment import path_text
        from imgclf.run_dir import create, json_bytes, parent_of

        environment = {**environment, "folder": path_text(os.path.realpath(parent_of(self.out)))}
        name = self.config.name or f"{self.config.data.source}-{self.config.model.loss}"
        files = {"config.yaml": dump(self.config).encode(), "environment.json": json_bytes(environment)}
        return ctx.with_resource(closing(create(name, self.out, files))).path


def describe(console: Console, plan: "Plan") -> None:
    """Print the story of this run with its own numbers, from pixels to steps."""
    from imgclf.compose import scale_advice
    from imgclf.formats.npy import mapped_file
    from imgclf.loading import remarks
    from imgclf.losses import LOSSES

    config, penalty = plan.config, plan.objective
    D, C = plan.preprocess.size, len(plan.train.class_names)
    formula = (LOSSES[config.model.loss].__doc__ or "").partition("\n")[0]
    terms = ["mean loss"]
    terms += [f"{penalty.l2:g}/2 * sum(W**2)"] if penalty.l2 else []
    terms += [f"{penalty.l1:g} * sum(|W|)"] if penalty.l1 else []
    knobs = config.optimizer.model_dump(exclude={"name"})
    settings = ", ".join(f"{key} {value:g}" for key, value in knobs.items())
    val = plural(len(plan.val), "validation image") if plan.val else "no validation images"
    lines = {
        "data": f"{config.data.source}: {plural(len(plan.train), 'training image')}, {val}; "
        f"{picture_size(plan.train.example_shape)}, {C} classes",
        "pixels" if plan.preprocess.is_picture else "features": f"x = {_preprocessing(plan)}",
        "scores": f"s = x @ W + b: {D:,} x {C} weights and {C} biases, {plural((D + 1) * C, 'parameter')}",
        "loss": f"{config.model.loss}: {formula}",
        "minimise": f"L(W, b) = {' + '.join(terms)}",
        "step": f"weights -= step_size * direction; {config.optimizer.name}{f' ({settings})' if settings else ''}, "
        f"step_size {config.schedule.step_size:g} ({config.schedule.name}), {config.train.gradient} gradient",
        "batches": f"{plural(plan.batch_size, 'image')} a step, {plural(plan.steps_per_epoch, 'step')} an epoch, "
        f"{plural(config.train.epochs, 'epoch')}: {plural(plan.steps, 'step')}",
    }
    for word, line in lines.items():
        console.say(f"{word:<9} {line}")
    if advice := scale_advice(plan):
        console.warn(f"preprocess: {advice}")
    if mapped := mapped_file(plan.train.images):
        console.detail(f"mapped    {mapped}")
    for remark in remarks(config, {"train": plan.train}):
        console.warn(remark)


def _preprocessing(plan: "Plan") -> str:
    preprocess, chosen = plan.preprocess, plan.config.preprocess
    values, mean, by = "features", "mean", "feature"
    if preprocess.is_picture:
        values, mean, by = "pixels", "mean image" if chosen.center == "pixel" else "mean color", str(chosen.std)
    text = f"{values} / {preprocess.scale:g}" if preprocess.scale != 1 else values
    if preprocess.mean is not None:
        text += f" - {mean}"
    if preprocess.std is not None:
        text = f"{f'({text})' if ' ' in text else text} / standard deviation, by {by}"
    return text


def _describe_cost(console: Console, plan: "Plan") -> None:
    from imgclf.formats.npy import mapped_file
    from imgclf.memory import format_bytes, peak_memory

    arrays = {id(part.images): part.images for part in (plan.train, plan.val) if part}  # val may be taken from train
    mapped = sum(array.nbytes for array in arrays.values() if mapped_file(array))
    held, peak = sum(array.nbytes for array in arrays.values()) - mapped, peak_memory()
    in_all = f"; at most {format_bytes(peak)} in all so far" if peak else ""
    console.result(f"memory    images: {format_bytes(held)} in memory, {format_bytes(mapped)} mapped from disk{in_all}")
    console.result("dry run   nothing was trained, nothing was written")
    content = {"parameters": plan.weights.size, "steps": plan.steps}
    console.object(content | {"memory_bytes": peak, "image_bytes": held, "mapped_bytes": mapped})


def _environment(console: Console, plan: "Plan", threads: int, comm: Any) -> dict[str, Any]:
    from imgclf.environment import describe_environment

    if comm:
        console.say(f"ranks     {comm.size} processes, {plural(threads, 'thread')} each")
    return describe_environment(threads, plan.train, plan.val, comm.size if comm else 1)


@contextmanager
def _timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[what] = time.perf_counter() - began


def _train(
    console: Console,
    plan: "Plan",
    directory: Path,
    since: "Checkpoint | None",
    sum_blocks: "SumFn",
    comm: Any,
    progress: str,
) -> "Finished":
    from imgclf.cli.progress import Progress
    from imgclf.cli.together import agreeing
    from imgclf.run import Finished, run

    try:
        with (
            closing(run(plan, directory, sum_blocks, since)) as events,
            Progress(console, plan, progress, since) as show,
        ):
            for event in agreeing(comm, events):
                if isinstance(event, Finished):
                    return event
                show(event)
                if stop := asked():  # lost on its way, where Python may not raise
                    raise stop
    except ImgclfError:
        raise
    except BaseException as error:
        remedy = f"go on with `imgclf train --resume {shlex.quote(str(directory))}`"
        if stop := error if isinstance(error, Stop) else asked():
            raise stop.error(directory, remedy) from None
        if isinstance(error, MemoryError):
            raise StorageError(directory, "not enough memory", remedy) from error
        raise
    raise AssertionError("a run ends with its results")


def _say_results(console: Console, finished: "Finished") -> None:
    if finished.best_epoch is not None:
        console.say(f"kept the weights of epoch {finished.best_epoch}, the best one")
    for name, seen in (("train", finished.train), ("val", finished.val)):
        if seen is not None:
            console.result(f"{name:<6} objective {number(seen.objective)}, accuracy {percent(seen.accuracy)}")


def _summarise(
    console: Console, finished: "Finished", directory: Path, drawn: list[str], seconds: dict[str, float]
) -> None:
    console.result(f"run    {directory} ({', '.join(['model.npz', 'metrics.csv', *drawn])})")
    console.say(f"next   imgclf eval {shlex.quote(str(directory))}")
    console.detail(f"time   {', '.join(f'{what} {spent:.2f} s' for what, spent in seconds.items())}")
    done = {"run": str(directory), "epochs": finished.epochs, "steps": finished.steps, "seconds": seconds["training"]}
    console.object(done | finished.metrics())
