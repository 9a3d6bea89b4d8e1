"""Run the trials of a sweep, each in its run directory."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgclf.config import Config, dump
from imgclf.data.dataset import Dataset
from imgclf.data.sources import SOURCES
from imgclf.errors import DivergedError, RunError, StorageError, UsageError
from imgclf.files.writing import json_bytes, remove_litter
from imgclf.machine.progress import listening
from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.data_identity import check_data, find_data, with_data_path
from imgclf.run.environment import describe_environment
from imgclf.run.opening import config_in
from imgclf.run.run_dir import LOCK, acquire, create, read_status, remove_unfinished
from imgclf.run.session import session
from imgclf.run.targets import NewRun, Ready, ResumedRun
from imgclf.sweep.results import Result, ranked, read_result
from imgclf.sweep.trials import Trial, sweep_of, trials
from imgclf.sweep.workers import Halt, haltable
from imgclf.training.epochs import Epoch
from imgclf.training.loading import load_for_training, training_splits, where
from imgclf.training.plan import make_kernel

Splits = tuple[Dataset, Dataset | None]

EARLY = 8  # after this part of the epochs, halving decides who goes on
FIRST_FILES = (LOCK, "config.yaml", "environment.json")
_RESTORE = "restore the data, or sweep again"
_loaded: tuple[str, dict[str, Dataset]] = "", {}  # of this process, or of the one it was forked from
_divided: dict[str, Splits] = {}


@dataclass(frozen=True)
class Search:
    """A sweep in its directory, which this process has locked."""

    directory: Path
    config: Config
    trials: list[Trial]

    def path(self, trial: Trial) -> Path:
        """Return the run directory of a trial."""
        return self.directory / trial.name


def begin(config: Config, out: Path | None, stack: ExitStack) -> Search:
    """Load the data, and create and lock the directory of a new sweep."""
    found = trials(config)
    train, val = _prepare(found)
    name = f"{config.name or f'{config.data.source}-{config.model.loss}'}-sweep"
    environment = json_bytes(describe_environment(1, config.train.kernel, train, val))
    directory, lock = create(name, out, {"config.yaml": dump(config).encode(), "environment.json": environment})
    stack.enter_context(lock)
    return Search(directory, config, found)


def resume(directory: Path, stack: ExitStack) -> Search:
    """Lock the directory of a sweep, and load its data; raises DataError if that has changed."""
    if not directory.is_dir():
        raise RunError(directory, "no such directory", "name that of a sweep")
    config = config_in(directory)
    if config.sweep is None:
        raise RunError(directory, "not the directory of a sweep", "resume a single run by `imgclf train --resume`")
    config = find_data(config, directory, _RESTORE)
    stack.enter_context(acquire(directory))
    remove_litter(directory)
    remove_unfinished(directory, FIRST_FILES, -math.inf)  # no other process makes runs here
    found = trials(config)
    check_data(*_prepare(found), directory, where(config), _RESTORE)
    return Search(directory, config, found)


def measure(search: Search, executor: Executor) -> Iterator[tuple[Result, tuple[str, ...]]]:
    """Train the trials; yield the result of each, with its warnings, in their order.

    Under halving, a trial has a result in every rung that it reaches; the last one counts.
    """
    going_on = search.trials
    for epochs, left in rungs(search):
        results = []
        for result, warnings in _run(search, executor, going_on, epochs):
            results.append(result)
            yield result, warnings
        kept = {one.number for one in ranked(results)[:left]}
        going_on = [trial for trial in going_on if trial.candidate in kept]


def rungs(search: Search) -> list[tuple[int | None, int]]:
    """Return the rungs of a sweep: after how many epochs (None: all) how many candidates go on.

    Halving (Jamieson and Talwalkar 2016) has one rung before the last, after an eighth of the epochs: so many go on
    that all take half the epochs of a grid. Later rungs would leave fewer for the last one, and know no more: until the
    schedule makes the steps short, large ones look worse than they will end.
    """
    epochs, candidates = search.config.train.epochs, search.trials[-1].candidate + 1
    if sweep_of(search.config).method != "halving" or epochs == 1:
        return [(None, candidates)]
    early = max(1, epochs // EARLY)
    left = max(1, candidates * (epochs - 2 * early) // (2 * (epochs - early)))
    return [(early, left), (None, left)]


def count(search: Search) -> int:
    """Return the number of results that `measure` yields."""
    candidates, sweep = search.trials[-1].candidate + 1, sweep_of(search.config)
    return (candidates + sum(left for _, left in rungs(search)[:-1])) * sweep.seeds * sweep.folds


def _run(
    search: Search, executor: Executor, chosen: Sequence[Trial], epochs: int | None
) -> Iterator[tuple[Result, tuple[str, ...]]]:
    futures: list[Future[tuple[str, ...]]] = [
        executor.submit(run_trial, trial.config.model_dump(), search.path(trial).absolute(), epochs) for trial in chosen
    ]
    try:
        for trial, future in zip(chosen, futures, strict=True):
            warnings = future.result()
            yield read_result(trial, search.path(trial), epochs), warnings
    except (BrokenProcessPool, Halt) as error:
        problem = "one of its processes was killed, perhaps because the memory is full"
        raise StorageError(search.directory, problem, "resume it with fewer --jobs") from error


def run_trial(values: dict[str, Any], directory: Path, epochs: int | None) -> tuple[str, ...]:
    """Train a run from where it is, to its end or until `epochs` are done; return warnings.

    A run that diverges is a result, not an error.
    """
    config = Config.model_validate(values)
    with haltable(), listening(lambda seen: None):  # the parent says how far all are
        if not directory.exists():
            return _follow(NewRun(config, directory), epochs)
        target = ResumedRun.at(directory, (), ())
        if not _is_run_of(config, target.config):
            raise RunError(directory, "its config is not that of this run of the sweep", "move it away, and resume")
        if target.is_over() or read_status(directory) == "diverged" or _has_done(directory, epochs):
            return ()
        return _follow(target.with_data_found(), epochs)


def _is_run_of(config: Config, found: Config) -> bool:
    """Whether a run directory belongs to a trial: its data may have moved, and it has written out scale and std."""
    chosen, written = config.preprocess, found.preprocess.model_dump(include={"scale", "std"})
    filled = {key: value for key, value in written.items() if getattr(chosen, key) is None}
    config = config.model_copy(update={"preprocess": chosen.model_copy(update=filled)})
    return with_data_path(config, found.data.path) == found


def _has_done(directory: Path, epochs: int | None) -> bool:
    checkpoint, _ = load_checkpoint(directory)
    return epochs is not None and checkpoint is not None and checkpoint.snapshot.epochs >= epochs


def _follow(target: NewRun | ResumedRun, epochs: int | None) -> tuple[str, ...]:
    warnings: tuple[str, ...] = ()
    with closing(session(target, 1, plots=False, load=load_once)) as events:
        try:
            for event in events:
                if isinstance(event, Ready):
                    warnings = event.warnings
                if isinstance(event, Epoch) and event.snapshot.epochs == epochs:
                    break  # which saves the run: it can go on
        except DivergedError:
            pass
    return warnings


def load_once(config: Config) -> Splits:
    """Load train and val; the pixels that the process has already are not loaded again."""
    global _loaded
    source = _source_of(config)
    key = source + config.model_dump_json(include={"seed": True, "data": True})
    if source != _loaded[0]:
        _loaded = "", {}  # first: two data sets may be too large for the memory
        _divided.clear()
        _loaded = source, load_for_training(config)
    if key not in _divided:
        _divided[key] = training_splits(config, _loaded[1])
    return _divided[key]


def _source_of(config: Config) -> str:
    """Return the settings that decide which pixels are loaded."""
    data = config.model_dump_json(include={"data": {"source", "path", "labels", "options", "test_fraction"}})
    form = config.model_dump_json(include={"preprocess": {"image_size", "resize", "color"}})
    has_seed = config.data.test_fraction or "seed" in SOURCES[config.data.source].settings
    return f"{data} {form} {config.seed if has_seed else ''}"


def _prepare(found: Sequence[Trial]) -> Splits:
    """Load what the first trial needs, and all that is made of the same pixels, for the processes to share."""
    first = found[0].config
    for one in found:
        make_kernel(one.config)  # refuses what is not installed; processes that are forked have it loaded
    for config in [one.config for one in found if _source_of(one.config) == _source_of(first)]:
        train, val = load_once(config)
        if val is None:
            problem = "a sweep needs validation images"
            raise UsageError("data.val_fraction", problem, "set it above 0, such as -s data.val_fraction=0.1")
        _ = train.fingerprint, val.fingerprint  # kept by the data set
    return load_once(first)
