"""A pack is the data set; stopped anywhere and continued, it is the same to the byte."""

import shutil
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest

from imgclf.data.dataset import Dataset
from imgclf.data.packs import writer as packer
from imgclf.data.packs.pack import INDEX, open_pack, read_index
from imgclf.data.packs.writer import Content, write_pack
from imgclf.errors import DataError, StorageError, UsageError

CHANCE = np.random.default_rng(0)
IMAGES = CHANCE.integers(0, 256, (17, 3, 2, 3), dtype=np.uint8)


def dataset(images, names=("a", "b", "c")):
    return Dataset.of(images, np.arange(len(images)) % len(names), names)


SETS = {
    "color": {"train": dataset(IMAGES), "test": dataset(IMAGES[:5], ("a", "c"))},
    "gray": {"train": dataset(IMAGES[..., :1])},
    "features": {"train": dataset(CHANCE.standard_normal((9, 4))), "val": dataset(np.float32([[1, 2], [3, 4]]))},
    "a part, in another order": {"train": dataset(IMAGES).subset(np.array([9, 1, 4]))},
    "256 classes": {"train": dataset(IMAGES, tuple(map(str, range(256))))},
    "257 classes": {"train": dataset(IMAGES, tuple(map(str, range(257))))},
}


def contents(datasets, at_once=3):
    """Offer the examples a few at a time, so that there is much to be stopped between."""

    def few(one):
        def examples(start):
            for place in range(start, len(one), at_once):
                yield one.pixels(np.arange(place, min(place + at_once, len(one))))

        return replace(Content.of(one), examples=examples)

    return {split: few(one) for split, one in datasets.items()}


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", SETS)
def test_a_pack_is_the_data_set(tmp_path, name):
    events = list(write_pack(tmp_path, {split: Content.of(one) for split, one in SETS[name].items()}, "f"))
    packed = open_pack(tmp_path, ("train", "val", "test"))
    assert {split: one.fingerprint for split, one in packed.items()} == {
        split: one.fingerprint for split, one in SETS[name].items()
    }
    assert [event.done for event in events] == [len(one) for one in SETS[name].values()]
    assert {one.images.dtype for one in packed.values()} == {one.images.dtype for one in SETS[name].values()}


def test_labels_take_the_fewest_bytes(tmp_path):
    for name, dtype in (("256 classes", np.uint8), ("257 classes", np.uint16)):
        (tmp_path / name).mkdir()
        list(write_pack(tmp_path / name, contents(SETS[name]), "f"))
        assert open_pack(tmp_path / name, ["train"])["train"].labels.dtype == dtype


def test_content_in_memory_equals_the_data_set():
    for one in SETS["features"].values():
        assert Content.of(one).in_memory("x").fingerprint == one.fingerprint


@pytest.mark.parametrize("at_risk", [1, 40, 1 << 20])
def test_stopped_anywhere_and_continued_it_is_the_same_to_the_byte(tmp_path, monkeypatch, at_risk):
    monkeypatch.setattr(packer, "_BYTES_AT_RISK", at_risk)
    (tmp_path / "straight").mkdir()
    straight = list(write_pack(tmp_path / "straight", contents(SETS["color"]), "f"))
    for stop in range(len(straight)):
        folder = tmp_path / str(stop)
        folder.mkdir()
        events = write_pack(folder, contents(SETS["color"]), "f")
        for _ in range(stop + 1):
            next(events)
        events.close()
        if stop + 1 < len(straight):
            with pytest.raises(DataError, match=r"an unfinished pack, \d+ of 22 images"):
                open_pack(folder, ["test"])
        rest = list(write_pack(folder, contents(SETS["color"]), "f"))
        assert rest == straight[len(straight) - len(rest) :]
        assert len(rest) == len(straight) - stop - 1 or at_risk > 1
        assert files(folder) == files(tmp_path / "straight")


def test_rows_written_beyond_the_counted_ones_before_a_crash_do_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(packer, "_BYTES_AT_RISK", 1)
    for name in ("straight", "crashed"):
        (tmp_path / name).mkdir()
    list(write_pack(tmp_path / "straight", contents(SETS["color"]), "f"))
    events = write_pack(tmp_path / "crashed", contents(SETS["color"]), "f")
    next(events), next(events)
    events.close()
    safe = read_index(tmp_path / "crashed").splits["train"].done
    assert safe == 6
    images = tmp_path / "crashed" / "train_images.npy"
    images.write_bytes(images.read_bytes()[: 128 + 18 * safe] + b"\xff" * 50)
    (tmp_path / "crashed" / "train_labels.npy").write_bytes(b"\0")
    list(write_pack(tmp_path / "crashed", contents(SETS["color"]), "f"))
    assert files(tmp_path / "crashed") == files(tmp_path / "straight")


def test_rows_that_are_safe_are_not_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(packer, "_BYTES_AT_RISK", 1)
    events = write_pack(tmp_path, contents(SETS["gray"]), "f")
    next(events)
    events.close()
    starts = []
    gray = contents(SETS["gray"])["train"]

    def examples(start):
        starts.append(start)
        return gray.examples(start)

    list(write_pack(tmp_path, {"train": replace(gray, examples=examples)}, "f"))
    assert starts == [3]


def test_other_data_is_refused_and_nothing_is_touched(tmp_path):
    next(write_pack(tmp_path, contents(SETS["gray"]), "f"))
    before = files(tmp_path)
    with pytest.raises(UsageError, match="begun with other data or settings"):
        next(write_pack(tmp_path, contents(SETS["gray"]), "g"))
    assert files(tmp_path) == before


def test_a_full_disk_is_reported_before_writing(tmp_path, monkeypatch):
    needed = IMAGES.nbytes + IMAGES[:5].nbytes
    for free in (needed - 1, needed):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: namedtuple("Usage", "free")(free))
        if free < needed:
            with pytest.raises(StorageError, match=f"{needed} bytes are needed, {free} are free"):
                next(write_pack(tmp_path, contents(SETS["color"]), "f"))
            assert files(tmp_path) == {}
        else:
            list(write_pack(tmp_path, contents(SETS["color"]), "f"))
            assert INDEX in files(tmp_path)
