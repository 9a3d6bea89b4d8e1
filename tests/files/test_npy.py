"""Mapped arrays equal those that numpy reads, or are one DataError; none is held in memory."""

import io
import os
import tracemalloc

import numpy as np
import pytest

from imgclf.errors import DataError
from imgclf.files.npy import check_whole, header_bytes, map_npy, mapped_file

ARRAY = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


@pytest.fixture(name="read")
def read_fixture(tmp_path):
    def read(raw):
        (tmp_path / "x.npy").write_bytes(raw)
        return map_npy(tmp_path / "x.npy", "make it again")

    return read


@pytest.mark.parametrize("dtype", ["u1", "u2", "i8", "f4", "f8"])
def test_arrays_of_numpy_are_mapped_unchanged(read, dtype):
    mapped = read(npy(ARRAY.astype(dtype)))
    assert mapped.dtype == dtype
    np.testing.assert_array_equal(mapped, ARRAY)


def test_a_header_of_ours_is_that_of_numpy():
    assert header_bytes(ARRAY.shape, ARRAY.dtype) + ARRAY.tobytes() == npy(ARRAY, version=(1, 0))


def test_a_mapped_array_cannot_be_written_to_and_knows_its_file(read, tmp_path):
    mapped = read(npy(ARRAY))
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1
    assert mapped_file(mapped) == tmp_path / "x.npy"
    assert mapped_file(ARRAY) is None
    assert mapped_file(mapped[0].copy()) is None


def header_of(shape):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}".encode()
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text


BROKEN = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html>" * 9,
    "cut off": npy(ARRAY)[:-1],
    "a byte too many": npy(ARRAY) + b"x",
    "a shape that lies": npy(ARRAY).replace(b"(2, 3, 4)", b"(9, 9, 9)"),
    "a shape beyond all memory": npy(ARRAY).replace(b"(2, 3, 4), }" + b" " * 12, b"(999999999, 9999999999),}"),
    "a negative shape": npy(ARRAY).replace(b"(2, 3, 4)", b"(2,-3,-4)"),
    "a header of 4 GB": b"\x93NUMPY\x02\0\xff\xff\xff\xff" + npy(ARRAY)[10:],
    "a row number of 4,000 digits": header_of(shape="9" * 4000 + ","),
    "2**48 rows": header_of(shape=f"{1 << 48},"),
    "no rows": npy(ARRAY[:0]),
    "columns first": npy(np.asfortranarray(ARRAY)),
    "the other byte order": npy(ARRAY.astype(ARRAY.dtype.newbyteorder())),
    "text": npy(np.array(["ab"])),
    "true and false": npy(ARRAY > 3),
    "objects": npy(np.array([None, 1], object), allow_pickle=True),
}


@pytest.mark.parametrize("name", BROKEN)
def test_any_other_file_is_one_data_error(read, name):
    with pytest.raises(DataError, match=r"x\.npy: .* - make it again") as caught:
        read(BROKEN[name])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(caught.value.where))


def test_a_long_header_reserves_nothing(read):
    tracemalloc.start()
    with pytest.raises(DataError):
        read(b"\x93NUMPY\x02\0" + (200 << 20).to_bytes(4, "little") + npy(ARRAY)[10:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20


def test_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "none"):
        with pytest.raises(DataError):
            map_npy(path, "")


def test_damage_is_a_data_error_or_an_array(read, damaged, try_all):
    _, refused = try_all(lambda raw: read(raw).tolist(), damaged(npy(ARRAY)))
    assert len(refused) > 100


def test_a_mapped_file_that_has_lost_its_last_byte_is_an_error(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(10.0))
    array = map_npy(path, "make it again")
    check_whole(array)
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DataError, match="became shorter"):
        check_whole(array)
