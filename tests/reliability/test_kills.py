"""Killed at any moment, again and again, a run ends with the bytes of one that was not."""

import itertools
import math
import random
import signal
import time

import pytest

from children import in_child
from imgclf.errors import ImgclfError
from imgclf.files import writing as storage

pytestmark = pytest.mark.slow

KINDS = {
    "epochs": (),
    "steps": ("optimizer.name=adam", "checkpoint={unit: step, every: 1}"),
    "float64": ("model.loss=svm", "train.dtype=float64"),
    "torch": ("train.kernel=torch", "checkpoint={unit: step, every: 1}"),
}
OF_KINDS = [pytest.param(kind, marks=pytest.mark.torch) if kind == "torch" else kind for kind in KINDS]
QUICK, LONG = 12, 334  # kills of each kind; all crash points are tried elsewhere


@pytest.mark.parametrize("kills", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", OF_KINDS)
def test_killed_at_random_times(runs, tell, kind, kills):
    killed, wrong = kill_and_resume(runs, kind, kills)
    tell("kills at random times", killed, len(wrong))
    assert wrong == []


def test_a_naive_writer_is_caught(runs, all_write):
    """The alarm rings."""
    all_write(runs.write_naively)
    _, wrong = kill_and_resume(runs, "steps", 20 * QUICK, enough=1)  # where a kill hits is chance
    assert wrong


def kill_and_resume(runs, kind, kills, enough=math.inf):
    """Kill runs until there were so many kills, or enough are wrong, each again and again until it ends.

    Returns how many kills there were, and the numbers of the runs that are lost or ended in other bytes.
    """
    plan = runs.plan("train.epochs=6", *KINDS[kind])
    began = time.monotonic()
    runs.begin(plan, runs.at / "whole")
    seconds, expected = time.monotonic() - began, runs.left(runs.at / "whole")
    draw = random.Random(kind)
    killed, wrong, numbers = 0, [], itertools.count()
    while killed < kills and len(wrong) < enough:
        number = next(numbers)
        directory = runs.at / f"run-{number}"
        while (ended := in_child(shortly, draw.uniform(0.02, 1.2) * seconds, directory, plan, runs)) == -signal.SIGALRM:
            killed += 1
        if ended == 0:
            storage.remove_litter(directory)
        if ended != 0 or runs.left(directory) != expected:
            wrong.append(number)
    return killed, wrong


def shortly(seconds, directory, plan, runs):
    """Train until an alarm ends this process, where it is: nobody handles it."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        runs.either(plan, directory)
    except (ImgclfError, ValueError):  # what is on the disk cannot be gone on from
        return 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
