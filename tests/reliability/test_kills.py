"""Killed at any moment, again and again, a run ends with the bytes of one that was not."""

import random
import signal
from functools import partial

import pytest

from imgclf import storage

KINDS = {
    "epochs": (),
    "steps": ("optimizer.name=adam", "checkpoint={unit: step, every: 1}"),
    "float64": ("model.loss=svm", "train.dtype=float64"),
}
QUICK, LONG = 12, 334  # kills of each kind; all crash points are tried elsewhere


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_times(runs, kind):
    kill_and_go_on(runs, kind, QUICK)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_times_a_thousand_times(runs, kind):
    kill_and_go_on(runs, kind, LONG)


def kill_and_go_on(runs, kind, kills):
    """Kill runs until there were so many kills; each run, however often it was killed, must end in the same bytes."""
    plan = runs.plan("train.epochs=6", *KINDS[kind])
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    draw = random.Random(kind)
    killed = number = 0
    while killed < kills:
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
