"""Killed before any operation on files, a run goes on and ends with the bytes of one that was not."""

import os
import random
import signal
import sys

import pytest

from imgclf import storage
from imgclf.errors import ImgclfError

WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "fcntl.flock"}


def kill_at(number):
    """Have this process killed before its operation of this number; for a child, as it cannot be undone."""
    count = 0

    def step(*_):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sync = os.fsync

    def synced(*arguments):
        step()
        sync(*arguments)

    os.fsync = synced
    sys.addaudithook(lambda event, _: step() if event in WATCHED else None)


@pytest.mark.parametrize(
    "overrides", [(), ("optimizer.name=adam", "checkpoint={unit: step, every: 3}")], ids=["epochs", "steps"]
)
def test_every_point_of_a_short_run(runs, overrides):
    plan = runs.plan("train.epochs=2", *overrides)
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    for number in range(1, 1000):
        directory = runs.at / "runs" / f"killed-{number}"

        def killed(directory=directory, number=number):
            kill_at(number)
            runs.begin(plan, directory)

        if runs.in_child(killed) is None:
            break
        runs.either(plan, directory)
        storage.remove_litter(directory)
        assert runs.left(directory) == expected, number
    assert number > 50  # so many there are at least
    assert len(list((runs.at / "runs").iterdir())) < number + 20


@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_while_going_on(runs, seed):
    plan = runs.plan("train.epochs=3", "checkpoint={unit: step, every: 2}")
    runs.begin(plan, runs.at / "whole")
    draw = random.Random(seed)
    directory = runs.at / "killed"
    for _ in range(40):
        number = draw.randrange(1, 90)

        def killed(number=number):
            kill_at(number)
            runs.either(plan, directory)

        if runs.in_child(killed) is None:
            break
    runs.either(plan, directory)
    storage.remove_litter(directory)
    assert runs.left(directory) == runs.left(runs.at / "whole")


def test_a_naive_writer_is_caught(runs, monkeypatch):
    """Written straight to its name, a checkpoint that is cut off is lost: the alarm rings."""

    def naive(path, content, keep=None):
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(content), 100):
                file.write(content[start : start + 100])
                os.fsync(file.fileno())  # counts as an operation: a place to be killed at

    plan = runs.plan("train.epochs=2")
    failures = 0
    for number in range(1, 400, 3):
        directory = runs.at / f"killed-{number}"

        def killed(directory=directory, number=number):
            for room in ("imgclf.checkpoint", "imgclf.run", "imgclf.run_dir"):
                monkeypatch.setattr(f"{room}.write_whole", naive)
            kill_at(number)
            runs.begin(plan, directory)

        if runs.in_child(killed) is None:
            break
        try:
            runs.either(plan, directory)
        except (ImgclfError, ValueError):
            failures += 1
    assert failures > 0.2 * number / 3
