"""Mapped arrays equal those that numpy reads, or are one DataError; none is held in memory."""

import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from imgclf.errors import DataError
from imgclf.files import npy as npy_files
from imgclf.files.npy import check_whole, header_bytes, map_npy, mapped_file, read_npy, take_rows

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
    assert ("holds no numbers" in str(caught.value)) == (name == "no rows")
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


@pytest.fixture(params=["preadv", "pread"])
def call(request, monkeypatch):
    """The call of the system that reads; macOS before 11 lacks `preadv`."""
    if request.param == "pread":
        monkeypatch.delattr(os, "preadv")


ROWS = {
    "in turn": np.arange(20), "some in turn": np.r_[3:9, 12:20, 0:2], "mixed": np.random.default_rng(0).permutation(20),
    "one twice": np.array([4, 4, 5, 5]), "one": np.array([19]), "none": np.arange(0), "bytes": np.array([7, 8], "u1"),
}  # fmt: skip


@pytest.mark.usefixtures("call")
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("shape", [(20, 3), (20, 4, 5), (20, 4, 5, 1), (20,)])
@pytest.mark.parametrize("dtype", ["u1", "f2", "f8"])
@pytest.mark.parametrize("largest", [0, 1 << 20])
def test_rows_that_are_read_are_those_of_the_array(tmp_path, monkeypatch, rows, shape, dtype, largest):
    monkeypatch.setattr(npy_files, "LARGEST_TOUCHED", largest)
    whole = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    np.save(tmp_path / "x.npy", whole)
    mapped = map_npy(tmp_path / "x.npy", "")
    column = mapped[..., None], whole[..., None]
    for array, expected in ((mapped, whole), column, (mapped[5:], whole[5:]), (whole, whole)):
        inside = ROWS[rows] % len(array)
        taken, out = take_rows(array, inside), np.empty((len(inside), *array.shape[1:]), dtype)
        assert taken.dtype == whole.dtype
        assert taken.tolist() == expected[inside].tolist()
        assert take_rows(array, inside, out) is out
        assert out.tolist() == taken.tolist()


@pytest.mark.usefixtures("call")
def test_rows_of_a_file_that_has_become_shorter_are_one_error(tmp_path, monkeypatch):
    monkeypatch.setattr(npy_files, "LARGEST_TOUCHED", 0)
    path = tmp_path / "a.npy"
    np.save(path, np.arange(10.0))
    array = map_npy(path, "make it again")
    os.truncate(path, path.stat().st_size - 1)
    assert take_rows(array, np.arange(9)).tolist() == list(range(9))
    with pytest.raises(DataError, match="became shorter"):
        take_rows(array, np.arange(10))


def test_a_map_that_is_dropped_closes_its_file(tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    before = len([*Path("/dev/fd").iterdir()])
    for _ in range(5):
        map_npy(tmp_path / "a.npy", "")
    assert len([*Path("/dev/fd").iterdir()]) == before


def pages_of_files():
    """Return the megabytes of files that count as memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssFile:"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
@pytest.mark.parametrize(("largest", "flat"), [(8 << 20, True), (1 << 30, False)])
def test_rows_of_a_large_file_do_not_stay_in_memory(tmp_path, monkeypatch, largest, flat):
    monkeypatch.setattr(npy_files, "LARGEST_TOUCHED", largest)
    path = tmp_path / "x.npy"
    path.write_bytes(header_bytes((64, 1 << 20), np.dtype(np.uint8)))
    os.truncate(path, path.stat().st_size + (64 << 20))
    array, before = map_npy(path, ""), pages_of_files()
    for row in np.random.default_rng(0).permutation(64):
        assert not take_rows(array, np.array([row])).any()
    assert (pages_of_files() - before < 8) == flat


@pytest.mark.parametrize("array", [np.array(["ab", "cé"]), np.array([b"ab", b"c"]), ARRAY > 3])
def test_text_and_booleans_are_read(tmp_path, array):
    path = tmp_path / "x.npy"
    np.save(path, array)
    assert read_npy(path).tolist() == array.tolist()
    for raw in (path.read_bytes()[:-1], path.read_bytes() + b"x"):
        path.write_bytes(raw)
        with pytest.raises(DataError, match="do not fit its header"):
            read_npy(path)


def test_damage_of_text_is_a_data_error_or_an_array(tmp_path, damaged, try_all):
    def read_text(raw):
        (tmp_path / "x.npy").write_bytes(raw)
        return read_npy(tmp_path / "x.npy").tolist()

    _, refused = try_all(read_text, damaged(npy(np.array(["ab", "cé"]))))
    assert len(refused) > 100
