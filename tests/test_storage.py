"""A file is written whole or not at all."""

import itertools
import os
import stat
from pathlib import Path

import pytest

from imgclf.errors import StorageError
from imgclf.storage import lock, write_whole
from interruption import interrupt


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(monkeypatch):
    path = Path("model.npz")
    write_whole(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(Path().iterdir()) == [path]


def test_a_file_has_the_permissions_that_open_would_give():
    write_whole(Path("whole"), b"")
    Path("plain").write_bytes(b"")
    assert stat.S_IMODE(Path("whole").stat().st_mode) == stat.S_IMODE(Path("plain").stat().st_mode)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # between its opening and its `with`
def test_a_signal_at_any_instruction_leaves_a_whole_file_and_no_litter():
    path = Path("checkpoint.npz")
    for number in itertools.count(1):
        path.write_bytes(b"old")
        reached = interrupt(number, lambda: write_whole(path, b"new"))
        assert path.read_bytes() in (b"old", b"new"), number
        assert list(Path().iterdir()) == [path], number
        if not reached:
            break
    assert number > 100


def test_a_lock_has_one_owner_at_a_time_and_ends_with_its_file(tmp_path):
    with (tmp_path / "a").open("w") as one, (tmp_path / "a").open() as other:
        assert lock(one)
        assert not lock(other)
        one.close()
        assert lock(other)
