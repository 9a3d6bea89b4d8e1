"""Sweeps over small synthetic data."""

from contextlib import ExitStack

import pytest

from imgclf.config import resolve
from imgclf.sweep.results import ranked, sweep_csv
from imgclf.sweep.search import begin, measure, resume
from imgclf.sweep.workers import processes

SMALL = (
    "data.source=synthetic", "data.options={train: 60, val: 40, test: 0, classes: 3, size: 3, noise: 60}",
    "train.batch_size=16", "train.epochs=4",
)  # fmt: skip


def config_of(*overrides):
    return resolve((), [*SMALL, *overrides]).config


def run(directory, config=None, jobs=2):
    """Sweep in a new directory, or resume there where config is None; return the last result of each trial."""
    with ExitStack() as stack:
        search = resume(directory, stack) if config is None else begin(config, directory, stack)
        with processes(jobs) as executor:
            results = {result.trial.name: result for result, _ in measure(search, executor)}
    (directory / "sweep.csv").write_text(sweep_csv(list(results.values())))
    return list(results.values())


def left_by(directory):
    """The bytes that must not depend on the number of processes, nor on how often a sweep was broken off.

    The model of a run that is not finished is that of the last time that it was stopped, but not killed.
    """
    names = ("sweep.csv", "metrics.csv", "metrics.json", "model.npz", "config.yaml")
    paths = [path for name in names for path in directory.rglob(name)]
    paths = [path for path in paths if path.name != "model.npz" or (path.parent / "metrics.json").exists()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


@pytest.fixture
def sweep():
    class Sweep:
        config = staticmethod(config_of)
        run = staticmethod(run)
        left = staticmethod(left_by)
        ranked = staticmethod(ranked)

    return Sweep
