"""Files that images are read from are recorded with their SHA-256."""

import tarfile
from dataclasses import replace

import pytest

from imgclf.data.dataset import LoadedFile
from imgclf.data.sources import cifar10, fashion_mnist_mini
from imgclf.data.splits import limit, match_classes, split_off_validation

FORMS = ("cifar-10-batches-py", "cifar-10-batches-bin", "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz")


@pytest.mark.parametrize("form", FORMS)
def test_files_of_cifar_are_recorded(tmp_path, cifar, form):
    cifar.write_10(tmp_path)
    if form.endswith("gz"):
        with tarfile.open(tmp_path / form) as tar:
            there = {member.name.split("/")[1]: tar.extractfile(member).read() for member in tar if member.isfile()}
    else:
        there = {path.name: path.read_bytes() for path in (tmp_path / form).iterdir()}
    end = ".bin" if "bin" in form else ""
    found = cifar10.load(tmp_path / form, ("train", "test"))
    assert found["train"].files == tuple(
        LoadedFile.of(name, there[name]) for name in (f"data_batch_{n}{end}" for n in range(1, 6))
    )
    assert found["test"].files == (LoadedFile.of(f"test_batch{end}", there[f"test_batch{end}"]),)


def test_idx_files_are_recorded():
    train = fashion_mnist_mini.load(None, ["train"])["train"]
    assert train.files == tuple(
        LoadedFile.of(name, (fashion_mnist_mini.FOLDER / name).read_bytes())
        for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    )


def test_a_part_of_the_data_was_read_from_the_same_files(cifar, tmp_path):
    cifar.write_10(tmp_path)
    whole = cifar10.load(tmp_path, ["train"])["train"]
    parts = [*split_off_validation(whole, 0.5, 0), limit(whole, 5, 0), match_classes(whole, whole.class_names[::-1])]
    assert {part.files for part in parts} == {whole.files}
    assert whole.fingerprint == replace(whole, files=()).fingerprint
