"""`train` and `data info` say whether the files are the official ones, and record which they were."""

import json
from pathlib import Path

import numpy as np
import pytest

from imgclf.cli.console import provenance
from imgclf.data import official
from imgclf.data.official import LoadedFile


@pytest.fixture
def batches(imgclf):
    """Two batches of CIFAR-10's binary version, six pictures each, as good as official."""
    folder = Path("cifar-10-batches-bin")
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3073), np.uint8)
    pixels[:, 0] = range(6)
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        (folder / name).write_bytes(pixels.tobytes())
        pixels[0, 1] += 1  # no two files are the same
    (folder / "batches.meta.txt").write_text("\n".join("abcdefghij"))
    return folder


@pytest.fixture
def known(batches, monkeypatch):
    for path in batches.glob("*.bin"):
        monkeypatch.setitem(official._TITLES, LoadedFile.of("", path.read_bytes()).sha256, "CIFAR-10")
    return batches


OPTIONS = ("-s", "data.source=cifar10", "-s", "data.path=cifar-10-batches-bin")
NOT = "not the official file of CIFAR-10"


def test_official_files_are_said_to_be_official(imgclf, known):
    for done in (imgclf("train", *OPTIONS, "--dry-run"), imgclf("data", "info", known)):
        assert done.code == 0, done.err
        assert done.out.splitlines()[0].endswith("10 classes; official CIFAR-10")


def test_a_bit_in_one_of_them_is_enough(imgclf, known):
    path = known / "data_batch_3.bin"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    for done in (imgclf("train", *OPTIONS, "--dry-run"), imgclf("data", "info", known)):
        assert done.code == 0, done.err
        assert done.out.splitlines()[0].endswith(NOT)


def test_a_run_records_the_files_that_it_trained_on_and_no_other(imgclf, known):
    (known / "data_batch_2.bin").write_bytes((known / "data_batch_2.bin").read_bytes() * 2)
    expected = [LoadedFile.of(path.name, path.read_bytes()).record() for path in sorted(known.glob("data*.bin"))]
    assert [one["official"] for one in expected] == ["CIFAR-10", None, *["CIFAR-10"] * 3]
    assert imgclf("train", *OPTIONS, "-s", "train.epochs=1", "--no-plots", "--out", "run").code == 0
    assert json.loads(Path("run/environment.json").read_text())["data_files"] == expected
    files = imgclf("data", "info", known, "--json").json["files"]
    assert files[:-1] == expected
    assert files[-1]["name"] == "test_batch.bin"


def test_nothing_is_said_of_what_nobody_publishes(imgclf):
    done = imgclf("train", "--dry-run")
    assert done.out.splitlines()[0].endswith("10 classes")


def test_files_of_two_sets_are_those_of_none(monkeypatch):
    files = [LoadedFile("images", "a"), LoadedFile("labels", "b")]
    monkeypatch.setattr(official, "_TITLES", {"a": "MNIST", "b": "MNIST"})
    assert provenance("idx", files) == "; official MNIST"
    assert provenance("cifar10", files) == f"; {NOT}"
    monkeypatch.setattr(official, "_TITLES", {"a": "MNIST", "b": "Fashion-MNIST"})
    assert provenance("idx", files) == "; not the official file of MNIST or Fashion-MNIST"
    assert provenance("idx", []) == provenance("folder", files) == ""
