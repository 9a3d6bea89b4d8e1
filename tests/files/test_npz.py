import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

from imgclf.errors import DataError, StorageError
from imgclf.files.npz import npz_names, read_npz
from imgclf.machine import memory
from imgclf.machine.memory import Limit

ARRAYS = {
    "uint8": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "big_endian": np.arange(5, dtype=">i4"),
    "half": np.array([1.5, -2], np.float16),
    "scalar": np.array(3.25),
    "empty": np.zeros((0, 7), np.float32),
    "text": np.array(["ein", "Ärger", "three"]),
    "bytes": np.array([b"a", b"bcd"]),
    "bool": np.array([True, False]),
}


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header(text, version=b"\x01\x00"):
    raw = text.encode("latin1")
    return b"\x93NUMPY" + version + struct.pack("<H" if version[0] == 1 else "<I", len(raw)) + raw


def zip_of(*members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, raw in members:
            archive.writestr(name, raw)
    return buffer.getvalue()


@pytest.fixture(name="write")
def write_fixture(tmp_path):
    def write(raw):
        path = tmp_path / "data.npz"
        path.write_bytes(raw)
        return path

    return write


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_files_of_numpy_are_read(tmp_path, save):
    path = tmp_path / "data.npz"
    save(path, **ARRAYS)
    found = read_npz(path)
    assert npz_names(path) == list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype.newbyteorder("="), name
        assert np.array_equal(found[name], array), name


def test_only_named_arrays_are_read(write):
    path = write(zip_of(("good.npy", npy(np.arange(3))), ("bad.npy", b"rubbish")))
    assert list(read_npz(path, ["good"])) == ["good"]
    assert read_npz(path, []) == {}
    with pytest.raises(DataError, match="'missing'"):
        read_npz(path, ["missing"])
    with pytest.raises(DataError, match="bad"):
        read_npz(path)


FLOATS = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
BROKEN_ARRAYS = {
    "objects": npy(np.array([{}, None], object)),
    "records": npy(np.zeros(2, [("a", "f8")])),
    "records with objects": npy(np.zeros(2, [("a", "O")])),
    "dates": npy(np.zeros(2, "M8[s]")),
    "complex": npy(np.zeros(2, complex)),
    "void": npy(np.zeros(2, "V8")),
    "subarrays": header("{'descr': ('<f8', (2,)), 'fortran_order': False, 'shape': (1,), }") + bytes(16),
    "no shape": header("{'descr': '<f8', 'fortran_order': False}"),
    "negative shape": header(FLOATS % "(-1, -2)") + bytes(16),
    "overflowing shape": header(FLOATS % "(4294967296, 4294967296)") + bytes(16),
    "1e12 numbers": header(FLOATS % "(1000000000000,)") + bytes(16),
    "a shape of words": header(FLOATS % "('a',)") + bytes(16),
    "a shape of truth": header(FLOATS % "(True, 2)") + bytes(16),
    "no bytes each": header("{'descr': '<U0', 'fortran_order': False, 'shape': (10000000000,), }"),
    "a call": header("__import__('os').system('true')"),
    "deep nesting": header("(" * 5000),
    "a header of 10 MB": header(" " * 10_000_000, b"\x02\x00"),
    "version 9": header(FLOATS % "(2,)", b"\x09\x00") + bytes(16),
    "a number missing": npy(np.arange(4.0))[:-8],
    "a byte too many": npy(np.arange(4.0)) + b"x",
    "a web page": b"<!DOCTYPE html>",
    "nothing": b"",
    "impossible characters": npy(np.array(["ab"]))[:-4] + b"\xff\xff\xff\x7f",
    "half a surrogate pair": npy(np.array(["ab"]))[:-4] + b"\x00\xd8\x00\x00",
}


@pytest.mark.parametrize("name", BROKEN_ARRAYS)
def test_a_bad_array_is_one_data_error(write, name):
    path = write(zip_of(("X.npy", BROKEN_ARRAYS[name])))
    with pytest.raises(DataError, match="X") as caught:
        read_npz(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_the_advice_for_names_of_type_object_gives_what_is_read(write):
    names = np.array(["cat", "dog"], object)
    with pytest.raises(DataError, match=r"become text by \.astype\(str\)"):
        read_npz(write(zip_of(("y.npy", npy(names)))))
    assert read_npz(write(zip_of(("y.npy", npy(names.astype(str))))))["y"].tolist() == ["cat", "dog"]


def encrypted():
    raw = bytearray(zip_of(("X.npy", npy(np.arange(3)))))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def size_lies(size):
    raw = bytearray(zip_of(("X.npy", header(FLOATS % f"({(size - 80) // 8},)") + bytes(100))))
    place = raw.index(b"PK\x01\x02")
    raw[place + 20 : place + 28] = struct.pack("<II", size, size)
    return bytes(raw)


def wrong_checksum():
    raw = bytearray(zip_of(("X.npy", npy(np.arange(100)))))
    raw[raw.index(b"PK\x01\x02") - 3] ^= 1
    return bytes(raw)


BROKEN_FILES = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html>" * 9,
    "an .npy": npy(np.arange(3)),
    "a pickle": b"\x80\x02]q\x00.",
    "a name twice": zip_of(("X.npy", npy(np.arange(3))), ("X.npy", npy(np.arange(4)))),
    "a name that climbs": zip_of(("../x.npy", npy(np.arange(3)))),
    "a name from the root": zip_of(("/x.npy", npy(np.arange(3)))),
    "no name": zip_of((".npy", npy(np.arange(3)))),
    "a member that is no array": zip_of(("X.npy", npy(np.arange(3))), ("README.txt", b"hello")),
    "another compression": zip_of(("X.npy", npy(np.arange(3))), compression=zipfile.ZIP_LZMA),
    "encrypted": encrypted(),
    "a size that lies": size_lies(1 << 30),
    "a wrong checksum": wrong_checksum(),
    "cut off": zip_of(("X.npy", npy(np.arange(3))))[:-9],
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_a_bad_file_is_one_data_error(write, name):
    with pytest.raises(DataError) as caught:
        read_npz(write(BROKEN_FILES[name]))
    assert "\n" not in str(caught.value)


def test_sparse_arrays_are_read_however_well_they_are_packed(write):
    X = np.zeros((1000, 1000))
    X[np.arange(1000), np.arange(1000) // 10] = 1
    raw = zip_of(("X.npy", npy(X)), compression=zipfile.ZIP_DEFLATED)
    assert len(raw) < X.nbytes / 500
    assert np.array_equal(read_npz(write(raw))["X"], X)


def test_data_larger_than_memory_is_not_unpacked(write, monkeypatch):
    monkeypatch.setattr(memory, "memory", lambda: Limit(65 << 20, "free"))
    raw = zip_of(("X.npy", npy(np.zeros(70 << 20, np.uint8))), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(StorageError, match=r"not enough memory: needs about 73 MB, 68 MB is free"):
        read_npz(write(raw))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damage_is_a_data_error_or_arrays(write, damaged, try_all, compression):
    members = [("X.npy", npy(ARRAYS["fortran"])), ("names.npy", npy(ARRAYS["text"]))]
    copies = damaged(zip_of(*members, compression=compression))
    found, refused = try_all(lambda raw: {name: array.tolist() for name, array in read_npz(write(raw)).items()}, copies)
    assert all(type(values) is list for one in found for values in one.values())
    assert len(refused) > 200
