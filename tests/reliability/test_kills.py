"""Killed at any moment, again and again, a run ends with the bytes of one that was not."""

import random
import signal
from functools import partial

import pytest

from imgclf import storage

KILLS = 12  # of each kind; the crash points are all tried elsewhere


@pytest.mark.parametrize("overrides", [
    (), ("optimizer.name=adam", "checkpoint={unit: step, every: 1}"), ("model.loss=svm", "train.dtype=float64"),
], ids=["epochs", "steps", "float64"])  # fmt: skip
def test_killed_at_random_times(runs, overrides):
    plan = runs.plan("train.epochs=6", *overrides)
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    draw = random.Random(len(overrides))
    killed = number = 0
    while killed < KILLS:
        directory = runs.at / f"run-{number}"
        number += 1
        while runs.in_child(partial(shortly, draw.uniform(0.001, 0.08), directory, plan, runs)) is not None:
            killed += 1
        storage.remove_litter(directory)
        assert runs.left(directory) == expected


def shortly(seconds, directory, plan, runs):
    """Train until an alarm ends this process, where it is: nobody handles it."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    runs.either(plan, directory)
    signal.setitimer(signal.ITIMER_REAL, 0)
