"""Runs to make pages of."""

import pytest

from imgclf.config import resolve
from imgclf.report.shown_run import read_run
from imgclf.run.opening import config_of_run
from imgclf.run.session import train_run


@pytest.fixture(scope="session")
def run_of(tmp_path_factory):
    """A function that trains with these settings, once, and returns the run as `imgclf report` reads it."""
    made = {}

    def run(*settings):
        if settings not in made:
            out = tmp_path_factory.mktemp("run") / "run"
            directory = train_run(resolve((), ("train.epochs=2", *settings)).config, out, threads=1).directory
            made[settings] = read_run(directory, config_of_run(directory), "")
        return made[settings]

    return run
