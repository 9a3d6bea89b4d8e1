"""The torch kernel in runs: resumed on another device, verified, swept, checked."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

TRAIN = ("train", "--no-plots", "-s", "data.source=synthetic", "-s", "data.options={train: 300, classes: 3, size: 6}")
BY_TORCH = ("-s", "train={kernel: torch, epochs: 2, batch_size: 64, device: cpu}")


def test_a_run_resumes_with_its_kernel_and_says_that_the_device_has_changed(imgclf):
    assert "device    cpu, by PyTorch\n" in imgclf(*TRAIN, *BY_TORCH, "--out", "run").out
    assert "same bytes" in imgclf("verify", "run").out
    environment = json.loads(Path("run/environment.json").read_text())
    Path("run/environment.json").write_text(json.dumps(environment | {"device": "cuda: NVIDIA H200"}))
    longer = ("train", "--no-plots", "--resume", "run", "-s", "train.device=auto", "-s", "train.epochs=3")
    done = imgclf(*longer)
    assert done.code == 0, done.err
    assert "device was cuda: NVIDIA H200 and is cpu: the bytes may differ" in " ".join((done.out + done.err).split())
    config = Path("run/config.yaml").read_text()
    assert "  kernel: torch\n" in config
    assert "  device: auto\n" in config
    refused = imgclf("train", "--resume", "run", "-s", "train.kernel=blocks")
    assert refused.code == 2
    assert "-s train.kernel: cannot change in the middle of a run" in refused.err
    again = imgclf("train", "--no-plots", "--resume", "run", "-s", "train.device=cpu")  # another device, nothing to do
    assert again.code == 0, again.err
    assert "finished already" in again.out


def test_processes_of_a_sweep_use_it_after_a_fork(imgclf):
    grid = "sweep={method: grid, params: {schedule.step_size: [0.1, 0.01]}}"
    done = imgclf("sweep", *TRAIN[2:], *BY_TORCH, "-s", grid, "--jobs", "2", "--out", "sweep")
    assert done.code == 0, done.err
    runs = sorted(Path("sweep").glob("*/model.npz"))
    assert len(runs) == 2
    assert imgclf("verify", runs[0].parent).code == 0


def test_gradcheck_checks_it(imgclf):
    done = imgclf("-v", "gradcheck", *TRAIN[2:], *BY_TORCH)
    assert done.code == 0, done.out + done.err
    assert "verdict: pass" in done.out
