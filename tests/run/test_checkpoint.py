"""A checkpoint is read back to the bit, or not at all."""

import json
import random
import zipfile

import numpy as np
import pytest

from imgclf.errors import RunError
from imgclf.files.sealed_npz import SEAL, sealed_npz
from imgclf.optimizers import OPTIMIZERS
from imgclf.run import checkpoint as room
from imgclf.run.checkpoint import Checkpoint, checkpoint_bytes, load_checkpoint, read_checkpoint
from imgclf.trainer import TrainState
from imgclf.training.early_stopping import Best
from imgclf.training.state import Snapshot, Tally

RNG = np.random.default_rng(0)


def made(optimizer="adam", best=True, dtype=np.float32, step=7):
    weights = RNG.standard_normal((5, 3)).astype(dtype)
    memory = OPTIMIZERS[optimizer]().init(weights)
    memory = {name: array if array.ndim == 0 else array + RNG.random() for name, array in memory.items()}
    kept = Best(2, -0.1, weights + 1, 1) if best else None
    snapshot = Snapshot(TrainState(step, weights, memory), 2, Tally(0.1 + 0.2, 5, 9), kept, 1 / 3)
    return Checkpoint(snapshot, {"metrics.csv": 100, "timings.csv": 3}, {"config": "a", "data": "b"})


def same(one, other):
    return checkpoint_bytes(one) == checkpoint_bytes(other)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_was_written_is_read_to_the_bit(tmp_path, optimizer, best, dtype):
    one = made(optimizer, best, dtype)
    room.save_checkpoint(tmp_path, one)
    read, damaged = load_checkpoint(tmp_path)
    assert damaged is None
    assert same(read, one)
    assert read.snapshot.tally == one.snapshot.tally
    assert read.snapshot.previous_loss == 1 / 3
    assert read.snapshot.state.memory.keys() == one.snapshot.state.memory.keys()


def test_the_last_two_are_kept(tmp_path):
    first, second, third = (made(step=step) for step in (1, 2, 3))
    for one in (first, second, third):
        room.save_checkpoint(tmp_path, one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.npz", "checkpoint.previous.npz"]
    assert same(read_checkpoint(tmp_path / "checkpoint.npz"), third)
    assert same(read_checkpoint(tmp_path / "checkpoint.previous.npz"), second)


def test_where_there_is_none_there_is_none(tmp_path):
    assert load_checkpoint(tmp_path) == (None, None)


def test_between_two_renames_the_previous_one_is_there(tmp_path):
    room.save_checkpoint(tmp_path, made())
    (tmp_path / "checkpoint.npz").rename(tmp_path / "checkpoint.previous.npz")
    assert load_checkpoint(tmp_path)[0] is not None


def reads_as_itself_or_not_at_all(path, raw, expected):
    path.write_bytes(raw)
    try:
        return checkpoint_bytes(read_checkpoint(path)) == expected
    except RunError as error:
        return len(str(error)) < 300 + len(str(path))


def test_every_bit_that_flips_is_noticed_or_changes_nothing(tmp_path):
    expected = checkpoint_bytes(made("sgd", best=False))
    for place in range(len(expected)):
        raw = bytearray(expected)
        raw[place] ^= 1 << place % 8
        assert reads_as_itself_or_not_at_all(tmp_path / "c.npz", raw, expected), place


def test_a_file_cut_anywhere_is_noticed(tmp_path):
    expected = checkpoint_bytes(made("momentum"))
    path = tmp_path / "c.npz"
    for length in range(0, len(expected), 7):
        path.write_bytes(expected[:length])
        with pytest.raises(RunError):
            read_checkpoint(path)


@pytest.mark.parametrize("seed", range(4))
def test_mutations_never_load_other_weights(tmp_path, seed):
    draw = random.Random(seed)
    expected = checkpoint_bytes(made("momentum"))
    for _ in range(500):
        raw = bytearray(expected)
        for _ in range(draw.randrange(1, 4)):
            start, length = draw.randrange(len(raw)), draw.randrange(1, 40)
            kind = draw.randrange(4)
            if kind == 0:
                raw[start : start + length] = draw.randbytes(length)
            elif kind == 1:
                del raw[start : start + length]
            elif kind == 2:
                raw[start:start] = draw.randbytes(length)
            else:
                other = draw.randrange(len(raw))
                raw[start : start + length] = raw[other : other + length]
        assert reads_as_itself_or_not_at_all(tmp_path / "c.npz", raw, expected)


def rewritten(path, change):
    """Write a checkpoint anew with a change in what it says, and a checksum that is right."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != SEAL}
    about = json.loads(str(arrays["about"]))
    change(about, arrays)
    arrays["about"] = np.array(json.dumps(about))
    path.write_bytes(sealed_npz(arrays))


@pytest.mark.parametrize("change", [
    lambda about, arrays: about.update(format=2),
    lambda about, arrays: about.update(format="x" * 1000),
    lambda about, arrays: about.update(step=-1),
    lambda about, arrays: about.update(step=1.5),
    lambda about, arrays: about.update(epochs=True),
    lambda about, arrays: about.pop("tally"),
    lambda about, arrays: about.update(tally={"loss": 1}) or about["tally"].update(more=1),
    lambda about, arrays: about.update(tables=[1]),
    lambda about, arrays: about.update(tables={"metrics.csv": -1}),
    lambda about, arrays: about.update(best={"epoch": 1}),
    lambda about, arrays: about.update(previous_loss="much"),
    lambda about, arrays: arrays.pop("weights"),
    lambda about, arrays: arrays.update(weights=np.full((2, 2), np.nan, np.float32)),
    lambda about, arrays: arrays.update(weights=np.zeros(3, np.float32)),
    lambda about, arrays: arrays.update(weights=np.zeros((2, 2), int)),
    lambda about, arrays: arrays.pop("best_weights"),
])  # fmt: skip
def test_what_says_something_impossible_is_refused(tmp_path, change):
    room.save_checkpoint(tmp_path, made())
    rewritten(tmp_path / "checkpoint.npz", change)
    with pytest.raises(RunError, match="not a usable checkpoint"):
        read_checkpoint(tmp_path / "checkpoint.npz")


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "c.npz"
    np.savez(path, weights=np.array([{"a": 1}], object))
    with pytest.raises(RunError):
        read_checkpoint(path)
    path.write_bytes(b"\x80\x04}.")
    with pytest.raises(RunError):
        read_checkpoint(path)


@pytest.fixture
def swapped(tmp_path):
    """A checkpoint of which two arrays changed places: every member is whole, and named as one of it."""
    room.save_checkpoint(tmp_path, made("adam"))
    path = tmp_path / "checkpoint.npz"
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    mean, squares = "memory/mean.npy", "memory/squares.npy"
    members[mean], members[squares] = members[squares], members[mean]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_arrays_that_change_places_are_noticed(swapped):
    """The checksum is over names, too."""
    with pytest.raises(RunError, match="checksum"):
        read_checkpoint(swapped)


def test_without_the_checksum_they_are_not(swapped, monkeypatch):
    """The alarm rings: those of the zip are right."""
    with np.load(swapped) as file:
        monkeypatch.setattr("imgclf.files.sealed_npz.digest", lambda _, written=str(file[SEAL]): written)
    assert not same(read_checkpoint(swapped), made("adam"))
