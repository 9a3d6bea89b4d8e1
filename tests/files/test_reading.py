import os
import zlib

import pytest

from imgclf.errors import DataError, StorageError
from imgclf.files.reading import inflated_limit, kind_of, read_bytes


def test_a_file_is_read_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc" * 1000)
    assert read_bytes(path) == b"abc" * 1000


def test_a_missing_file_is_a_data_error(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file" / "below", tmp_path / "with\0nul"):
        for function in (read_bytes, kind_of):
            with pytest.raises(DataError, match=r"no such file|not a path"):
                function(path)


def test_a_file_larger_than_its_limit_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(DataError, match="more than 4"):
        read_bytes(path, 4)


def test_a_pipe_is_refused_without_waiting(tmp_path):  # nobody writes to it: to wait would be for ever
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="not a regular file"):
        read_bytes(pipe)
    with pytest.raises(DataError, match="neither"):
        kind_of(pipe)


def test_a_folder_is_not_a_file(tmp_path):
    assert kind_of(tmp_path) == "folder"
    with pytest.raises(DataError, match="a folder, not a file"):
        read_bytes(tmp_path)


def test_a_link_to_itself_is_a_data_error(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(DataError, match="leads to itself"):
        read_bytes(loop)


def test_errors_of_the_system_are_storage_errors(tmp_path):
    with pytest.raises(StorageError, match="too long"):
        read_bytes(tmp_path / ("x" * 300))


def test_permission_denied_is_a_storage_error(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):  # permissions as such do not stop root, who runs many a CI
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a"
    path.touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="ermission"):
        read_bytes(path)


@pytest.mark.parametrize("level", range(1, 10))
def test_deflate_never_makes_more_than_its_limit_of_a_byte(level):
    for count in (1, 100, 10_000, 1 << 20, 1 << 24):
        assert count <= inflated_limit(len(zlib.compress(bytes(count), level)))
    if level == 9:  # and the limit is no larger than it must be
        assert count > 0.99 * inflated_limit(len(zlib.compress(bytes(count), level)))
