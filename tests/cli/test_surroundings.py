"""Where, when and beside what a run is made does not matter to its bytes; another processor does, and is named."""

import itertools
import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from imgclf.run.checkpoint import load_checkpoint
from imgclf.run.model_file import load_model

pytestmark = pytest.mark.slow

BYTES = ("config.yaml", "model.npz", "metrics.csv", "metrics.json")
SURROUNDINGS = {
    "one BLAS thread": {"OPENBLAS_NUM_THREADS": "1"},
    "two BLAS threads": {"OPENBLAS_NUM_THREADS": "2"},
    "four BLAS threads": {"OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"},
    **{f"hashes {seed}": {"PYTHONHASHSEED": str(seed)} for seed in range(10)},
    "C locale": {"LC_ALL": "C", "PYTHONUTF8": "0"},
    "German": {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8"},
    "Auckland": {"TZ": "Pacific/Auckland"},
    "a clock change": {"TZ": "CET-1CEST,M3.5.0,M10.5.0"},
    "another epoch": {"SOURCE_DATE_EPOCH": "0"},
    "optimized Python": {"PYTHONOPTIMIZE": "2"},
    "no cores to spare": {"NICE": "19"},
}


@pytest.fixture
def options(pictures):
    """Options of a run on a folder of pictures: names of files and of classes are part of it."""
    return ("-s", "data.source=folder", "-s", f"data.path='{pictures}'", "-s", "train.epochs=3", "-s",
            "train.batch_size=20", "-s", "model.init_scale=0.01", "--no-plots", "--progress", "none")  # fmt: skip


def in_child(cwd, surroundings, *arguments):
    """Run a command in a process of its own."""
    cwd.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "imgclf", *map(str, arguments)]
    if "NICE" in surroundings:
        command = ["nice", "-n", surroundings["NICE"], *command]
    return subprocess.run(command, cwd=cwd, env=os.environ | surroundings, capture_output=True, text=True,
                          check=False)  # fmt: skip


def bytes_of(run):
    """What must be the same; a checkpoint says how long the table of times was, its arrays do not."""
    checkpoint, _ = load_checkpoint(run)
    state = checkpoint.snapshot.state
    arrays = {name: array.tobytes() for name, array in ({"weights": state.weights} | state.memory).items()}
    return {name: (run / name).read_bytes() for name in BYTES} | arrays | {"origin": checkpoint.fingerprints}


@pytest.mark.slow
def test_nothing_around_a_run_changes_its_bytes(imgclf, tmp_path, options):
    assert imgclf("train", *options, "--threads", 2, "--out", "run").code == 0
    together = {name: value for one in SURROUNDINGS.values() for name, value in one.items()}
    done = in_child(tmp_path / "elsewhere", together, "train", *options, "--out", "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert bytes_of(tmp_path / "elsewhere" / "run") == bytes_of(tmp_path / "run")


def test_names_are_utf_8_in_every_locale(imgclf, tmp_path, options, pictures):
    for name, new in (("cat", "été"), ("dog", "e\u0301z")):  # of which the second is spelled with two characters for é
        (pictures / "train" / name).rename(pictures / "train" / new)
    assert imgclf("train", *options, "--out", "run").code == 0
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = in_child(tmp_path / "elsewhere", ascii_only, "train", *options, "--out", "run")
    assert done.returncode == 0, done.stderr
    assert bytes_of(tmp_path / "elsewhere" / "run") == bytes_of(tmp_path / "run")
    assert load_model(tmp_path / "run" / "model.npz").class_names == ("été", "éz")
    done = in_child(tmp_path, ascii_only, "predict", "run", pictures / "train" / "été" / "0.png", "--format", "json")
    assert [one["image"] for one in json.loads(done.stdout)["predictions"]] == [f"{pictures}/train/été/0.png"]


def test_a_clock_that_is_set_back_changes_no_byte_and_no_name(imgclf, tmp_path, options, monkeypatch):
    """Every look at it shows a day less."""
    assert imgclf("train", *options).code == 0
    days = itertools.count(1)

    class Falling(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(days=next(days))

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 86400 * next(days))
    for room in ("imgclf.run.environment", "imgclf.run.run_dir"):
        monkeypatch.setattr(f"{room}.datetime", Falling)
    assert imgclf("train", *options).code == 0
    assert imgclf("train", *options).code == 0
    first, second, third = (tmp_path / "runs" / f"folder-softmax{number}" for number in ("", "-2", "-3"))
    assert bytes_of(first) == bytes_of(second) == bytes_of(third)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {first.name, second.name, third.name}
    resumed = imgclf("train", "--resume", second, "-s", "train.epochs=4", "--no-plots")
    assert resumed.code == 0, resumed.err
    assert next(days) > 5  # it was looked at


@pytest.mark.long
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_nothing_around_a_run_changes_its_bytes_each_by_itself(imgclf, tmp_path, options, tell, name):
    assert imgclf("train", *options, "--out", "run").code == 0
    for repeat in range(5):
        out = tmp_path / "elsewhere" / f"run-{repeat}"
        done = in_child(tmp_path / "elsewhere", SURROUNDINGS[name], "train", *options, "--out", out)
        assert (done.returncode, done.stderr) == (0, "")
        assert bytes_of(out) == bytes_of(tmp_path / "run")
    tell("runs in other surroundings", 5, 0)


def blas():
    return [library.get("architecture") for library in threadpool_info() if library["internal_api"] == "openblas"]


@pytest.mark.skipif(
    platform.machine() != "x86_64" or blas() in ([], ["Nehalem"]), reason="OpenBLAS for other processors is needed"
)
def test_another_processor_is_named_and_goes_on(imgclf, tmp_path, options):
    """OpenBLAS is told to compute as for a processor of 2008, which every one of today can."""
    old = {"OPENBLAS_CORETYPE": "Nehalem"}
    assert imgclf("train", *options, "--out", "run").code == 0
    before = bytes_of(tmp_path / "run")
    verified = in_child(tmp_path, old, "verify", "run", "--json")
    content = json.loads(verified.stdout)
    (changed,) = content["environment"]
    (library,) = json.loads((tmp_path / "run" / "environment.json").read_text())["blas"]
    version, here = library["version"], library["architecture"]
    assert changed == f"blas was openblas {version} {here} and is openblas {version} Nehalem"
    assert f"environment: {changed}" in verified.stderr
    # Its sums may be rounded otherwise; then that is said, too.
    assert verified.returncode == (1 if content["differences"] else 0)
    assert bytes_of(tmp_path / "run") == before
    done = in_child(tmp_path, old, "train", "--resume", "run", "-s", "train.epochs=5", "--no-plots")
    assert done.returncode == 0
    assert done.stderr == f"imgclf: warning: {changed}: the bytes may differ from those of an uninterrupted run\n"
    assert json.loads(Path("run/status.json").read_text()) == {"status": "finished"}


def test_only_numpys_blas_has_a_part_in_a_run():
    script = (
        "import scipy.linalg\n"
        "from imgclf.run.environment import describe_machine\n"
        "print(len(describe_machine(1, 'blocks')['blas']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
