import gzip
import struct

import numpy as np
import pytest

from imgclf.errors import DataError, StorageError
from imgclf.files.idx import read_idx
from imgclf.machine import memory
from imgclf.machine.memory import Limit

IMAGES = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
LABELS = np.array([2, 0, 1], np.uint8)


def idx_of(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    def write(raw):
        path = tmp_path / "data-idx"
        path.write_bytes(raw)
        return path

    return write


@pytest.mark.parametrize("array", [IMAGES, LABELS])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reading_returns_the_written_array(write, array, pack):
    found = read_idx(write(pack(idx_of(array))), array.ndim)
    assert found.dtype == np.uint8
    assert np.array_equal(found, array)


@pytest.mark.parametrize(
    "raw",
    [idx_of(IMAGES), gzip.compress(idx_of(IMAGES)), gzip.compress(idx_of(IMAGES)) + b"\0\0"],
    ids=["plain", "zipped", "zeros after"],
)
def test_every_byte_of_the_file_is_shown_in_its_order(write, raw):
    seen = bytearray()
    read_idx(write(raw), 3, seen.extend)
    assert seen == raw


def test_a_file_of_two_gzip_parts_is_read(write):
    raw = idx_of(IMAGES)
    assert np.array_equal(read_idx(write(gzip.compress(raw[:30]) + gzip.compress(raw[30:])), 3), IMAGES)


def test_swapped_images_and_labels_are_reported(write):
    with pytest.raises(DataError, match="swapped"):
        read_idx(write(idx_of(LABELS)), 3)
    with pytest.raises(DataError, match="swapped"):
        read_idx(write(idx_of(IMAGES)), 1)


GOOD = idx_of(IMAGES)
BROKEN = {
    "nothing": b"",
    "three bytes": GOOD[:3],
    "half a header": GOOD[:9],
    "bad magic": b"\x01" + GOOD[1:],
    "floats": b"\x00\x00\x0d" + GOOD[3:],
    "no dimension": b"\x00\x00\x08\x00" + GOOD[4:],
    "four dimensions": b"\x00\x00\x08\x04" + GOOD[4:],
    "little-endian": b"\x03\x08\x00\x00" + GOOD[4:],
    "little-endian dimensions": GOOD[:4] + struct.pack("<3I", 3, 5, 4) + GOOD[16:],
    "no rows": GOOD[:4] + struct.pack(">3I", 0, 5, 4),
    "2**31 rows": GOOD[:4] + struct.pack(">3I", 2**31, 5, 4) + GOOD[16:],
    "a product beyond 64 bits": GOOD[:4] + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1) + GOOD[16:],
    "a product that is right modulo 2**64": GOOD[:4] + struct.pack(">3I", 2**31, 2**31, 4) + GOOD[16:],
    "a byte missing": GOOD[:-1],
    "a byte too many": GOOD + b"\x00",
    "a web page": b"<!DOCTYPE html>",
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("name", BROKEN)
def test_a_file_must_match_its_header(write, name, pack):
    with pytest.raises(DataError) as caught:
        read_idx(write(pack(BROKEN[name])), 3)
    assert "\n" not in str(caught.value)


def test_gzip_that_is_cut_off_or_followed_by_rubbish_is_refused(write):
    raw = gzip.compress(GOOD)
    for broken in [*(raw[:length] for length in range(2, len(raw))), raw + b"rubbish", raw[:-5] + b"\x00" * 5]:
        with pytest.raises(DataError):
            read_idx(write(broken), 3)


def test_more_than_gzip_can_hold_is_refused_before_memory_is_reserved(write):
    raw = gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 100, 1024, 1024) + bytes(1 << 20))
    with pytest.raises(DataError, match="more than can be in the file"):
        read_idx(write(raw), 3)


def test_blank_images_are_read_however_well_they_are_packed(write):
    raw = gzip.compress(idx_of(np.zeros((100, 256, 256), np.uint8)), 9)
    assert len(raw) < 100 * 256 * 256 / 900
    found = read_idx(write(raw), 3)
    assert found.shape == (100, 256, 256)
    assert not found.any()


def test_data_larger_than_memory_is_not_unpacked(write, monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: Limit(65 << 20, "free"))
    raw = gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 70, 1024, 1024) + bytes(70 << 20), 9)
    with pytest.raises(StorageError, match="not enough memory: needs about 73 MB, 68 MB is free"):
        read_idx(write(raw), 3)


def gzip_with(flag, text):
    """Return a file whose gzip header has a name (flag 8) or a comment (16)."""
    raw = gzip.compress(GOOD)
    return raw[:3] + bytes([flag]) + raw[4:10] + text + b"\0" + raw[10:]


@pytest.mark.parametrize("flag", [8, 16])
def test_a_name_in_the_gzip_header_is_passed_over(write, flag):
    assert np.array_equal(read_idx(write(gzip_with(flag, b"n" * 200_000)), 3), IMAGES)


def test_a_million_gzip_parts_are_read(write):
    assert np.array_equal(read_idx(write(gzip.compress(b"") * 1_000_000 + gzip.compress(GOOD)), 3), IMAGES)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damage_is_a_data_error_or_an_array_of_the_same_size(write, damaged, try_all, pack):
    found, refused = try_all(lambda raw: read_idx(write(raw), 3), damaged(pack(GOOD)))
    assert all(one.size == IMAGES.size for one in found)
    assert len(refused) > 100
