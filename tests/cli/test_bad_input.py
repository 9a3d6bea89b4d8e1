"""Bad input: one clear line, its exit code, and nothing of the user's is touched."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from imgclf.data.sources import fashion_mnist_mini

EMBEDDED = Path(fashion_mnist_mini.__file__).parents[2] / "fashion-mnist-mini"


def idx(*names):
    """Copy embedded files as a folder `idx`, to be spoilt."""
    Path("idx").mkdir()
    for name in names or ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        Path("idx", name).write_bytes((EMBEDDED / name).read_bytes())
    return ("train", "-s", "data.source=idx", "-s", "data.path=idx", "--no-plots")


@pytest.fixture(autouse=True)
def _here(imgclf):
    """In an empty folder."""


def test_a_missing_file(refused):
    refused(3, "nowhere", "train", "-s", "data.source=npz", "-s", "data.path=nowhere.npz")
    refused(2, "absent.yaml", "train", "-c", "absent.yaml")
    refused(4, "runs", "eval")
    refused(4, "runs/no", "eval", "runs/no")
    refused(2, "data.path", "train", "-s", "data.source=cifar10")
    assert not Path("runs").exists()


def test_a_wrong_format(refused):
    Path("data.npz").write_bytes(b"<html>not found</html>")
    refused(3, "data.npz", "train", "-s", "data.source=npz", "-s", "data.path=data.npz")
    refused(3, "data.npz", "train", "-s", "data.source=cifar10", "-s", "data.path=data.npz")


def test_a_truncated_batch(refused):
    command = idx()
    path = Path("idx/train-images-idx3-ubyte.gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    refused(3, "train-images", *command)
    path.write_bytes(path.read_bytes()[:-20])
    refused(3, "train-images", *command)
    assert not Path("runs").exists()


def test_a_missing_batch(refused):
    Path("cifar-10-batches-bin").mkdir()
    Path("cifar-10-batches-bin/data_batch_1.bin").write_bytes(bytes(3073))
    refused(3, ["data_batch_2.bin", "data_batch_5.bin"], "train", "-s", "data.source=cifar10", "-s", "data.path=.")


def test_a_label_out_of_range(refused):
    np.savez("data.npz", X=np.zeros((4, 2, 2), np.uint8), y=np.array([0, 1, -1, 1]))
    refused(3, "-1", "train", "-s", "data.source=npz", "-s", "data.path=data.npz")


def test_a_number_that_is_not_one(refused):
    np.savez("data.npz", X=np.array([[0.0], [np.nan]]), y=np.array([0, 1]))
    refused(3, "row 1", "train", "-s", "data.source=npz", "-s", "data.path=data.npz")


def test_an_image_that_cannot_be_read(refused, pictures, on_pictures):
    (pictures / "train" / "cat" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (pictures / "train" / "dog" / "1.png").write_bytes(b"")
    refused(3, ["cat/3.png", "dog/1.png"], "train", *on_pictures)
    assert not Path("runs").exists()


def test_no_class_folder(refused):
    Path("empty").mkdir()
    refused(3, "empty", "train", "-s", "data.source=folder", "-s", "data.path=empty")


def test_an_empty_file(refused):
    command = idx()
    Path("idx/train-labels-idx1-ubyte.gz").write_bytes(b"")
    refused(3, "train-labels", *command)
    Path("empty.npz").write_bytes(b"")
    refused(3, "empty.npz", "train", "-s", "data.source=npz", "-s", "data.path=empty.npz")
    refused(4, "empty.npz", "predict", "empty.npz", "x.png")


def test_a_typo_in_a_key(refused):
    Path("typo.yaml").write_text("schedule:\n  stepsize: 0.1\n")
    refused(2, ["typo.yaml:2:3", "step_size"], "train", "-c", "typo.yaml")
    refused(2, ["-s", "epochs"], "train", "-s", "train.epoch=3")


def test_a_number_as_text(refused):
    Path("text.yaml").write_text('train:\n  epochs: "ten"\n')
    refused(2, ["text.yaml:2:11", "train.epochs"], "train", "-c", "text.yaml")


def test_all_mistakes_at_once(imgclf):
    Path("bad.yaml").write_text("seed: -1\nmodel:\n  loss: softmx\ntrain:\n  epoch: 3\n")
    done = imgclf("train", "-c", "bad.yaml", "-s", "schedule.step_size=no")
    assert done.code == 2
    lines = done.err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("imgclf: error: ") for line in lines)
    for position in ("bad.yaml:1:7", "bad.yaml:3:9", "bad.yaml:5:3", "-s schedule.step_size"):
        assert sum(position in line for line in lines) == 1


def test_a_run_directory_that_exists(refused):
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("do not touch")
    refused(2, ["mine", "not an empty folder"], "train", "--out", "mine")
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]
    Path("file").write_text("do not touch")
    refused(2, "file", "train", "--out", "file")
    assert Path("file").read_text() == "do not touch"


def test_a_model_file_does_not_know_its_images(imgclf, refused, pictures, on_pictures):
    imgclf("train", *on_pictures, "--out", "run")
    refused(2, "--data", "eval", "run/model.npz")
    assert imgclf("eval", "run/model.npz", "--data", "pictures").code == 0


def test_a_split_that_does_not_exist(imgclf, refused, pictures, on_pictures):
    imgclf("train", *on_pictures, "-s", "data.val_fraction=0", "--out", "run")
    refused(3, "val", "eval", "run", "--split", "val")


def test_classes_that_the_model_does_not_know(imgclf, refused, pictures, on_pictures):
    imgclf("train", *on_pictures, "--out", "run")
    (pictures / "test" / "cat").rename(pictures / "test" / "horse")
    refused(3, "'horse'", "eval", "run")


def test_pictures_that_differ_in_size(refused, pictures, on_pictures):
    from PIL import Image

    Image.new("RGB", (3, 3)).save(pictures / "train" / "cat" / "odd.png")
    refused(3, ["odd.png", "preprocess.image_size"], "train", *on_pictures)


@pytest.mark.parametrize("arguments", [
    ("trian",), ("train", "--epochs", "3"), ("train", "--progress", "loud"), ("train", "--threads", "0"),
    ("eval", "--min-accuracy", "2"), ("predict",), ("completion", "tcsh"), ("-v", "-q", "train"), ("data", "pack"),
    ("sweep",), ("train", "-s", "augment.rotate=0.5"),
    ("train", "-s", "epochs"), ("config", "shwo"),
])  # fmt: skip
def test_what_there_is_not_is_usage(refused, arguments):
    refused(2, "", *arguments)


def test_a_command_that_is_nearly_right_is_named(refused):
    refused(2, "did you mean 'train'", "trian")


def test_nothing_is_left_behind_by_what_fails_before_it_starts(refused):
    refused(2, "", "train", "-s", "model.loss=none")
    refused(3, "", "train", "-s", "data.source=npz", "-s", "data.path=x.npz")
    assert list(Path().iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_storage_error(refused):
    Path("runs").write_text("a file where the folder should be")
    refused(6, "runs", "train", "-s", "data.limit=20", "-s", "train.epochs=1", "--progress", "none")
