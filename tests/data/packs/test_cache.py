"""The cache of decoded images: the second start maps the first one's; a bad cache never gives wrong images."""

import os
import shutil
import signal
import stat
import sys
import time
from collections import namedtuple
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from children import in_child
from imgclf.data.packs import cache, writer
from imgclf.data.packs.cache import cache_folder
from imgclf.data.sources import _class_folders, folder
from imgclf.data.sources import _image_files as _decoding
from imgclf.errors import DataError, UsageError
from imgclf.files import npy
from imgclf.files.npy import mapped_file, take_rows

DAY = 24 * 3600


def write_image(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((3, 4, 3), level, np.uint8)).save(path, "BMP")  # of one size, whatever is on it


@pytest.fixture(name="root")
def root_fixture(tmp_path):
    for number, name in enumerate(("cat/1.png", "cat/2.png", "dog/1.png")):
        write_image(tmp_path / "set" / name, number)
    return tmp_path / "set"


@pytest.fixture(name="load")
def load_fixture(root, monkeypatch):
    """Load the images; return their levels, and how many files were decoded for it."""

    def load(**options):
        decoded = []

        def decode(path, raw, real=_decoding.decode_image):
            decoded.append(path.name)
            return real(path, raw)

        with monkeypatch.context() as patch:
            patch.setattr(_decoding, "decode_image", decode)
            train = folder.load(root, ["train"], **options)["train"]
        assert train.y.tolist() == [0, 0, 1]
        return train.images[:, 0, 0, 0].tolist(), len(decoded)

    return load


def entries(kept):
    return sorted(path.name for path in kept.iterdir()) if kept.exists() else []


def test_the_second_start_decodes_nothing(load, kept):
    assert load() == ([0, 1, 2], 3)
    assert load() == ([0, 1, 2], 0)
    assert len(entries(kept)) == 1
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700


def test_mapped_images_equal_decoded_ones(root, kept, monkeypatch):
    first, second = (folder.load(root, ["train"])["train"] for _ in range(2))
    monkeypatch.setenv("IMGCLF_CACHE", "0")
    plain = folder.load(root, ["train"])["train"]
    assert first.fingerprint == second.fingerprint == plain.fingerprint
    assert mapped_file(second.images).is_relative_to(kept)
    assert mapped_file(plain.images) is None


def test_other_images_sizes_and_colors_are_decoded_again(root, load, kept):
    load()
    assert load(image_size=2)[1] == load(color="gray")[1] == 3
    write_image(root / "cat" / "2.png", 9)
    assert load() == ([0, 9, 2], 3)
    changed = root / "dog" / "1.png"
    before = changed.stat()
    write_image(changed, 7)
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if it had not changed
    assert load() == ([0, 9, 7], 3)
    shutil.move(root / "cat" / "1.png", root / "cat" / "3.png")
    assert load() == ([9, 0, 7], 3)


def negative(path):
    """Make an image its negative: the same name, size in bytes and times."""
    before = path.stat()
    with Image.open(path) as image:
        pixels = 255 - np.array(image)
    Image.fromarray(pixels).save(path, "BMP")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_two_sets_with_the_same_names_sizes_and_times_are_two(root, kept):
    splits = {"train": root.parent / "both" / "train", "test": root.parent / "both" / "test"}
    for place in splits.values():
        shutil.copytree(root, place)
    for path in splits["test"].glob("*/*"):
        negative(path)
    for _ in range(2):
        found = folder.load(root.parent / "both", ["train", "test"])
        assert found["train"].images[:, 0, 0, 0].tolist() == [0, 1, 2]
        assert found["test"].images[:, 0, 0, 0].tolist() == [255, 254, 253]


def test_the_key_is_the_bytes_of_the_files_not_their_paths_or_times(root, load, kept):
    load()
    for path in root.glob("*/*"):
        os.utime(path, (1, 1))
    assert load()[1] == 0
    copy = shutil.copytree(root, root.parent / "copy")
    root.rename(root.parent / "moved")
    copy.rename(root)
    assert load() == ([0, 1, 2], 0)
    for path in root.glob("*/*"):
        path.rename(path.with_name(f"a {path.name}"))  # in the same order
    assert load() == ([0, 1, 2], 0)
    (root / "cat" / "a 1.png").rename(root / "cat" / "z.png")
    assert load() == ([1, 0, 2], 3)


def test_where_one_class_ends_and_which_it_is_counts_too(root, load, kept):
    load()
    for before, after in (("cat/2.png", "dog/0.png"), ("dog", "elk")):
        (root / before).rename(root / after)
        train = folder.load(root, ["train"])["train"]
        names = [train.class_names[label] for label in train.y]
        assert train.images[:, 0, 0, 0].tolist() == [0, 1, 2]
        assert names == ["cat", after.split("/")[0], after.split("/")[0]]


def test_a_file_that_is_no_image_is_reported_even_if_the_images_are_cached(root, load, kept):
    load()
    (root / "cat" / "kittens").mkdir()
    with pytest.raises(DataError, match="1 bad of 4 files: cat/kittens: a folder"):
        load()


def test_images_that_change_while_they_are_decoded_are_reported_and_not_cached(root, load, kept, monkeypatch):
    def swap_and_read(*arguments, real=_class_folders.read_into):
        negative(root / "dog" / "1.png")
        return real(*arguments)

    monkeypatch.setattr(_class_folders, "read_into", swap_and_read)
    with pytest.raises(DataError, match="changed while they were being read"):
        load()
    assert entries(kept) == []


def test_zero_turns_it_off(load, kept, monkeypatch):
    monkeypatch.setenv("IMGCLF_CACHE", "0")
    assert load() == load() == ([0, 1, 2], 3)
    assert entries(kept) == []


def cut_off(entry):
    path = entry / "train_images.npy"
    path.write_bytes(path.read_bytes()[:-1])


def foreign(entry):
    index = entry / "imgclf-pack.json"
    index.write_text(index.read_text().replace(entry.name, "0" * 64))


def a_file(entry):
    shutil.rmtree(entry)
    entry.write_bytes(b"")


DAMAGE = {
    "cut off": cut_off,
    "of other images": foreign,
    "a file": a_file,
    "unfinished": lambda entry: (entry / "imgclf-pack.json").unlink(),
    "no labels": lambda entry: (entry / "train_labels.npy").unlink(),
    "no JSON": lambda entry: (entry / "imgclf-pack.json").write_text("{"),
    "wrong labels": lambda entry: np.save(entry / "train_labels.npy", np.uint8([0, 1, 2])),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_entry_is_replaced(load, kept, name):
    load()
    (entry,) = kept.iterdir()
    DAMAGE[name](entry)
    assert load() == ([0, 1, 2], 3)
    assert load() == ([0, 1, 2], 0)
    assert entries(kept) == [entry.name]


def test_without_a_cache_images_are_decoded_every_time(load, kept, monkeypatch):
    kept.parent.write_bytes(b"a file is in the way")
    assert load() == load() == ([0, 1, 2], 3)
    kept.parent.unlink()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(10))
    assert load() == ([0, 1, 2], 3)
    assert entries(kept) == []


def test_a_disk_that_fills_up_leaves_nothing(load, kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert load()[0] == [0, 1, 2]
    assert entries(kept) == []


def test_bad_images_are_reported_and_not_cached(root, load, kept):
    (root / "dog" / "1.png").write_bytes(b"rubbish")
    for _ in range(2):
        with pytest.raises(DataError, match=r"1 bad of 3 files: dog/1\.png"):
            load()
    assert entries(kept) == []


def test_of_two_at_once_both_are_right_and_one_is_kept(load, kept, monkeypatch):
    put = cache._replace

    def slower(new, place, aside):
        shutil.copytree(new, place)  # what the faster one did meanwhile
        (place / "by the faster").touch()
        put(new, place, aside)

    monkeypatch.setattr(cache, "_replace", slower)
    assert load() == ([0, 1, 2], 3)
    assert load() == ([0, 1, 2], 0)
    assert len(entries(kept)) == 1


def test_two_that_swap_a_damaged_entry_at_once_do_no_harm(load, kept, monkeypatch):
    def beaten(new, place, aside):
        shutil.copytree(new, place)
        new.rename(place)  # onto a folder that holds something: the system refuses

    monkeypatch.setattr(cache, "_replace", beaten)
    assert load() == ([0, 1, 2], 3)
    assert load() == ([0, 1, 2], 0)


def as_of(entry, seconds_ago):
    used = time.time() - seconds_ago
    os.utime(entry, (used, used))


def test_entries_unused_for_a_month_are_removed_and_nothing_else(root, load, kept):
    load()
    (old,) = kept.iterdir()
    (kept / f"{'0' * 64}.begun").mkdir()
    (kept / "notes").mkdir()
    for entry in kept.iterdir():
        as_of(entry, 31 * DAY)
    assert load()[1] == 0  # used today, so it stays
    write_image(root / "cat" / "1.png", 5)
    assert load()[1] == 3
    assert len(entries(kept)) == 3  # without what was begun
    as_of(old, 31 * DAY)
    write_image(root / "cat" / "1.png", 6)
    load()
    assert old.name not in entries(kept)
    assert "notes" in entries(kept)


def make_entries(root, load, kept):
    """Make three entries of equal size, used three, two and one days ago; return them, and their size in GB."""
    made = []
    for level in (5, 6, 7):
        write_image(root / "cat" / "1.png", level)
        load()
        (new,) = set(kept.iterdir()) - set(made)
        made.append(new)
    for days, entry in zip((3, 2, 1), made, strict=True):
        as_of(entry, days * DAY)
    return made, cache._size(made[0]) / 1e9


@pytest.mark.parametrize(("room_for", "left"), [(3.5, 3), (2.5, 2), (1.5, 1), (0, 0)])
def test_beyond_the_limit_the_least_recently_used_entries_go(root, load, kept, monkeypatch, room_for, left):
    made, size = make_entries(root, load, kept)
    monkeypatch.setenv("IMGCLF_CACHE_LIMIT", str(room_for * size))
    assert load()[1] == 0  # which makes none, so none goes; but it is the last one used, now
    write_image(root / "cat" / "1.png", 8)
    assert load()[1] == 3
    assert [entry.exists() for entry in made] == [False] * (3 - left) + [True] * left
    assert load()[1] == 0  # the new one is there, whatever the limit
    assert len(entries(kept)) == left + 1


def test_an_entry_in_use_stays_until_nothing_refers_to_it(root, load, kept, monkeypatch):
    made, _ = make_entries(root, load, kept)
    images = folder.load(root, ["train"])["train"].images[1:]  # a view is enough
    as_of(made[2], 99 * DAY)
    monkeypatch.setenv("IMGCLF_CACHE_LIMIT", "0")
    write_image(root / "cat" / "1.png", 8)
    load()
    assert [entry.exists() for entry in made] == [False, False, True]
    assert images[:, 0, 0, 0].tolist() == [1, 2]
    del images
    write_image(root / "cat" / "1.png", 9)
    load()
    assert not made[2].exists()


def test_what_another_process_has_mapped_stays_too(root, load, kept, monkeypatch):
    made, _ = make_entries(root, load, kept)
    reader, ready = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        images = folder.load(root, ["train"])["train"].images
        os.write(ready[1], b".")
        os.close(reader[1])
        os.read(reader[0], 1)  # until the parent closes it
        os._exit(int(images[2, 0, 0, 0]))
    os.read(ready[0], 1)
    monkeypatch.setenv("IMGCLF_CACHE_LIMIT", "0")
    write_image(root / "cat" / "1.png", 8)
    load()
    os.close(reader[1])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert [entry.exists() for entry in made] == [False, False, True]


def test_what_is_removed_in_spite_of_all_can_still_be_read(root, load, kept):
    """On a file system without locks, nothing says that an entry is in use; who has mapped it keeps its bytes."""
    images = folder.load(root, ["train"])["train"].images
    shutil.rmtree(kept)
    assert images[:, 0, 0, 0].tolist() == [0, 1, 2]
    with npy_reads():
        assert take_rows(images, np.array([2, 0]))[:, 0, 0, 0].tolist() == [2, 0]


@contextmanager
def npy_reads():
    """Rows are read from the file, as those of a large one are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(npy, "LARGEST_TOUCHED", 0)
        yield


@pytest.mark.parametrize("value", ["5GB", "-1", "nan"])
def test_a_limit_that_is_no_number_is_an_error(load, kept, monkeypatch, value):
    monkeypatch.setenv("IMGCLF_CACHE_LIMIT", value)
    with pytest.raises(UsageError, match=f"IMGCLF_CACHE_LIMIT: '{value}' is not a number from 0 up"):
        load()


def test_what_a_killed_process_began_is_gone_on_with_and_what_is_being_written_stays(root, load, kept, monkeypatch):
    write_pack = cache.write_pack

    def killed(*arguments):
        for one in write_pack(*arguments):
            if one.done:
                os.kill(os.getpid(), signal.SIGKILL)
            yield one

    def begin_and_be_killed():
        monkeypatch.setattr(cache, "write_pack", killed)
        load()

    def look_meanwhile(*arguments):
        (during,) = kept.iterdir()
        cache._make_room(kept, 1, kept / "another")
        assert entries(kept) == [during.name] == [f"{entry}.begun"]
        yield from write_pack(*arguments)

    monkeypatch.setattr(_class_folders, "_MOST_AT_ONCE", 1)
    monkeypatch.setattr(writer, "_BYTES_AT_RISK", 1)
    assert in_child(begin_and_be_killed) == -signal.SIGKILL
    (left,) = entries(kept)
    entry = left.removesuffix(".begun")
    monkeypatch.setenv("IMGCLF_CACHE_LIMIT", "0")
    monkeypatch.setattr(cache, "write_pack", look_meanwhile)
    assert load() == ([0, 1, 2], 2)
    assert entries(kept) == [entry]
    monkeypatch.setattr(cache, "write_pack", killed)
    assert load() == ([0, 1, 2], 0)


def test_the_cache_folder_follows_the_system(monkeypatch, tmp_path):
    monkeypatch.delenv("IMGCLF_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for platform, place in (("linux", ".cache"), ("darwin", "Library/Caches")):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == tmp_path / place / "imgclf"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() is None
