"""A run, and `data info`, record which files were read."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def batches(imgclf):
    """Two batches of CIFAR-10's binary version, six pictures each."""
    folder = Path("cifar-10-batches-bin")
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3073), np.uint8)
    pixels[:, 0] = range(6)
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        (folder / name).write_bytes(pixels.tobytes())
        pixels[0, 1] += 1  # no two files are the same
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij"))
    return folder


OPTIONS = ("-s", "data.source=cifar10", "-s", "data.path=cifar-10-batches-bin")


def test_a_run_records_the_files_that_it_trained_on_and_no_other(imgclf, batches):
    expected = [
        {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(batches.glob("data*.bin"))
    ]
    assert imgclf("train", *OPTIONS, "-s", "train.epochs=1", "--no-plots", "--out", "run").code == 0
    assert json.loads(Path("run/environment.json").read_text())["data_files"] == expected
    files = imgclf("data", "info", batches, "--json").json["files"]
    assert files[:-1] == expected
    assert files[-1]["name"] == "test_batch.bin"
