"""Whatever reads or stops us: no traceback, no lost work, the right exit code."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgclf.run.model_file import load_model

pytestmark = pytest.mark.slow

IMGCLF = [sys.executable, "-m", "imgclf"]
ENDLESS = [*IMGCLF, "train", "-s", "train.epochs=100000", "--no-plots", "--out", "run"]


def interrupted(cwd, *numbers):
    """Start an endless run, send signals after its second epoch; return its exit code and stderr."""
    with subprocess.Popen(ENDLESS, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if line.startswith("    2 "):
                    break
            for number in numbers:
                process.send_signal(number)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, err


@pytest.mark.parametrize(("numbers", "code"), [
    ([signal.SIGINT], 130), ([signal.SIGTERM], 143), ([signal.SIGHUP], 143),
])  # fmt: skip
def test_a_run_that_is_stopped_keeps_its_weights(tmp_path, numbers, code):
    returned, err = interrupted(tmp_path, *numbers)
    assert returned == code, err
    assert err.count("\n") == 1
    assert "imgclf train --resume run" in err
    assert load_model(tmp_path / "run" / "model.npz").weights.any()
    assert json.loads((tmp_path / "run" / "status.json").read_text()) == {"status": "interrupted"}


def test_a_stop_outside_of_training_is_one_line(tmp_path):
    script = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    command = f"import imgclf.training.plan as c; c.make_plan = lambda *_, **__: exec({script!r})\n"
    command += "from imgclf.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", command, "train"], cwd=tmp_path, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 143
    assert done.stderr == "imgclf: error: imgclf: stopped - nothing was changed\n"


def deaf(command, cwd):
    """Run a command whose stdout nobody reads; return its exit code and stderr."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        return process.wait(), process.stderr.read()


@pytest.mark.parametrize("arguments", [["config", "schema"], ["train", "--help"], ["data", "info"]])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path, arguments):
    assert deaf([*IMGCLF, *arguments], tmp_path) == (0, b"")


def test_a_run_goes_on_when_nobody_listens(tmp_path):
    command = [*IMGCLF, "train", "-s", "train.epochs=3", "-s", "data.limit=200", "--no-plots", "--out", "run"]
    assert deaf(command, tmp_path) == (0, b"")
    assert json.loads((tmp_path / "run" / "status.json").read_text()) == {"status": "finished"}


@pytest.mark.parametrize("closed", [1, 2])
def test_a_stream_that_was_never_open_is_no_error(tmp_path, closed):
    command = " ".join(["exec", sys.executable, "-m", "imgclf", "train", "-s", "train.epochs=1", "--no-plots",
                        "--out", "run", f"{closed}>&-"])  # fmt: skip
    done = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_stdout_is_a_storage_error(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*IMGCLF, "data", "info"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False)  # fmt: skip
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1


def test_no_command_is_a_question_for_help(imgclf):
    for arguments in ((), ("data",), ("config",)):
        done = imgclf(*arguments)
        assert done.code == 0
        assert "Usage: imgclf" in done.out
        assert done.err == ""


def test_a_command_line_that_is_no_text_is_recorded_all_the_same(imgclf):
    out = os.fsdecode(b"n\xff")
    assert imgclf("train", "-s", "data.limit=50", "-s", "train.epochs=1", "--no-plots", "--out", out).code == 0
    assert json.loads(Path(out, "environment.json").read_text())["command"][-1] == "n\\xff"
