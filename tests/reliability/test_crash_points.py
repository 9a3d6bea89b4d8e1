"""Killed before any operation on files, a run goes on and ends with the bytes of one that was not."""

import itertools
import os
import random
import signal
import sys

import pytest

from children import in_child
from imgclf.errors import ImgclfError
from imgclf.files import writing as storage
from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS

pytestmark = pytest.mark.slow

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


def killed(number, train, plan, directory):
    """Train until the operation of this number; return whether there was one."""

    def child():
        kill_at(number)
        train(plan, directory)

    ended = in_child(child)
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def killed_everywhere(runs, plan, every=1):
    """Begin a run for every point where it can be killed, and kill it there; yield the directories."""
    for number in itertools.count(1, every):
        directory = runs.at / "runs" / f"killed-{number}"
        if not killed(number, runs.begin, plan, directory):
            break
        yield directory


def lost_or_differing(runs, plan):
    """Kill a run at every point and go on; return how often, and the directories where that went wrong."""
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    wrong, number = [], 0
    for number, directory in enumerate(killed_everywhere(runs, plan), 1):  # noqa: B007
        runs.either(plan, directory)
        storage.remove_litter(directory)
        if runs.left(directory) != expected:
            wrong.append(directory.name)
    return number, wrong


@pytest.mark.parametrize(
    "overrides",
    [pytest.param((), marks=pytest.mark.long), ("optimizer.name=adam", "checkpoint={unit: step, every: 3}")],
    ids=["epochs", "steps"],
)
def test_every_point_of_a_short_run(runs, overrides):
    number, wrong = lost_or_differing(runs, runs.plan("train.epochs=1", *overrides))
    assert wrong == []
    assert number > 40  # so many there are at least
    assert len(list((runs.at / "runs").iterdir())) < number + 20


@pytest.mark.long
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_point_of_a_run_of_five_epochs_of_every_kind(runs, tell, optimizer, loss, dtype):
    plan = runs.plan("train.epochs=5", f"optimizer.name={optimizer}", f"model.loss={loss}", f"train.dtype={dtype}")
    number, wrong = lost_or_differing(runs, plan)
    tell("kills before every operation on files", number, len(wrong))
    assert wrong == []


@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_while_going_on(runs, seed):
    plan = runs.plan("train.epochs=3", "checkpoint={unit: step, every: 2}")
    runs.begin(plan, runs.at / "whole")
    draw = random.Random(seed)
    directory = runs.at / "killed"
    for _ in range(40):
        if not killed(draw.randrange(1, 90), runs.either, plan, directory):
            break
    runs.either(plan, directory)
    storage.remove_litter(directory)
    assert runs.left(directory) == runs.left(runs.at / "whole")


def test_a_naive_writer_is_caught(runs, all_write):
    """Written straight to its name, a checkpoint that is cut off is lost: the alarm rings."""
    plan = runs.plan("train.epochs=2")
    all_write(runs.write_naively)
    failures = number = 0
    for number, directory in enumerate(killed_everywhere(runs, plan, every=7), 1):  # noqa: B007
        try:
            runs.either(plan, directory)
        except (ImgclfError, ValueError):
            failures += 1
    assert failures > 0.2 * number
