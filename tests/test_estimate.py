"""What a run is going to take: compared with what there is, and said in one line."""

import pytest

from imgclf import estimate as room
from imgclf import memory
from imgclf.config import resolve
from imgclf.errors import StorageError
from imgclf.estimate import PROGRAM, check_memory, estimate
from imgclf.memory import Room

DATA = "data.options={train: 2000, classes: 3, size: 20, channels: 3, val: 100}"
PIXELS = 2100 * 20 * 20 * 3


def config_of(*overrides):
    return resolve(overrides=["data.source=synthetic", DATA, *overrides]).config


def needs_of(*overrides, threads=2, draw=False):
    return estimate(config_of(*overrides), threads, draw=draw)


@pytest.fixture
def there_is(monkeypatch):
    """Let there be so much memory, and address space."""

    def set_rooms(nbytes=None, addresses=None):
        monkeypatch.setattr(memory, "memory", lambda: nbytes and Room(nbytes, "free"))
        monkeypatch.setattr(memory, "address_space", lambda: addresses and Room(addresses, "left by ulimit -v"))

    return set_rooms


def test_images_are_counted_once_and_the_largest_phase():
    needs = needs_of()
    assert PIXELS <= needs.held <= PIXELS + 50 * 2100
    assert needs.needed == needs.held + max(needs.phases.values())
    assert needs.total == PROGRAM + needs.needed
    assert needs.phase == "reading"  # made in float64, some at a time


def test_pictures_that_are_resized_are_there_twice_while_they_are_read():
    needs = needs_of("preprocess.image_size=40")
    assert needs.held >= 4 * PIXELS
    assert needs.phases["reading"] >= PIXELS
    assert needs_of("preprocess.color=gray").held <= PIXELS / 3 + 50 * 2100


@pytest.mark.parametrize("more", [
    "train.dtype=float64", "optimizer.name=adam", "preprocess.image_size=21",
    "data.options={train: 2000, classes: 900, size: 20, channels: 3, val: 100}",
])  # fmt: skip
def test_what_makes_training_larger_is_counted(more):
    assert needs_of(more).phases["training"] > needs_of().phases["training"]


def test_threads_and_pictures_are_counted():
    assert needs_of(threads=4).phases["training"] > needs_of(threads=2).phases["training"]
    assert needs_of(threads=4).aside > needs_of(threads=2).aside
    assert "drawing" in needs_of(draw=True).phases


def test_enough_is_enough_and_a_byte_less_is_not(there_is):
    config, needs = config_of(), needs_of()
    there_is()
    check_memory(config, needs)  # nothing is known
    there_is(needs.needed, needs.needed + needs.aside)
    check_memory(config, needs)
    there_is(needs.needed - 1)
    with pytest.raises(StorageError, match=r"^synthetic: not enough memory: needs about \d+ MB, \d+ MB is free - try "):
        check_memory(config, needs)
    there_is(None, needs.needed + needs.aside - 1)
    with pytest.raises(StorageError, match=r"not enough memory: needs about \d+ MB, \d+ MB is left by ulimit -v - "):
        check_memory(config, needs)


def test_mapped_files_need_addresses_and_no_memory(there_is):
    config, needs = config_of(), needs_of()
    mapped = room.Estimate(needs.held, needs.phases, 10**12, needs.aside)
    assert mapped.total == needs.total
    there_is(needs.needed)
    check_memory(config, mapped)
    there_is(needs.needed, 10**11)
    with pytest.raises(StorageError, match=r"needs about 1,000\.\d GB, 100\.0 GB is left by ulimit -v"):
        check_memory(config, mapped)


@pytest.mark.parametrize(("source", "held", "phases", "remedy"), [
    ("synthetic", 10, {"training": 1}, "smaller images"),
    ("npz", 10, {"training": 1, "drawing": 2}, "imgclf data pack"),
    ("npz", 10, {"reading": 20}, "imgclf data pack"),
    ("folder", 10, {"training": 1}, "pack the images with `imgclf data pack`"),
    ("npz", 1, {"training": 2, "drawing": 1}, "--threads"),
    ("npz", 1, {"training": 1, "drawing": 2}, "--no-plots"),
])  # fmt: skip
def test_what_would_help_is_said(there_is, source, held, phases, remedy):
    there_is(1)
    config = resolve(overrides=[f"data.source={source}", "data.path=x"]).config
    with pytest.raises(StorageError) as caught:
        check_memory(config, room.Estimate(held, phases, 0, 0))
    assert remedy in caught.value.remedy
