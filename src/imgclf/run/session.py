"""Train a run from a config, in its own directory."""

from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from imgclf.config import Config
from imgclf.errors import DivergedError, ImgclfError, StorageError
from imgclf.files.writing import write_json, write_whole
from imgclf.machine.cores import available_cores
from imgclf.machine.memory import WEIGHT_COPIES, require_memory
from imgclf.numerics.sums import Summation
from imgclf.run import run_dir
from imgclf.run.checkpoint import Checkpoint
from imgclf.run.data_identity import data_fingerprints
from imgclf.run.environment import describe_environment
from imgclf.run.model_file import model_bytes
from imgclf.run.targets import NewRun, Ready, RunTarget
from imgclf.run.writer import RunWriter
from imgclf.speed.kernels import device_of
from imgclf.speed.ranks import check_agreement, share_of_cores, workers_on
from imgclf.training.epochs import Epoch, Event, Finished, first_snapshot, train
from imgclf.training.loading import load_training_data, where
from imgclf.training.plan import Loader, Plan, make_plan


@dataclass(frozen=True)
class Planned:
    """The data is loaded and the plan made; nothing is written yet."""

    plan: Plan
    threads: int
    since: Checkpoint | None
    damaged: ImgclfError | None  # the error of a newer, damaged checkpoint


@dataclass(frozen=True)
class TrainedRun:
    """A run directory, and the results of the run."""

    directory: Path
    finished: Finished


SessionEvent: TypeAlias = Planned | Ready | Event


def train_run(config: Config, out: Path | None = None, *, threads: int | None = None) -> TrainedRun:
    """Train a run and write its directory, as `imgclf train --no-plots` does.

    out      absent or an empty folder; None: runs/NAME
    threads  None: as many as help

    Raises ImgclfError with the message that the command would print.
    """
    with closing(session(NewRun(config, out), threads, plots=False)) as events:
        for event in events:
            if isinstance(event, Ready):
                directory = event.directory
            elif isinstance(event, Finished):
                return TrainedRun(directory, event)
    raise AssertionError("a session ends with its results")


def session(
    target: RunTarget,
    threads: int | None = None,
    *,
    plots: bool,
    comm: Any = None,
    load: Loader = load_training_data,
    draft: bool = False,
) -> Generator[SessionEvent, None, None]:
    """Train a run, and yield its events: Planned, Ready, each Step and Epoch, and Finished.

    plots  whether the caller draws pictures; recorded in environment.json
    comm   the MPI communicator of all ranks; rank 0 writes, the others only compute
    load   reads the data; a sweep keeps it for the next run
    draft  whether the caller only looks at the plan (`make_plan`), and does not train

    The directory stays locked until the generator is closed.
    """
    with ExitStack() as stack:
        is_first = comm is None or comm.rank == 0
        since, damaged = target.open(stack) if is_first else (None, None)
        if comm:
            since = comm.bcast(since)
        cores = threads or (share_of_cores(comm) if comm else available_cores())
        with workers_on(comm, cores) as sum_blocks:
            plan = make_plan(target.config, sum_blocks, load, threads=cores, draft=draft)
        if comm:
            _check_plan(comm, plan)
        target = replace(target, config=plan.config)
        used = threads or plan.threads(cores)
        require_memory(WEIGHT_COPIES * plan.weights.nbytes, where(plan.config), used)
        sum_blocks = stack.enter_context(workers_on(comm, used))
        target.check(plan, since)
        yield Planned(plan, used, since, damaged)
        if is_first:
            ranks = comm.size if comm else 1
            chosen, device = plan.config.train.kernel, device_of(plan.kernel)
            environment = describe_environment(used, chosen, plan.train, plan.val, ranks, device) | {"plots": plots}
            ready = target.prepare(stack, since, environment)
            yield ready
            events = run(plan, ready.directory, sum_blocks, since)
        else:
            events = train(plan, sum_blocks, since.snapshot if since else first_snapshot(plan))
        for event in stack.enter_context(closing(events)):
            if comm and isinstance(event, Epoch):
                check_agreement(comm, "its numbers are", event.row, "use machines of one kind, or report a bug")
            yield event


def run(
    plan: Plan, directory: Path, sum_blocks: Summation, since: Checkpoint | None = None
) -> Generator[Event, None, None]:
    """Train in a directory that holds the config already; yield each event once it is written there.

    An interrupted run resumes from a checkpoint, and ends with the bytes of an uninterrupted one.
    """
    writer = RunWriter(plan, directory, since.snapshot if since else first_snapshot(plan))
    if since is None:
        writer.start()
    else:
        writer.resume(since)
    try:
        run_dir.write_status(directory, "running")
        for event in train(plan, sum_blocks, writer.snapshot):
            if isinstance(event, Finished):
                break
            if isinstance(event, Epoch):
                writer.epoch(event)
            else:
                writer.step(event.snapshot)
            yield event
        assert isinstance(event, Finished), "training ends with its results"
        writer.save()
        writer.finish()
        write_whole(directory / "model.npz", model_bytes(event.model))
        write_json(directory / "metrics.json", event.metrics())
        run_dir.write_status(directory, "finished")
    except DivergedError:
        run_dir.correct_status(directory, "diverged")
        with suppress(StorageError):  # the error is that of training
            writer.finish()
        raise
    except BaseException:
        # Ctrl-C, a full disk, a bug: keep what was learned so far, and a true status.
        try:
            writer.save()
            write_whole(directory / "model.npz", model_bytes(plan.model(writer.snapshot.state.weights)))
            writer.finish()
        finally:
            run_dir.correct_status(directory, "interrupted")
        raise
    yield event


def _check_plan(comm: Any, plan: Plan) -> None:
    """Raise DataError unless all ranks have the same settings and the same data, which each rank reads itself."""
    settings = plan.config.model_copy(update={"data": None})  # paths may differ between machines
    check_agreement(comm, "its data or settings are", (settings, data_fingerprints(plan.train, plan.val)))
