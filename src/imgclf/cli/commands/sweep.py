"""`imgclf sweep`: search for the best values of some keys."""

import json
import shlex
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from imgclf.cli.console import Console, Table, fold, fold_command, format_loss, format_percent
from imgclf.cli.drawing import drawing
from imgclf.cli.mpi import connect, rank_and_size
from imgclf.cli.options import PATH, config_options, json_option
from imgclf.cli.parsing import Command
from imgclf.cli.signals import Stop, asked
from imgclf.errors import DivergedError, ImgclfError, UsageError, plural

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from imgclf.report.findings import Finding
    from imgclf.sweep.advice import Border
    from imgclf.sweep.results import Candidate, Result
    from imgclf.sweep.search import Search


@click.command("sweep", cls=Command, short_help="Search for the best values of some keys.")
@config_options
@click.option("--preset", metavar="NAME", help="Ready config that searches, below those of -c.")
@click.option("--out", type=PATH, metavar="DIR", help="Directory to create (default: runs/NAME-sweep); or empty.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N",
              help="Runs at a time, each on one thread (default: number of cores). Bit-identical results.")  # fmt: skip
@click.option("--scheduler", metavar="ADDRESS",
              help="Run on an existing Dask cluster, which sees the same files; needs imgclf[dask].")  # fmt: skip
@click.option("--resume", "resumed", type=PATH, metavar="DIR", help="Resume an interrupted sweep.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    preset: str | None,
    out: Path | None,
    jobs: int | None,
    scheduler: str | None,
    resumed: Path | None,
    as_json: bool,
) -> None:
    """Train a run for each choice of values, and say which is the best on the validation images.

    \b
    imgclf sweep -s 'sweep.params.schedule.step_size={log_uniform: [0.01, 1]}'
    imgclf sweep -c my.yaml --jobs 4            with a section `sweep:` in the config
    imgclf sweep --preset sweep_cifar10         the step size and the penalty of CIFAR-10
    imgclf sweep --resume DIR                   resume a sweep; same bytes
    mpiexec -n 9 imgclf sweep ...               a rank that leads, eight that train: imgclf[mpi]

    Each run is a run directory in DIR, and a row of DIR/sweep.csv. The test split is never opened: at the very end,
    `imgclf eval` the best run, once.
    """  # noqa: D301 - click wants the character, not its name
    from imgclf.machine.cores import available_cores
    from imgclf.sweep.workers import cluster, processes, ranks

    _, size = rank_and_size()
    if scheduler is not None and (jobs is not None or size > 1):
        raise UsageError("--scheduler", "does not go with --jobs or mpiexec", "the cluster has its own workers")
    if size > 1:
        if jobs is not None:
            raise UsageError(
                "--jobs", "does not go with mpiexec", "one rank leads, and each of the others runs a trial"
            )
        with ranks(connect(size)) as executor:
            if executor is not None:
                with ExitStack() as stack:
                    search = _opened(stack, files, overrides, preset, out, resumed)
                    _sweep(Console(ctx, as_json=as_json), search, nullcontext(executor), size - 1)
        return
    with ExitStack() as stack:
        console = Console(ctx, as_json=as_json)
        if scheduler is not None:
            executor, workers = stack.enter_context(cluster(scheduler))
            search = _opened(stack, files, overrides, preset, out, resumed)
            _sweep(console, search, nullcontext(executor), workers)
            return
        search = _opened(stack, files, overrides, preset, out, resumed)
        workers = min(jobs or available_cores(), len(search.trials))
        _sweep(console, search, processes(workers), workers)


def _sweep(console: Console, search: "Search", engine: "AbstractContextManager[Executor]", workers: int) -> None:
    """Train the trials, and say what came of it."""
    from imgclf.machine.progress import advancing
    from imgclf.sweep.results import Result, ranked, sweep_csv
    from imgclf.sweep.search import count, measure

    began = time.monotonic()
    _say_plan(console, search, workers)
    advance = advancing("sweeping", count(search), "run")
    rows = Table([*search.trials[0].values, *_MEASURED], left=0)
    results: dict[str, Result] = {}
    try:
        with engine as executor:
            for result, warnings in measure(search, executor):
                console.warn(*(f"{search.path(result.trial)}: {warning}" for warning in warnings))
                results[result.trial.name] = result
                advance(1)
                console.say(*rows([_row(result)]))
    except BaseException as error:
        if stop := error if isinstance(error, Stop) else asked():
            remedy = f"resume it with `imgclf sweep --resume {shlex.quote(str(search.directory))}`"
            raise stop.error(search.directory, remedy) from None
        raise
    last = list(results.values())
    _write(search.directory, sweep_csv(last))
    finished = [one for one in ranked(last) if one.status == "finished"]
    if not finished:
        remedy = "try smaller step sizes: sweep.params.schedule.step_size"
        raise DivergedError(search.directory, "every run diverged", remedy)
    _conclude(console, search, finished, time.monotonic() - began)
    _draw(console, search.directory, ranked(last))


def _opened(
    stack: ExitStack,
    files: tuple[Path, ...],
    overrides: tuple[str, ...],
    preset: str | None,
    out: Path | None,
    resumed: Path | None,
) -> "Search":
    from imgclf.config import resolve
    from imgclf.config.ready import ready_configs
    from imgclf.run.run_dir import check_new
    from imgclf.sweep.search import begin, resume

    if resumed is not None:
        for option, given in (("--config", files), ("--set", overrides), ("--preset", preset), ("--out", out)):
            if given:
                raise UsageError(option, "does not go with --resume", "a sweep is resumed as it was begun")
        return resume(resumed, stack)
    if out is not None:
        check_new(out)
    if preset is not None:
        searching = {name: path for name, path in ready_configs().items() if resolve([path]).config.sweep}
        if preset not in searching:
            raise UsageError("--preset", f"there is no preset {preset!r}", f"the presets are {', '.join(searching)}")
        files = (searching[preset], *files)
    return begin(resolve(files, overrides).config, out, stack)


_MEASURED = ("epochs", "train", "val", "95 % interval", "loss", "run")


def _row(result: "Result") -> list[str]:
    from imgclf.metrics import wilson_interval

    values = [show(value) for value in result.trial.values.values()]
    if result.status == "diverged" or result.accuracy is None or result.objective is None:
        return [*values, str(result.epochs), "", "", "diverged", "", result.trial.name]
    low, high = wilson_interval(result.correct, result.n)
    interval = f"{100 * low:.1f} to {100 * high:.1f}"
    shares = [format_percent(result.train_accuracy), format_percent(result.accuracy)]
    return [*values, str(result.epochs), *shares, interval, format_loss(result.objective), result.trial.name]


def show(value: object) -> str:
    """Return a value of a swept key for a table."""
    return f"{value:.4g}" if isinstance(value, float) else "null" if value is None else str(value)


def _say_plan(console: Console, search: "Search", workers: int) -> None:
    from imgclf.sweep.trials import sweep_of, takes_all

    sweep = sweep_of(search.config)
    how = "grid" if sweep.method == "random" and takes_all(sweep) else sweep.method
    epochs = search.config.train.epochs
    console.say(f"sweep     {search.directory}")
    seeds = f", {sweep.seeds} seeds each" if sweep.seeds > 1 else ""
    seeds += f", {sweep.folds} folds each" if sweep.folds > 1 else ""
    each = "" if "train.epochs" in sweep.params else f" of {plural(epochs, 'epoch')}"
    console.say(f"runs      {plural(len(search.trials), 'run')}{each}, {how}{seeds}, {workers} at a time", "")


def _write(directory: Path, text: str) -> None:
    from imgclf.files.writing import write_whole
    from imgclf.sweep.results import FILE

    write_whole(directory / FILE, text.encode())


def _draw(console: Console, directory: Path, ranked: list["Candidate"]) -> None:
    remedy = f"`imgclf sweep --resume {shlex.quote(str(directory))}` draws it"
    with drawing(console, directory, "the sweep is finished and saved; only its picture is missing", remedy):
        from imgclf.files.writing import write_whole
        from imgclf.report.search import search_picture
        from imgclf.report.style import png_bytes

        title = f"Val accuracy of {plural(len(ranked), 'choice')} of values"
        write_whole(directory / "sweep.png", png_bytes(search_picture(ranked, title)))


def _range_said(border: "Border", given: Any) -> str:
    from imgclf.sweep.advice import end_of, flow

    tried = f"the {border.side} tried"
    where = tried if border.value == border.end else f"near {tried}, {show(border.end)}"
    said = f"the best {border.key}, {show(border.value)}, is {where}"
    beyond, opposite = ("larger", "smallest") if border.side == "largest" else ("smaller", "largest")
    if border.as_good is None:
        return f"{said}: try {beyond}, {flow(border.wider)}"
    end, good = end_of(given, border.as_good), f"{said}, but {show(border.as_good)}"
    if end is None:
        return f"{good} is as good within this interval: no need to try {beyond}"
    near = "" if end == border.as_good else "near "
    return f"{good}, {near}the {opposite}, is as good within this interval: no need to try larger or smaller"


def _still_falling(console: Console, search: "Search", best: "Candidate") -> "Finding | None":
    """Return that the loss of a run of the best values still falls at its end, if the diagnosis of runs says so."""
    from imgclf.report.diagnosis import not_arrived
    from imgclf.report.run_facts import read_facts

    try:
        found = (not_arrived(read_facts(search.path(result.trial))) for result in best.results)
        return next(filter(None, found), None)
    except ImgclfError as error:  # the results are as good without
        console.warn(f"no diagnosis: {error}")
        return None


def _conclude(console: Console, search: "Search", finished: list["Candidate"], seconds: float) -> None:
    """Say which values are the best, how sure that is, and what to try next."""
    from imgclf.report.findings import LARGER
    from imgclf.sweep.advice import STEP_SIZE, advise, go_farther, longer, next_command
    from imgclf.sweep.results import indistinguishable
    from imgclf.sweep.trials import sweep_of

    best, directory = finished[0], search.directory
    low, high = best.interval
    equal = indistinguishable(finished)
    params = sweep_of(search.config).params
    falling = _still_falling(console, search, best)
    on_border, ranges = (go_farther if falling else advise)(search.config, finished)
    others: dict[str, Any] = {}
    if falling:
        too_small = falling.name == "step_too_small"
        others = longer(search.config, ranges, LARGER * search.config.schedule.step_size if too_small else None)
    following = next_command(search.config, directory, ranges, others)
    runs = [str(search.path(result.trial)) for result in best.results]
    console.say("")
    console.result(*fold("best      ", ", ".join(f"{key} {show(value)}" for key, value in best.values.items())))
    measured = f"{format_percent(best.accuracy)} (95 % interval {format_percent(low)} to {format_percent(high)})"
    console.result(f"          val accuracy {measured}")
    console.result(*fold("run       ", ", ".join(runs)))
    console.say(f"table     {directory}/sweep.csv, and sweep.png")
    if equal > 1:
        images = plural(best.n, "validation image")
        told = f"{equal} of {len(finished)} are within this interval: on {images}, they cannot be told apart"
        console.result(*fold("equal     ", told))
    for border in on_border:
        console.result(*fold("range     ", _range_said(border, params[border.key])))
    if falling:
        is_larger = STEP_SIZE in others or ranges.get(STEP_SIZE) != params.get(STEP_SIZE)
        remedy = "larger step sizes" if is_larger else "more epochs"
        console.result(*fold("falling   ", f"the loss of the best run still falls at its end: try {remedy}"))
    if following is not None:
        console.say(*fold_command("next      ", following))
    elif equal > 1 and not falling:
        images = plural(best.n, "validation image")
        console.say(*fold("done      ", f"a further search could not tell better values from chance on {images}"))
    if len(runs) > 1:  # none of them was trained on all
        chosen = [word for key, value in best.values.items() for word in ("-s", f"{key}={json.dumps(value)}")]
        again = shlex.join(["imgclf", "train", "-c", str(directory / "config.yaml"), *chosen])
        console.say(*fold_command("train     ", again))
    else:
        console.say("test      once, at the very end:", f"          imgclf eval {shlex.quote(runs[0])}")
    console.object(
        {
            "sweep": str(directory),
            "runs": len(search.trials),
            "seconds": seconds,
            "best": {
                "values": best.values,
                "runs": runs,
                "accuracy": best.accuracy,
                "accuracy_interval": [low, high],
                "n": best.n,
                "still_falls": falling is not None,
            },
            "indistinguishable": equal,
            "borders": [border._asdict() for border in on_border],
            "next": following,
        }
    )
