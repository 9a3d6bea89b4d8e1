"""A short run, for commands that read one."""

import shutil
from pathlib import Path

import pytest

from imgclf.config import resolve
from imgclf.run.session import train_run


@pytest.fixture(scope="session")
def short_run(tmp_path_factory):
    config = resolve((), ("data.limit=300", "train.epochs=2")).config
    return train_run(config, tmp_path_factory.mktemp("runs") / "run").directory


@pytest.fixture
def run(imgclf, short_run, tmp_path):
    """A finished run in the folder `run`."""
    shutil.copytree(short_run, tmp_path / "run")
    return Path("run")
