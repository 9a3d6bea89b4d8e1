import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from imgclf.errors import DataError
from imgclf.files.cifar_pickle import read_pickle

PIXELS = np.arange(2 * 3072, dtype=np.uint32).reshape(2, 3072).astype(np.uint8)
BYTES = PIXELS.tobytes()


def string(raw):
    """BINSTRING, as Python 2 wrote all text."""
    return b"T" + struct.pack("<i", len(raw)) + raw


def array(*, shape=b"K\x02M\x00\x0c\x86", dtype=b"u1", fortran=b"\x89", raw=BYTES):
    """An array as Python 2 and numpy 1 wrote it."""
    return b"".join(
        [
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01",
            shape,
            b"cnumpy\ndtype\nU\x02"
            + dtype
            + b"K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            fortran,
            string(raw),
            b"tb",
        ]
    )


def batch(data=None, labels=b"](K\x03K\x09e"):
    return b"\x80\x02}q\x00(U\x04data" + (data or array()) + b"U\x06labels" + labels + b"u."


def test_pickles_of_python_2_are_read():
    found = read_pickle(batch(), "batch")
    assert found["labels"] == [3, 9]
    assert found["data"].dtype == np.uint8
    assert found["data"].tolist() == PIXELS.tolist()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_of_python_3_are_read(protocol):
    original = {b"data": PIXELS, "labels": [3, 9], "filenames": [b"a.png", "b.png"], b"n": 70000, "none": None}
    found = read_pickle(pickle.dumps(original, protocol), "batch")
    assert found["data"].tolist() == PIXELS.tolist()
    assert {key: found[key] for key in ("labels", "filenames", "n", "none")} == {
        "labels": [3, 9],
        "filenames": [b"a.png", "b.png"],
        "n": 70000,
        "none": None,
    }


def test_pixels_are_a_view_of_the_bytes_and_not_a_copy():
    raw = batch(array(shape=b"J" + struct.pack("<i", 1000) + b"M\x00\x0c\x86", raw=bytes(3072 * 1000)))
    tracemalloc.start()
    found = read_pickle(raw, "batch")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["data"].shape == (1000, 3072)
    assert peak < 1_000_000


class Evil:
    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def hostile(canary):
    command = f"touch {canary}"
    write = f"open({str(canary)!r}, 'w')"
    text = command.encode()
    yield "os.system by hand", b"\x80\x02cos\nsystem\nU" + bytes([len(text)]) + text + b"\x85R."
    yield "posix inside a dict", b"\x80\x02}(U\x04datacposix\nsystem\nU" + bytes([len(text)]) + text + b"\x85Ru."
    yield "getattr of a module", b"\x80\x02c__builtin__\ngetattr\nU\x02osU\x06system\x86R."
    yield "an allowed module, another name", b"\x80\x02cnumpy\nload\nU\x01x\x85R."
    yield "a dotted name", b"\x80\x02cnumpy\nndarray.__class__\n\x85R."
    yield "a codec that runs", b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00xU\x05rot13\x86R."
    yield "INST", b"\x80\x02(U" + bytes([len(text)]) + text + b"ios\nsystem\n."
    yield "OBJ", b"\x80\x02(cos\nsystem\nU" + bytes([len(text)]) + text + b"o."
    yield "NEWOBJ", b"\x80\x02cnumpy\nndarray\nK\x01\x85\x81."
    yield "STACK_GLOBAL", b"\x80\x02U\x02osU\x06system\x93U" + bytes([len(text)]) + text + b"\x85R."
    yield "STACK_GLOBAL of an allowed name", b"\x80\x02U\x05numpyU\x07ndarray\x93."
    yield "PERSID", b"\x80\x02Px\n."
    yield "BINPERSID", b"\x80\x02U\x01xQ."
    yield "EXT1", b"\x80\x02\x82\x01."
    yield "a call of an array", b"\x80\x02" + array() + b"\x85R."
    yield "BUILD of a dict", b"\x80\x02}}b."
    for protocol in range(6):
        yield f"eval, protocol {protocol}", pickle.dumps(Evil(eval, write), protocol)
        yield f"os.system, protocol {protocol}", pickle.dumps({"data": Evil(os.system, command)}, protocol)


def test_no_file_runs_code(tmp_path):
    canary = tmp_path / "canary"
    for name, raw in hostile(canary):
        with pytest.raises(DataError) as caught:
            read_pickle(raw, "batch")
        assert not canary.exists(), name
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300


def test_the_canary_would_sing(tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(pickle.dumps(Evil(eval, f"open({str(canary)!r}, 'w').close()")))
    assert canary.exists()


BROKEN = {
    "nothing": b"",
    "one byte": b"\x80",
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "gzip inside": b"\x1f\x8b\x08\x00" + bytes(50),
    "a list": b"\x80\x02].",
    "no stop": batch()[:-1],
    "bytes after the stop": batch() + b"x",
    "two values": b"\x80\x02}}.",
    "a mark without items": b"\x80\x02(}.",
    "a text as long as pixels": b"\x80\x02}U\x01a" + string(bytes(2000)) + b"s.",
    "Fortran order": batch(array(fortran=b"\x88")),
    "unsigned 16 bit": batch(array(dtype=b"u2")),
    "objects": batch(array(dtype=b"O8")),
    "pixels missing": batch(array(raw=PIXELS.tobytes()[:-1])),
    "a shape of three": batch(array(shape=b"K\x02K\x20K\x60\x87")),
    "a negative shape": batch(array(shape=b"J\xff\xff\xff\xffJ\x00\xe8\xff\xff\x86")),
    "a billion rows": batch(array(shape=b"J\x00\xca\x9a\x3bM\x00\x0c\x86")),
    "rows of 600 digits": batch(array(shape=b"\x8a\xff" + b"\x7f" * 255 + b"M\x00\x0c\x86")),
    "a text in place of an array's state": batch(
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87RU\x05abcdeb"
    ),
    "an array without pixels": batch(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"),
    "a string of 2 GB": b"\x80\x02T\xff\xff\xff\x7fabc.",
    "a string of negative length": b"\x80\x02T\xff\xff\xff\xff.",
    "text that is not UTF-8": b"\x80\x02}X\x01\x00\x00\x00\xffK\x01s.",
    "a key that is a number": b"\x80\x02}K\x01K\x01s.",
    "a key that is a list": b"\x80\x02}]K\x01s.",
    "items without a mark": b"\x80\x02}K\x01K\x01u.",
    "a value never remembered": b"\x80\x02h\x07.",
    "an empty stack": b"\x80\x02s.",
    "append to a dict": b"\x80\x02}K\x01a.",
    "200,000 nested lists": b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
    "a name that is not called": b"\x80\x02}U\x01acos\nsystem\ns.",
    "200,000 empty lists": b"\x80\x02}U\x01a(" + b"]" * 200_000 + b"ts.",
    "a name that is bytes": b"\x80\x04C\x05numpyC\x07ndarray\x93.",
    "Fortran order, protocol 5": pickle.dumps({"data": np.asfortranarray(PIXELS)}, 5),
    "floats, protocol 5": pickle.dumps({"data": PIXELS / 255}, 5),
    "a table of three dimensions, protocol 5": pickle.dumps({"data": PIXELS[None]}, 5),
    "pixels missing, protocol 5": pickle.dumps({"data": PIXELS}, 5).replace(
        b"K\x02M\x00\x0c\x86", b"K\x03M\x00\x0c\x86"
    ),
    "bytes of a length that no file has": b"\x80\x05}U\x01a\x96" + b"\xff" * 8 + b"abcs.",
    "a name without an end": b"\x80\x02cnumpy" + b"y" * 500,
}


@pytest.mark.parametrize("name", BROKEN)
def test_anything_but_a_batch_is_one_data_error(name):
    with pytest.raises(DataError) as caught:
        read_pickle(BROKEN[name], "data_batch_1")
    assert str(caught.value).startswith("data_batch_1: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_memo_number_reserves_nothing():
    raw = b"\x80\x02}r\xff\xff\xff\xff."  # LONG_BINPUT 2**32-1: a list of that length would be 32 GB
    tracemalloc.start()
    assert read_pickle(raw, "batch") == {}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_list_that_contains_itself_ends():
    found = read_pickle(b"\x80\x02}U\x01a]q\x01h\x01as.", "batch")
    assert found["a"][0] is found["a"]


def test_one_remembered_text_cannot_be_encoded_for_ever():
    text = "é" * 100_000
    head = b"\x80\x02}(c_codecs\nencode\nq\x01X" + struct.pack("<I", 200_000) + text.encode() + b"q\x02"
    again = b"h\x01h\x02U\x06latin1\x86R"
    with pytest.raises(DataError, match="more text"):
        read_pickle(head + again * 50 + b"u.", "batch")


@pytest.mark.parametrize("step", [
    b"h\x01h\x01\x93", b"c_codecs\nencode\nh\x01R",
    b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00U\x01b\x87Rh\x01b",
])  # fmt: skip
def test_a_long_text_in_place_of_another_value_is_refused_without_a_copy(step):
    size = 1 << 22
    raw = b"\x80\x02}X" + struct.pack("<I", size) + bytes(size) + b"q\x01" + step + b"s."
    tracemalloc.start()
    with pytest.raises(DataError):
        read_pickle(raw, "batch")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * size


def test_a_key_is_no_tuple_whose_hash_takes_for_ever():
    pairs = b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(200))
    with pytest.raises(DataError, match="sets a key that is not text"):
        read_pickle(b"\x80\x02)q\x00" + pairs + b"}h\xc8K\x01s.", "batch")


def test_damage_is_a_data_error_or_a_dict(damaged, try_all):
    found, refused = try_all(lambda raw: read_pickle(raw, "batch"), damaged(batch(), 600))
    assert all(type(one) is dict for one in found)
    assert len(refused) > 200
