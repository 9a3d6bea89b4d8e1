"""Augmentation in a run: what is printed, and that threads, packs and resuming keep its bytes."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.bits

TRAIN = ("train", "--no-plots", "--progress", "none")
ON = ("-s", "augment={flip: 0.5, shift: 2}")
FEW = ("-s", "data.limit=700", "-s", "train.epochs=3", *ON)
RESULTS = ("model.npz", "metrics.csv", "metrics.json")


def same(one, other, names=RESULTS):
    return all((Path(one) / name).read_bytes() == (Path(other) / name).read_bytes() for name in names)


def test_it_is_printed_when_it_is_on(imgclf):
    assert "\naugment " not in imgclf("train", "--dry-run").out
    printed = " ".join(imgclf("train", "--dry-run", *ON).out.split())
    assert "augment each image anew at every step: mirrored with probability 0.5, shifted by up to 2 pixels" in printed
    printed = imgclf("train", "--dry-run", "-s", "augment.shift=1").out
    assert "\naugment   each image anew at every step: shifted by up to 1 pixel\n" in printed


def test_threads_change_nothing_and_a_run_resumes_to_the_same_bytes(imgclf):
    for threads in (1, 2, 3):
        assert imgclf(*TRAIN, *FEW, "--threads", threads, "--out", f"run{threads}").code == 0
    assert same("run1", "run2")
    assert same("run1", "run3")
    assert imgclf("verify", "run1").code == 0
    assert imgclf("gradcheck", "--run", "run1", "--images", "40").code == 0
    assert imgclf(*TRAIN, "-s", "data.limit=700", "-s", "train.epochs=3", "--out", "usual").code == 0
    assert not same("run1", "usual", ["model.npz"])


def test_a_pack_gives_the_bytes_of_its_folder(imgclf, pictures):
    size = ("-s", "preprocess.image_size=8", "-s", "train.epochs=3")
    folder = ("-s", "data.source=folder", "-s", "data.path=pictures", *size)
    assert imgclf(*TRAIN, *folder, *ON, "--out", "run").code == 0
    assert imgclf("data", "pack", *folder[:6], "--out", "packed").code == 0
    pack = ("-s", "data.source=pack", "-s", "data.path=packed", "-s", "train.epochs=3")
    assert imgclf(*TRAIN, *pack, *ON, "--out", "again").code == 0
    assert same("run", "again")


def test_it_cannot_change_in_the_middle(imgclf, refused):
    assert imgclf(*TRAIN, *FEW, "--out", "run").code == 0
    words = ["-s augment.flip", "cannot change in the middle of a run"]
    refused(2, words, *TRAIN, "--resume", "run", "-s", "augment.flip=0.25", "-s", "train.epochs=5")
