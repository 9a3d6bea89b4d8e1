"""The same table on every engine: processes, MPI ranks, a Dask cluster."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from children import in_child
from imgclf.sweep.search import run_trial
from imgclf.sweep.trials import trials
from imgclf.sweep.workers import SIGNALS, Halt, _halt, haltable, processes

ARGUMENTS = (
    "-m", "imgclf", "-q", "sweep", "-s", "data.limit=200", "-s", "train.epochs=2", "-s", "sweep.method=halving",
    "-s", "sweep.params.schedule.step_size=[0.001, 0.01, 0.1]",
)  # fmt: skip
MPIEXEC = Path(sys.executable).parent / "mpiexec"


def halted():
    _halt(SIGNALS[1], None)
    try:
        with haltable():
            return 1
    except Halt:
        return 0


def test_a_worker_that_is_halted_while_idle_begins_no_trial():
    assert in_child(halted) == 0


SAVING = """
import os, signal
from imgclf.sweep.workers import Halt, haltable, processes

def work():
    try:
        with haltable():
            print("begun", os.getpid(), flush=True)
            signal.pause()
    except Halt:
        print("saving", flush=True)
        while True:
            signal.pause()

with processes(1) as executor:
    executor.submit(work).result()
"""


def test_a_worker_that_was_told_to_stop_still_ends_with_its_parent():
    """A second Ctrl-C ends the parent at once, while its workers save their runs."""
    parent = subprocess.Popen([sys.executable, "-c", SAVING], stdout=subprocess.PIPE, text=True)
    begun, worker = parent.stdout.readline().split()
    parent.send_signal(signal.SIGINT)
    assert (begun, parent.stdout.readline()) == ("begun", "saving\n")
    parent.kill()
    try:
        assert parent.communicate(timeout=60) == ("", None)  # ends where nobody writes to it any more
    except subprocess.TimeoutExpired:
        os.kill(int(worker), signal.SIGKILL)
        raise


@pytest.mark.slow
def test_leaving_early_saves_the_runs_and_begins_no_other(sweep, tmp_path):
    config = sweep.config("train.epochs=1000000", "sweep.method=grid",
                          "sweep.params.schedule.step_size=[0.001, 0.002, 0.003, 0.004, 0.005]")  # fmt: skip
    found = trials(config)
    with pytest.raises(KeyboardInterrupt):  # noqa: SIM117, PT012
        with processes(2) as executor:
            for trial in found:
                executor.submit(run_trial, trial.config.model_dump(), tmp_path / trial.name, None)
            while not all((tmp_path / name / "checkpoint.npz").exists() for name in ("001", "002")):
                time.sleep(0.01)
            raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.iterdir()) == ["001", "002"]
    for name in ("001", "002"):
        assert "interrupted" in (tmp_path / name / "status.json").read_text()


def swept(out, *options, launcher=()):
    command = [*launcher, sys.executable, *ARGUMENTS, "--out", out, *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (out / "sweep.csv").read_bytes()


@pytest.mark.slow
def test_mpi_ranks_leave_the_same_table(tmp_path):
    expected = swept(tmp_path / "alone", "--jobs", "1")
    assert swept(tmp_path / "ranks", launcher=(MPIEXEC, "-n", "3")) == expected


@pytest.mark.long
def test_a_dask_cluster_leaves_the_same_table(tmp_path):
    distributed = pytest.importorskip("distributed")
    expected = swept(tmp_path / "alone", "--jobs", "1")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "local_directory": str(tmp_path)}
    with distributed.LocalCluster(**options) as cluster:
        assert swept(tmp_path / "dask", "--scheduler", cluster.scheduler_address) == expected


def test_without_dask_one_line_says_what_to_install(imgclf, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = imgclf("sweep", "--preset", "probe", "-s", "data.limit=200", "--out", "s", "--scheduler", "tcp://here:8786")
    assert done.code == 2
    assert done.err.endswith("imgclf: error: --scheduler: Dask is not installed - pip install 'imgclf[dask]'\n")
    assert not Path("s").exists()


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_told_in_one_line(tmp_path):
    command = [sys.executable, *ARGUMENTS, "--out", tmp_path / "s", "--scheduler", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("imgclf: error: --scheduler: no Dask scheduler answers at nonsense")
