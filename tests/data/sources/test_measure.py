"""What a source says of its size before it reads is what there is when it has read."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imgclf.data.extent import Extent, in_turn
from imgclf.data.packer import Content, write_pack
from imgclf.data.sources import MEASURES, SOURCES
from imgclf.formats.npy import mapped_file

SPLITS = ("train", "val", "test")
RNG = np.random.default_rng(0)
N = 4000
PICTURES = RNG.integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(N) % 4
FEATURES = RNG.standard_normal((N, 1000))


def cifar10(folder):
    names = "\n".join(f"class{n}" for n in range(10))
    (folder / "batches.meta.txt").write_text(names)
    for number in range(5):
        rows = slice(800 * number, 800 * (number + 1))
        records = np.column_stack([np.uint8(LABELS[rows]), PICTURES[rows].reshape(800, -1)])
        (folder / f"data_batch_{number + 1}.bin").write_bytes(records.tobytes())
    return folder


def cifar100(folder):
    (folder / "coarse_label_names.txt").write_text("\n".join(f"class{n}" for n in range(20)))
    records = np.column_stack([np.uint8(LABELS), np.uint8(LABELS), PICTURES.reshape(N, -1)])
    (folder / "train.bin").write_bytes(records.tobytes())
    return folder


def idx(folder):
    for kind, array in (("images-idx3", PICTURES[..., 0]), ("labels-idx1", np.uint8(LABELS))):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (folder / f"train-{kind}-ubyte").write_bytes(header + array.tobytes())
    return folder


def pictures(folder):
    for name in ("cat", "dog", "emu"):
        (folder / "train" / name).mkdir(parents=True)
        (folder / "train" / name / ".hidden").write_bytes(b"")
        for i in range(30):
            Image.fromarray(PICTURES[i]).save(folder / "train" / name / f"{i}.png")
    return folder


def npz(X):
    def write(folder):
        np.savez(folder / "data.npz", x_train=X, y_train=LABELS, x_test=X[:8], y_test=LABELS[:8])
        return folder / "data.npz"

    return write


def pack(folder):
    write = Content.of(SOURCES["npz"](npz(PICTURES)(folder), ("train",))["train"])
    (folder / "pack").mkdir()
    list(write_pack(folder / "pack", {"train": write}, "f"))
    return folder / "pack"


KINDS = {
    "fashion-mnist-mini": (lambda folder: None, {}),
    "cifar10": (cifar10, {}),
    "cifar100": (cifar100, {"labels": "coarse"}),
    "idx": (idx, {}),
    "folder": (pictures, {}),
    "folder, redrawn": (pictures, {"image_size": 64, "color": "gray"}),
    "npz": (npz(PICTURES), {}),
    "npz, columns first": (npz(np.asfortranarray(PICTURES)), {}),
    "npz, gray": (npz(PICTURES[..., 0]), {}),
    "npz, wide integers": (npz(PICTURES.astype(np.int32)), {}),
    "npz, float64": (npz(FEATURES), {}),
    "npz, float32": (npz(FEATURES.astype(np.float32)), {}),
    "npz, float16": (npz(FEATURES.astype(np.float16)), {}),
    "pack": (pack, {}),
    "synthetic": (lambda folder: None, {"train": 700, "size": 24, "channels": 3, "val": 70}),
}


def test_every_source_can_be_measured_and_is_tried_here():
    assert MEASURES.keys() == SOURCES.keys() == {kind.partition(",")[0] for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_is_what_there_is(tmp_path, kind):
    make, options = KINDS[kind]
    source, path = kind.partition(",")[0], make(tmp_path)
    said = MEASURES[source](path, ("train", "val"), **options)
    tracemalloc.start()
    found = SOURCES[source](path, ("train", "val"), **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said.keys() == found.keys()
    for split, dataset in found.items():
        one, mapped = said[split], mapped_file(dataset.images) is not None
        assert one.example_shape == dataset.example_shape
        assert (one.itemsize, one.classes) == (dataset.images.dtype.itemsize, len(dataset.class_names))
        # A record of CIFAR-100 has a byte more than is reckoned.
        assert one.n == pytest.approx(len(dataset), rel=0.001 if one.estimated else 0)
        assert one.held == (0 if mapped else pytest.approx(dataset.images.nbytes, rel=0.001))
        assert one.mapped == (dataset.images.nbytes if mapped else 0)
    total = in_turn(said.values())
    assert total.estimated == source.startswith("cifar")
    assert total.loading + total.reserved == pytest.approx(peak, rel=0.2, abs=2_500_000)


@pytest.mark.parametrize("form", ["cifar-10-batches-py", "cifar-10-python.tar.gz"])
def test_of_a_form_that_is_not_opened_it_is_nearly_so(tmp_path, cifar, form):
    cifar.write_10(tmp_path)
    said = MEASURES["cifar10"](tmp_path / form, ("train",))["train"]
    (found,) = SOURCES["cifar10"](tmp_path / form, ("train",)).values()
    assert said.n == pytest.approx(len(found), rel=0.2)
    assert said.classes == 10


def test_pictures_that_go_through_the_cache_are_mapped(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGCLF_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pictures(tmp_path / "data")
    (said,) = MEASURES["folder"](tmp_path / "data", ("train",)).values()
    assert (said.held, said.mapped) == (0, 90 * 32 * 32 * 3)
    (tmp_path / "cache" / "imgclf").rmdir()
    (tmp_path / "cache" / "imgclf").write_text("a file in its place")
    (said,) = MEASURES["folder"](tmp_path / "data", ("train",)).values()
    assert (said.held, said.mapped) == (90 * 32 * 32 * 3, 0)


def test_splits_are_read_one_after_the_other():
    one = Extent(10, (2, 2, 1), 1, 3, held=40, loading=100, reserved=7)
    other = Extent(5, (2, 2, 1), 1, 3, held=20, loading=70, mapped=9)
    assert in_turn([]) is None
    assert in_turn([one, other]) == Extent(15, (2, 2, 1), 1, 3, held=60, loading=110, mapped=9, reserved=7)
    assert in_turn([other, one]).loading == 120
