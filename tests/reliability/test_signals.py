"""Signals at any moment of the command line: the right exit code, soon, and nothing is lost."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from imgclf.cli.signals import SIGNALS
from imgclf.errors import RunError
from imgclf.files import writing as storage
from imgclf.run import run_dir
from imgclf.run.checkpoint import load_checkpoint
from interruption import interrupt

pytestmark = pytest.mark.slow

SMALL = ("data.source=synthetic", "data.options={train: 50, val: 20, test: 0, classes: 3, size: 3, noise: 100}",
         "train.batch_size=16", "checkpoint={unit: step, every: 5}")  # fmt: skip
LARGE = ("data.source=synthetic", "data.options={train: 45000, val: 5000, test: 0, size: 32, channels: 3}")
if "CIFAR10" in os.environ:
    LARGE = ("data.source=cifar10", f"data.path={json.dumps(os.environ['CIFAR10'])}")
SECONDS = 2.0  # from a signal to the end, on a machine that does nothing else


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Stops:
    """Stops runs of the command line at random moments, each again and again, and counts what came of it.

    sent     signals
    silent   how many of them ended a process where Python was not yet or no more in imgclf
    slowest  seconds from a signal to the end
    wrong    what must not be, in words
    """

    def __init__(self, runs, overrides, *, twice=False):
        self.runs, self.twice, self.draw = runs, twice, random.Random(0)
        chosen = ("train.epochs=4", "checkpoint={unit: step, every: 50}", *overrides)
        self.options = [word for override in chosen for word in ("-s", override)]
        self.sent, self.silent, self.slowest, self.wrong = 0, 0, 0.0, []
        began = time.monotonic()
        self.go_to_its_end(runs.at / "whole")
        self.whole, self.expected = time.monotonic() - began, runs.left(runs.at / "whole")

    def send(self, signals):
        """Send them all, one a command; every run ends in the bytes of one that was not stopped, or that is wrong."""
        left, numbers = list(signals), itertools.count()
        while left:
            directory = self.runs.at / f"run-{next(numbers)}"
            while left and self.stop(directory, left[-1]):
                left.pop()
            self.go_to_its_end(directory)
            if self.runs.left(directory) != self.expected:
                self.wrong.append(f"{directory.name} ends in other bytes")
        return self

    def start(self, directory):
        """Begin a run, or go on with it where there is one."""
        arguments = ["--resume", directory] if directory.exists() else [*self.options, "--out", directory]
        command = [sys.executable, "-m", "imgclf", "train", "--no-plots", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def go_to_its_end(self, directory):
        with self.start(directory) as process:
            said = process.stderr.read()
        assert (process.returncode, said) == (0, "")

    def stop(self, directory, number):
        """Send a signal at a random moment; return whether the command was still there."""
        before, step = listing(directory), step_of(directory)
        with self.start(directory) as process:
            try:
                # Squared: the beginning, which comes each time that a run goes on, is met as often as the rest.
                process.wait(self.whole * self.draw.random() ** 2)
            except subprocess.TimeoutExpired:
                sent = time.monotonic()
                process.send_signal(number)
                if self.twice:
                    time.sleep(self.draw.uniform(0, 0.05))
                    process.send_signal(number)
                process.wait()
            else:
                return False
            seconds, said = time.monotonic() - sent, process.stderr.read()
        self.sent += 1
        self.slowest = max(self.slowest, seconds)
        problems = []
        if is_silent(process.returncode, number):
            self.silent += 1
            done = run_dir.read_status(directory) == "finished" or (self.twice and said.startswith("imgclf: error: "))
            if not done and (process.returncode == 0 or listing(directory) != before):
                problems.append("nobody listened")
        else:
            problems += what_is_wrong_with(process.returncode, number, said, twice=self.twice)
        if step_of(directory) < step:
            problems.append("the checkpoint is lost")
        if not self.twice:
            problems += what_is_wrong_in(directory)
        self.wrong += [f"{signal.Signals(number).name}: {problem}" for problem in problems]
        return True


def listing(directory):
    """What is in a directory, and since when."""
    return {path.name: path.stat().st_mtime_ns for path in directory.iterdir()} if directory.exists() else None


def step_of(directory):
    """From which step a run could go on, 0 where there is no checkpoint; -1 if one is damaged."""
    try:
        checkpoint, damaged = load_checkpoint(directory)
    except RunError:
        return -1
    if damaged:
        return -1
    return checkpoint.snapshot.state.step if checkpoint else 0


def is_silent(code, number):
    """Whether it was not imgclf that ended the process, or the process had come to its end before it heard.

    For Ctrl-C, Python has an end of its own while it starts.
    """
    return code in (0, -number) or (number == signal.SIGINT and code == 1)


def what_is_wrong_with(code, number, said, *, twice):
    expected = 130 if number == signal.SIGINT else 143
    if code != expected:
        yield f"exit code {code}"
    if not (said.startswith("imgclf: error: ") and said.count("\n") == 1) and not (twice and said == ""):
        yield f"says {said[-500:]!r}"


def what_is_wrong_in(directory):
    """What a run that was stopped must not leave on the disk."""
    if list(directory.parent.glob(f"{run_dir.UNFINISHED}*")):
        yield "an unfinished directory"
    if directory.exists():
        if (status := run_dir.read_status(directory)) not in ("", "interrupted", "finished"):
            yield f"status {status}"
        if litter := [path.name for path in directory.iterdir() if storage.is_unfinished(path)]:
            yield f"litter: {litter}"


def test_a_signal_at_a_random_moment(runs):
    assert Stops(runs, SMALL).send(SIGNALS).wrong == []


def test_ctrl_c_twice_within_50_ms(runs):
    assert Stops(runs, SMALL, twice=True).send([signal.SIGINT]).wrong == []


@pytest.mark.long
def test_two_hundred_signals(runs, tell):
    stops = Stops(runs, LARGE).send((SIGNALS * 67)[:200])
    tell("signals at random moments of a command", stops.sent, len(stops.wrong))
    tell("... of them where Python was not yet or no more in imgclf", stops.silent, 0)
    tell(f"... the slowest took {stops.slowest:.1f} s", 1, int(stops.slowest > SECONDS))
    assert stops.wrong == []
    assert stops.slowest <= SECONDS


@pytest.mark.long
def test_a_hundred_second_ctrl_cs(runs, tell):
    stops = Stops(runs, LARGE, twice=True).send([signal.SIGINT] * 100)
    tell("Ctrl-C twice within 50 ms", stops.sent, len(stops.wrong))
    assert stops.wrong == []


@pytest.mark.parametrize("every", [97, pytest.param(1, marks=pytest.mark.long)])
def test_a_signal_at_any_instruction_of_a_run(runs, every):
    plan = runs.plan("train.epochs=2", "checkpoint={unit: step, every: 3}")
    runs.begin(plan, runs.at / "whole")
    expected = runs.left(runs.at / "whole")
    rooms = ("imgclf/training/epochs.py", "imgclf/run/session.py", "imgclf/run/writer.py")
    for number in itertools.count(1, every):
        directory = runs.at / f"run-{number}"
        reached = interrupt(number, lambda d=directory: runs.begin(plan, d), within=rooms)
        assert list(what_is_wrong_in(directory)) == [], number
        runs.either(plan, directory)
        assert runs.left(directory) == expected, number
        if not reached:
            break
    assert number > 2000
