"""Gzip files: with and without ISA-L they are decompressed as by Python's gzip, and damaged ones refused."""

import gzip
import io
import random
import zlib

import pytest
from isal import igzip

from imgclf.files import gunzip
from imgclf.files.gunzip import unzipped

CONTENT = random.Random(0).randbytes(300_000) + bytes(300_000)
TWO_PARTS = gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:])


@pytest.fixture(autouse=True, params=[igzip, gzip], ids=["isal", "zlib"])
def _inflater(request, monkeypatch):
    monkeypatch.setattr(gunzip, "igzip", request.param)


BROKEN = (*gunzip.BROKEN_GZIP, zlib.error)


def unpacked(raw, count=1 << 16):
    stream = unzipped(io.BufferedReader(io.BytesIO(raw)))
    pieces = list(iter(lambda: stream.read(count), b""))
    assert stream.read(count) == b""  # it stays at its end
    assert all(len(piece) <= count for piece in pieces)
    return b"".join(pieces)


WHOLE = {
    "packed": gzip.compress(CONTENT, 1),
    "stored": gzip.compress(CONTENT, 0),
    "empty": gzip.compress(b""),
    "two parts": TWO_PARTS,
    "zeros after": TWO_PARTS + bytes(1 << 19),
    "zeros between": gzip.compress(b"") + bytes(600_000) + TWO_PARTS,
}


@pytest.mark.parametrize("count", [1000, 1 << 16, 1 << 24])
@pytest.mark.parametrize("raw", WHOLE.values(), ids=WHOLE)
def test_it_decompresses_like_gzip(raw, count):
    assert unpacked(raw, count) == gzip.decompress(raw)


@pytest.mark.parametrize("raw", [
    b"\x1f\x8b", TWO_PARTS[:-1], TWO_PARTS[:-8], TWO_PARTS[:5000], TWO_PARTS + b"x",
    TWO_PARTS + bytes(20) + b"\x1f",
])  # fmt: skip
def test_data_cut_off_or_followed_by_rubbish_is_refused(raw):
    with pytest.raises(BROKEN):
        unpacked(raw)


def test_every_bit_of_the_checksums_counts():
    raw = gzip.compress(CONTENT, 1)
    for bit in range(64):
        changed = bytearray(raw)
        changed[-1 - bit // 8] ^= 1 << bit % 8
        with pytest.raises(BROKEN):
            unpacked(changed)


def test_parts_without_end_are_read():
    assert unpacked(gzip.compress(b"x") * 20_000) == b"x" * 20_000


@pytest.mark.parametrize("raw", [b"", b"\0" + TWO_PARTS, zlib.compress(CONTENT)])
def test_other_files_are_returned_unchanged(raw):
    assert unpacked(raw) == raw
