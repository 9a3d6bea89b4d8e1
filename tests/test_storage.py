"""A file is written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from imgclf.errors import StorageError
from imgclf.storage import write_whole


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
