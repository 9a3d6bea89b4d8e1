"""`data.test_fraction`: which images are tested on, and that training never opens them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imgclf.config import resolve
from imgclf.data import splits
from imgclf.data.dataset import Dataset
from imgclf.data.packs.writer import Content, write_pack
from imgclf.data.sources import folder, synthetic
from imgclf.errors import DataError, UsageError
from imgclf.files.form import Form
from imgclf.training.loading import (
    count_training_images,
    load_all_splits,
    load_test,
    load_training_data,
    takes_test,
)

COUNTS = {"cat": 20, "dog": 11, "elk": 4}


def write_folder(root):
    """Write images that are told apart by their pixels: class and number."""
    for label, (name, count) in enumerate(COUNTS.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(np.array([[label, number]], np.uint8)).save(root / name / f"{number}.png")
    return root


def write_npz(path, **splits_):
    with path.open("wb") as file:
        np.savez(file, **splits_)
    return path


def all_images():
    pixels = [[[label, number]] for label, count in enumerate(COUNTS.values()) for number in range(count)]
    return np.array(pixels, np.uint8), np.repeat(range(3), list(COUNTS.values()))


@pytest.fixture
def as_folder(tmp_path):
    return write_folder(tmp_path / "set")


@pytest.fixture
def as_npz(tmp_path):
    X, y = all_images()
    return write_npz(tmp_path / "set.npz", X=X, y=y, class_names=np.array(list(COUNTS)))


@pytest.fixture
def as_pack(tmp_path):
    X, y = all_images()
    content = Content.of(Dataset.of(X[..., None], y, tuple(COUNTS)))
    (tmp_path / "packed").mkdir()
    list(write_pack(tmp_path / "packed", {"train": content}, "f"))
    return tmp_path / "packed"


def config_of(path, source, *overrides):
    named = (f"data.source={source}", f"data.path={path}", "data.test_fraction=0.3", *overrides)
    return resolve((), named).config


def members(dataset):
    """Return the images of a split, each once, as (class, number)."""
    pixels = dataset.pixels(np.arange(len(dataset)))[:, 0, :, 0]
    assert pixels[:, 0].tolist() == dataset.y.tolist()
    found = list(map(tuple, pixels.tolist()))
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize("source", ["folder", "npz", "pack"])
def test_train_val_and_test_are_all_images_and_those_of_all_sources_are_the_same(request, source):
    config = config_of(request.getfixturevalue(f"as_{source}"), source)
    train, val = load_training_data(config)
    test = load_test(config, train.class_names)
    assert sorted(members(train) + members(val) + members(test)) == [
        (label, number) for label, count in enumerate(COUNTS.values()) for number in range(count)
    ]
    X, y = all_images()
    whole = Dataset.of(X[..., None], y, tuple(COUNTS))
    rest, tested = splits.split_off_test(whole, 0.3, 0)
    assert members(test) == members(tested)
    assert [members(part) for part in splits.split_off_validation(rest, 0.1, 0)] == [members(train), members(val)]
    assert len(test) == 11  # of 10.5
    assert abs(test.class_counts() - [6, 3.3, 1.2]).max() < 1
    everything = load_all_splits(config)
    assert {split: members(part) for split, part in everything.items()} == {
        "train": members(train), "val": members(val), "test": members(test),
    }  # fmt: skip


def test_training_does_not_open_the_files_of_test_images(as_folder):
    config = config_of(as_folder, "folder")
    train, val = load_training_data(config)
    opened = {*members(train), *members(val)}
    for label, (name, count) in enumerate(COUNTS.items()):
        for number in range(count):
            if (label, number) not in opened:
                (as_folder / name / f"{number}.png").write_bytes(b"not an image")
    again, _ = load_training_data(config)
    assert members(again) == members(train)
    with pytest.raises(DataError, match="11 bad of 11 files"):
        load_test(config, train.class_names)
    assert count_training_images(config) == sum(COUNTS.values())


@pytest.mark.parametrize("seed", range(3))
def test_the_choice_depends_on_the_seed_and_not_on_that_of_val(as_npz, seed):
    def tested(*overrides):
        return members(load_test(config_of(as_npz, "npz", f"seed={seed}", *overrides), tuple(COUNTS)))

    assert tested() == tested("data.val_fraction=0.4") == tested("data.limit=10")
    assert tested() != members(load_test(config_of(as_npz, "npz", f"seed={seed + 1}"), tuple(COUNTS)))


def test_a_test_split_that_is_there_is_taken_instead(tmp_path):
    X, y = all_images()
    path = write_npz(tmp_path / "set.npz", x_train=X, y_train=y, x_test=X[:5], y_test=y[:5])
    config = config_of(path, "npz")
    assert not takes_test(config)
    train, val = load_training_data(config)
    assert len(train) + len(val) == len(y)
    assert len(load_test(config, train.class_names)) == 5


def test_synthetic_data_without_a_test_split_is_divided():
    config = resolve((), ["data.source=synthetic", "data.options={test: 0, train: 200}", "data.test_fraction=0.25"])
    train, val = load_training_data(config.config)
    assert len(load_test(config.config, train.class_names)) == 50
    assert len(train) + len(val) == 150
    assert synthetic.load(None, ("test",), test=0) == {}


def test_nothing_is_taken_by_default(as_folder):
    config = resolve((), ["data.source=folder", f"data.path={as_folder}"]).config
    assert not takes_test(config)
    train, val = load_training_data(config)
    assert len(train) + len(val) == sum(COUNTS.values())
    assert load_test(config, train.class_names) is None


def test_a_part_of_a_listing_is_known_by_what_is_in_it_alone(as_folder, tmp_path):
    """So the cache of decoded images never takes one part for another, and finds a folder that holds just these."""
    listing = folder.list_splits(as_folder, ("train",))["train"]
    part = listing.subset(np.array([0, 1, 5, 20, 31])).subset(np.array([0, 1, 3, 4]))
    assert len(part) == 4
    assert part.class_counts().tolist() == [2, 1, 1]
    assert part.y_of(np.arange(4)).tolist() == [0, 0, 1, 2]
    for name, number in (("cat", 0), ("cat", 1), ("dog", 0), ("elk", 0)):
        (tmp_path / "few" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "few" / name / f"{number}.png").write_bytes((as_folder / name / f"{number}.png").read_bytes())
    alone = folder.list_splits(tmp_path / "few", ("train",))["train"]
    assert part.proven()[0] == alone.proven()[0] != listing.proven()[0]
    keys = {
        replace(listing, form=Form(size, resize=resize)).proven()[0]
        for resize in ("squash", "crop")
        for size in (None, (2, 2))
    }
    assert len(keys) == 3  # without a size, how to resize does not matter


@pytest.mark.parametrize(("source", "file", "found"), [
    ("npz", "a.csv", "csv"), ("folder", "a.csv", "csv"), ("idx", "a.csv", "csv"), ("cifar10", "a.csv", "csv"),
    ("csv", "set.npz", "npz"), ("folder", "set.npz", "npz"), ("pack", "set.npz", "npz"),
])  # fmt: skip
def test_a_file_that_another_source_reads_is_told_which(as_npz, tmp_path, source, file, found):
    (tmp_path / "a.csv").write_text("f,g,label\n" + "1,2,x\n3,4,y\n" * 9)
    config = resolve((), [f"data.source={source}", f"data.path={tmp_path / file}"]).config
    problem = rf"{file}: not what data.source={source} reads - data.source={found} reads it"
    with pytest.raises(DataError, match=problem):
        load_training_data(config)
    load_training_data(resolve((), [f"data.source={found}", f"data.path={tmp_path / file}"]).config)


def test_a_damaged_file_of_the_form_that_was_named_keeps_its_own_error(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"rubbish")
    (tmp_path / "a.txt").write_text("rubbish")
    for file in ("a.npz", "a.txt"):
        with pytest.raises(DataError, match="damaged, or not an npz file"):
            load_training_data(resolve((), ["data.source=npz", f"data.path={tmp_path / file}"]).config)


def test_a_folder_without_what_was_named_is_told_what_to_download(tmp_path):
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    with pytest.raises(DataError, match="run `imgclf data download cifar10`"):
        load_training_data(resolve((), ["data.source=cifar10", f"data.path={tmp_path / 'data'}"]).config)


@pytest.mark.parametrize(("name", "downloads"), [
    ("mnist", ["mnist"]), ("fashion-mnist", ["fashion-mnist"]), ("odd", ["mnist", "fashion-mnist"]),
])  # fmt: skip
def test_of_the_downloads_of_a_source_the_one_of_this_path_is_named(tmp_path, name, downloads):
    with pytest.raises(DataError) as seen:
        load_training_data(resolve((), ["data.source=idx", f"data.path={tmp_path / name}"]).config)
    assert re.findall("`imgclf data download (.*?)`", str(seen.value)) == downloads


def test_a_path_without_a_source_is_told_to_be_given_to_train():
    with pytest.raises(UsageError, match="mini reads no path - `imgclf train '/my photos'` finds its source"):
        load_training_data(resolve((), ["data.path='/my photos'"]).config)
