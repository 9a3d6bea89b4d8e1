"""A source asks for memory before it takes it."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.sources import SOURCES
from imgclf.errors import StorageError
from imgclf.files.npy import mapped_file
from imgclf.machine import memory
from imgclf.machine.memory import Limit

RNG = np.random.default_rng(0)
N = 4000
IMAGES = RNG.integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
LABELS = np.arange(N) % 4
FEATURES = RNG.standard_normal((N, 1000))


def cifar10(folder):
    names = "\n".join(f"class{n}" for n in range(10))
    (folder / "batches.meta.txt").write_text(names)
    for number in range(5):
        rows = slice(800 * number, 800 * (number + 1))
        records = np.column_stack([np.uint8(LABELS[rows]), IMAGES[rows].reshape(800, -1)])
        (folder / f"data_batch_{number + 1}.bin").write_bytes(records.tobytes())
    return folder


def cifar100(folder):
    (folder / "coarse_label_names.txt").write_text("\n".join(f"class{n}" for n in range(20)))
    records = np.column_stack([np.uint8(LABELS), np.uint8(LABELS), IMAGES.reshape(N, -1)])
    (folder / "train.bin").write_bytes(records.tobytes())
    return folder


def idx(folder):
    for kind, array in (("images-idx3", IMAGES[..., 0]), ("labels-idx1", np.uint8(LABELS))):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (folder / f"train-{kind}-ubyte").write_bytes(header + array.tobytes())
    return folder


def images(folder):
    for name in ("cat", "dog", "emu"):
        (folder / "train" / name).mkdir(parents=True)
        (folder / "train" / name / ".hidden").write_bytes(b"")
        for i in range(30):
            Image.fromarray(IMAGES[i]).save(folder / "train" / name / f"{i}.png")
    return folder


def npz(make):
    def write(folder):
        X = make()
        np.savez(folder / "data.npz", x_train=X, y_train=LABELS, x_test=X[:8], y_test=LABELS[:8])
        return folder / "data.npz"

    return write


def csv_pixels(folder):
    lines = (f"{label},{','.join(map(str, image.ravel()))}" for label, image in zip(LABELS, IMAGES, strict=True))
    header = ",".join(["label", *(f"pixel{n}" for n in range(3072))])
    (folder / "train.csv").write_text("\n".join([header, *lines]))
    return folder


def csv_features(folder):
    lines = (f"{','.join(f'{x:.9f}' for x in row)},{label}" for label, row in zip(LABELS, FEATURES, strict=True))
    (folder / "features.csv").write_text("\n".join([",".join([*(f"f{n}" for n in range(1000)), "label"]), *lines]))
    return folder / "features.csv"


def csv_images(folder):
    images(folder)
    files = sorted((folder / "train").glob("*/[!.]*.png"))
    lines = (f"{file.relative_to(folder)},{file.parent.name}" for file in files)
    (folder / "labels.csv").write_text("\n".join(["file,label", *lines]))
    return folder / "labels.csv"


def pack(folder):
    write = Content.of(SOURCES["npz"].load(npz(lambda: IMAGES)(folder), ("train",))["train"])
    (folder / "pack").mkdir()
    list(write_pack(folder / "pack", {"train": write}, "f"))
    return folder / "pack"


KINDS = {
    "fashion-mnist-mini": (lambda folder: None, {}),
    "cifar10": (cifar10, {}),
    "cifar100": (cifar100, {"labels": "coarse"}),
    "idx": (idx, {}),
    "folder": (images, {}),
    "folder, redrawn": (images, {"image_size": 64, "color": "gray"}),
    "npz": (npz(lambda: IMAGES), {}),
    "npz, columns first": (npz(lambda: np.asfortranarray(IMAGES)), {}),
    "npz, gray": (npz(lambda: IMAGES[..., 0]), {}),
    "npz, wide integers": (npz(lambda: IMAGES.astype(np.int32)), {}),
    "npz, float64": (npz(lambda: FEATURES), {}),
    "npz, float32": (npz(lambda: FEATURES.astype(np.float32)), {}),
    "npz, float16": (npz(lambda: FEATURES.astype(np.float16)), {}),
    "pack": (pack, {}),
    "csv, pixels": (csv_pixels, {}),
    "csv, features": (csv_features, {}),
    "csv, images": (csv_images, {"image_size": 64}),
    "synthetic": (lambda folder: None, {"train": 700, "size": 24, "channels": 3, "val": 70}),
}


# Tables of numbers take seconds to write.
CASES = [pytest.param(kind, marks=[pytest.mark.slow] * kind.startswith(("csv, pixels", "csv, feat"))) for kind in KINDS]


def test_every_source_is_tried_here():
    assert SOURCES.keys() == {kind.partition(",")[0] for kind in KINDS}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A function that writes the data of a kind, once; returns its path and the options to read it with."""
    written = {}

    def path_and_options(kind):
        make, options = KINDS[kind]
        if kind not in written:
            written[kind] = make(tmp_path_factory.mktemp("data"))
        return written[kind], options

    return path_and_options


@pytest.fixture
def little(monkeypatch):
    """Let there be a machine that has no memory left, and is asked for little, too."""

    def use_up():
        monkeypatch.setattr(memory, "_UNCHECKED", 200_000)
        monkeypatch.setattr(memory, "memory", lambda: Limit(1000, "free"))

    return use_up


@pytest.mark.parametrize("kind", CASES)
def test_memory_is_asked_for_before_it_is_taken_and_mapped_files_take_none(data, little, kind):
    path, options = data(kind)
    little()
    tracemalloc.start()
    if kind == "pack":
        assert mapped_file(SOURCES[kind].load(path, ("train",))["train"].images)
    else:
        with pytest.raises(StorageError, match="not enough memory: needs about"):
            SOURCES[kind.partition(",")[0]].load(path, ("train", "val"), **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Files of CIFAR are read before it is known how many images are in them.
    assert peak < (1.1 if kind.startswith("cifar") else 0.25) * IMAGES.nbytes


@pytest.mark.parametrize("kind", CASES)
def test_the_memory_asked_for_is_the_memory_taken(data, monkeypatch, kind):
    (path, options), asked = data(kind), []
    for module in ("files.idx", "files.npy", "data.packs.writer", "data.sources._cifar", "data.sources.csv.loading",
                   "data.sources._emnist", "data.sources._arrays", "data.sources.synthetic"):  # fmt: skip
        monkeypatch.setattr(f"imgclf.{module}.require_memory", lambda nbytes, _: asked.append(nbytes))
    tracemalloc.start()
    SOURCES[kind.partition(",")[0]].load(path, ("train", "val"), **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    read = IMAGES.nbytes if kind.startswith("cifar") else 0
    assert peak < 1.3 * sum(asked) + read + 3_000_000
    # Synthetic images are asked for together with what they are made from.
    assert sum(asked) < 2.5 * peak


def test_images_that_go_through_the_cache_are_mapped(tmp_path, little, monkeypatch):
    monkeypatch.setenv("IMGCLF_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images(tmp_path / "data")
    little()
    assert mapped_file(SOURCES["folder"].load(tmp_path / "data", ("train",))["train"].images)
