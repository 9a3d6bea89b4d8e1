"""`mpiexec -n N imgclf train`: the same run, one voice, one end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from imgclf.losses import LOSSES
from imgclf.optimizers import OPTIMIZERS
from imgclf.run.model_file import load_model

pytestmark = pytest.mark.slow

MPIEXEC = Path(sys.executable).parent / "mpiexec"
PATIENCE = 120  # seconds after which something hangs
FILES = {
    "config.yaml", "environment.json", "status.json", "metrics.csv", "timings.csv", "metrics.json", "model.npz",
    ".lock", "checkpoint.npz", "checkpoint.previous.npz", "steps.csv", "path.npz",
}  # fmt: skip
SAME = ("model.npz", "metrics.csv", "metrics.json", "steps.csv", "path.npz")
DATA = "data={source: synthetic, options: {train: 700, val: 150, size: 4}}"
ENDLESS = ("train", "-s", DATA, "-s", "train.epochs=1000000", "-s", "schedule.name=constant", "--progress", "none",
           "--no-plots", "--out", "run")  # fmt: skip

# Several runs of the command line in one start, with one exit code; what is run is the command itself, every rank for
# itself.
MANY = """
import json, sys
from imgclf.cli import main
commands, code = json.loads(sys.argv[1]), int(sys.argv[2])
for arguments in commands:
    sys.argv = ["imgclf", *arguments]
    try:
        main()
    except SystemExit as stop:
        assert (stop.code or 0) == code, (arguments, stop.code)
sys.exit(code)
"""


def start(ranks, program, *arguments, **environment):
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *program, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


def mpiexec(ranks, program, *arguments, **environment):
    process = start(ranks, program, *arguments, **environment)
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, out, [line for line in err.splitlines() if line.startswith("imgclf: ")], err


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


IMGCLF = ("-m", "imgclf")


def every_loss_and_optimizer():
    pairs = [(loss, "momentum") for loss in LOSSES] + [("softmax", name) for name in OPTIMIZERS if name != "momentum"]
    for loss, optimizer in pairs:
        yield f"{loss}-{optimizer}", ("-s", f"model.loss={loss}", "-s", f"optimizer.name={optimizer}")
    yield "odd", ("-s", "train.batch_size=100", "-s", "preprocess.std=pixel", "-s", "train.dtype=float64")
    yield "features", ("-s", "features={name: patches, number: 4, patch: 3, stride: 1, pool: 2}")
    yield "all", ("-s", "train.batch_size=all", "-s", "early_stopping={monitor: train/loss, patience: 1}")


def test_two_and_three_ranks_leave_the_bytes_of_one():
    combinations = list(every_loss_and_optimizer())

    def commands(ranks):
        options = ("train", "-s", DATA, "-s", "train.epochs=2", "-s", "train.batch_size=400", "--no-plots")
        return [[*options, *chosen, "--out", f"{ranks}/{name}"] for name, chosen in combinations]

    subprocess.run([sys.executable, "-c", MANY, json.dumps(commands(1)), "0"], check=True, stdout=subprocess.DEVNULL)
    for ranks in (2, 3):
        code, _, _, err = mpiexec(ranks, ("-c", MANY), json.dumps(commands(ranks)), 0)
        assert code == 0, err
        for name, _ in combinations:
            run = Path(str(ranks), name)
            assert {path.name for path in run.iterdir()} == FILES
            for file in SAME:
                assert (run / file).read_bytes() == (Path("1", name) / file).read_bytes(), (run, file)


def test_the_first_rank_speaks_for_all():
    arguments = ("train", "-s", DATA, "-s", "train.epochs=1", "--json", "--threads", "2")
    code, out, _, err = mpiexec(2, IMGCLF, *arguments)
    assert code == 0, err
    run = Path(json.loads(out)["run"])  # one object
    assert [path.name for path in run.parent.iterdir()] == [run.name]
    assert err.count("scores") == 1
    assert "2 processes, 2 threads each" in err
    environment = json.loads((run / "environment.json").read_text())
    assert (environment["processes"], environment["threads"]) == (2, 2)
    assert json.loads((run / "status.json").read_text()) == {"status": "finished"}
    commands = [["train", "--print-config"], ["train", "-s", DATA, "--dry-run"]]
    code, out, _, err = mpiexec(2, ("-c", MANY), json.dumps(commands), 0)
    assert (code, out.count("seed:"), out.count("nothing was written")) == (0, 1, 1), err


ERRORS = {
    2: {
        "did you mean 'epochs'": ("train", "-s", "train.epoch=3"),
        "no such option --nonsense": ("train", "--nonsense"),
        "exists and is not an empty folder": ("train", "--out", "full"),
        "only train and sweep run on several processes": ("eval",),
    },
    3: {"absent.npz: no such file": ("train", "-s", "data.source=npz", "-s", "data.path=absent.npz")},
    5: {"a weight is": ("train", "-s", DATA, "-s", "schedule.step_size=1e30", "-s", "preprocess.scale=1")},
}


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_of_all_is_said_once_with_its_exit_code(code):
    Path("full").mkdir()
    Path("full/of.txt").touch()
    got, _, lines, err = mpiexec(2, ("-c", MANY), json.dumps(list(ERRORS[code].values())), code)
    assert got == code, err
    assert len(lines) == len(ERRORS[code]), err
    for line, words in zip(lines, ERRORS[code], strict=True):
        assert line.startswith("imgclf: error: ")
        assert words in line
    assert "MPI_Abort" not in err


@pytest.mark.parametrize(("stub", "line"), [
    ("raise ImportError('hidden')", "3 processes, but no mpi4py - pip install 'imgclf[mpi]'"),
    ("raise RuntimeError('cannot load MPI library')", "3 processes, but mpi4py finds no MPI - pip install mpich"),
])  # fmt: skip
def test_without_mpi_one_line_says_what_to_install(tmp_path, stub, line):
    (tmp_path / "hidden" / "mpi4py").mkdir(parents=True)
    (tmp_path / "hidden" / "mpi4py" / "__init__.py").write_text(stub)
    path = os.pathsep.join(filter(None, [str(tmp_path / "hidden"), os.environ.get("PYTHONPATH")]))
    code, _, lines, err = mpiexec(3, IMGCLF, "train", PYTHONPATH=path)
    assert code == 2, err
    assert lines == [f"imgclf: error: mpiexec: {line}"]
    assert not Path("runs").exists()


@pytest.mark.parametrize("launcher", ["OMPI_COMM_WORLD", "SLURM"])
def test_the_launcher_of_another_mpi_does_not_make_as_many_runs(launcher):
    names = (
        ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS") if launcher == "SLURM" else (f"{launcher}_RANK", f"{launcher}_SIZE")
    )
    for rank, lines in ((0, 1), (1, 0)):
        environment = os.environ | dict(zip(names, (str(rank), "2"), strict=True))
        command = [sys.executable, "-m", "imgclf", "train"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.splitlines()) == lines
        assert ("sees 1" in done.stderr) == bool(lines)
    assert not Path("runs").exists()


def test_an_error_of_one_rank_ends_all():
    # At its third batch, one rank finds that it cannot read.
    script = """
import sys
from mpi4py import MPI
from imgclf.cli import mpi as launcher
from imgclf.cli import main
from imgclf.speed.blocks import BlockReader
if MPI.COMM_WORLD.rank == 1:
    read, calls = BlockReader.__call__, []
    def fail(self, *arguments):
        calls.append(arguments)
        if len(calls) > 3:
            raise OSError(5, "Input/output error", "pack.npy")
        return read(self, *arguments)
    BlockReader.__call__ = fail
launcher.PATIENCE = 0.5
main()
"""
    code, _, lines, err = mpiexec(3, ("-c", script), *ENDLESS)
    assert code == 6, err
    assert lines == ["imgclf: error: rank 1: pack.npy: input/output error - check the disk, or the connection to it"]


def started(process):
    """Wait until the run has its second epoch behind it."""
    table, until = Path("run/metrics.csv"), time.monotonic() + PATIENCE
    while not (table.exists() and len(table.read_text().splitlines()) > 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)


def ended(process):
    try:
        return process.communicate(timeout=PATIENCE)
    finally:
        process.kill()


def whole(run):
    """Every file that is there can be read, and nothing half-written lies about."""
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == [".lock"]
    json.loads((run / "status.json").read_text())
    json.loads((run / "environment.json").read_text())
    lines = (run / "metrics.csv").read_text().splitlines(keepends=True)
    assert all(line.endswith("\n") and line.count(",") == 7 for line in lines)


def test_a_rank_that_is_killed_ends_all():
    script = """
import os, signal
from imgclf.speed import ranks
from imgclf.cli import main
check = ranks.check_agreement
def check_and_die(comm, what, seen, *remedy):
    check(comm, what, seen, *remedy)
    if comm.rank == 1 and what == "its numbers are" and seen["epoch"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
ranks.check_agreement = check_and_die
main()
"""
    code, _, _, err = mpiexec(3, ("-c", script), *ENDLESS)
    assert code in (signal.SIGKILL, 128 + signal.SIGKILL), err
    whole(Path("run"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_once_and_ends_all(number):
    process = start(3, IMGCLF, *(word for word in ENDLESS if word != "--no-plots"))
    started(process)
    process.send_signal(number)
    _, err = ended(process)
    assert process.returncode == 128 + number, err
    assert err.count("imgclf: error: run: stopped") == 1
    whole(Path("run"))
    assert json.loads(Path("run/status.json").read_text()) == {"status": "interrupted"}
    assert np.isfinite(load_model(Path("run/model.npz")).weights).all()
    assert {path.name for path in Path("run").glob("*.png")} == {"curves.png", "templates.png", "steps.png"}


def test_a_run_that_diverges_leaves_the_pictures_of_one_process():
    for ranks in (1, 2):
        where = ("-s", DATA, "-s", "schedule.step_size=1e30", "--out", f"{ranks}/run")
        code, _, lines, err = mpiexec(ranks, IMGCLF, "train", *where)
        assert (code, len(lines)) == (5, 1), err
    one, two = ({path.name: path.read_bytes() for path in Path(f"{ranks}/run").glob("*.png")} for ranks in (1, 2))
    assert len(one) == 3
    assert one == two


@pytest.mark.parametrize(("n", "label", "feature", "line"), [
    (300, 1, 0, "its data or settings are not those of rank 0"),
    (300, 0, 1, "its data or settings are not those of rank 0"),  # mean and deviation are found together: the same
    (400, 0, 0, "3 blocks to add up, rank 0 has 2"),
])  # fmt: skip
def test_ranks_that_see_other_data_do_not_train(n, label, feature, line):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 5)), np.arange(400) % 3
    np.savez("0.npz", X=X[:280], y=y[:280])
    y[7] = (y[7] + label) % 3
    X[7, 2] += feature
    np.savez("1.npz", X=X[: n - 20], y=y[: n - 20])
    script = """
import os, sys
from imgclf.cli import main
sys.argv += ["-s", f"data.path={os.environ['PMI_RANK']}.npz"]
main()
"""
    arguments = ("train", "-s", "data.source=npz", "-s", "preprocess.scale=1")
    code, _, lines, err = mpiexec(2, ("-c", script), *arguments)
    assert code == 3, err
    assert lines == [f"imgclf: error: rank 1: {line} - give every rank the same data and settings"]
    assert not Path("runs").exists()
