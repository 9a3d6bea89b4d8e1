import zlib
from base64 import b64decode

import numpy as np
import pytest

from imgclf.report.page.packing import blob, left_differences, pack


@pytest.mark.parametrize("channels", [1, 3])
def test_differences_add_up_to_the_images(channels):
    images = np.random.default_rng(channels).integers(0, 256, (3, 4, 5, channels), np.uint8)
    found = left_differences(images)
    for n, row, column, channel in np.ndindex(*images.shape):
        left = int(images[n, row, column - 1, channel]) if column else 0
        assert found[n, row, column, channel] == (int(images[n, row, column, channel]) - left) % 256


def test_a_blob_holds_its_arrays_one_behind_the_other_in_little_endian():
    arrays = {
        "big": np.arange(5, dtype=">f4"),
        "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "none": np.zeros((0, 3), np.int32),
        "images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4, 1),
    }
    index, text = blob({name: pack(array) for name, array in arrays.items()})
    content, at = b64decode(text), 0
    for one, (name, array) in zip(index, arrays.items(), strict=True):
        raw = np.frombuffer(zlib.decompress(content[at : at + one["bytes"]]), np.dtype(one["dtype"]).newbyteorder("<"))
        expected = left_differences(array) if name == "images" else array
        assert one["name"] == name
        assert (raw.reshape(one["shape"]) == expected).all()
        at += one["bytes"]
    assert at == len(content)


@pytest.mark.parametrize("n", range(1, 9))
def test_characters_are_those_of_base64(n):
    one = pack(np.random.default_rng(n).integers(0, 256, n, np.uint8))
    assert one.characters == len(blob({"": one})[1])
